/*
 * What a worker writes to a descriptor is the kernel's, and not relayed by
 * whoever started it: NI1, NI2, NI3.
 */
#include "workers.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINES = 1000, LINE = 8, MUCH = 1 << 20 };

struct ends {
    int in, out;
};

static struct ends make_pipe(void)
{
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    return (struct ends){.in = fds[1], .out = fds[0]};
}

static crew_message passed(const struct ends *ends)
{
    return (crew_message){.bytes = ends, .size = sizeof *ends};
}

/* The number of bytes until the end of the file, or `most`. */
static size_t read_all(int fd, char *bytes, size_t most)
{
    size_t sum = 0;
    ssize_t n = 1;

    while (sum < most && n > 0) {
        n = read(fd, bytes + sum, most - sum);
        check(n >= 0);
        sum += n > 0 ? (size_t)n : 0;
    }
    return sum;
}

static void write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);

        if (!check(n > 0))
            return;
        bytes += n;
        size -= (size_t)n;
    }
}

/* ---- lines just before the end ------------------------------------------- */

/* Fits into a pipe that nobody reads. */
static int writes_lines(crew_self *self, crew_message *start)
{
    const struct ends *ends = start->bytes;

    (void)self;
    for (unsigned i = 0; i < LINES; i++) {
        char line[LINE + 1];

        snprintf(line, sizeof line, "%07u\n", i);
        write_all(ends->in, line, LINE);
    }
    close(ends->in);
    return 0;
}

static void check_lines(int fd)
{
    static char bytes[LINES * LINE + 1];

    check_equal(read_all(fd, bytes, sizeof bytes), LINES * LINE);
    for (unsigned i = 0; i < LINES; i++)
        check_equal(strtoul(bytes + (size_t)i * LINE, NULL, 10), i);
    close(fd);
}

struct reader {
    int fd;
    unsigned exits;
};

static void read_in_exit(crew_worker *worker, const crew_exit *how, void *arg)
{
    struct reader *reader = arg;

    check_equal(how->code, 0);
    check_lines(reader->fd);
    reader->exits++;
    check_equal(crew_worker_destroy(worker), 0);
}

CREW_TEST(NI1_what_is_written_before_the_end_is_there_in_on_exit)
{
    struct ends ends = make_pipe();
    struct reader reader = {.fd = ends.out};
    crew_message start = passed(&ends);
    crew_inbox *inbox = make_inbox();
    crew_worker_options options = {.start = &start,
                                   .inbox = inbox,
                                   .on_exit = read_in_exit,
                                   .arg = &reader};
    crew_worker *worker;

    assert_int_equal(crew_worker_start(&worker, writes_lines, &options), 0);
    crew_inbox_run(inbox);
    check_equal(reader.exits, 1);
    check_equal(crew_inbox_destroy(inbox), 0);
}

CREW_TEST(NI3_output_comes_while_the_starters_loop_stands)
{
    struct ends ends = make_pipe();
    struct told heard = {.destroys = true};
    crew_message start = passed(&ends);
    crew_inbox *inbox = make_inbox();

    start_heard(writes_lines, inbox, &heard, &start);
    check_lines(ends.out); /* to the end, and no turn of the loop */
    check_equal(heard.count, 0);
    crew_inbox_run(inbox);
    check_text(heard.order, "ocx");
    check_equal(crew_inbox_destroy(inbox), 0);
}

/* ---- much, there and back ------------------------------------------------ */

static int copies(crew_self *self, crew_message *start)
{
    const struct ends *ends = start->bytes;
    char some[4096];
    ssize_t n;

    (void)self;
    while ((n = read(ends->out, some, sizeof some)) > 0)
        write_all(ends->in, some, (size_t)n);
    check_equal(n, 0);
    close(ends->out);
    close(ends->in);
    return 0;
}

struct writer {
    int fd;
    const char *bytes;
};

static int writes_much(crew_self *self, crew_message *start)
{
    const struct writer *writer = start->bytes;

    (void)self;
    write_all(writer->fd, writer->bytes, MUCH);
    close(writer->fd);
    return 0;
}

CREW_TEST(NI2_a_mebibyte_goes_through_a_worker_unchanged)
{
    struct ends there = make_pipe();
    struct ends back = make_pipe();
    struct ends of_copier = {.in = back.in, .out = there.out};
    crew_message start = passed(&of_copier);
    char *sent = malloc(MUCH);
    char *came = malloc(MUCH + 1);
    struct writer writer = {there.in, sent};
    crew_message writes = {.bytes = &writer, .size = sizeof writer};
    crew_worker *copier, *other;
    crew_exit how;

    assert_non_null(sent);
    assert_non_null(came);
    for (size_t i = 0; i < MUCH; i++)
        sent[i] = (char)(i * 31 + i / 251);
    copier = start_plain(copies, &start);
    other = start_plain(writes_much, &writes);
    check_equal(read_all(back.out, came, MUCH + 1), MUCH);
    check_equal(memcmp(sent, came, MUCH), 0);
    close(back.out);
    end_worker(copier, &how);
    check_equal(how.code, 0);
    end_worker(other, &how);
    free(sent);
    free(came);
}
