/*
 *   /proc/self/cgroup      "0::/a/b" (v2), "4:cpu,cpuacct:/a/b" (v1): the
 *                          group in each hierarchy
 *   /proc/self/mountinfo   where each hierarchy is mounted, and from which
 *                          group on: a container may see only its own part
 *
 * A group of /a/b in a mount at M that begins with /a is the directory M/b.
 * Where the mount begins elsewhere, the mount's own root is what is known.
 */
#include "os/cgroup.h"

#include "base/fault.h"
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct hierarchy {
    bool v2;
    bool listed;  /* `group` is known */
    bool mounted; /* `mount` and `from` are known */
    bool above;   /* `from` is `group` or above it */
    char group[PATH_MAX];
    char mount[PATH_MAX];
    char from[PATH_MAX];
};

/* Large, so on the heap. */
struct finding {
    const char *root;
    struct hierarchy v1;
    struct hierarchy v2;
    char path[PATH_MAX];
    char *text;
};

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

/* However long it is; the caller frees it. */
static int read_whole(const char *path, char **out)
{
    for (size_t size = 16384;; size *= 4) {
        char *text = crew__memory_zero(size);
        int r;

        if (!text)
            return -ENOMEM;
        r = read_file(path, text, size);
        if (r == 0 && strlen(text) < size - 1) {
            *out = text;
            return 0;
        }
        crew__memory_free(text);
        if (r < 0)
            return r;
    }
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

/* A file of /proc into finding->text. What is not there, or not shown to this
 * process, is empty. */
static int read_proc(struct finding *finding, const char *name)
{
    int r;

    crew__memory_free(finding->text);
    finding->text = NULL;
    r = join(finding->path, finding->root, name, "");
    if (r == 0)
        r = read_whole(finding->path, &finding->text);
    if (r == -ENOENT || r == -ENOTDIR || r == -EACCES || r == -EPERM)
        return 0;
    return r;
}

/* ---- words ------------------------------------------------------------- */

/* Cuts the next piece off *rest, which ends at `end`; NULL: none is left. */
static char *cut(char **rest, char end)
{
    char *piece = *rest;
    char *p;

    if (!piece || *piece == '\0')
        return NULL;
    p = strchr(piece, end);
    if (p)
        *p++ = '\0';
    *rest = p;
    return piece;
}

static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);

    while (list) {
        size_t n = strcspn(list, ",");

        if (n == length && memcmp(list, word, n) == 0)
            return true;
        list = list[n] ? list + n + 1 : NULL;
    }
    return false;
}

static bool is_octal(const char *p)
{
    for (unsigned i = 0; i < 3; i++) {
        if (p[i] < '0' || p[i] > '7')
            return false;
    }
    return true;
}

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void copy_unescaped(char out[PATH_MAX], const char *in)
{
    size_t n = 0;

    while (*in && n < PATH_MAX - 1) {
        if (*in == '\\' && is_octal(in + 1)) {
            out[n++] = (char)((in[1] - '0') * 64 + (in[2] - '0') * 8 +
                              (in[3] - '0'));
            in += 4;
        } else {
            out[n++] = *in++;
        }
    }
    out[n] = '\0';
}

/* "/a" is above "/a/b" and "/a", not above "/ab"; "/" is above all. */
static bool is_above(const char *above, const char *group)
{
    size_t n = strlen(above);

    if (strcmp(above, "/") == 0)
        return true;
    return strncmp(above, group, n) == 0 &&
           (group[n] == '/' || group[n] == '\0');
}

/* ---- /proc/self/cgroup ------------------------------------------------- */

static void read_group(struct finding *finding, char *line)
{
    char *id = cut(&line, ':');
    char *controllers = line;
    char *group = line ? strchr(line, ':') : NULL;
    struct hierarchy *hierarchy = NULL;

    if (!id || !group)
        return;
    *group++ = '\0';
    if (strcmp(id, "0") == 0 && *controllers == '\0')
        hierarchy = &finding->v2;
    else if (has_word(controllers, "cpu"))
        hierarchy = &finding->v1;
    if (!hierarchy)
        return;
    hierarchy->listed = true;
    snprintf(hierarchy->group, sizeof hierarchy->group, "%s", group);
}

