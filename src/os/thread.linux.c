#include "base/fault.h"
#include "base/tunables.h"
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAME_BYTES 16 /* the kernel's limit, the NUL included */

/* initial-exec: one load, no call, no allocation, also when the library was
 * loaded by dlopen (the few bytes come from the static reserve). */
static _Thread_local void *current __attribute__((tls_model("initial-exec")));

static _Thread_local void *canceler __attribute__((tls_model("initial-exec")));

static _Thread_local unsigned calls __attribute__((tls_model("initial-exec")));

/* Its low three bits are free for who packs it: it points at a pointer. */
_Static_assert(_Alignof(void *) >= 8, "an identity has three free bits");

struct start {
    void (*entry)(void *);
    void *arg;
    char name[NAME_BYTES];
};

void *crew__thread_get(void)
{
    return current;
}

void crew__thread_set(void *what)
{
    current = what;
}

void *crew__thread_get_cancel(void)
{
    return canceler;
}

void crew__thread_set_cancel(void *cancel)
{
    canceler = cancel;
}

uintptr_t crew__thread_identity(void)
{
    return (uintptr_t)&current;
}

bool crew__thread_sample(void)
{
    return calls++ % CREW__SAMPLE_EVERY == 0;
}

int crew__thread_cpu(void)
{
    return sched_getcpu();
}

pid_t crew__thread_id(void)
{
    return (pid_t)syscall(SYS_gettid);
}

pid_t crew__process_id(void)
{
    return getpid();
}

void crew__thread_name(pid_t id, char out[16])
{
    char path[64];
    ssize_t n = -1;
    int fd;

    snprintf(path, sizeof path, "/proc/self/task/%d/comm", (int)id);
    fd = CREW__TRY(CREW__FAULT_FILE, open(path, O_RDONLY | O_CLOEXEC), -1);
    if (fd >= 0) {
        n = read(fd, out, 15);
        close(fd);
    }
    while (n > 0 && out[n - 1] == '\n')
        n--;
    out[n > 0 ? n : 0] = '\0';
}

int crew__thread_nice(void)
{
    return getpriority(PRIO_PROCESS, 0);
}

static crew_ns ns_of(struct timeval time)
{
    return (crew_ns)time.tv_sec * CREW_S + (crew_ns)time.tv_usec * CREW_US;
}

void crew__thread_cpu_time(crew_ns *user, crew_ns *system)
{
    struct timespec total;
    struct rusage usage;

    /* The sum is the clock's, which is finer, and others may have read. */
    getrusage(RUSAGE_THREAD, &usage);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &total);
    *system = ns_of(usage.ru_stime);
    *user = (crew_ns)total.tv_sec * CREW_S + total.tv_nsec - *system;
}

crew_ns crew__thread_cpu_time_of(const struct crew__thread *thread)
{
    struct timespec time;
    clockid_t clock;

    if (pthread_getcpuclockid((pthread_t)thread->handle, &clock) != 0 ||
        clock_gettime(clock, &time) != 0)
        return 0;
    return (crew_ns)time.tv_sec * CREW_S + time.tv_nsec;
}

size_t crew__thread_stack_min(void)
{
    long least = sysconf(_SC_THREAD_STACK_MIN);

    return least > 0 ? (size_t)least : (size_t)PTHREAD_STACK_MIN;
}

/* Keeps the number at the end: "photograph-decoder/12" -> "photograph-d/12". */
static void cut_name(char *out, const char *name)
{
    size_t length = strlen(name);
    const char *slash = strrchr(name, '/');
    size_t kept = slash ? strlen(slash) : 0;

    if (length < NAME_BYTES) {
        memcpy(out, name, length + 1);
        return;
    }
    if (kept > NAME_BYTES - 1)
        kept = NAME_BYTES - 1;
    memcpy(out, name, NAME_BYTES - 1 - kept);
    memcpy(out + NAME_BYTES - 1 - kept, name + length - kept, kept + 1);
}

static void *thread_main(void *arg)
{
    struct start start = *(struct start *)arg;

    crew__memory_free(arg);
    pthread_setname_np(pthread_self(), start.name);
    start.entry(start.arg);
    return NULL;
}

/* SCHED_OTHER, whatever the creator runs under: a real-time creator must not
 * make real-time workers that burn its cores. Where it is that already, it is
 * inherited, as a thread whose policy is set starts twice: it waits until its
 * creator has set it. */
static int set_policy(pthread_attr_t *attributes)
{
    struct sched_param parameters = {.sched_priority = 0};
    int r;

    if (sched_getscheduler(0) == SCHED_OTHER)
        return 0;
    r = pthread_attr_setinheritsched(attributes, PTHREAD_EXPLICIT_SCHED);
    if (!r)
        r = pthread_attr_setschedpolicy(attributes, SCHED_OTHER);
    if (!r)
        r = pthread_attr_setschedparam(attributes, &parameters);
    return r;
}

/* Nice is inherited by the kernel. The signal mask is set on the attribute, so
 * the creator's never changes. */
static int make_attributes(pthread_attr_t *attributes, size_t stack_bytes)
{
    sigset_t all;
    int r;

    r = CREW__TRY(CREW__FAULT_THREAD, pthread_attr_init(attributes), ENOMEM);
    if (r)
        return -r;
    sigfillset(&all);
    r = pthread_attr_setsigmask_np(attributes, &all);
    if (!r)
        r = set_policy(attributes);
    if (!r && stack_bytes)
        r = pthread_attr_setstacksize(attributes, stack_bytes);
    if (r)
        pthread_attr_destroy(attributes);
    return -r;
}

int crew__thread_start(struct crew__thread *thread,
                       const struct crew__thread_options *options,
                       void (*entry)(void *), void *arg)
{
    pthread_attr_t attributes;
    struct start *start;
    pthread_t handle;
    int r;

    r = make_attributes(&attributes, options->stack_bytes);
    if (r < 0)
        return r;
    start = crew__memory_zero(sizeof *start);
    if (!start) {
        pthread_attr_destroy(&attributes);
        return -ENOMEM;
    }
    start->entry = entry;
    start->arg = arg;
    cut_name(start->name, options->name);
    r = CREW__TRY(CREW__FAULT_THREAD,
                  pthread_create(&handle, &attributes, thread_main, start),
                  EAGAIN);
    pthread_attr_destroy(&attributes);
    if (r) {
        crew__memory_free(start);
        return -r;
    }
    thread->handle = (uintptr_t)handle;
    crew__census_born(CREW__CENSUS_THREAD, (void *)thread->handle);
    return 0;
}

void crew__thread_join(struct crew__thread *thread)
{
    pthread_join((pthread_t)thread->handle, NULL);
    crew__census_died(CREW__CENSUS_THREAD, (void *)thread->handle);
}
