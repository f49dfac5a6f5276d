#include "scan.h"

#include <errno.h>
#include <fts.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "names.h"
#include "stop.h"

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool is_output(const struct scan *scan, const struct stat *st)
{
    struct stat output;

    return fstat(scan->output, &output) == 0 && output.st_dev == st->st_dev &&
           output.st_ino == st->st_ino;
}

/* A link counts when it leads to a file; one that leads nowhere is an image
 * that cannot be opened. */
static bool is_file(const FTSENT *entry)
{
    struct stat st;

    if (entry->fts_info != FTS_SL)
        return entry->fts_info == FTS_F;
    return stat(entry->fts_accpath, &st) < 0 || S_ISREG(st.st_mode);
}

static int add_failed(struct catalog *catalog, const FTSENT *entry)
{
    return catalog_add(catalog, entry->fts_path, strerror(entry->fts_errno));
}

/* What fts met on its way below a directory that was named. */
static int take_entry(const struct scan *scan, struct catalog *catalog,
                      FTS *walk, FTSENT *entry)
{
    switch (entry->fts_info) {
    case FTS_D:
        if (entry->fts_level > 0 && is_output(scan, entry->fts_statp))
            fts_set(walk, entry, FTS_SKIP);
        return 0;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        return add_failed(catalog, entry);
    default:
        if (name_is_image(entry->fts_name) && is_file(entry))
            return catalog_add(catalog, entry->fts_path, NULL);
        return 0;
    }
}

static int scan_directory(const struct scan *scan, struct catalog *catalog,
                          char *path, crew_self *self)
{
    char *const paths[2] = {path, NULL};
    const size_t before = catalog->count;
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR,
                         by_name);
    FTSENT *entry;
    int r = 0;

    if (!walk)
        return catalog_add(catalog, path, strerror(errno));
    while (r == 0 && (errno = 0, entry = fts_read(walk)) != NULL) {
        r = take_entry(scan, catalog, walk, entry);
        if (r == 0 && stop_wanted(self))
            r = -ECANCELED;
    }
    if (r == 0 && errno != 0)
        r = catalog_add(catalog, path, strerror(errno));
    fts_close(walk);
    if (r == 0 && catalog->count == before)
        r = catalog_add(catalog, path, "no .jpg, .jpeg or .png in it");
    return r;
}

int scan_run(const struct scan *scan, struct catalog *catalog, crew_self *self)
{
    struct stat st;
    size_t i;
    int r = 0;

    for (i = 0; i < scan->count && r == 0; i++) {
        char *path = scan->arguments[i];

        if (stop_wanted(self))
            return -ECANCELED;
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            r = scan_directory(scan, catalog, path, self);
        else
            r = catalog_add(catalog, path, NULL); /* probe tells what it is */
    }
    return r;
}
