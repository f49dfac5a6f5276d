/*
 * The wake protocol of src/runtime/idle.c: a submitter of two tasks, two
 * workers that search and sleep, one word {searcher, rung, epoch} and a set of
 * sleepers. Sequentially consistent; the memory orders are the affair of
 * idle_model.c.
 *
 * Each task, once started, waits until all have been started: with as many
 * workers as tasks a wake-up that is lost is a deadlock.
 *
 *   -DSTOPS     two submitters, of which the first may stop for good before any
 *               of its steps, and one worker: the other's task is started all
 *               the same
 * Broken:
 *   -DNO_LOOK   no second look between the announcement and the sleep
 *   -DNO_PASS   a search is not passed on
 *   -DNO_HELP   an appointment that is not rung yet is left to who made it
 *               (with STOPS)
 */
#ifdef STOPS
#define WORKERS 1
#else
#define WORKERS 2
#endif
#define TASKS 2
#define EPOCHS 4

byte queue;             /* a bit per task */
byte started;
bool token[WORKERS];
bool sleeping[WORKERS];
bool halted;

byte searcher;          /* + 1 */
bool rung;
byte epoch;

inline load_word()
{
    d_step {
        s = searcher;
        r = rung;
        e = epoch;
    }
}

/* What is not used any more is no difference between two states. */
inline forget()
{
    d_step {
        s = 0;
        r = false;
        e = 0;
        w = 0;
        done = false;
        appointed = false
    }
}

/* Where the word is as it was loaded. */
#define SAME (searcher == s && rung == r && epoch == e)

inline ring()
{
    if
    :: !sleeping[s - 1] ->
        d_step {
            if
            :: SAME -> searcher = 0
            :: else
            fi
        }
        load_word()
    :: else ->
        token[s - 1] = true;
        d_step {
            if
            :: SAME -> rung = true
            :: else
            fi
        }
        done = true
    fi
}

inline appoint(worker)
{
    d_step {
        if
        :: SAME ->
            searcher = worker + 1;
            epoch = (epoch + 1) % EPOCHS;
            s = searcher;
            e = epoch;
            appointed = true
        :: else ->
            s = searcher;
            r = rung;
            e = epoch;
            appointed = false
        fi
    }
}

inline publish()
{
    done = false;
    load_word();
    do
    :: done -> break
    :: !done && r -> break
    :: !done && !r && s != 0 ->
#ifdef NO_HELP
        break
#else
        ring()
#endif
    :: !done && !r && s == 0 ->
        if
        :: sleeping[0] -> w = 0
        :: else ->
            if
            :: WORKERS > 1 && sleeping[WORKERS - 1] -> w = WORKERS - 1
            :: else -> break
            fi
        fi;
        appoint(w);
        if
        :: appointed -> ring()
        :: else
        fi
    od;
    forget()
}

inline search_begin()
{
    load_word();
    if
    :: s != 0 -> searching = (s == me + 1)
    :: else ->
        appoint(me);
        if
        :: appointed ->
            /* One operation with the appointment, as it is in idle.c. */
            rung = true;
            searching = true
        :: else
        fi
    fi;
    forget()
}

inline search_end()
{
    d_step {
        if
        :: searcher == me + 1 -> searcher = 0; rung = false
        :: else
        fi
    }
}

#ifdef STOPS
proctype submitter(byte task)
{
    byte s, e, w;
    bool r, done, appointed;

    {
        d_step { queue = queue | task }
        publish()
    } unless {
        halted && task == 1
    }
}
#else
proctype submitter()
{
    byte s, e, w;
    bool r, done, appointed;

    d_step { queue = queue | 1 }
    publish();
    d_step { queue = queue | 2 }
    publish()
}
#endif

proctype worker(byte me)
{
    byte s, e, w, task;
    bool r, done, appointed, searching;

    do
    :: d_step {
            task = queue & (-queue);
            queue = queue & ~task
        }
        if
        :: task != 0 ->
            if
            :: searching ->
                search_end();
                searching = false;
#ifndef NO_PASS
                if
                :: queue != 0 -> publish()
                :: else
                fi
#endif
            :: else
            fi;
            task = 0;
            started++;
#ifdef STOPS
            /* The other task may never come. */
#else
            started == TASKS
#endif
        :: else ->
            do
            :: if
                :: !searching ->
                    atomic { search_begin() }
                :: else
                fi;
                if
                :: searching && queue != 0 -> break
                :: else
                fi;
                sleeping[me] = true;
                search_end();
                searching = false;
                if
#ifdef NO_LOOK
                :: true ->
#else
                :: queue == 0 ->
#endif
end_park:           token[me];
                    token[me] = false
#ifndef NO_LOOK
                :: else
#endif
                fi;
                sleeping[me] = false;
                d_step {
                    if
                    :: searcher == me + 1 -> rung = true; searching = true
                    :: else
                    fi
                }
                if
                :: queue != 0 ->
                    if
                    :: !searching ->
                        atomic { search_begin() }
                    :: else
                    fi;
                    break
                :: else
                fi
            od
        fi
    od
}

init
{
    atomic {
        run worker(0);
#ifdef STOPS
        run submitter(1);
        run submitter(2);
#else
        run worker(1);
        run submitter();
#endif
    }
#ifdef STOPS
    if
    :: halted = true
    :: true
    fi;
    /* What was pushed by who stopped may wait for the next submit. */
    timeout;
    assert((queue & 2) == 0 && (halted || queue == 0))
#else
    timeout;
    assert(queue == 0 && started == TASKS)
#endif
}
