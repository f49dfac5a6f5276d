#include "catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What is said where there is no memory for the reason itself. */
static char no_memory[] = "out of memory";

static int grow(struct catalog *catalog)
{
    const size_t room = catalog->room ? catalog->room * 2 : 64;
    struct image *images = realloc(catalog->images, room * sizeof *images);

    if (!images)
        return -ENOMEM;
    catalog->images = images;
    catalog->room = room;
    return 0;
}

int catalog_add(struct catalog *catalog, const char *path, const char *reason)
{
    struct image *image;

    if (catalog->count == catalog->room && grow(catalog) < 0)
        return -ENOMEM;
    image = &catalog->images[catalog->count];
    memset(image, 0, sizeof *image);
    image->path = strdup(path);
    if (!image->path)
        return -ENOMEM;
    catalog->count++;
    if (reason)
        catalog_fail(image, reason);
    return 0;
}

void catalog_fail(struct image *image, const char *reason)
{
    if (image->reason)
        return;
    image->reason = strdup(reason);
    if (!image->reason)
        image->reason = no_memory;
}

void catalog_fini(struct catalog *catalog)
{
    size_t i;

    for (i = 0; i < catalog->count; i++) {
        struct image *image = &catalog->images[i];

        free(image->path);
        free(image->name);
        if (image->reason != no_memory)
            free(image->reason);
    }
    free(catalog->images);
    free(catalog->order);
    memset(catalog, 0, sizeof *catalog);
}
