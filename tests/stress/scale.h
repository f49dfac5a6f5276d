/*
 * How much smaller a count is under a sanitizer, where everything takes longer:
 * SCALED(1000000) is a million in an ordinary build.
 */
#ifndef CREW_TESTS_SCALE_H
#define CREW_TESTS_SCALE_H

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif

#if defined(UNDER_TSAN)
#define SCALED(n) ((n) / 20 + 1)
#elif defined(UNDER_ASAN)
#define SCALED(n) ((n) / 5 + 1)
#else
#define SCALED(n) (n)
#endif

/* A stack that is `n` bytes in an ordinary build; sanitizers use more, and
 * keep words of their own in it. */
#if defined(UNDER_TSAN) || defined(UNDER_ASAN)
#define SCALED_STACK(n) ((n)*16)
#else
#define SCALED_STACK(n) (n)
#endif

#endif
