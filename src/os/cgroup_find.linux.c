/*
 *   proof                  the namespace's name, then /proc/self/cgroup:
 *                          "0::/a/b" (v2), "4:cpu,cpuacct:/a/b" (v1): the
 *                          group in each hierarchy
 *   /proc/self/mountinfo   where each hierarchy is mounted, and from which
 *                          group on: a container may see only its own part
 *
 * A group of /a/b in a mount at M that begins with /a is the directory M/b.
 * Where the mount begins elsewhere, the mount's own root is what is known.
 */
#include "os/cgroup.h"
#include "os/os.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Strings lie in the texts; NULL: not known. */
struct hierarchy {
    const char *group;
    const char *mount;
    const char *from;
    uint64_t id;
    bool above; /* `from` is `group` or above it */
};

struct finding {
    struct hierarchy v1;
    struct hierarchy v2;
};

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
static void unescape(char *text)
{
    char *out = text;

    while (*text) {
        if (*text == '\\' && is_octal(text + 1)) {
            *out++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 +
                            (text[3] - '0'));
            text += 4;
        } else {
            *out++ = *text++;
        }
    }
    *out = '\0';
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

    if (!id || !group)
        return;
    *group++ = '\0';
    if (strcmp(id, "0") == 0 && *controllers == '\0')
        finding->v2.group = group;
    else if (has_word(controllers, "cpu"))
        finding->v1.group = group;
}

/* ---- /proc/self/mountinfo ---------------------------------------------- */

/* The first mount that shows the group, or else the first. */
static void take_mount(struct hierarchy *hierarchy, char *id, char *from,
                       char *mount)
{
    bool above;

    if (hierarchy->above || !hierarchy->group)
        return;
    unescape(from);
    above = is_above(from, hierarchy->group);
    if (hierarchy->mount && !above)
        return;
    unescape(mount);
    *hierarchy = (struct hierarchy){.group = hierarchy->group,
                                    .mount = mount,
                                    .from = from,
                                    .id = strtoull(id, NULL, 10),
                                    .above = above};
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
        take_mount(&finding->v2, field[0], field[3], field[4]);
    else if (strcmp(type, "cgroup") == 0 && has_word(options, "cpu"))
        take_mount(&finding->v1, field[0], field[3], field[4]);
}

static void read_lines(struct finding *finding, char *text,
                       void (*read_line)(struct finding *, char *))
{
    char *line;

    while ((line = cut(&text, '\n')))
        read_line(finding, line);
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

static bool is_lasting(const struct hierarchy *hierarchy)
{
    return !hierarchy->group || hierarchy->above;
}

/* Bytes of the path, with the NUL; 0: there is none. */
static size_t measure(const struct hierarchy *hierarchy, const char *root)
{
    if (!hierarchy->mount)
        return 0;
    return strlen(root) + strlen(hierarchy->mount) + strlen(below(hierarchy)) +
           1;
}

/* Copies a string with its NUL; the copy's end. */
static char *put(char *at, const char *text)
{
    size_t n = strlen(text);

    memcpy(at, text, n + 1);
    return at + n;
}

static char *lay_way(struct crew__cgroup_way *way, char *at,
                     const struct hierarchy *hierarchy, const char *root)
{
    if (!hierarchy->mount)
        return at;
    way->path = at;
    way->mount.id = hierarchy->id;
    at = put(put(at, root), hierarchy->mount);
    way->shortest = (size_t)(at - way->path);
    return put(at, below(hierarchy)) + 1;
}

static int lay_out(struct crew__cgroups **out, const struct finding *finding,
                   const char *root, const char *proof)
{
    size_t v1 = measure(&finding->v1, root);
    size_t v2 = measure(&finding->v2, root);
    size_t letters = strlen(proof);
    struct crew__cgroups *groups;
    char *at;

    if (v1 > PATH_MAX || v2 > PATH_MAX)
        return -ENAMETOOLONG;
    groups = crew__memory_zero(sizeof *groups + v1 + v2 + strlen(root) + 1 +
                               2 * letters + 3);
    if (!groups)
        return -ENOMEM;
    at = (char *)(groups + 1);
    at = lay_way(&groups->v1, at, &finding->v1, root);
    at = lay_way(&groups->v2, at, &finding->v2, root);
    groups->root = at;
    groups->proof = put(at, root) + 1;
    groups->again = put(groups->proof, proof) + 1;
    groups->letters = letters;
    groups->lasting = is_lasting(&finding->v1) && is_lasting(&finding->v2);
    *out = groups;
    return 0;
}

int crew__cgroup_find(struct crew__cgroups **out, const char *root,
                      const char *proof, char *mounts)
{
    struct finding finding;
    char *pieces = crew__memory_zero(strlen(proof) + 1);
    int r;

    if (!pieces)
        return -ENOMEM;
    memset(&finding, 0, sizeof finding);
    put(pieces, proof);
    read_lines(&finding, pieces, read_group);
    read_lines(&finding, mounts, read_mount);
    r = lay_out(out, &finding, root, proof);
    crew__memory_free(pieces);
    return r;
}
