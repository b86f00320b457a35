//! The size before the memory of a gather or scatter: GNU as, NASM and newer LLVM name an element,
//! MASM and LLVM up to 20 the vector that is gathered.

use crate::isa::{Bank, Instruction, Operand, Register, View};

/// Removes the size of a whole vector before memory with a vector as index: the form has the
/// element's.
pub fn forget_vector_size<R: Register>(inst: &mut Instruction<R>) {
    let is_vector = |view: View<R>| view.class.bank() == Bank::Vector;
    let registers = inst.operands.iter().filter_map(|operand| match operand {
        Operand::Reg(view) => Some(*view),
        _ => None,
    });
    let sizes: Vec<u32> =
        registers.filter(|view| is_vector(*view)).map(|view| view.class.bytes()).collect();
    for operand in &mut inst.operands {
        if let Operand::Mem(mem) = operand
            && mem.index.is_some_and(|(index, _)| is_vector(index))
            && mem.size.is_some_and(|size| sizes.contains(&size))
        {
            mem.size = None;
        }
    }
}