/* ---- /proc/self/mountinfo ---------------------------------------------- */

/* The first mount that shows the group, or else the first. */
static void take_mount(struct finding *finding, struct hierarchy *hierarchy,
                       const char *from, const char *mount)
{
    bool above;

    copy_unescaped(finding->path, from);
    above = is_above(finding->path, hierarchy->group);
    if (hierarchy->above || (hierarchy->mounted && !above))
        return;
    memcpy(hierarchy->from, finding->path, sizeof hierarchy->from);
    copy_unescaped(hierarchy->mount, mount);
    hierarchy->mounted = true;
    hierarchy->above = above;
}

/* "30 22 0:27 / /sys/fs/cgroup rw shared:1 - cgroup2 cgroup2 rw": id, parent,
 * device, from, mount, options, any number of fields, "-", type, source, the
 * type's own options. */
static void read_mount(struct finding *finding, char *line)
{
    char *field[6];
    char *next;
    char *type;
    char *options;

    for (unsigned i = 0; i < 6; i++)
        field[i] = cut(&line, ' ');
    do
        next = cut(&line, ' ');
    while (next && strcmp(next, "-") != 0);
    type = cut(&line, ' ');
    cut(&line, ' ');
    options = cut(&line, ' ');
    if (!type)
        return;
    if (strcmp(type, "cgroup2") == 0)
        take_mount(finding, &finding->v2, field[3], field[4]);
    else if (strcmp(type, "cgroup") == 0 && has_word(options, "cpu"))
        take_mount(finding, &finding->v1, field[3], field[4]);
}

static int read_lines(struct finding *finding, const char *name,
                      void (*read_line)(struct finding *, char *))
{
    char *rest;
    char *line;
    int r;

    r = read_proc(finding, name);
    if (r < 0)
        return r;
    rest = finding->text;
    while ((line = cut(&rest, '\n')))
        read_line(finding, line);
    return 0;
}

/* ---- the way up -------------------------------------------------------- */

/* The part of the group's name below what is mounted. A name with ".." lies
 * outside of this process's view; it must not lead out of the mount. */
static const char *below(const struct hierarchy *hierarchy)
{
    const char *rest = hierarchy->group;

    if (!hierarchy->above || strstr(rest, "/.."))
        return "";
    if (strcmp(hierarchy->from, "/") != 0)
        rest += strlen(hierarchy->from);
    return strcmp(rest, "/") == 0 ? "" : rest;
}

static int visit(struct finding *finding, const struct hierarchy *hierarchy,
                 crew__cgroup_look *look, void *arg)
{
    char *path = finding->path;
    size_t shortest = strlen(finding->root) + strlen(hierarchy->mount);
    int r;

    if (!hierarchy->listed || !hierarchy->mounted)
        return 0;
    r = join(path, finding->root, hierarchy->mount, below(hierarchy));
    for (size_t n = strlen(path); r == 0; n--) {
        if (n != shortest && path[n] != '/' && path[n] != '\0')
            continue;
        path[n] = '\0';
        r = look(path, hierarchy->v2, arg);
        if (n == shortest)
            break;
    }
    return r;
}

int crew__cgroup_visit(const char *root, crew__cgroup_look *look, void *arg)
{
    struct finding *finding = crew__memory_zero(sizeof *finding);
    int r;

    if (!finding)
        return -ENOMEM;
    finding->root = root ? root : "";
    finding->v2.v2 = true;
    r = read_lines(finding, "/proc/self/cgroup", read_group);
    if (r == 0)
        r = read_lines(finding, "/proc/self/mountinfo", read_mount);
    if (r == 0)
        r = visit(finding, &finding->v2, look, arg);
    if (r == 0)
        r = visit(finding, &finding->v1, look, arg);
    crew__memory_free(finding->text);
    crew__memory_free(finding);
    return r;
}
