/*
 * What broke once: sizes and alignments that nothing can have went to the
 * allocator, and one that is a sanitizer's ends the program for them.
 */
#include "../acceptance/mail.h"

static const size_t sizes[] = {SIZE_MAX,     SIZE_MAX - 8, SIZE_MAX / 2,
                               SIZE_MAX / 4, SIZE_MAX / 8, (size_t)1 << 42};

#define SIZES (sizeof sizes / sizeof *sizes)

CREW_TEST(messages_of_senseless_sizes_are_refused)
{
    struct pair pair = make_channel();
    crew_port *member = NULL;
    char byte = 0;

    check_equal(crew_hub_join(&member, "test/sizes", NULL), 0);
    for (unsigned i = 0; i < SIZES; i++) {
        crew_message message = {.bytes = &byte, .size = sizes[i]};

        check_equal(crew_post(pair.a, &message), -ENOMEM);
        check_equal(crew_post_wait(pair.a, &message, CREW_FOREVER), -ENOMEM);
        check_equal(crew_post(member, &message), -ENOMEM);
        check_equal(crew_environment_set("test/sizes", &message), -ENOMEM);
    }
    check_equal(post_tag(pair.a, 1), 0);
    check_equal(receive_tag(pair.b, 0), 1);
    crew_port_close(member);
    close_pair(pair);
}

static int sets(crew_self *self, crew_message *in, crew_message *out)
{
    (void)self;
    (void)in;
    for (unsigned i = 0; i < SIZES; i++)
        check_equal(crew_message_set(out, "x", sizes[i]), -ENOMEM);
    return 0;
}

static void count_end(const crew_result *result, void *arg)
{
    check_equal(result->status, 0);
    ++*(unsigned *)arg;
}

CREW_TEST(calls_of_senseless_sizes_are_refused)
{
    crew_pool *pool = make_pool(1);
    crew_inbox *inbox = make_inbox();
    crew_callable callable = {"test/sizes", sets};
    unsigned ends = 0;
    char byte = 0;

    for (unsigned i = 0; i < SIZES; i++) {
        crew_message message = {.bytes = &byte, .size = sizes[i]};

        check_equal(crew_call(NULL, pool, &callable, &message, NULL, inbox,
                              count_end, &ends),
                    -ENOMEM);
    }
    check_equal(
        crew_call(NULL, pool, &callable, NULL, NULL, inbox, count_end, &ends),
        0);
    check_equal(crew_inbox_run(inbox), 1);
    check_equal(ends, 1);
    end_all(pool, NULL, inbox);
}

static void take_scratch(crew_self *self, void *arg)
{
    char *memory;

    for (unsigned i = 0; i < SIZES; i++)
        check(crew_self_scratch(self, sizes[i]) == NULL);
    memory = crew_self_scratch(self, 100);
    check(memory != NULL);
    memset(memory, 1, 100);
    ++*(unsigned *)arg;
}

CREW_TEST(scratch_of_senseless_size_is_refused)
{
    crew_pool *pool = make_pool(1);
    unsigned taken = 0;

    check_equal(crew_pool_call(pool, take_scratch, &taken), 0);
    check_equal(crew_pool_drain(pool, CREW_FOREVER), 0);
    check_equal(taken, 1);
    check_equal(crew_pool_destroy(pool), 0);
}

CREW_TEST(buffers_of_senseless_sizes_are_refused)
{
    for (unsigned i = 0; i < SIZES; i++) {
        size_t power = (SIZE_MAX >> i) / 2 + 1;
        crew_buffer_options options = {.alignment = power};
        crew_buffer *buffer = NULL;

        check_equal(crew_buffer_create(&buffer, 1, &options), -ENOMEM);
        options = (crew_buffer_options){.max_size = sizes[i] & ~(size_t)7};
        if (i < 5)
            check_equal(crew_buffer_create(&buffer, 1, &options), -ENOMEM);
        check(buffer == NULL);
    }
}
