/*
 * What is learned about words over all executions of a model: one that a
 * single thread touches, or nobody writes, is no reason to switch.
 */
#include "words.h"

#include "schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lesson {
    uintptr_t address;
    uint32_t threads;
    bool written;
    bool always;
};

static struct lesson lessons[SLOTS];
static unsigned lesson_count;

void model_lessons_forget(void)
{
    memset(lessons, 0, sizeof lessons);
    lesson_count = 0;
}

bool model_is_shared(uintptr_t address, bool write, bool always)
{
    unsigned i = model_hash(address);
    struct lesson *lesson;
    bool before;
    bool after;

    if (schedule_replays())
        return true;
    while (lessons[i].address && lessons[i].address != address)
        i = (i + 1) % SLOTS;
    lesson = &lessons[i];
    if (!lesson->address && ++lesson_count == SLOTS) {
        fprintf(stderr, "model: too many words\n");
        abort();
    }
    lesson->address = address;
    before = lesson->always ||
             (lesson->threads & (lesson->threads - 1) && lesson->written);
    lesson->threads |= UINT32_C(1) << model_self();
    lesson->written = lesson->written || write;
    lesson->always = lesson->always || always;
    after = lesson->always ||
            (lesson->threads & (lesson->threads - 1) && lesson->written);
    if (before != after)
        model_begin_again();
    return after;
}
