#include "os/sim_fiber.h"

#if defined(CREW_STEPS)

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#endif
#if defined(__SANITIZE_THREAD__) || defined(CREW_SIM_TSAN)
#define TSAN 1
#endif

#if defined(ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define LEAST_STACK (512u * 1024)
#else
#define LEAST_STACK (64u * 1024)
#endif
#if defined(TSAN)
#include <sanitizer/tsan_interface.h>
#endif

/* ---- the switch itself ------------------------------------------------- */

#if defined(__x86_64__)

/*
 * Pushes what the callee saves (and the modes of both floating point units),
 * leaves the stack pointer in *save, and goes on where `load` was left.
 */
void sim_switch(void **save, void *load);
__asm__(".text\n"
        ".p2align 4\n"
        ".globl sim_switch\n"
        ".hidden sim_switch\n"
        ".type sim_switch, @function\n"
        "sim_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    subq $8, %rsp\n"
        "    stmxcsr (%rsp)\n"
        "    fnstcw 4(%rsp)\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    ldmxcsr (%rsp)\n"
        "    fldcw 4(%rsp)\n"
        "    addq $8, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size sim_switch, . - sim_switch\n");

/* The words that sim_switch pops, from the stack pointer up. */
enum { MODES, R15, R14, R13, R12, RBX, RBP, RETURN, WORDS };

#define MODES_AT_START UINT64_C(0x037f00001f80)

static void prepare(struct sim_context *context, void (*first)(void))
{
    uint64_t *top = (uint64_t *)(void *)(context->stack->low +
                                         context->stack->size);
    uint64_t *sp = top - 1 - WORDS; /* a call finds rsp 8 off 16 */

    for (unsigned i = 0; i < 1 + WORDS; i++)
        sp[i] = 0;
    sp[MODES] = MODES_AT_START;
    sp[RETURN] = (uint64_t)(uintptr_t)first;
    context->sp = sp;
}

static void jump(struct sim_context *from, struct sim_context *to)
{
    sim_switch(&from->sp, to->sp);
}

static void unprepare(struct sim_context *context)
{
    (void)context;
}

__attribute__((no_sanitize("address"))) unsigned
sim_context_trace(const struct sim_context *context, void **out, unsigned most)
{
    const uint64_t *sp = context->sp;
    const uint64_t *frame = (const uint64_t *)(uintptr_t)sp[RBP];
    const uint64_t *top;
    unsigned n = 0;

    if (!context->stack)
        return 0;
    top = (const uint64_t *)(const void *)(context->stack->low +
                                           context->stack->size);
    if (n < most)
        out[n++] = (void *)(uintptr_t)sp[RETURN];
    /* The library is built with frame pointers here. */
    while (n < most && frame > sp && frame < top - 2 && frame[1]) {
        out[n++] = (void *)(uintptr_t)frame[1];
        if ((const uint64_t *)(uintptr_t)frame[0] <= frame)
            break;
        frame = (const uint64_t *)(uintptr_t)frame[0];
    }
    return n;
}

#else

#include <ucontext.h>

static void prepare(struct sim_context *context, void (*first)(void))
{
    ucontext_t *u = malloc(sizeof *u);

    if (!u)
        abort();
    getcontext(u);
    u->uc_stack.ss_sp = context->stack->low;
    u->uc_stack.ss_size = context->stack->size;
    u->uc_link = NULL;
    makecontext(u, first, 0);
    context->ucontext = u;
}

static void jump(struct sim_context *from, struct sim_context *to)
{
    if (!from->ucontext && !(from->ucontext = malloc(sizeof(ucontext_t))))
        abort();
    swapcontext(from->ucontext, to->ucontext);
}

static void unprepare(struct sim_context *context)
{
    free(context->ucontext);
}

unsigned sim_context_trace(const struct sim_context *context, void **out,
                           unsigned most)
{
    (void)context;
    (void)out;
    (void)most;
    return 0;
}

