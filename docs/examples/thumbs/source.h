/*
 * The bytes of an image file, through one small buffer: a photograph is never
 * in memory as a whole. Each refill asks whether to stop.
 */
#ifndef THUMBS_SOURCE_H
#define THUMBS_SOURCE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <crew/self.h>

#include "failure.h"

enum { SOURCE_BYTES = 64 * 1024 };

struct source {
    int fd;          /* -1: not open */
    crew_self *self; /* whom to ask; NULL on the main loop */
    struct failure *failure;
    size_t taken;  /* bytes of the buffer that were read from it */
    size_t filled; /* bytes of the buffer that hold something */
    uint8_t buffer[SOURCE_BYTES];
};

/* Opens a file for reading; what is no regular file, or empty, is refused.
 * Returns the descriptor and fills *info. */
int source_open_file(const char *path, struct stat *info,
                     struct failure *failure);

/* On failure there is nothing to close. */
int source_open(struct source *source, const char *path, crew_self *self,
                struct failure *failure);

/* Fills the whole buffer anew. Returns how many bytes it now holds, 0 at the
 * end of the file, or -ECANCELED or what the system said. */
int source_refill(struct source *source);

/* Copies the next `size` bytes. Fewer: "truncated". */
int source_read(struct source *source, void *to, size_t size);

void source_close(struct source *source);

#endif
