/*
 * src/runtime/inbox.c: how posters rouse the owner, on an fd or on a parker,
 * and how the inbox ends while the last poster is on its way out.
 *
 * The owner waits for a while on its parker (it may time out at any moment),
 * then sleeps on the fd, and so on until all has been delivered. Then it
 * destroys the inbox; a write to the fd after that goes to a stranger.
 *
 *   -DFOREVER      it waits without a deadline instead, and never on the fd
 * Broken:
 *   -DUNCOUNTED    the last rouse is not counted
 *   -DNO_LOOK      no second look before the sleep on the parker (with FOREVER)
 *   -DCLEAR_LATE   the fd is cleared after the stack is taken
 *   -DNO_TOKEN     an owner whose deadline came does not wait for the token
 *                  that is on its way
 *   -DNO_RING      leaving the wait does not ring for what nobody rang for
 */
#define POSTERS 2

byte arrived;       /* items on the stack */
byte delivered;
byte rousing;
bool readable;
bool closed;

mtype = { NOBODY, LOOKING, PARKED };
mtype waiter = NOBODY;
bool token;
bool parker_lives;

proctype poster()
{
    bool was_empty, counted;
    mtype seen;

    if
    :: arrived == 0 ->
#ifndef UNCOUNTED
        rousing++;
#endif
        counted = true
    :: true /* it is not expected to be empty */
    fi;
    /* The push, if it finds what was expected; else it looks again. */
    do
    :: atomic { arrived == 0 && counted -> arrived = 1; was_empty = true };
        break
    :: atomic { arrived != 0 -> arrived++ };
        break
    :: arrived == 0 && !counted ->
#ifndef UNCOUNTED
        rousing++;
#endif
        counted = true
    od;
    if
    :: was_empty ->
        seen = waiter;
        if
        :: seen == PARKED ->
            atomic {
                if
                :: waiter == PARKED -> waiter = LOOKING
                :: else -> seen = waiter
                fi
            }
        :: else
        fi;
        if
        :: seen == PARKED ->
            assert(parker_lives);
            token = true
        :: seen == LOOKING
        :: seen == NOBODY ->
            assert(!closed); /* the last rouse */
            readable = true
        fi
    :: else
    fi;
#ifndef UNCOUNTED
    if
    :: counted ->
        assert(!closed);
        rousing--
    :: else
    fi
#endif
}

inline dispatch()
{
#ifndef CLEAR_LATE
    readable = false;
#endif
    d_step { taken = arrived; arrived = 0 }
#ifdef CLEAR_LATE
    readable = false;
#endif
    delivered = delivered + taken
}

inline wait_for_a_while()
{
    waiter = LOOKING;
    dispatch();
    if
    :: taken == 0 ->
        token = false;
        parker_lives = true;
        waiter = PARKED;
#ifndef NO_LOOK
        if
        :: arrived != 0
        :: else ->
#endif
#ifdef FOREVER
            token /* no deadline */
#else
            if
            :: token
            :: true /* the deadline */
            fi
#endif
#ifndef NO_LOOK
        fi
#endif
        ;
        d_step {
            if
            :: waiter == PARKED -> waiter = LOOKING; mine = true
            :: else -> mine = false
            fi
        }
#ifndef NO_TOKEN
        if
        :: mine
        :: else -> token
        fi;
#endif
        parker_lives = false;
        dispatch()
    :: else
    fi;
    waiter = NOBODY;
#ifndef NO_RING
    if
    :: arrived != 0 -> readable = true
    :: else
    fi
#endif
}

active proctype owner()
{
    byte taken;
    bool mine;

    do
    :: delivered < POSTERS -> wait_for_a_while()
#ifndef FOREVER
    :: delivered < POSTERS ->
        readable;
        dispatch()
#endif
    :: else -> break
    od;
    rousing == 0;
    closed = true
}

init
{
    byte i;

    atomic {
        for (i : 1 .. POSTERS) {
            run poster()
        }
    }
}
