#include "scene.h"

#include <math.h>

/* The last quarter is black and see-through: on white it is white. */
struct pixel scene_quarters(unsigned x, unsigned y, unsigned width,
                            unsigned height)
{
    const int right = x * 2 >= width;
    const int low = y * 2 >= height;
    static const struct pixel quarters[2][2] = {
        {{200, 40, 40, 255}, {40, 160, 40, 255}},
        {{40, 40, 200, 255}, {0, 0, 0, 0}},
    };

    return quarters[low][right];
}

/* A hash of the place: noise that is the same everywhere. */
static double noise(unsigned x, unsigned y)
{
    uint32_t h = x * 2654435761u + y * 2246822519u;

    h ^= h >> 15;
    h *= 2246822519u;
    h ^= h >> 13;
    return (double)(h & 255) / 255 - 0.5;
}

static uint8_t clamp(double value)
{
    if (value < 0)
        return 0;
    return value > 255 ? 255 : (uint8_t)value;
}

struct pixel scene_photo(unsigned x, unsigned y, unsigned width,
                         unsigned height)
{
    const double u = (double)x / width, v = (double)y / height;
    const double wave = 50 * sin(9 * u + 5 * v * v);
    const double disc = hypot(u - 0.6, v - 0.4) < 0.2 ? 60 : 0;
    const double grain = 16 * noise(x, y);
    struct pixel pixel = {0, 0, 0, 255};

    pixel.r = clamp(110 + wave + disc + grain);
    pixel.g = clamp(120 + 60 * cos(7 * v) - disc + grain);
    pixel.b = clamp(90 + 90 * u - wave + grain);
    return pixel;
}

uint8_t scene_gray(struct pixel pixel)
{
    return (uint8_t)((pixel.r * 299 + pixel.g * 587 + pixel.b * 114) / 1000);
}
