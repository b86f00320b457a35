// Calls every kernel, walks the stack through their frames, steps through them and unwinds from each of
// their instructions: with the unwinder of the system.
#include "kernels.h"
#include <windows.h>

uint32_t counter_variable = 7;

// Whether `increment` looks for its caller's caller on the stack.
static int walks = 0;
static uint64_t found = 0;
extern char returned[];

static void walk(void);

uint64_t increment(uint64_t x) {
    if (walks) walk();
    return x + 1;
}

// Calls a function with known values in all registers that it must preserve; stepwise, if asked.
uint64_t call_with_values(void *function, uint64_t argument, uint64_t flags);
uint64_t frame;
__asm__(
    ".section .text\n"
    ".globl call_with_values\n"
    ".seh_proc call_with_values\n"
    "call_with_values:\n"
    "    push %rbx; .seh_pushreg %rbx\n"
    "    push %rbp; .seh_pushreg %rbp\n"
    "    push %rsi; .seh_pushreg %rsi\n"
    "    push %rdi; .seh_pushreg %rdi\n"
    "    push %r12; .seh_pushreg %r12\n"
    "    push %r13; .seh_pushreg %r13\n"
    "    push %r14; .seh_pushreg %r14\n"
    "    push %r15; .seh_pushreg %r15\n"
    "    sub $200, %rsp; .seh_stackalloc 200\n"
    "    movaps %xmm6, 32(%rsp); .seh_savexmm %xmm6, 32\n"
    "    movaps %xmm7, 48(%rsp); .seh_savexmm %xmm7, 48\n"
    "    movaps %xmm8, 64(%rsp); .seh_savexmm %xmm8, 64\n"
    "    movaps %xmm9, 80(%rsp); .seh_savexmm %xmm9, 80\n"
    "    movaps %xmm10, 96(%rsp); .seh_savexmm %xmm10, 96\n"
    "    movaps %xmm11, 112(%rsp); .seh_savexmm %xmm11, 112\n"
    "    movaps %xmm12, 128(%rsp); .seh_savexmm %xmm12, 128\n"
    "    movaps %xmm13, 144(%rsp); .seh_savexmm %xmm13, 144\n"
    "    movaps %xmm14, 160(%rsp); .seh_savexmm %xmm14, 160\n"
    "    movaps %xmm15, 176(%rsp); .seh_savexmm %xmm15, 176\n"
    "    .seh_endprologue\n"
    "    mov %rcx, %rax\n"
    "    mov %rdx, %rcx\n"
    "    mov $103, %rbx; mov $105, %rbp; mov $106, %rsi; mov $107, %rdi\n"
    "    mov $112, %r12; mov $113, %r13; mov $114, %r14; mov $115, %r15\n"
    "    movq %rbx, %xmm6; movq %rbp, %xmm7; movq %rsi, %xmm8; movq %rdi, %xmm9; movq %r12, %xmm10\n"
    "    movq %r13, %xmm11; movq %r14, %xmm12; movq %r15, %xmm13; movq %rbx, %xmm14; movq %rbp, %xmm15\n"
    "    mov %rsp, frame(%rip)\n"
    "    pushf\n"
    "    or %r8, (%rsp)\n"
    "    popf\n"
    "    call *%rax\n"
    "returned:\n"
    "    pushf\n"
    "    andl $~0x100, (%rsp)\n"
    "    popf\n"
    "    mov %rax, %rcx\n"
    "    xor %edx, %edx\n"
    "    cmp $103, %rbx; jne 1f; cmp $105, %rbp; jne 1f; cmp $106, %rsi; jne 1f; cmp $107, %rdi; jne 1f\n"
    "    cmp $112, %r12; jne 1f; cmp $113, %r13; jne 1f; cmp $114, %r14; jne 1f; cmp $115, %r15; jne 1f\n"
    "    movq %xmm6, %rax; cmp %rax, %rbx; jne 1f; movq %xmm15, %rax; cmp %rax, %rbp; jne 1f\n"
    "    movq %xmm7, %rax; cmp %rax, %rbp; jne 1f; movq %xmm9, %rax; cmp %rax, %rdi; jne 1f\n"
    "    inc %edx\n"
    "1:  mov %edx, preserved(%rip)\n"
    "    mov %rcx, %rax\n"
    "    movaps 32(%rsp), %xmm6; movaps 48(%rsp), %xmm7; movaps 64(%rsp), %xmm8; movaps 80(%rsp), %xmm9\n"
    "    movaps 96(%rsp), %xmm10; movaps 112(%rsp), %xmm11; movaps 128(%rsp), %xmm12\n"
    "    movaps 144(%rsp), %xmm13; movaps 160(%rsp), %xmm14; movaps 176(%rsp), %xmm15\n"
    "    add $200, %rsp\n"
    "    pop %r15; pop %r14; pop %r13; pop %r12; pop %rdi; pop %rsi; pop %rbp; pop %rbx\n"
    "    ret\n"
    ".seh_endproc\n");
