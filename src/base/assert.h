/*
 * Three strengths of assertion:
 *   crew__guard         guards memory; traps in every build.
 *   crew__assert        what only the library can break; debug and testing
 *                       builds say where, and with what state, and abort.
 *   crew__assert_slow   what is costly to check; testing builds only.
 */
#ifndef CREW_BASE_ASSERT_H
#define CREW_BASE_ASSERT_H

#include <stdint.h>

#define crew__guard(condition) \
    do { \
        if (__builtin_expect(!(condition), 0)) \
            __builtin_trap(); \
    } while (0)

#if defined(CREW_TESTING) || defined(CREW_DEBUG)
void crew__assert_fail(const char *file, int line, const char *text,
                       uint64_t state) __attribute__((noreturn));
/* `state` is the word that explains the failure. */
#define crew__assert_state(condition, state) \
    ((condition) ? (void)0 \
                 : crew__assert_fail(__FILE__, __LINE__, #condition, \
                                     (uint64_t)(state)))
#else
#define crew__assert_state(condition, state) \
    ((void)sizeof(condition), (void)sizeof(state))
#endif
#define crew__assert(condition) crew__assert_state(condition, 0)

#if defined(CREW_TESTING)
#define crew__assert_slow(condition) crew__assert(condition)
#else
#define crew__assert_slow(condition) ((void)sizeof(condition))
#endif

#endif
