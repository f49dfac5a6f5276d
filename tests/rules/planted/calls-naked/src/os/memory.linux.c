#include <stdlib.h>

/* malloc(8) in a comment, and "malloc(8)" in a literal, are none. */
const char *crew__memory_text = "malloc(8)";

void *crew__memory_get(void)
{
    void *first = CREW__TRY(CREW__FAULT_MALLOC, malloc(8), NULL);

    return first ? first : malloc(8);
}
