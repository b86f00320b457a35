# The code of the kernel `add`, as it is linked in without peach.
    .intel_syntax noprefix
    .text
    .p2align 6
    .globl linked_add
    .type linked_add, @function
linked_add:
    add rdi, rsi
    mov rax, rdi
    ret
    .size linked_add, . - linked_add
    .section .note.GNU-stack, "", @progbits
