/*
 * What programs are compiled with, and so cannot change within one SONAME:
 * sizes, places, values. Compiled as C and as C++.
 */
#include <crew/crew.h>

#include <string.h>

#if defined(__cplusplus)
#define SAME(name, is, expected) static_assert((is) == (expected), name)
#else
#define SAME(name, is, expected) _Static_assert((is) == (expected), name)
#endif

SAME("a task is 128 bytes for good", sizeof(crew_task), 128);
SAME("its words that change hands lie in its second half",
     offsetof(crew_task, reserved), 64);
SAME("a duration", sizeof(crew_ns), 8);
SAME("for ever", CREW_FOREVER, -1);
SAME("a millisecond", CREW_MS, 1000 * CREW_US);
SAME("a second", CREW_S, 1000 * CREW_MS);

SAME("zero is the default priority", CREW_NORMAL, 0);
SAME("zero is the default placement", CREW_PLACE_SPREAD, 0);
SAME("zero is the default way of being idle", CREW_IDLE_BALANCED, 0);
SAME("high", CREW_HIGH, 1);
SAME("low", CREW_LOW, 2);

SAME("reserved words of the inbox's options",
     sizeof(((crew_inbox_options *)0)->reserved), 8 * sizeof(uintptr_t));
SAME("reserved words of the pool's options",
     sizeof(((crew_pool_options *)0)->reserved), 8 * sizeof(uintptr_t));
SAME("reserved words of the group's options",
     sizeof(((crew_group_options *)0)->reserved), 7 * sizeof(uintptr_t));
SAME("reserved words of the buffer's options",
     sizeof(((crew_buffer_options *)0)->reserved), 8 * sizeof(uintptr_t));
SAME("reserved words of a call's options",
     sizeof(((crew_call_options *)0)->reserved), 8 * sizeof(uintptr_t));
SAME("a callable is closed for good", sizeof(crew_callable),
     2 * sizeof(void *));

SAME("a message", sizeof(crew_message), 64);
SAME("a listener", sizeof(crew_listener), 64);
SAME("reserved words of the channel's options",
     sizeof(((crew_channel_options *)0)->reserved), 6 * sizeof(uintptr_t));
SAME("reserved words of the hub's options",
     sizeof(((crew_hub_options *)0)->reserved), 8 * sizeof(uintptr_t));
SAME("reserved words of a lock's options",
     sizeof(((crew_lock_options *)0)->reserved), 4 * sizeof(uintptr_t));
SAME("zero is the default mode of a lock", CREW_LOCK_EXCLUSIVE, 0);
SAME("shared", CREW_LOCK_SHARED, 1);
SAME("zero refuses", CREW_FULL_REFUSE, 0);
SAME("dropping", CREW_FULL_DROP_OLDEST, 1);

int main(void)
{
    return strcmp(crew_version(), VERSION) != 0;
}
