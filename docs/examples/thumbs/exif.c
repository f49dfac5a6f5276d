#include "exif.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <libexif/exif-data.h>

static const uint8_t exif_header[6] = {'E', 'x', 'i', 'f', 0, 0};

static unsigned read_orientation(const uint8_t *block, unsigned size)
{
    ExifData *data = exif_data_new_from_data(block, size);
    ExifEntry *entry;
    unsigned value = 1;

    if (!data)
        return 1;
    entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
    if (entry && entry->format == EXIF_FORMAT_SHORT && entry->size >= 2)
        value = exif_get_short(entry->data, exif_data_get_byte_order(data));
    exif_data_unref(data);
    return value >= 1 && value <= 8 ? value : 1;
}

unsigned exif_orientation(const uint8_t *tiff, size_t size)
{
    /* libexif wants the header of a JPEG segment before the block. */
    uint8_t *block;
    unsigned value;

    if (size == 0 || size > INT_MAX)
        return 1;
    block = malloc(size + sizeof exif_header);
    if (!block)
        return 1;
    memcpy(block, exif_header, sizeof exif_header);
    memcpy(block + sizeof exif_header, tiff, size);
    value = read_orientation(block, (unsigned)(size + sizeof exif_header));
    free(block);
    return value;
}