uint32_t preserved;

// Leaves the frame that `context` is in.
static void leave(CONTEXT *context) {
    DWORD64 base, establisher;
    void *handler_data;
    RUNTIME_FUNCTION *entry = RtlLookupFunctionEntry(context->Rip, &base, NULL);
    if (entry) {
        RtlVirtualUnwind(UNW_FLAG_NHANDLER, base, context->Rip, entry, context, &handler_data, &establisher, NULL);
    } else {
        context->Rip = *(DWORD64 *)context->Rsp;
        context->Rsp += 8;
    }
}

// In the frame of `call_with_values`, with its registers.
static void check_caller(const CONTEXT *c) {
    CHECK(c->Rip == (uint64_t)returned);
    CHECK(c->Rsp == frame);
    CHECK(c->Rbx == 103 && c->Rbp == 105 && c->Rsi == 106 && c->Rdi == 107);
    CHECK(c->R12 == 112 && c->R13 == 113 && c->R14 == 114 && c->R15 == 115);
    CHECK(c->Xmm6.Low == 103 && c->Xmm7.Low == 105 && c->Xmm8.Low == 106 && c->Xmm9.Low == 107);
    CHECK(c->Xmm10.Low == 112 && c->Xmm11.Low == 113 && c->Xmm12.Low == 114 && c->Xmm13.Low == 115);
    CHECK(c->Xmm14.Low == 103 && c->Xmm15.Low == 105);
}

// From a function that a kernel calls.
static void walk(void) {
    CONTEXT context;
    RtlCaptureContext(&context);
    for (int depth = 0; depth < 10; depth++) {
        leave(&context);
        if (context.Rip == (uint64_t)returned) {
            found++;
            check_caller(&context);
            break;
        }
    }
    void *frames[20];
    int count = RtlCaptureStackBackTrace(0, 20, frames, NULL), is_there = 0;
    for (int i = 0; i < count; i++) is_there |= frames[i] == (void *)returned;
    CHECK(is_there);
}

static uint64_t stepped = 0;

// From where to where there are kernels. In sections of their own they are in an order of the
// linker's, and where the last one ends is not known: it is not stepped through.
static uint64_t low = ~(uint64_t)0, high = 0;

static void find_kernels(void **kernels, int count) {
    for (int i = 0; i < count; i++) {
        uint64_t start = (uint64_t)kernels[i];
        if (start < low) low = start;
        if (start > high) high = start;
    }
#ifndef SCATTERED
    high = (uint64_t)last + 1;
#endif
}

// From the instruction that comes next.
static LONG CALLBACK trapped(EXCEPTION_POINTERS *exception) {
    if (exception->ExceptionRecord->ExceptionCode != EXCEPTION_SINGLE_STEP) return EXCEPTION_CONTINUE_SEARCH;
    CONTEXT *at = exception->ContextRecord;
    if (at->Rip >= low && at->Rip < high) {
        stepped++;
        int before = failures;
        CONTEXT context = *at;
        leave(&context);
        check_caller(&context);
        if (failures > before) printf("at %#llx in the code\n", at->Rip - low);
    }
    if (at->Rip != (uint64_t)returned) at->EFlags |= 0x100;
    return EXCEPTION_CONTINUE_EXECUTION;
}

int main(void) {
    check_all();
    void *kernels[] = KERNELS;
    walks = 1;
    for (int i = 0; i < 6; i++) {
        call_with_values(kernels[i], 3, 0);
        CHECK(preserved);
    }
    CHECK(found == 9);
    walks = 0;
    find_kernels(kernels, 12);
    AddVectoredExceptionHandler(1, trapped);
    for (int i = 0; i < 12; i++) {
        call_with_values(kernels[i], 3, 0x100);
        CHECK(preserved);
    }
    CHECK(stepped > 140);
    printf("%llu instructions\n", stepped);
    return failures;
}
