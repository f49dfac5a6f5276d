/* Errors in words, and the version. */
#include "support.h"

#include <crew/base.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

CREW_TEST(every_error_of_the_contract_has_words_of_its_own)
{
    static const int errors[] = {
        EINVAL,  ENOMEM, EAGAIN,   ECANCELED,  ETIMEDOUT, EPIPE, EBUSY,
        ENOTSUP, EPROTO, ECHILD,   EOWNERDEAD, ESHUTDOWN, E2BIG, EALREADY,
        EDEADLK, ENOENT, EMSGSIZE, EMFILE,     0,
    };
    const char *unknown = crew_strerror(-99999);
    const size_t n = sizeof errors / sizeof errors[0];

    for (size_t i = 0; i < n; i++) {
        const char *text = crew_strerror(-errors[i]);

        assert_non_null(text);
        check_at_least(strlen(text), 3);
        check(strcmp(text, unknown) != 0);
        check(text == crew_strerror(-errors[i])); /* static */
        for (size_t j = 0; j < i; j++)
            check(strcmp(text, crew_strerror(-errors[j])) != 0);
    }
    check_equal(strcmp(crew_strerror(0), "success"), 0);
}

CREW_TEST(whatever_is_given_is_worded)
{
    static const int values[] = {INT_MIN, INT_MIN + 1, -4096, -4095,  -1,
                                 1,       42,          4096,  INT_MAX};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_non_null(crew_strerror(values[i]));
        check_at_least(strlen(crew_strerror(values[i])), 3);
    }
}

CREW_TEST(the_version_is_that_of_the_library)
{
    assert_string_equal(crew_version(), "0.1.0");
}
