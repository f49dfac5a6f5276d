# Installs into an empty prefix and moves that.
file(REMOVE_RECURSE ${WORK}/first ${WORK}/moved)
execute_process(
    COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first
        --config ${CONFIG}
    COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${WORK}/first ${WORK}/moved)
