#include "format.h"

#include <stdint.h>

unsigned jpeg_eighths(unsigned width, unsigned height, unsigned side)
{
    const uint64_t longest = width > height ? width : height;
    unsigned eighths = 1;

    while (eighths < 8 && longest * eighths / 8 < UINT64_C(2) * side)
        eighths *= 2;
    return eighths;
}
