/*
 * Buffers: counted memory. The memory is the system's pages, so that it can
 * grow in place and huge pages can be asked for; small ones come from malloc.
 *
 * Edges
 *   buffer-last   release -> the last release   what others did with the bytes
 *                 happens before they go.
 *   buffer-size   grow -> size   the new bytes can be touched.
 */
#include <crew/buffer.h>

#include "base/assert.h"
#include "os/os.h"

#include <errno.h>

#define ALIGNMENT 64
#define MAPPED    (UINT64_C(1) << 16) /* from here on whole pages */

struct crew_buffer {
    crew__a64 references;
    crew__a64 size;
    void *data;
    size_t max_size; /* 0: does not grow */
    void *mapping;   /* or NULL: malloc'ed or the caller's */
    size_t map_bytes;
    bool huge_pages;
    void *allocation; /* or NULL */
    void (*release)(void *data, void *arg);
    void *arg;
};

static int check_options(const crew_buffer_options *options)
{
    if (!options)
        return 0;
    if (options->alignment & (options->alignment - 1))
        return -EINVAL;
    if (options->numa_node || options->shared)
        return -EINVAL;
    for (unsigned i = 0; i < 8; i++) {
        if (options->reserved[i])
            return -EINVAL;
    }
    return 0;
}

static size_t round_up(size_t size, size_t to)
{
    return (size + to - 1) / to * to;
}

/* Whole pages: address space for `most` bytes, of which `size` are usable. */
static bool map(crew_buffer *buffer, size_t size, size_t most, size_t alignment)
{
    size_t page = crew__memory_page();
    size_t slack = alignment > page ? alignment : 0;

    if (most > SIZE_MAX / 2 - slack - page)
        return false;
    buffer->map_bytes = round_up(most + slack, page);
    buffer->mapping = crew__memory_map(
        buffer->map_bytes, slack ? buffer->map_bytes : round_up(size, page),
        buffer->huge_pages);
    if (!buffer->mapping)
        return false;
    buffer->data = (void *)round_up((uintptr_t)buffer->mapping, alignment);
    return true;
}

static bool get_memory(crew_buffer *buffer, size_t size, size_t alignment)
{
    if (buffer->max_size || buffer->huge_pages || size >= MAPPED)
        return map(buffer, size, buffer->max_size ? buffer->max_size : size,
                   alignment);
    buffer->allocation = crew__memory_aligned(alignment, size);
    buffer->data = buffer->allocation;
    return buffer->data != NULL;
}

int crew_buffer_create(crew_buffer **out, size_t size,
                       const crew_buffer_options *options)
{
    crew_buffer *buffer;
    size_t alignment = ALIGNMENT;

    if (!out || size == 0 || check_options(options) < 0)
        return -EINVAL;
    if (options && options->max_size && options->max_size < size)
        return -EINVAL;
    if (options && options->alignment > 16)
        alignment = options->alignment;
    buffer = crew__memory_zero(sizeof *buffer);
    if (!buffer)
        return -ENOMEM;
    buffer->max_size = options ? options->max_size : 0;
    buffer->huge_pages = options && options->huge_pages;
    if (!get_memory(buffer, size, alignment)) {
        crew__memory_free(buffer);
        return -ENOMEM;
    }
    crew__store_relaxed(&buffer->references, 1); /* not shared yet */
    crew__store_relaxed(&buffer->size, size);    /* not shared yet */
    crew__census_born(CREW__CENSUS_BUFFER, buffer);
    *out = buffer;
    return 0;
}

int crew_buffer_wrap(crew_buffer **out, void *data, size_t size,
                     void (*release)(void *data, void *arg), void *arg)
{
    crew_buffer *buffer;

    if (!out || !data || size == 0)
        return -EINVAL;
    buffer = crew__memory_zero(sizeof *buffer);
    if (!buffer)
        return -ENOMEM;
    buffer->data = data;
    buffer->release = release;
    buffer->arg = arg;
    crew__store_relaxed(&buffer->references, 1); /* not shared yet */
    crew__store_relaxed(&buffer->size, size);    /* not shared yet */
    crew__census_born(CREW__CENSUS_BUFFER, buffer);
    *out = buffer;
    return 0;
}

void *crew_buffer_data(crew_buffer *buffer)
{
    return buffer ? buffer->data : NULL;
}

size_t crew_buffer_size(const crew_buffer *buffer)
{
    /* edge:buffer-size, acquire */
    return buffer ? (size_t)crew__load_acquire(&buffer->size) : 0;
}

int crew_buffer_grow(crew_buffer *buffer, size_t size)
{
    size_t before;
    size_t start;

    if (!buffer)
        return -EINVAL;
    before = crew_buffer_size(buffer);
    if (!buffer->max_size)
        return -ENOTSUP;
    if (size < before)
        return -EINVAL;
    if (size > buffer->max_size)
        return -ENOMEM;
    start = (size_t)((char *)buffer->data - (char *)buffer->mapping);
    if (crew__memory_commit(buffer->mapping,
                            round_up(start + size, crew__memory_page())) < 0)
        return -ENOMEM;
    crew__store_release(&buffer->size, size); /* edge:buffer-size, release */
    return 0;
}

crew_buffer *crew_buffer_retain(crew_buffer *buffer)
{
    uint64_t before;

    if (!buffer)
        return NULL;
    /* the caller holds one */
    before = crew__add_relaxed(&buffer->references, 1);
    crew__guard(before > 0);
    return buffer;
}

void crew_buffer_release(crew_buffer *buffer)
{
    uint64_t before;

    if (!buffer)
        return;
    /* edge:buffer-last, release */
    /* edge:buffer-last, acquire */
    before = crew__add_acq_rel(&buffer->references, (uint64_t)-1);
    crew__guard(before > 0);
    if (before > 1)
        return;
    if (buffer->release)
        buffer->release(buffer->data, buffer->arg);
    if (buffer->mapping)
        crew__memory_unmap(buffer->mapping, buffer->map_bytes);
    crew__memory_free(buffer->allocation);
    crew__census_died(CREW__CENSUS_BUFFER, buffer);
    crew__memory_free(buffer);
}
