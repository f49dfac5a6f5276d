#include "names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Where the ending of an image's name begins; its end if it has none. */
static const char *ending_of(const char *name)
{
    const char *dot = strrchr(name, '.');

    if (dot && dot != name &&
        (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0 ||
         strcasecmp(dot, ".png") == 0))
        return dot;
    return name + strlen(name);
}

bool name_is_image(const char *name)
{
    return *ending_of(name) != '\0';
}

char *name_of_thumbnail(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    char *name;

    if (asprintf(&name, "%.*s.jpg", (int)(ending_of(base) - base), base) < 0)
        return NULL;
    return name;
}
