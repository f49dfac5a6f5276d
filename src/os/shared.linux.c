/*
 * Memory that processes share: a memfd with seals. The seal against shrinking
 * is what makes it safe to touch: without it another process could cut the
 * file under us, and the next access would end this one by SIGBUS. The seal
 * against further seals keeps others from forbidding it to grow.
 *
 * Of ordinary pages only: with MFD_HUGETLB sizes would be multiples of 2 MiB,
 * and a page that the pool of huge pages lacks when it is touched is a SIGBUS.
 * Where huge pages are wished for the kernel is advised, as for other memory.
 */
#include "base/fault.h"
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* The census counts descriptors by their number. */
#define AS_OBJECT(fd) ((void *)((uintptr_t)(fd) + 1))

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u /* Linux 6.3 */
#endif

#define SEALS (F_SEAL_SHRINK | F_SEAL_SEAL)

/* Above this limit the kernel does not only refuse, it sends SIGXFSZ. */
static bool is_below_limit(size_t size)
{
    struct rlimit limit;

    if (size > INT64_MAX)
        return false;
    if (getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return true;
    return size <= limit.rlim_cur;
}

static int set_size(int fd, size_t size)
{
    int r;

    if (!is_below_limit(size))
        return -ENOMEM;
    do
        r = CREW__TRY(CREW__FAULT_MEMFD, ftruncate(fd, (off_t)size),
                      (errno = ENOSPC, -1));
    while (r < 0 && errno == EINTR);
    if (r == 0)
        return 0;
    return errno == EPERM ? -EINVAL : -ENOMEM; /* EPERM: it has more */
}

/* Some systems allow files without a name only where nobody can execute them;
 * older kernels do not know the flag. */
static int make_file(void)
{
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int made = CREW__TRY(CREW__FAULT_MEMFD,
                         memfd_create("crew", flags | MFD_NOEXEC_SEAL),
                         (errno = EMFILE, -1));

    if (made < 0 && errno == EINVAL)
        made = CREW__TRY(CREW__FAULT_MEMFD, memfd_create("crew", flags),
                         (errno = EMFILE, -1));
    if (made >= 0)
        return made;
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
        return -errno;
    return -EINVAL; /* too old, or forbidden */
}

static int seal(int fd, bool grows)
{
    int r = CREW__TRY(
        CREW__FAULT_MEMFD,
        fcntl(fd, F_ADD_SEALS, grows ? SEALS : SEALS | F_SEAL_GROW),
        (errno = ENOMEM, -1));

    return r == 0 ? 0 : errno == ENOMEM ? -ENOMEM : -EINVAL;
}

int crew__shared_open(size_t size, bool grows, int *fd)
{
    int made = make_file();
    int r;

    if (made < 0)
        return made;
    r = set_size(made, size);
    if (r == 0)
        r = seal(made, grows);
    if (r < 0) {
        close(made);
        return r;
    }
    crew__census_born(CREW__CENSUS_FD, AS_OBJECT(made));
    *fd = made;
    return 0;
}

int crew__shared_grow(int fd, size_t size)
{
    return set_size(fd, size);
}

int crew__shared_size(int fd, size_t *size)
{
    struct stat about;

    if (fstat(fd, &about) < 0 || !S_ISREG(about.st_mode) || about.st_size < 0)
        return -EPROTO;
    *size = (size_t)about.st_size;
    return 0;
}

int crew__shared_check(int fd, bool grows, size_t *size)
{
    int unwanted = F_SEAL_WRITE | (grows ? F_SEAL_GROW : 0);
    int seals = fcntl(fd, F_GET_SEALS);
    struct statfs system;

    if (seals < 0 || (seals & SEALS) != SEALS || (seals & unwanted) ||
        (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR)
        return -EPROTO;
    /* Not of huge pages, which can be missing when they are touched. */
    if (fstatfs(fd, &system) < 0 || system.f_type != TMPFS_MAGIC)
        return -EPROTO;
    return crew__shared_size(fd, size);
}

void crew__shared_adopt(int fd)
{
    crew__census_born(CREW__CENSUS_FD, AS_OBJECT(fd));
    (void)fd; /* other builds have no census */
}

void crew__shared_close(int fd)
{
    crew__census_died(CREW__CENSUS_FD, AS_OBJECT(fd));
    close(fd);
}

void *crew__shared_map(int fd, void *at, size_t size, bool huge_pages)
{
    void *memory = CREW__TRY(CREW__FAULT_MMAP,
                             mmap(at, size, PROT_READ | PROT_WRITE,
                                  at ? MAP_SHARED | MAP_FIXED : MAP_SHARED, fd,
                                  0),
                             MAP_FAILED);

    if (memory == MAP_FAILED)
        return NULL;
    if (huge_pages) /* a wish */
        madvise(memory, size, MADV_HUGEPAGE);
    if (!at)
        crew__census_born(CREW__CENSUS_MAPPING, memory);
    return memory;
}