#endif

/* ---- stacks, kept from run to run -------------------------------------- */

static struct sim_stack *kept;

static struct sim_stack *map_stack(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct sim_stack *stack = malloc(sizeof *stack);
    char *low;

    if (!stack)
        return NULL;
    low = mmap(NULL, size + page, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (low == MAP_FAILED || mprotect(low, page, PROT_NONE) < 0) {
        free(stack);
        return NULL;
    }
    stack->low = low + page;
    stack->size = size;
    return stack;
}

#if defined(TSAN)

/* What lay on a stack before must be forgotten, so it is mapped anew. */
static void keep_stack(struct sim_stack *stack)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    munmap(stack->low - page, stack->size + page);
    free(stack);
}

#else

static void keep_stack(struct sim_stack *stack)
{
    stack->next = kept;
    kept = stack;
}

#endif

static struct sim_stack *take_stack(size_t bytes)
{
    struct sim_stack **at = &kept;
    struct sim_stack *stack;

    bytes = (bytes + 65535) / 65536 * 65536;
    if (bytes < LEAST_STACK)
        bytes = LEAST_STACK;
    while (*at && (*at)->size != bytes)
        at = &(*at)->next;
    stack = *at;
    if (!stack)
        return map_stack(bytes);
    *at = stack->next;
#if defined(ASAN)
    ASAN_UNPOISON_MEMORY_REGION(stack->low, stack->size);
#endif
    return stack;
}

/* ---- contexts ---------------------------------------------------------- */

static struct sim_context *running; /* the one that was switched to */
static struct sim_context *left;    /* the one that was switched from */

static void arrive(void)
{
#if defined(ASAN)
    __sanitizer_finish_switch_fiber(running->fake_stack,
                                    left ? &left->asan_low : NULL,
                                    left ? &left->asan_size : NULL);
#endif
}

static void first_function(void)
{
    arrive();
    running->entry(running->arg);
    abort(); /* entry never returns */
}

void sim_context_root(struct sim_context *root)
{
    *root = (struct sim_context){.sp = NULL};
#if defined(TSAN)
    root->tsan = __tsan_get_current_fiber();
#endif
}

bool sim_context_make(struct sim_context *context, size_t stack_bytes,
                      void (*entry)(void *), void *arg)
{
    *context = (struct sim_context){.sp = NULL};
    context->stack = take_stack(stack_bytes);
    if (!context->stack)
        return false;
    context->entry = entry;
    context->arg = arg;
    context->asan_low = context->stack->low;
    context->asan_size = context->stack->size;
#if defined(TSAN)
    context->tsan = __tsan_create_fiber(0);
#endif
    prepare(context, first_function);
    return true;
}

void sim_context_free(struct sim_context *context)
{
    unprepare(context);
#if defined(TSAN)
    __tsan_destroy_fiber(context->tsan);
#endif
    keep_stack(context->stack);
    context->stack = NULL;
}

void sim_context_release(void *address)
{
#if defined(TSAN)
    __tsan_release(address);
#else
    (void)address;
#endif
}

void sim_context_acquire(void *address)
{
#if defined(TSAN)
    __tsan_acquire(address);
#else
    (void)address;
#endif
}

void sim_context_switch(struct sim_context *from, struct sim_context *to,
                        bool last)
{
    running = to;
    left = from;
#if defined(ASAN)
    __sanitizer_start_switch_fiber(last ? NULL : &from->fake_stack,
                                   to->asan_low, to->asan_size);
#endif
#if defined(TSAN)
    __tsan_switch_to_fiber(to->tsan, __tsan_switch_to_fiber_no_sync);
#endif
    (void)last;
    jump(from, to);
    arrive();
}

#else

/* A translation unit is not empty. */
extern const int crew__sim_fiber_unused;
const int crew__sim_fiber_unused = 0;

#endif
