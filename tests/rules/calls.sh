#!/bin/sh
# No naked call that can fail for want of something: each stands inside
# CREW__TRY, so that the testing build can make it fail.
. "$(dirname "$0")/common.sh"

# The census must not go through what it counts, and the simulation is no part
# of the library.
c_files src | grep -Ev '^src/(base/census\.c|os/sim[^/]*)$' |
    xargs awk -v names=1 -f "$here/code.awk" | awk '
    BEGIN {
        count = split("malloc calloc realloc reallocarray aligned_alloc " \
            "posix_memalign memalign valloc strdup strndup asprintf " \
            "vasprintf mmap mremap mprotect memfd_create shm_open eventfd " \
            "pipe pipe2 socket socketpair accept accept4 epoll_create1 " \
            "epoll_ctl timerfd_create signalfd inotify_init1 open openat " \
            "creat fopen fdopen opendir fdopendir dup dup2 dup3 " \
            "pthread_create pthread_attr_init pthread_setaffinity_np " \
            "sched_setaffinity sched_getaffinity sched_setscheduler clone " \
            "clone3 fork vfork posix_spawn posix_spawnp " \
            "hwloc_topology_init hwloc_topology_load hwloc_bitmap_alloc", \
            list, " ")
        for (i = 1; i <= count; i++)
            guarded[list[i]] = 1
    }
    {
        match($0, /^[^:]*:[0-9]+:/)
        place = substr($0, 1, RLENGTH)
        text = substr($0, RLENGTH + 1)
        file = place
        sub(/:.*/, "", file)
        if (file != last) {
            inside = 0
            last = file
        }
        # Word by word; `inside` counts the parentheses of a CREW__TRY.
        while (text != "") {
            if (match(text, /^[A-Za-z0-9_]+/)) {
                word = substr(text, 1, RLENGTH)
                text = substr(text, RLENGTH + 1)
                if (!inside && word == "CREW__TRY") {
                    begins = 1
                } else if (!inside && (word in guarded) &&
                           text ~ /^[ \t]*\(/ && before !~ /[.>]$/) {
                    print place " " word " outside of CREW__TRY"
                }
                before = ""
            } else {
                c = substr(text, 1, 1)
                text = substr(text, 2)
                if (c == "(" && (inside || begins)) {
                    inside++
                    begins = 0
                } else if (c == ")" && inside) {
                    inside--
                }
                before = c
            }
        }
    }' | verdict
