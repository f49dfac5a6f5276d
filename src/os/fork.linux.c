/*
 * How a forked child is told: the page below is wiped by the kernel on fork
 * (MADV_WIPEONFORK, Linux 4.14). It holds the generation that objects are
 * created with; a child reads 0 there, and gives itself the next generation
 * when it first creates something. No handler, no system call per check.
 *
 * The lock and the count lie in the page too: a thread of the parent may have
 * held the lock at the fork, and what was inherited does not count here.
 *
 * A call's check reads the generation as a lone word: nothing else hangs on
 * it, so it is relaxed.
 */
#include "base/fault.h"
#include "os/os.h"

#include <sys/mman.h>

#define PAGE 65536u /* the largest page of the platforms that Linux runs on */

struct shared {
    crew__a64 generation; /* 0: nothing was created here */
    struct crew__lock lock;
    struct crew__lock shared_lock;
};

/* A whole page lies in here, wherever it begins. The array itself asks for no
 * alignment: a segment that does gets one of its own, and valgrind then finds
 * no symbols in the whole program. */
static char reserve[2 * PAGE];

static struct shared *shared(void)
{
    uintptr_t begin = ((uintptr_t)reserve + PAGE - 1) & ~(uintptr_t)(PAGE - 1);

    return (struct shared *)begin;
}

/* Outlives the fork; guarded by the lock. */
static uint64_t last_generation;

uint64_t crew__fork_generation(const crew__a64 **word)
{
    uint64_t mine;

    crew__lock(&shared()->lock);
    mine = crew__load_relaxed(&shared()->generation); /* guarded by the lock */
    if (mine == 0) {
        /* Where the kernel is too old a child is not told; all else works. */
        madvise(shared(), PAGE, MADV_WIPEONFORK);
        mine = ++last_generation;
        crew__store_relaxed(&shared()->generation, mine);
    }
    crew__unlock(&shared()->lock);
    *word = &shared()->generation;
    return mine;
}

uint64_t crew__fork_current(void)
{
    return crew__load_relaxed(&shared()->generation); /* a lone word */
}

struct crew__lock *crew__fork_lock(void)
{
    return &shared()->shared_lock;
}
