/*
 * Names of images and of their thumbnails.
 */
#ifndef THUMBS_NAMES_H
#define THUMBS_NAMES_H

#include <stdbool.h>

#define SHEET_NAME "contact-sheet.jpg"

/* Whether a name ends in .jpg, .jpeg or .png, in any case of letters. */
bool name_is_image(const char *name);

/* The thumbnail's name, "a/b.png" -> "b.jpg". The caller frees it; NULL: no
 * memory. */
char *name_of_thumbnail(const char *path);

#endif
