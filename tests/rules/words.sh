#!/bin/sh
# Words that stand in a few files alone. One line a rule: the files that may
# (a pattern of grep -E), the word (likewise), and what is wrong elsewhere.
. "$(dirname "$0")/common.sh"

code=$(mktemp)
trap 'rm -f "$code"' EXIT
c_files src | xargs awk -v names=1 -f "$here/code.awk" >"$code"

only()
{
    grep -E "^[^:]*:[0-9]+:(.*[^A-Za-z0-9_])?($2)" "$code" |
        grep -Ev "^src/($1):" |
        sed -E "s|^([^:]*:[0-9]+:).*|\1 $3|"
}

testing='base/(assert|census|fault|mark)\.c|os/sim[^/]*'
{
    only "base/(atomic\.h|census\.c|fault\.c|mark\.c)|os/sim[^/]*" \
        '__ATOMIC_[A-Z]|__atomic_|__sync_|memory_order|_Atomic|atomic_' \
        'atomics are named in base/atomic.h alone'
    only 'runtime/topology\.hwloc\.c' '# *include *<hwloc|hwloc_' \
        'hwloc is known in runtime/topology.hwloc.c alone'
    only 'none' '(sleep|usleep|nanosleep|clock_nanosleep) *\(' \
        'nothing here sleeps but in os/park.c'
    only 'os/.*|base/census\.c' '(clock_gettime|gettimeofday|time|sched_yield|poll|select) *\(' \
        'time and waiting come through os/os.h'
    only 'os/.*|base/tally\.c' 'pthread_[a-z_]+ *\(|syscall *\(|__thread|_Thread_local' \
        'threads come through os/os.h'
    only "$testing" '(printf|fprintf|puts|fputs|putchar|perror|syslog) *\(' \
        'the library never prints'
    only "$testing" '(abort|exit|_exit|quick_exit) *\(' \
        'the library never ends the program'
    only 'none' '(signal|sigaction|atexit|on_exit|pthread_atfork|pthread_key_create|pthread_detach) *\(' \
        'no handlers, no destructors, no detached threads'
    only 'none' '(strerror|strtok|rand|random|setenv|putenv|localtime|gmtime) *\(' \
        'not safe to call from several threads'
} | verdict
