// Steps through the kernels, and unwinds from each of their instructions.
#define _GNU_SOURCE
#include "kernels.h"
#include <signal.h>
#include <ucontext.h>
#include <unwind.h>

uint32_t counter_variable = 7;
uint64_t increment(uint64_t x) { return x + 1; }

// Calls a function with the trap flag set and known values in the registers that it must preserve.
uint64_t call_stepwise(void *function, uint64_t argument);
extern char returned[];
uint64_t frame;
__asm__(
    ".text\n"
    ".globl call_stepwise\n"
    "call_stepwise:\n"
    ".cfi_startproc\n"
    "    push %rbx; .cfi_adjust_cfa_offset 8\n"
    "    push %rbp; .cfi_adjust_cfa_offset 8\n"
    "    push %r12; .cfi_adjust_cfa_offset 8\n"
    "    push %r13; .cfi_adjust_cfa_offset 8\n"
    "    push %r14; .cfi_adjust_cfa_offset 8\n"
    "    push %r15; .cfi_adjust_cfa_offset 8\n"
    "    sub $8, %rsp; .cfi_adjust_cfa_offset 8\n"
    "    mov %rdi, %rax\n"
    "    mov %rsi, %rdi\n"
    "    movq $103, %rbx\n"
    "    movq $106, %rbp\n"
    "    movq $112, %r12\n"
    "    movq $113, %r13\n"
    "    movq $114, %r14\n"
    "    movq $115, %r15\n"
    "    mov %rsp, frame(%rip)\n"
    "    pushf\n"
    "    orl $0x100, (%rsp)\n"
    "    popf\n"
    "    call *%rax\n"
    "returned:\n"
    "    pushf\n"
    "    andl $~0x100, (%rsp)\n"
    "    popf\n"
    "    add $8, %rsp; .cfi_adjust_cfa_offset -8\n"
    "    pop %r15; .cfi_adjust_cfa_offset -8\n"
    "    pop %r14; .cfi_adjust_cfa_offset -8\n"
    "    pop %r13; .cfi_adjust_cfa_offset -8\n"
    "    pop %r12; .cfi_adjust_cfa_offset -8\n"
    "    pop %rbp; .cfi_adjust_cfa_offset -8\n"
    "    pop %rbx; .cfi_adjust_cfa_offset -8\n"
    "    ret\n"
    ".cfi_endproc\n");

static uint64_t stepped, unwound;
static uint64_t instruction;

// After the frame of the instruction comes that of the caller, with its registers.
static _Unwind_Reason_Code visit(struct _Unwind_Context *context, void *seen) {
    uint64_t *state = seen;
    if (*state == 1) {
        // Numbers of DWARF: rbx, rbp, r12 to r15.
        static const int registers[] = {3, 6, 12, 13, 14, 15};
        CHECK(_Unwind_GetIP(context) == (uint64_t)returned);
        CHECK(_Unwind_GetCFA(context) == frame);
        for (int i = 0; i < 6; i++) CHECK(_Unwind_GetGR(context, registers[i]) == (uint64_t)registers[i] + 100);
        unwound++;
        return _URC_NORMAL_STOP;
    }
    if (_Unwind_GetIP(context) == instruction) *state = 1;
    return _URC_NO_REASON;
}

static void trapped(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)info;
    instruction = ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    if (instruction < (uint64_t)power || instruction > (uint64_t)last) return;
    stepped++;
    int before = failures;
    uint64_t state = 0;
    _Unwind_Backtrace(visit, &state);
    CHECK(state == 1);
    if (failures > before) printf("at %#lx in the code\n", instruction - (uint64_t)power);
}

int main(void) {
    struct sigaction action = {0};
    action.sa_sigaction = trapped;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGTRAP, &action, 0);
    void *kernels[] = KERNELS;
    for (int i = 0; i < 12; i++) call_stepwise(kernels[i], 3);
    CHECK(stepped > 140 && unwound == stepped);
    printf("%lu instructions\n", stepped);
    return failures;
}
