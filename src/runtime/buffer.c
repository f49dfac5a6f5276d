/*
 * Buffers: counted memory. The memory is the system's pages, so that it can
 * grow in place and huge pages, a node or sharing can be asked for; small ones
 * come from malloc.
 *
 * A shared one is a file without a name, mapped at its largest size. Its pages
 * can be touched as far as the file reaches, in all processes at once: growing
 * is one call that changes no mapping. The kernel's size of the file is the
 * buffer's: a word in the memory would be faster to read, but a process that is
 * not trusted could write it, and who believed it would die by SIGBUS. What
 * cannot grow is not asked for.
 *
 * Edges
 *   buffer-last   release -> the last release   what others did with the bytes
 *                 happens before they go.
 *   buffer-size   grow -> size   the new bytes can be touched.
 */
#include "runtime/buffer.h"

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
    size_t alignment;
    void *mapping; /* or NULL: malloc'ed or the caller's */
    size_t map_bytes;
    int fd; /* of the file that is mapped; -1: not shared */
    bool huge_pages;
    void *allocation; /* or NULL */
    void (*release)(void *data, void *arg);
    void *arg;
};

static int check_options(size_t size, const crew_buffer_options *options)
{
    if (options->alignment & (options->alignment - 1))
        return -EINVAL;
    if (options->max_size && options->max_size < size)
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

static size_t largest(const crew_buffer *buffer, size_t size)
{
    return buffer->max_size ? buffer->max_size : size;
}

/* ---- its memory ------------------------------------------------------------ */

/* Address space for `most` bytes at the alignment, of which as much as `size`
 * is usable; none where it is about to be replaced. */
static int reserve(crew_buffer *buffer, size_t size, size_t most)
{
    size_t page = crew__memory_page();
    size_t slack = buffer->alignment > page ? buffer->alignment : 0;
    size_t usable = slack ? most + slack : size;

    buffer->map_bytes = round_up(most + slack, page);
    buffer->mapping = crew__memory_map(buffer->map_bytes,
                                       size ? round_up(usable, page) : 0,
                                       buffer->huge_pages);
    if (!buffer->mapping)
        return -ENOMEM;
    buffer->data = (void *)round_up((uintptr_t)buffer->mapping,
                                    buffer->alignment);
    return 0;
}

/* The file lies on page boundaries; for more it goes into a place of its own
 * choice. */
static int map_file(crew_buffer *buffer, size_t most)
{
    size_t page = crew__memory_page();
    void *at = NULL;
    void *memory;

    if (buffer->alignment > page) {
        if (reserve(buffer, 0, most) < 0)
            return -ENOMEM;
        at = buffer->data;
    }
    memory = crew__shared_map(buffer->fd, at, round_up(most, page),
                              buffer->huge_pages);
    if (!memory)
        return -ENOMEM;
    if (!at) {
        buffer->mapping = memory;
        buffer->map_bytes = round_up(most, page);
        buffer->data = memory;
    }
    return 0;
}

/* Whole pages. */
static int map(crew_buffer *buffer, size_t size,
               const crew_buffer_options *options)
{
    size_t most = largest(buffer, size);
    int r;

    if (buffer->alignment > SIZE_MAX / 4 || most > SIZE_MAX / 4)
        return -ENOMEM;
    if (options && options->shared) {
        r = crew__shared_open(size, buffer->max_size != 0, &buffer->fd);
        if (r == 0)
            r = map_file(buffer, most);
    } else {
        r = reserve(buffer, size, most);
    }
    if (r == 0 && options && options->numa_node)
        r = crew__memory_bind(buffer->mapping, buffer->map_bytes,
                              *options->numa_node);
    return r;
}

static int get_memory(crew_buffer *buffer, size_t size,
                      const crew_buffer_options *options)
{
    if (size >= MAPPED || buffer->alignment >= MAPPED ||
        (options && (options->max_size || options->huge_pages ||
                     options->shared || options->numa_node)))
        return map(buffer, size, options);
    buffer->allocation = crew__memory_aligned(buffer->alignment, size);
    buffer->data = buffer->allocation;
    return buffer->data ? 0 : -ENOMEM;
}

static void give_memory_back(crew_buffer *buffer)
{
    if (buffer->mapping)
        crew__memory_unmap(buffer->mapping, buffer->map_bytes);
    if (buffer->fd >= 0)
        crew__shared_close(buffer->fd);
    crew__memory_free(buffer->allocation);
}

/* ---- creation -------------------------------------------------------------- */

static crew_buffer *make(void)
{
    crew_buffer *buffer = crew__memory_zero(sizeof *buffer);

    if (buffer) {
        buffer->fd = -1;
        buffer->alignment = ALIGNMENT;
    }
    return buffer;
}

static void publish(crew_buffer **out, crew_buffer *buffer, size_t size)
{
    crew__store_relaxed(&buffer->references, 1); /* not shared yet */
    crew__store_relaxed(&buffer->size, size);    /* not shared yet */
    crew__census_born(CREW__CENSUS_BUFFER, buffer);
    *out = buffer;
}

static void read_options(crew_buffer *buffer,
                         const crew_buffer_options *options)
{
    buffer->max_size = options->max_size;
    buffer->huge_pages = options->huge_pages;
    if (options->alignment > 16)
        buffer->alignment = options->alignment;
}

int crew_buffer_create(crew_buffer **out, size_t size,
                       const crew_buffer_options *options)
{
    crew_buffer *buffer;
    int r;

    if (!out || size == 0 || (options && check_options(size, options) < 0))
        return -EINVAL;
    buffer = make();
    if (!buffer)
        return -ENOMEM;
    if (options)
        read_options(buffer, options);
    r = get_memory(buffer, size, options);
    if (r < 0) {
        give_memory_back(buffer);
        crew__memory_free(buffer);
        return r;
    }
    publish(out, buffer, size);
    return 0;
}

int crew_buffer_wrap(crew_buffer **out, void *data, size_t size,
                     void (*release)(void *data, void *arg), void *arg)
{
    crew_buffer *buffer;

    if (!out || !data || size == 0)
        return -EINVAL;
    buffer = make();
    if (!buffer)
        return -ENOMEM;
    buffer->data = data;
    buffer->release = release;
    buffer->arg = arg;
    publish(out, buffer, size);
    return 0;
}

/* ---- to another process and from it ---------------------------------------- */

int crew__buffer_share(const crew_buffer *buffer,
                       struct crew__buffer_share *out)
{
    if (buffer->fd < 0)
        return -ENOTSUP;
    *out = (struct crew__buffer_share){.fd = buffer->fd,
                                       .size = crew_buffer_size(buffer),
                                       .max_size = buffer->max_size,
                                       .alignment = buffer->alignment};
    return 0;
}

static bool makes_sense(const struct crew__buffer_share *share)
{
    return share->fd >= 0 && share->size > 0 && share->alignment >= 16 &&
           (share->alignment & (share->alignment - 1)) == 0 &&
           (share->max_size == 0 || share->max_size >= share->size);
}

/* On errors the descriptor is not the buffer's. */
static int adopt(crew_buffer *buffer, const struct crew__buffer_share *share)
{
    size_t most = share->max_size ? share->max_size : share->size;
    size_t actual;
    int r;

    if (share->alignment > SIZE_MAX / 4 || most > SIZE_MAX / 4)
        return -ENOMEM;
    r = crew__shared_check(share->fd, share->max_size != 0, &actual);
    if (r < 0 || actual < share->size)
        return -EPROTO;
    buffer->fd = share->fd;
    buffer->alignment = share->alignment;
    buffer->max_size = share->max_size;
    r = map_file(buffer, most);
    if (r < 0)
        buffer->fd = -1;
    else
        crew__shared_adopt(buffer->fd);
    return r;
}

int crew__buffer_receive(crew_buffer **out,
                         const struct crew__buffer_share *share)
{
    crew_buffer *buffer;
    int r;

    if (!makes_sense(share))
        return -EPROTO;
    buffer = make();
    if (!buffer)
        return -ENOMEM;
    r = adopt(buffer, share);
    if (r < 0) {
        give_memory_back(buffer);
        crew__memory_free(buffer);
        return r;
    }
    publish(out, buffer, share->size);
    return 0;
}

/* ---- use ------------------------------------------------------------------- */

void *crew_buffer_data(crew_buffer *buffer)
{
    return buffer ? buffer->data : NULL;
}

/* Another process may have made it larger. */
static size_t size_of_file(const crew_buffer *buffer, size_t known)
{
    size_t size;

    if (crew__shared_size(buffer->fd, &size) < 0)
        return known;
    return size < buffer->max_size ? size : buffer->max_size;
}

size_t crew_buffer_size(const crew_buffer *buffer)
{
    size_t size;

    if (!buffer)
        return 0;
    /* edge:buffer-size, acquire */
    size = (size_t)crew__load_acquire(&buffer->size);
    if (buffer->fd >= 0 && size < buffer->max_size)
        return size_of_file(buffer, size);
    return size;
}

static int grow_pages(crew_buffer *buffer, size_t size)
{
    size_t start = (size_t)((char *)buffer->data - (char *)buffer->mapping);

    return crew__memory_commit(buffer->mapping,
                               round_up(start + size, crew__memory_page()));
}

int crew_buffer_grow(crew_buffer *buffer, size_t size)
{
    size_t before;
    int r;

    if (!buffer)
        return -EINVAL;
    before = crew_buffer_size(buffer);
    if (!buffer->max_size)
        return -ENOTSUP;
    if (size < before)
        return -EINVAL;
    if (size > buffer->max_size)
        return -ENOMEM;
    r = buffer->fd < 0 ? grow_pages(buffer, size)
                       : crew__shared_grow(buffer->fd, size);
    if (r < 0)
        return r;
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

bool crew__buffer_has_others(const crew_buffer *buffer)
{
    return crew__load_relaxed(&buffer->references) > 1; /* a lone word */
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
    give_memory_back(buffer);
    crew__census_died(CREW__CENSUS_BUFFER, buffer);
    crew__memory_free(buffer);
}
