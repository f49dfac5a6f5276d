#include "base/mark.h"

#if defined(CREW_TESTING)

static uint64_t counts[CREW__MARK_COUNT];

static const char *const texts[CREW__MARK_COUNT] = {
#define CREW__MARK_TEXT(name, text) text,
    CREW__MARKS(CREW__MARK_TEXT)
#undef CREW__MARK_TEXT
};

void crew__mark(enum crew__mark_id id)
{
    __atomic_fetch_add(&counts[id], 1, __ATOMIC_RELAXED);
}

uint64_t crew__mark_count(enum crew__mark_id id)
{
    return __atomic_load_n(&counts[id], __ATOMIC_RELAXED);
}

const char *crew__mark_text(enum crew__mark_id id)
{
    return texts[id];
}

#else

/* A translation unit is not empty. */
extern const int crew__mark_unused;
const int crew__mark_unused = 0;

#endif
