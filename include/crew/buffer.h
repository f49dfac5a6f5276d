/*
 * crew_buffer: counted, aligned memory that threads hand to each other without
 * copying. Whoever holds a reference may use the bytes; who writes while
 * others read is the program's affair. And waiting for a word to change, in a
 * shared buffer across processes too.
 */
#ifndef CREW_BUFFER_H
#define CREW_BUFFER_H

#include <crew/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crew_buffer_options {
    size_t alignment;      /* bytes, a power of two; 0: 64 */
    const int *numa_node;  /* the OS's number, copied: its pages come from that
                              node alone; NULL: from where it is first touched */
    bool huge_pages;       /* where possible; a wish */
    bool shared;           /* can be handed to processes, and is the same memory
                              in a forked child; takes a descriptor */
    size_t max_size;       /* it may grow to this; 0: not at all */
    uintptr_t reserved[8]; /* zero */
} crew_buffer_options;

/*
 * Creates `size` bytes, zeroed, with one reference. `options` may be NULL.
 *
 * Threads: any.
 * Owns:    the caller owns one reference: crew_buffer_release.
 * Errors:  -ENOMEM     no memory, or above the limit of a file's size (shared).
 *          -EMFILE     no descriptor is left (shared); -ENFILE likewise.
 *          -EINVAL     size is 0, the alignment is no power of two, max_size is
 *                      below size, there is no such node, or the kernel or its
 *                      filter binds no memory, or has none that can be shared.
 * Since:   0.1
 */
CREW_API int crew_buffer_create(crew_buffer **out, size_t size,
                                const crew_buffer_options *options);

/*
 * Makes a buffer of memory that the caller has. release(data, arg) is called
 * once, by the last crew_buffer_release, on its thread.
 *
 * Threads: any.
 * Owns:    `data` belongs to the buffer until `release` is called; where
 *          release is NULL, it outlives the buffer.
 * Calls:   release once.
 * Errors:  -ENOMEM     no memory; release will not be called.
 *          -EINVAL     out or data is NULL, or size is 0.
 * Since:   0.1
 */
CREW_API int crew_buffer_wrap(crew_buffer **out, void *data, size_t size,
                              void (*release)(void *data, void *arg),
                              void *arg);

/*
 * The bytes, and how many there are. Of a shared buffer that can grow the
 * kernel is asked for the size, as another process may have grown it: keep it
 * out of inner loops.
 *
 * Threads: any that holds a reference.
 * Since:   0.1
 */
CREW_API void *crew_buffer_data(crew_buffer *buffer);
CREW_API size_t crew_buffer_size(const crew_buffer *buffer);

/*
 * Makes the buffer larger, up to its max_size. The address never changes, the
 * old bytes stay, the new ones are zero. All holders see the new size, those of
 * a shared one in other processes too, and can use it at once.
 *
 * Threads: any that holds a reference, one at a time.
 * Errors:  -ENOTSUP    it was created without max_size.
 *          -ENOMEM     beyond max_size, or no memory.
 *          -EINVAL     smaller than it is.
 * Since:   0.1
 */
CREW_API int crew_buffer_grow(crew_buffer *buffer, size_t size);

/*
 * Takes one more reference and returns the buffer. NULL: NULL.
 *
 * Threads: any that holds a reference.
 * Since:   0.1
 */
CREW_API crew_buffer *crew_buffer_retain(crew_buffer *buffer);

/*
 * Gives a reference back; the last frees the buffer. NULL: nothing.
 *
 * Threads: any.
 * Since:   0.1
 */
CREW_API void crew_buffer_release(crew_buffer *buffer);

/*
 * Sleeps while the 32 bits at `word` are `expected`, until crew_atomic_notify
 * wakes it. `word` is an _Atomic uint32_t, a std::atomic<uint32_t>, or a plain
 * word that all access atomically; anywhere in memory, in a shared buffer for
 * other processes too, and in a forked child.
 *
 * Returns 0 when it was woken. That may be for nothing, so look at the word and
 * wait again; a wait that loops, and a program that changes the word before it
 * notifies, lose no wake-up. A notify without a change may find a waiter
 * awake, who then sleeps on.
 *
 * Threads: any; on the thread of a loop it stops the loop.
 * Blocks:  at most `timeout`; 0 never, CREW_FOREVER without limit.
 * Errors:  -EAGAIN     the word had another value: at once.
 *          -ETIMEDOUT  it still had this one.
 *          -ECANCELED  the calling thread is being ended.
 *          -EFAULT     the word is in memory that nobody can write.
 *          -EINVAL     word is NULL or not aligned to 4, or timeout is negative
 *                      and not CREW_FOREVER.
 * Since:   0.1
 */
CREW_API int crew_atomic_wait(volatile void *word, uint32_t expected,
                              crew_ns timeout);

/*
 * Wakes up to `count` of those that wait for `word`, in any process; UINT_MAX:
 * all. Returns how many it woke. The word itself is not touched, so it may be
 * gone by then, with a waiter who saw the change.
 *
 * Threads: any.
 * Errors:  -EINVAL     word is NULL or not aligned to 4.
 * Since:   0.1
 */
CREW_API int crew_atomic_notify(volatile void *word, unsigned count);

#ifdef __cplusplus
}
#endif

#endif
