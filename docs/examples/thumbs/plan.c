#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "failure.h"
#include "names.h"
#include "stop.h"

/* Sorting is by index, and qsort_r carries the catalog. */
static const struct image *at(const void *index, void *catalog)
{
    return ((struct catalog *)catalog)->images + *(const size_t *)index;
}

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Equal ones stay in the order in which they were found. */
static int by_cost(const void *a, const void *b, void *catalog)
{
    const int r = compare(at(b, catalog)->cost, at(a, catalog)->cost);

    return r ? r : compare(*(const size_t *)a, *(const size_t *)b);
}

static int by_name(const void *a, const void *b, void *catalog)
{
    const int r = strcmp(at(a, catalog)->name, at(b, catalog)->name);

    return r ? r : compare(*(const size_t *)a, *(const size_t *)b);
}

static int compare_files(const struct image *a, const struct image *b)
{
    const int r = compare(a->device, b->device);

    return r ? r : compare(a->inode, b->inode);
}

static int by_file(const void *a, const void *b, void *catalog)
{
    return compare_files(at(a, catalog), at(b, catalog));
}

static void sort(struct catalog *catalog,
                 int (*order)(const void *, const void *, void *))
{
    qsort_r(catalog->order, catalog->planned, sizeof *catalog->order, order,
            catalog);
}

/* Takes the images that failed meanwhile out of the order. */
static void drop_failed(struct catalog *catalog)
{
    size_t i, kept = 0;

    for (i = 0; i < catalog->planned; i++) {
        if (!catalog->images[catalog->order[i]].reason)
            catalog->order[kept++] = catalog->order[i];
    }
    catalog->planned = kept;
}

static int name_all(struct catalog *catalog)
{
    size_t i;

    for (i = 0; i < catalog->count; i++) {
        struct image *image = &catalog->images[i];

        if (image->reason)
            continue;
        image->name = name_of_thumbnail(image->path);
        if (!image->name)
            return -ENOMEM;
    }
    return 0;
}

/* Two images with one name: the one that was found first has it. */
static void refuse_same_names(struct catalog *catalog)
{
    const struct image *owner = NULL;
    struct failure why;
    size_t i;

    sort(catalog, by_name);
    for (i = 0; i < catalog->planned; i++) {
        struct image *image = &catalog->images[catalog->order[i]];

        why.text[0] = '\0';
        if (strcmp(image->name, SHEET_NAME) == 0) {
            fail(&why, 0, "same name as the contact sheet");
        } else if (owner && strcmp(image->name, owner->name) == 0) {
            fail(&why, 0, "same name twice: %s is made of %s", owner->name,
                 owner->path);
        } else {
            owner = image;
            continue;
        }
        catalog_fail(image, why.text);
    }
    drop_failed(catalog);
}

/* The image that is the file (device, inode), or NULL; sorted by_file. */
static const struct image *find_file(const struct catalog *catalog,
                                     const struct stat *file)
{
    struct image wanted = {.device = file->st_dev, .inode = file->st_ino};
    size_t low = 0, high = catalog->planned, middle;

    while (low < high) {
        const struct image *image;
        int r;

        middle = low + (high - low) / 2;
        image = &catalog->images[catalog->order[middle]];
        r = compare_files(&wanted, image);
        if (r == 0)
            return image;
        if (r < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* A file that was named, be it broken, is not to be overwritten. */
static int refuse_overwriting(struct catalog *catalog, int output,
                              crew_self *self)
{
    const struct image *victim;
    struct failure why;
    struct stat st;
    size_t i;

    sort(catalog, by_file);
    for (i = 0; i < catalog->count; i++) {
        struct image *image = &catalog->images[i];

        if (stop_wanted(self))
            return -ECANCELED;
        if (!image->name || fstatat(output, image->name, &st, 0) < 0)
            continue;
        victim = find_file(catalog, &st);
        if (!victim)
            continue;
        why.text[0] = '\0';
        fail(&why, 0, "its thumbnail would overwrite %s", victim->path);
        catalog_fail(image, why.text);
    }
    drop_failed(catalog);
    return 0;
}

/* On the contact sheet images stand as they were found. */
static void number_cells(struct catalog *catalog)
{
    uint32_t cell = 0;
    size_t i;

    for (i = 0; i < catalog->count; i++) {
        if (!catalog->images[i].reason)
            catalog->images[i].cell = cell++;
    }
}

int plan_run(struct catalog *catalog, int output, crew_self *self)
{
    size_t i;
    int r;

    catalog->order = calloc(catalog->count + 1, sizeof *catalog->order);
    if (!catalog->order)
        return -ENOMEM;
    for (i = 0; i < catalog->count; i++)
        catalog->order[i] = i;
    catalog->planned = catalog->count;
    r = name_all(catalog);
    if (r == 0)
        r = refuse_overwriting(catalog, output, self);
    if (r < 0)
        return r;
    refuse_same_names(catalog);
    number_cells(catalog);
    sort(catalog, by_cost);
    return 0;
}
