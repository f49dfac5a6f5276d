#include "base/fault.h"
#include "base/tally.h"
#include "os/os.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NODES 1024 /* of the largest kernel */

void *crew__memory_at(size_t alignment, size_t size, const char *file, int line)
{
    void *memory = NULL;

    (void)file; /* the census wants them, in the testing build */
    (void)line;
    crew__tally(CREW__TALLY_MEMORY);
    if (size > SIZE_MAX - alignment)
        return NULL;
    if (CREW__TRY(CREW__FAULT_MALLOC, posix_memalign(&memory, alignment, size),
                  ENOMEM))
        return NULL;
    memset(memory, 0, size);
#if defined(CREW_TESTING)
    crew__census_add(CREW__CENSUS_MEMORY, memory, file, line);
#endif
    return memory;
}

void crew__memory_free(void *memory)
{
    if (memory)
        crew__census_died(CREW__CENSUS_MEMORY, memory);
    free(memory);
}

size_t crew__memory_page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

void *crew__memory_map(size_t size, size_t usable, bool huge_pages)
{
    void *memory = CREW__TRY(CREW__FAULT_MMAP,
                             mmap(NULL, size, PROT_NONE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                                  -1, 0),
                             MAP_FAILED);

    crew__tally(CREW__TALLY_MEMORY);
    if (memory == MAP_FAILED)
        return NULL;
    /* A wish: where there are none, ordinary pages come. */
    if (huge_pages)
        madvise(memory, size, MADV_HUGEPAGE);
    if (crew__memory_commit(memory, usable) < 0) {
        munmap(memory, size);
        return NULL;
    }
    crew__census_born(CREW__CENSUS_MAPPING, memory);
    return memory;
}

int crew__memory_commit(void *memory, size_t usable)
{
    int r = CREW__TRY(CREW__FAULT_MMAP,
                      mprotect(memory, usable, PROT_READ | PROT_WRITE), -1);

    return r < 0 ? -ENOMEM : 0;
}

void crew__memory_unmap(void *memory, size_t size)
{
    crew__census_died(CREW__CENSUS_MAPPING, memory);
    munmap(memory, size);
}

/* By the call itself: libnuma would be a library more for one line. Strictly: a
 * wish that may be ignored is no option that takes effect. The kernel's limit
 * is one above the number of bits. */
int crew__memory_bind(void *memory, size_t size, int node)
{
    enum { BITS = 8 * sizeof(unsigned long) };
    unsigned long mask[NODES / BITS] = {0};
    long r;

    if (node < 0 || node >= NODES)
        return -EINVAL;
    mask[node / BITS] = 1ul << (node % BITS);
    r = CREW__TRY(
        CREW__FAULT_MMAP,
        syscall(SYS_mbind, memory, size, MPOL_BIND, mask, NODES + 1, 0),
        (errno = ENOMEM, -1));
    if (r == 0)
        return 0;
    return errno == ENOMEM ? -ENOMEM : -EINVAL;
}
