#include "fiber.h"

#include <stdint.h>
#include <stdlib.h>

#if defined(__x86_64__) || defined(__aarch64__)

/* Saves what a callee must keep, leaves the stack pointer in *save and goes on
 * where `load` was left. */
void crew_model_switch(void **save, void *load);

#if defined(__x86_64__)

__asm__(".text\n"
        ".globl crew_model_switch\n"
        ".hidden crew_model_switch\n"
        ".type crew_model_switch, @function\n"
        "crew_model_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size crew_model_switch, . - crew_model_switch\n");

/* Six registers, the return address, and a word that keeps the alignment
 * that a call leaves. */
enum { WORDS = 8, RETURN = 6 };

#else

__asm__(".text\n"
        ".globl crew_model_switch\n"
        ".hidden crew_model_switch\n"
        ".type crew_model_switch, %function\n"
        "crew_model_switch:\n"
        "    sub sp, sp, #160\n"
        "    stp x19, x20, [sp, #0]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    ret\n"
        ".size crew_model_switch, . - crew_model_switch\n");

enum { WORDS = 20, RETURN = 11 };

#endif

void fiber_make(struct fiber *fiber, void *stack, size_t size,
                void (*entry)(void))
{
    uintptr_t top = ((uintptr_t)stack + size) & ~(uintptr_t)63;
    uint64_t *sp = (uint64_t *)top - WORDS;

    for (unsigned i = 0; i < WORDS; i++)
        sp[i] = 0;
    sp[RETURN] = (uint64_t)(uintptr_t)entry;
    fiber->sp = sp;
}

void fiber_switch(struct fiber *from, struct fiber *to)
{
    crew_model_switch(&from->sp, to->sp);
}

#else

#include <ucontext.h>

static ucontext_t *context_of(struct fiber *fiber)
{
    if (!fiber->context && !(fiber->context = malloc(sizeof(ucontext_t))))
        abort();
    return fiber->context;
}

void fiber_make(struct fiber *fiber, void *stack, size_t size,
                void (*entry)(void))
{
    ucontext_t *context = context_of(fiber);

    getcontext(context);
    context->uc_stack.ss_sp = stack;
    context->uc_stack.ss_size = size;
    context->uc_link = NULL;
    makecontext(context, entry, 0);
}

void fiber_switch(struct fiber *from, struct fiber *to)
{
    swapcontext(context_of(from), context_of(to));
}

#endif
