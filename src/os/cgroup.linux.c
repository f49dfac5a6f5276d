/*
 * Reading /proc/self/mountinfo takes half as long as starting two threads. So
 * what was found is kept, where it can be told whether it still holds:
 *
 *   the process is where it was     the namespace that names are told in, and
 *                                   /proc/self/cgroup: the same text
 *   the mounts are what they were   the path leads to the mount of the same
 *                                   id; and, as ids are used again, on the
 *                                   same device with the same root
 *
 * The limits themselves are never kept.
 */
#include "os/cgroup.h"

#include "base/fault.h"
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- files ------------------------------------------------------------- */

static int open_file(const char *path)
{
    int fd = CREW__TRY(CREW__FAULT_FILE, open(path, O_RDONLY | O_CLOEXEC),
                       (errno = EMFILE, -1));

    return fd < 0 ? -errno : fd;
}

static ssize_t read_some(int fd, char *out, size_t size)
{
    ssize_t n;

    do
        n = CREW__TRY(CREW__FAULT_FILE, read(fd, out, size), (errno = EIO, -1));
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* What is longer is cut. */
static int read_file(const char *path, char *out, size_t size)
{
    size_t length = 0;
    ssize_t n = 1;
    int fd = open_file(path);

    if (fd < 0)
        return fd;
    while (n > 0 && length < size - 1) {
        n = read_some(fd, out + length, size - 1 - length);
        if (n > 0)
            length += (size_t)n;
    }
    close(fd);
    out[length] = '\0';
    return n < 0 ? (int)n : 0;
}

static int join(char out[PATH_MAX], const char *a, const char *b, const char *c)
{
    int n = snprintf(out, PATH_MAX, "%s%s%s", a, b, c);

    return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int crew__cgroup_read(const char *directory, const char *name, char *out,
                      size_t size)
{
    char path[PATH_MAX];
    int r = join(path, directory, "/", name);

    return r < 0 ? r : read_file(path, out, size);
}

/* What is not there, or not shown to this process, is empty. */
static int read_proc(const char *root, const char *name, char *out, size_t size)
{
    char path[PATH_MAX];
    int r = join(path, root, name, "");

    if (r == 0)
        r = read_file(path, out, size);
    if (r == -ENOENT || r == -ENOTDIR || r == -EACCES || r == -EPERM) {
        *out = '\0';
        r = 0;
    }
    return r;
}

static int read_mounts(const char *root, char *out, size_t size)
{
    return read_proc(root, "/proc/self/mountinfo", out, size);
}

/* Where the namespace's name cannot be read, "?" stands for it. Leaves room for
 * a byte and a NUL. */
static int read_namespace(const char *root, char *out, size_t size)
{
    char path[PATH_MAX];
    int r = join(path, root, "/proc/self/ns/cgroup", "");
    ssize_t n;

    if (r < 0)
        return r;
    n = CREW__TRY(CREW__FAULT_FILE, readlink(path, out, size - 2),
                  (errno = EPERM, -1));
    if (n < 0)
        out[0] = '?';
    return n < 0 ? 1 : (int)n;
}

static int read_proof(const char *root, char *out, size_t size)
{
    int n = read_namespace(root, out, size);

    if (n < 0)
        return n;
    out[n] = '\n';
    return read_proc(root, "/proc/self/cgroup", out + n + 1,
                     size - (size_t)n - 1);
}

/* However long it is; the caller frees it. */
static int read_whole(const char *root, char **out,
                      int (*read_text)(const char *, char *, size_t))
{
    for (size_t size = 4096;; size *= 4) {
        char *text = crew__memory_zero(size);
        int r;

        if (!text)
            return -ENOMEM;
        r = read_text(root, text, size);
        if (r == 0 && strlen(text) < size - 1) {
            *out = text;
            return 0;
        }
        crew__memory_free(text);
        if (r < 0)
            return r;
    }
}

/* ---- whether it still holds -------------------------------------------- */

/* Where the kernel does not tell (before Linux 5.8) it is a failure. */
static bool identify(const char *path, struct crew__cgroup_mount *out)
{
#if defined(STATX_MNT_ID)
    struct statx status;
    int r = CREW__TRY(CREW__FAULT_FILE,
                      statx(AT_FDCWD, path, AT_NO_AUTOMOUNT,
                            STATX_INO | STATX_MNT_ID, &status),
                      -1);

    if (r < 0 || !(status.stx_mask & STATX_INO) ||
        !(status.stx_mask & STATX_MNT_ID))
        return false;
    out->id = status.stx_mnt_id;
    out->device = (uint64_t)status.stx_dev_major << 32 | status.stx_dev_minor;
    out->inode = status.stx_ino;
    return true;
#else
    (void)path;
    (void)out;
    return false;
#endif
}

static bool identify_way(const struct crew__cgroup_way *way,
                         struct crew__cgroup_mount *out)
{
    char *end = &way->path[way->shortest];
    char cut = *end;
    bool done;

    *end = '\0';
    done = identify(way->path, out);
    *end = cut;
    return done;
}

/* The first time, where nothing but the id is known. */
static bool learn(struct crew__cgroup_way *way)
{
    uint64_t id = way->mount.id;

    return !way->path ||
           (identify_way(way, &way->mount) && way->mount.id == id);
}

static bool leads_there(const struct crew__cgroup_way *way)
{
    struct crew__cgroup_mount seen;

    return !way->path ||
           (identify_way(way, &seen) && seen.id == way->mount.id &&
            seen.device == way->mount.device && seen.inode == way->mount.inode);
}

static bool holds(struct crew__cgroups *groups, const char *root)
{
    return strcmp(groups->root, root) == 0 &&
           read_proof(root, groups->again, groups->letters + 2) == 0 &&
           strcmp(groups->again, groups->proof) == 0 &&
           leads_there(&groups->v1) && leads_there(&groups->v2);
}

/* ---- the way up -------------------------------------------------------- */

static int find(struct crew__cgroups **out, const char *root)
{
    char *mounts = NULL;
    char *proof;
    int r = read_whole(root, &proof, read_proof);

    if (r < 0)
        return r;
    r = read_whole(root, &mounts, read_mounts);
    if (r == 0)
        r = crew__cgroup_find(out, root, proof, mounts);
    crew__memory_free(mounts);
    crew__memory_free(proof);
    return r;
}

static int show(const struct crew__cgroup_way *way, bool v2,
                crew__cgroup_look *look, void *arg)
{
    char *path = way->path;
    int r = 0;

    for (size_t n = path ? strlen(path) : 0; path && r == 0; n--) {
        char cut = path[n];

        if (n != way->shortest && cut != '/' && cut != '\0')
            continue;
        path[n] = '\0';
        r = look(path, v2, arg);
        path[n] = cut;
        if (n == way->shortest)
            break;
    }
    return r;
}

/* What is kept is taken out meanwhile, and put back where it may stay. */
static int take(struct crew__cgroups **out, const char *root,
                struct crew__cgroups **kept)
{
    struct crew__cgroups *groups = kept ? *kept : NULL;
    int r;

    if (kept)
        *kept = NULL;
    if (groups && holds(groups, root)) {
        *out = groups;
        return 0;
    }
    crew__memory_free(groups);
    r = find(&groups, root);
    if (r < 0)
        return r;
    groups->lasting = groups->lasting && kept && groups->proof[0] != '?' &&
                      learn(&groups->v1) && learn(&groups->v2);
    *out = groups;
    return 0;
}

int crew__cgroup_visit(const char *root, struct crew__cgroups **kept,
                       crew__cgroup_look *look, void *arg)
{
    struct crew__cgroups *groups;
    int r = take(&groups, root ? root : "", kept);

    if (r < 0)
        return r;
    r = show(&groups->v2, true, look, arg);
    if (r == 0)
        r = show(&groups->v1, false, look, arg);
    if (groups->lasting)
        *kept = groups;
    else
        crew__memory_free(groups);
    return r;
}
