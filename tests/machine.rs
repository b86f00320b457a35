//! The register harness itself, tried on hand-written code.

use peach_testing::executable::Executable;
use peach_testing::machine::Machine;

#[test]
fn registers_survive_an_empty_function() {
    let code = Executable::new(&[0xC3]);
    let before = Machine::poisoned(1);
    let mut after = before.clone();
    // SAFETY: the code is a `ret`.
    unsafe { after.call(code.start()) };
    for reg in (0..16).filter(|reg| *reg != 4) {
        assert_eq!(before.gp[reg], after.gp[reg], "register {reg}");
    }
    let (count, bytes) = before.vector_shape();
    for reg in 0..count {
        let lanes = bytes / 8;
        assert_eq!(before.vectors[reg].0[..lanes], after.vectors[reg].0[..lanes], "vector {reg}");
    }
    assert_eq!(before.stack, after.stack);
}

#[test]
fn changes_are_seen() {
    // lea rax, [rdi + rsi]; mov rdx, [rsp + 8]; xorps xmm3, xmm3; stc; ret
    let code = [0x48, 0x8D, 0x04, 0x37, 0x48, 0x8B, 0x54, 0x24, 0x08, 0x0F, 0x57, 0xDB, 0xF9, 0xC3];
    let code = Executable::new(&code);
    let before = Machine::poisoned(2);
    let mut after = before.clone();
    // SAFETY: the code reads its registers and its first stack slot.
    unsafe { after.call(code.start()) };
    assert_eq!(after.gp[0], before.gp[7].wrapping_add(before.gp[6]));
    assert_eq!(after.gp[2], before.stack[0]);
    assert_eq!(after.vectors[3].0[..2], [0, 0]);
    assert_eq!(after.flags & 1, 1);
}
