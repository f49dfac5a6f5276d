/*
 * The waiter's token (src/runtime/waiter.c, pool/wait.c): a thread registers
 * itself in the word of what it waits for; who tells the end takes it out by
 * the same exchange and gives it its token. A deadline takes the registration
 * back, or the token is on its way. Then the waiter's frame is gone, and so is
 * what it waited for.
 *
 * Broken:
 *   -DNO_TOKEN   a waiter whose deadline came returns at once
 *   -DEARLY      one that sees the end returns at once
 *   -DIN_OBJECT  it sleeps on a word of the object that it waits for
 */
mtype = { RUNNING, WAITED_FOR, ENDED };
mtype word = RUNNING;
bool token;
bool waiter_lives;
bool object_lives = true;
bool ended_seen;

active proctype teller()
{
    mtype seen;

    d_step {
        assert(object_lives);
        seen = word;
        word = ENDED
    }
    if
    :: seen == WAITED_FOR ->
#ifdef IN_OBJECT
        assert(object_lives);
#else
        assert(waiter_lives);
#endif
        token = true
    :: else
    fi
}

active proctype waiter()
{
    bool registered, back;

    waiter_lives = true;
    d_step {
        if
        :: word == RUNNING -> word = WAITED_FOR; registered = true
        :: else
        fi
    }
    if
    :: !registered -> ended_seen = true
    :: else ->
        if
        :: token -> ended_seen = true
#if defined(EARLY) || defined(IN_OBJECT)
        :: word == ENDED -> ended_seen = true
#endif
        :: true -> /* the deadline */
            d_step {
                if
                :: word == WAITED_FOR -> word = RUNNING; back = true
                :: else
                fi
            }
            if
            :: back
            :: else ->
#ifndef NO_TOKEN
                token;
#endif
                ended_seen = true
            fi
        fi
    fi;
    waiter_lives = false;
    if
    :: ended_seen -> object_lives = false
    :: else
    fi
}
