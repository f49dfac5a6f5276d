#include "probe.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "draft.h"
#include "failure.h"
#include "source.h"
#include "stop.h"
#include "strips.h"

enum {
    MAX_MIB = 1024,            /* what one image may need; more is refused */
    DECODER_BYTES = 384 * 1024 /* buffers of a decoder, whatever the image */
};

/* What the headers say. */
struct header {
    unsigned width, height;
    unsigned channels;     /* as stored */
    bool held;             /* interlaced PNG, progressive JPEG: something
                                 of the size of the image is in memory */
    uint64_t coefficients; /* of a JPEG */
};

/* The file that is looked at. */
struct probe {
    int fd;
    uint64_t bytes;
    struct failure failure;
};

static int read_at(struct probe *probe, uint64_t offset, uint8_t *to,
                   size_t size)
{
    ssize_t n;

    do
        n = pread(probe->fd, to, size, (off_t)offset);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return fail_errno(&probe->failure, -errno, "cannot read");
    if ((size_t)n < size)
        return fail(&probe->failure, -ENODATA,
                    "truncated: the file ends in its header");
    return 0;
}

static unsigned big16(const uint8_t *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

static unsigned big32(const uint8_t *bytes)
{
    return big16(bytes) << 16 | big16(bytes + 2);
}

static int read_png(struct probe *probe, struct header *header)
{
    static const uint8_t channels[7] = {1, 0, 3, 1, 2, 0, 4};
    uint8_t bytes[29]; /* signature, then the IHDR chunk */
    int r = read_at(probe, 0, bytes, sizeof bytes);

    if (r < 0)
        return r;
    if (memcmp(bytes + 12, "IHDR", 4) != 0 || bytes[25] > 6 ||
        channels[bytes[25]] == 0)
        return fail(&probe->failure, -EILSEQ, "broken PNG: no header");
    header->width = big32(bytes + 16);
    header->height = big32(bytes + 20);
    /* A palette becomes RGBA at most. */
    header->channels = bytes[25] == 3 ? 4u : channels[bytes[25]];
    header->held = bytes[28] != 0;
    return 0;
}

static bool is_frame(unsigned marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 &&
           marker != 0xc8 && marker != 0xcc;
}

/* The frame header: precision, height, width, then 3 bytes per component. */
static int read_frame(struct probe *probe, unsigned marker, uint64_t offset,
                      struct header *header)
{
    uint8_t bytes[6 + 3 * 4];
    unsigned i, h, v, h_max = 1, v_max = 1;
    uint64_t blocks = 0;
    int r = read_at(probe, offset, bytes, sizeof bytes);

    if (r < 0)
        return r;
    header->height = big16(bytes + 1);
    header->width = big16(bytes + 3);
    header->channels = bytes[5] < 4 ? bytes[5] : 4;
    header->held = marker % 4 == 2; /* C2, C6, CA, CE: progressive */
    for (i = 0; i < header->channels; i++) {
        h = bytes[7 + i * 3] >> 4;
        v = bytes[7 + i * 3] & 15;
        h_max = h > h_max ? h : h_max;
        v_max = v > v_max ? v : v_max;
        blocks += h * v;
    }
    /* Blocks are in groups of h_max x v_max; each has 64 coefficients. */
    header->coefficients = (uint64_t)(header->width / (8 * h_max) + 1) *
                           (header->height / (8 * v_max) + 1) * blocks * 64;
    return 0;
}

/* Goes from marker to marker until the one with the size. */
static int read_jpeg(struct probe *probe, struct header *header)
{
    uint64_t offset = 2;
    uint8_t bytes[4];
    int r;

    for (;;) {
        r = read_at(probe, offset, bytes, sizeof bytes);
        if (r < 0)
            return r;
        if (bytes[0] != 0xff || bytes[1] == 0xd9 || bytes[1] == 0xda)
            return fail(&probe->failure, -EILSEQ, "broken JPEG: no size");
        if (bytes[1] == 0xff || bytes[1] == 0x01 || (bytes[1] & 0xf8) == 0xd0) {
            offset += bytes[1] == 0xff ? 1 : 2; /* a fill byte; no content */
            continue;
        }
        if (is_frame(bytes[1]))
            return read_frame(probe, bytes[1], offset + 4, header);
        offset += 2 + big16(bytes + 2);
    }
}

static int read_header(struct probe *probe, enum format *format,
                       struct header *header)
{
    static const uint8_t png[4] = {0x89, 'P', 'N', 'G'};
    static const uint8_t jpeg[3] = {0xff, 0xd8, 0xff};
    uint8_t bytes[4];

    if (probe->bytes < sizeof bytes ||
        read_at(probe, 0, bytes, sizeof bytes) < 0 ||
        (memcmp(bytes, png, sizeof png) != 0 &&
         memcmp(bytes, jpeg, sizeof jpeg) != 0))
        return fail(&probe->failure, -EILSEQ, "neither a JPEG nor a PNG");
    *format = bytes[0] == png[0] ? FORMAT_PNG : FORMAT_JPEG;
    if (*format == FORMAT_PNG)
        return read_png(probe, header);
    return read_jpeg(probe, header);
}

static uint64_t estimate_memory(const struct header *header, enum format format,
                                unsigned side)
{
    const bool png = format == FORMAT_PNG;
    const unsigned eighths = png ? 8
                                 : jpeg_eighths(header->width, header->height,
                                                side);
    struct draft draft;
    uint64_t memory;

    /* Layouts differ here only in the size of a pixel. */
    draft_choose(&draft, header->channels == 4 ? LAYOUT_RGBA : LAYOUT_RGB,
                 header->width, header->height, eighths, side);
    memory = DECODER_BYTES + draft_memory(&draft) +
             strips_memory(&draft.area, png && header->held);
    if (!png)
        memory += header->held ? header->coefficients * 2
                               : (uint64_t)draft.area.in_width * 64;
    return memory;
}

/*
 * How long decoding takes, in about nanoseconds: measured over photographs,
 * only the order matters. Packed bytes cost more than pixels in a JPEG, much
 * more in a progressive one, which is gone through several times.
 */
static uint64_t estimate_cost(const struct header *header, enum format format,
                              uint64_t bytes)
{
    const uint64_t pixels = (uint64_t)header->width * header->height;

    if (format == FORMAT_PNG)
        return pixels * header->channels * 6 + bytes * 10;
    if (header->held)
        return header->coefficients * 12 + bytes * 27;
    return header->coefficients * 2 + bytes * 20;
}

static int describe(struct probe *probe, struct image *image, unsigned side)
{
    struct header header = {0};
    int r = read_header(probe, &image->format, &header);

    if (r < 0)
        return r;
    if (header.width == 0 || header.height == 0)
        return fail(&probe->failure, -EILSEQ, "broken: it has no pixels");
    if (header.width > AREA_MAX_SIDE || header.height > AREA_MAX_SIDE)
        return fail(&probe->failure, -EFBIG, "too large: %u x %u pixels",
                    header.width, header.height);
    image->width = header.width;
    image->height = header.height;
    image->cost = estimate_cost(&header, image->format, probe->bytes);
    image->memory = estimate_memory(&header, image->format, side);
    if (image->memory >> 20 >= MAX_MIB)
        return fail(&probe->failure, -EFBIG,
                    "too large: decoding takes %llu MiB of memory",
                    (unsigned long long)(image->memory >> 20));
    return 0;
}

int probe_image(struct image *image, unsigned side, crew_self *self)
{
    struct probe probe = {0};
    struct stat info;

    if (image->reason)
        return 0;
    if (stop_wanted(self))
        return -ECANCELED;
    probe.fd = source_open_file(image->path, &info, &probe.failure);
    if (probe.fd >= 0) {
        probe.bytes = (uint64_t)info.st_size;
        image->device = info.st_dev;
        image->inode = info.st_ino;
        describe(&probe, image, side);
        close(probe.fd);
    }
    if (probe.failure.text[0] != '\0')
        catalog_fail(image, probe.failure.text);
    return 0;
}
