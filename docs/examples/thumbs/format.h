/*
 * The formats that are read, told by the first bytes of a file.
 */
#ifndef THUMBS_FORMAT_H
#define THUMBS_FORMAT_H

enum format { FORMAT_JPEG, FORMAT_PNG };

/*
 * At how many eighths of its size a JPEG is decoded for a thumbnail of `side`
 * pixels: the smallest of libjpeg-turbo's fast ones (1, 2, 4 or all 8) that
 * leaves two pixels for each of the thumbnail.
 */
unsigned jpeg_eighths(unsigned width, unsigned height, unsigned side);

#endif
