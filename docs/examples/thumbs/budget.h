/*
 * How much memory the images in flight may take together, by what their
 * headers promise, and how many there may be. One image that is larger than
 * the whole budget is let in when it is alone.
 */
#ifndef THUMBS_BUDGET_H
#define THUMBS_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct budget {
    uint64_t bytes, max_bytes;
    unsigned images, max_images;
};

/* Lets an image in, or says no: ask again after budget_give. */
bool budget_take(struct budget *budget, uint64_t bytes);
void budget_give(struct budget *budget, uint64_t bytes);

#endif
