/*
 * The control groups that this process is in, as directories.
 *
 *   cgroup        reads /proc, keeps what was found, shows the groups
 *   cgroup_find   what the texts of /proc say
 */
#ifndef CREW_OS_CGROUP_H
#define CREW_OS_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A mount, told apart from whatever else may come to lie there. */
struct crew__cgroup_mount {
    uint64_t id;
    uint64_t device;
    uint64_t inode; /* of its root, so of the group that it begins with */
};

/* The way up in one hierarchy. */
struct crew__cgroup_way {
    char *path;      /* of the process's own group; NULL: none is known */
    size_t shortest; /* the length of it that is the mount */
    struct crew__cgroup_mount mount;
};

/* Where the groups are; one block of memory. */
struct crew__cgroups {
    struct crew__cgroup_way v1;
    struct crew__cgroup_way v2;
    bool lasting;   /* it holds as long as `proof` and the mounts do */
    char *root;     /* that it was found under */
    char *proof;    /* see crew__cgroup_find */
    char *again;    /* room for a proof and one byte more */
    size_t letters; /* of the proof */
};

/*
 * What the texts say, for crew__memory_free. `proof` is what the groups' names
 * hang on: the namespace that they are told in, and /proc/self/cgroup; `mounts`
 * is /proc/self/mountinfo, and is cut to pieces.
 *
 * Of the mounts only the id is known. It is lasting where each hierarchy has
 * one that shows the group: a better one cannot come, as later mounts are
 * listed later. -ENAMETOOLONG, -ENOMEM.
 */
int crew__cgroup_find(struct crew__cgroups **out, const char *root,
                      const char *proof, char *mounts);

/* One group: its directory, and which version's files it holds. Negative
 * errno: that is enough, and the visit's result. */
typedef int crew__cgroup_look(const char *directory, bool v2, void *arg);

/*
 * Shows `look` each group from this process's own up to the root of what is
 * mounted, in the unified hierarchy and in the one of v1 that has the cpu
 * controller; a machine may have both. Where there are none, or /proc hides
 * them, it shows nothing. `root` replaces "/"; NULL: the real one.
 *
 * `kept` is that of crew__quota_cpus.
 *
 * -EPROTO, -EIO and the like: /proc shows them, but cannot be read.
 */
int crew__cgroup_visit(const char *root, struct crew__cgroups **kept,
                       crew__cgroup_look *look, void *arg);

/* Reads `name` in `directory` to a string; what is longer is cut. */
int crew__cgroup_read(const char *directory, const char *name, char *out,
                      size_t size);

#endif
