# Installs into an empty prefix and moves that. Every public header is there,
# the adapters too, which nothing else here includes.
file(REMOVE_RECURSE ${WORK}/first ${WORK}/moved)
execute_process(
    COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first
        --config ${CONFIG}
    COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${WORK}/first ${WORK}/moved)

file(GLOB_RECURSE headers RELATIVE ${SOURCE}/include
    ${SOURCE}/include/crew/*.h)
foreach(header IN LISTS headers)
    if(NOT EXISTS ${WORK}/moved/include/${header})
        message(FATAL_ERROR "${header} is not installed")
    endif()
endforeach()
