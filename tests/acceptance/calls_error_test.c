/* What is told of a call that fails: R5. */
#include "calls.h"

static int fail_with_text(crew_self *self, crew_message *in, crew_message *out)
{
    char text[512];
    int r;

    memcpy(text, in->bytes, in->size + 1);
    check_equal(crew_message_set(out, "so far", 6), 0);
    r = crew_self_fail(self, -EIO, text);
    memset(text, 0, sizeof text);
    check_equal(crew_self_fail(self, -EPERM, "the second one"), -EPERM);
    check_equal(crew_self_canceled(self), -EIO);
    return r == -EIO ? 7 : 0; /* overruled */
}

CREW_TEST(R5_error_and_text_arrive)
{
    char text[501] = "";

    for (size_t size = 0; size < sizeof text; size += 50) {
        struct told told = await_end();
        crew_message in = text_message(text);

        call_and_wait(fail_with_text, &in, &told);
        check_equal(told.status, -EIO);
        check(told.has_text);
        check_equal(strcmp(told.text, text), 0);
        check_equal(strcmp(told.bytes, "so far"), 0);
        for (size_t i = size; i < size + 50 && i < sizeof text - 1; i++)
            text[i] = (char)('a' + i % 26);
    }
}

static int fail_without_text(crew_self *self, crew_message *in,
                             crew_message *out)
{
    (void)in;
    (void)out;
    crew_self_fail(self, -EIO, NULL);
    return crew_self_fail(self, -EPERM, "too late");
}

CREW_TEST(R5_an_error_without_text_has_none)
{
    struct told told = await_end();

    call_and_wait(fail_without_text, NULL, &told);
    check_equal(told.status, -EIO);
    check(!told.has_text);
}

static void fail_there(unsigned index, void *arg)
{
    char text[200];

    memset(text, 'a' + (int)index, sizeof text - 1);
    text[sizeof text - 1] = '\0';
    crew_self_fail(arg, -100 - (int)index, text);
}

static int fail_on_threads(crew_self *self, crew_message *in, crew_message *out)
{
    (void)in;
    (void)out;
    test_threads(4, fail_there, self);
    return 0;
}

CREW_TEST(R5_the_first_of_several_threads_is_told)
{
    for (unsigned i = 0; i < 20; i++) {
        struct told told = await_end();

        call_and_wait(fail_on_threads, NULL, &told);
        check(told.status <= -100 && told.status > -104);
        check_equal(told.text[0], 'a' - told.status - 100);
        check_equal(strlen(told.text), 199);
        check_equal(told.text[198], told.text[0]);
    }
}
