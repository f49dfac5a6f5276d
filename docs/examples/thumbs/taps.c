#include "taps.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static const double lobes = 3;
static const double pi = 3.14159265358979323846;

static double sinc(double x)
{
    return x == 0 ? 1 : sin(pi * x) / (pi * x);
}

static double lanczos(double x)
{
    return fabs(x) < lobes ? sinc(x) * sinc(x / lobes) : 0;
}

/* The exact weights become whole numbers that add up to one; what rounding
 * leaves over goes to the largest. */
static void round_weights(const double *exact, double sum, unsigned count,
                          int16_t *weights)
{
    const int one = 1 << TAPS_BITS;
    unsigned i, largest = 0;
    int left = one;

    for (i = 0; i < count; i++) {
        weights[i] = (int16_t)lrint(exact[i] / sum * one);
        left -= weights[i];
        if (weights[i] > weights[largest])
            largest = i;
    }
    weights[largest] = (int16_t)(weights[largest] + left);
}

/* Pixels outside the image are not made up: those inside weigh more. */
static void fill(struct taps *taps, double scale, unsigned in, unsigned i,
                 double *exact)
{
    const double center = ((double)i + 0.5) * scale - 0.5;
    const double start = ceil(center - lobes * scale);
    unsigned first = start > 0 ? (unsigned)start : 0;
    double sum = 0;
    unsigned t;

    if (first + taps->count > in)
        first = in - taps->count;
    for (t = 0; t < taps->count; t++) {
        exact[t] = lanczos(((double)(first + t) - center) / scale);
        sum += exact[t];
    }
    taps->first[i] = first;
    round_weights(exact, sum, taps->count,
                  taps->weights + (size_t)i * taps->count);
}

int taps_create(struct taps *taps, uint32_t length, unsigned in, unsigned out)
{
    const double scale = (double)length / 256 / out;
    double *exact;
    unsigned i;

    taps->count = (unsigned)(2 * lobes * scale) + 1;
    if (taps->count > in)
        taps->count = in;
    taps->first = calloc(out, sizeof *taps->first);
    taps->weights = calloc((size_t)out * taps->count, sizeof *taps->weights);
    exact = calloc(taps->count, sizeof *exact);
    if (!taps->first || !taps->weights || !exact) {
        free(exact);
        taps_destroy(taps);
        return -ENOMEM;
    }
    for (i = 0; i < out; i++)
        fill(taps, scale, in, i, exact);
    free(exact);
    return 0;
}

void taps_destroy(struct taps *taps)
{
    free(taps->first);
    free(taps->weights);
    taps->first = NULL;
    taps->weights = NULL;
}
