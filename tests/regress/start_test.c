/*
 * What broke once: a worker's main that freed its start message, as it would any
 * other, was answered by a second free when it returned.
 */
#include "../acceptance/workers.h"

/* Larger than what is used again. */
static const char text[1000] = "start";

static crew_message make_start(crew_buffer **buffer, unsigned *releases)
{
    *buffer = make_counted(releases);
    return (crew_message){.bytes = text,
                          .size = sizeof text,
                          .buffers = buffer,
                          .buffer_count = 1};
}

static unsigned releases;

static int frees(crew_self *self, crew_message *start)
{
    (void)self;
    crew_message_free(start);
    check_equal(releases, 1);
    return 0;
}

CREW_TEST(a_main_may_free_its_start_message)
{
    crew_buffer *buffer;
    crew_message start = make_start(&buffer, &releases);

    end_worker(start_plain(frees, &start), NULL);
    check_equal(releases, 1);
}

static crew_message *kept;

static int keeps(crew_self *self, crew_message *start)
{
    (void)self;
    crew_message_keep(start);
    kept = start;
    return 0;
}

CREW_TEST(a_main_may_keep_its_start_message)
{
    crew_buffer *buffer;
    crew_message start = make_start(&buffer, &releases);

    end_worker(start_plain(keeps, &start), NULL);
    check_equal(releases, 0);
    check_equal(kept->size, sizeof text);
    check_equal(kept->buffer_count, 1);
    check_text(kept->bytes, text);
    crew_message_free(kept);
    check_equal(releases, 1);
}
