/*
 * A worker that waits for its own group (src/pool/wait.c): it runs members and
 * no strangers. It announces its wait and looks at the queue; who submits a
 * member looks for such waits after the push, and wakes the worker on its own
 * parker. It is not in the set of sleepers, as a stranger's wake-up would be
 * lost on it.
 *
 * Worker 0 waits for one member, which is submitted meanwhile, after or before
 * a stranger's task. Worker 1 takes anything, but may be busy: it takes the
 * member only where it likes.
 *
 * Broken:
 *   -DNO_LOOK     no look between the announcement and the sleep
 *   -DNO_POKE     who submits a member does not look for waits
 *   -DIN_IDLE_SET the worker that waits is in the set of sleepers
 */
bool member_queued, member_done, stranger_queued, stranger_done;
bool helping;
bool token[2];
bool sleeping[2];
bool told;

proctype waiter()
{
#ifdef NO_LOOK
    if
    :: member_queued -> member_queued = false; member_done = true; told = true
    :: else
    fi;
    helping = true;
#else
    helping = true;
#endif
#ifdef IN_IDLE_SET
    sleeping[0] = true;
#endif
    do
    :: told -> break
    :: else ->
#ifndef NO_LOOK
        if
        :: atomic { member_queued -> member_queued = false };
            member_done = true;
            told = true
        :: else ->
            token[0];
            token[0] = false
        fi
#else
        token[0];
        token[0] = false;
        if
        :: atomic { member_queued -> member_queued = false };
            member_done = true;
            told = true
        :: else
        fi
#endif
    od;
    helping = false;
    sleeping[0] = false
}

proctype other()
{
    do
    :: atomic { stranger_queued -> stranger_queued = false };
        stranger_done = true
    :: else ->
        sleeping[1] = true;
        if
        :: stranger_queued
        :: else ->
end_park:   token[1];
            token[1] = false
        fi;
        sleeping[1] = false
    od
}

/* One sleeper is woken. */
inline wake()
{
    if
    :: sleeping[0] -> token[0] = true
    :: else ->
        if
        :: sleeping[1] -> token[1] = true
        :: else
        fi
    fi
}

proctype submit_member()
{
    member_queued = true;
#ifndef NO_POKE
    if
    :: helping -> token[0] = true
    :: else
    fi
#endif
}

proctype submit_stranger()
{
    stranger_queued = true;
    wake()
}

init
{
    atomic {
        run waiter();
        run other();
        run submit_member();
        run submit_stranger();
    }
    timeout;
    assert(told && member_done && stranger_done)
}
