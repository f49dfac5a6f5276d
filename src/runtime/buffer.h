/*
 * The buffer from the inside, for ports. Shared buffers on their way to another process: what travels beside the
 * descriptor, and back into a buffer.
 *
 * The receiver trusts neither number: the kernel's size of the file decides
 * what can be touched, and the seals that it cannot become less.
 */
#ifndef CREW_RUNTIME_BUFFER_H
#define CREW_RUNTIME_BUFFER_H

#include <crew/buffer.h>

/* Whether there is more than one reference to it, at this moment. */
bool crew__buffer_has_others(const crew_buffer *buffer);

struct crew__buffer_share {
    int fd;
    size_t size;
    size_t max_size;  /* 0: it does not grow */
    size_t alignment; /* bytes, a power of two */
};

/* -ENOTSUP: not created as shared. The descriptor stays the buffer's, so send
 * it while you hold a reference. */
int crew__buffer_share(const crew_buffer *buffer,
                       struct crew__buffer_share *out);

/* A buffer over the same memory; the caller owns one reference, the buffer the
 * descriptor. -EPROTO: it is not what `share` says, or makes no sense;
 * -ENOMEM. On errors the descriptor stays the caller's. */
int crew__buffer_receive(crew_buffer **out,
                         const struct crew__buffer_share *share);

#endif
