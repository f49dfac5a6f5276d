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

#define PAGE 65536 /* the largest page of the platforms that Linux runs on */

static union {
    struct {
        crew__a64 generation; /* 0: nothing was created here */
        struct crew__lock lock;
        struct crew__lock shared_lock;
    };
    char bytes[PAGE];
} page CREW__ALIGNED(PAGE);

/* Outlives the fork; guarded by page.lock. */
static uint64_t last_generation;

uint64_t crew__fork_generation(const crew__a64 **word)
{
    uint64_t mine;

    crew__lock(&page.lock);
    mine = crew__load_relaxed(&page.generation); /* guarded by the lock */
    if (mine == 0) {
        /* Where the kernel is too old a child is not told; all else works. */
        madvise(&page, sizeof page, MADV_WIPEONFORK);
        mine = ++last_generation;
        crew__store_relaxed(&page.generation, mine);
    }
    crew__unlock(&page.lock);
    *word = &page.generation;
    return mine;
}

uint64_t crew__fork_current(void)
{
    return crew__load_relaxed(&page.generation); /* a lone word */
}

struct crew__lock *crew__fork_lock(void)
{
    return &page.shared_lock;
}
