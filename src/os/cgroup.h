/*
 * The control groups that this process is in, as directories.
 */
#ifndef CREW_OS_CGROUP_H
#define CREW_OS_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

/* One group: its directory, and which version's files it holds. Negative
 * errno: that is enough, and the visit's result. */
typedef int crew__cgroup_look(const char *directory, bool v2, void *arg);

/*
 * Shows `look` each group from this process's own up to the root of what is
 * mounted, in the unified hierarchy and in the one of v1 that has the cpu
 * controller; a machine may have both. Where there are none, or /proc hides
 * them, it shows nothing. `root` replaces "/"; NULL: the real one.
 *
 * -EPROTO, -EIO and the like: /proc shows them, but cannot be read.
 */
int crew__cgroup_visit(const char *root, crew__cgroup_look *look, void *arg);

/* Reads `name` in `directory` (or the file `directory` where it is NULL) to a
 * string; what is longer is cut. */
int crew__cgroup_read(const char *directory, const char *name, char *out,
                      size_t size);

#endif
