/*
 * make-image FILE KIND WIDTH HEIGHT [photo]: draws quarters, or a photo, into
 * a file of that kind; see make_png.h and make_jpeg.h.
 *
 * make-image --sanitized: exits 0 where it was built with a sanitizer, whose
 * own memory and time make measurements pointless.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "make_jpeg.h"
#include "make_png.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

int main(int argc, char **argv)
{
    struct pixel (*scene)(unsigned, unsigned, unsigned, unsigned);
    unsigned width, height;
    FILE *file;

    if (argc == 2 && strcmp(argv[1], "--sanitized") == 0)
        return SANITIZED ? 0 : 1;
    if (argc < 5)
        return 2;
    width = (unsigned)strtoul(argv[3], NULL, 10);
    height = (unsigned)strtoul(argv[4], NULL, 10);
    scene = argc > 5 ? scene_photo : scene_quarters;
    file = fopen(argv[1], "wb");
    if (!file) {
        perror(argv[1]);
        return 1;
    }
    if (!make_png(file, argv[2], width, height, scene) &&
        !make_jpeg(file, argv[2], width, height, scene)) {
        fprintf(stderr, "make-image: no kind %s\n", argv[2]);
        return 2;
    }
    return fclose(file) == 0 ? 0 : 1;
}
