//! A walk over the bytes of a kernel: every register that may hold an address is followed as a
//! number, and every access to memory is compared with the lowest one before it.

use super::PAGE;
use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};

/// Linux before 5.0 grows a stack for accesses down to here below the stack pointer and no further
/// (`bad_area_nosemaphore` in `arch/x86/mm/fault.c`).
const BELOW_POINTER: u64 = 65536 + 32 * 8;

/// Where the stack pointer is on entry, below a multiple of a large power of two: just after the
/// start of a page, in the middle, at its end.
const ENTRIES: [u64; 4] = [8, 24, 2056, 4088];

/// Walks the code with the stack pointer at several places of a page.
pub fn check(code: &[u8], source: &str) {
    for entry in ENTRIES {
        Walk::new(code, (1 << 40) - entry).run(source);
    }
}

struct Walk<'a> {
    code: &'a [u8],
    registers: [Option<u64>; 16],
    lowest: u64,
    equal: bool,
}

impl<'a> Walk<'a> {
    /// The call has touched the return address.
    fn new(code: &'a [u8], rsp: u64) -> Walk<'a> {
        let mut registers = [None; 16];
        registers[Register::RSP.number()] = Some(rsp);
        Walk { code, registers, lowest: rsp, equal: false }
    }

    fn run(&mut self, source: &str) {
        let mut at = 0;
        loop {
            let mut decoder = Decoder::with_ip(64, self.code, 0, DecoderOptions::NONE);
            decoder.set_position(at).expect("within the code");
            decoder.set_ip(at as u64);
            let inst = decoder.decode();
            assert!(!inst.is_invalid(), "{source}: no instruction at {at}");
            at = match inst.mnemonic() {
                Mnemonic::Ret => return,
                Mnemonic::Jne if !self.equal => inst.near_branch_target() as usize,
                _ => decoder.position(),
            };
            self.step(&inst, source);
        }
    }

    fn get(&self, register: Register) -> Option<u64> {
        self.registers[register.full_register().number()]
    }

    fn set(&mut self, register: Register, value: Option<u64>) {
        self.registers[register.full_register().number()] = value;
    }

    fn rsp(&self) -> u64 {
        self.get(Register::RSP).expect("the stack pointer is known")
    }

    fn step(&mut self, inst: &Instruction, source: &str) {
        let value = |walk: &Self, operand| match inst.op_kind(operand) {
            OpKind::Register => walk.get(inst.op_register(operand)),
            OpKind::Memory => None,
            _ => Some(inst.immediate(operand)),
        };
        let address = self.get(inst.memory_base()).map(|base| {
            assert_eq!(inst.memory_index(), Register::None, "{source}: {inst}");
            base.wrapping_add(inst.memory_displacement64())
        });
        match inst.mnemonic() {
            Mnemonic::Push => self.push(source),
            Mnemonic::Call => {
                self.push(source);
                self.set(Register::RSP, Some(self.rsp() + 8));
            }
            Mnemonic::Pop => {
                self.set(inst.op0_register(), None);
                self.set(Register::RSP, Some(self.rsp() + 8));
            }
            Mnemonic::Leave => {
                let base = self.get(Register::RBP).expect("a base");
                self.set(Register::RSP, Some(base + 8));
            }
            Mnemonic::Lea => self.set(inst.op0_register(), address),
            Mnemonic::Cmp => self.equal = value(self, 0) == value(self, 1),
            Mnemonic::Test | Mnemonic::Movaps | Mnemonic::Mov if address.is_some() => {
                self.touch(address.expect("just asked"), source, inst);
            }
            Mnemonic::Mov => self.set(inst.op0_register(), value(self, 1)),
            Mnemonic::Sub | Mnemonic::Add | Mnemonic::And => {
                let (a, b) = (value(self, 0), value(self, 1));
                let result = a.zip(b).map(|(a, b)| match inst.mnemonic() {
                    Mnemonic::Sub => a.wrapping_sub(b),
                    Mnemonic::Add => a.wrapping_add(b),
                    _ => a & b,
                });
                self.set(inst.op0_register(), result);
            }
            Mnemonic::Xorps | Mnemonic::Jne | Mnemonic::Ret => {}
            other => panic!("{source}: {other:?} is new here"),
        }
    }

    fn push(&mut self, source: &str) {
        let rsp = self.rsp() - 8;
        self.set(Register::RSP, Some(rsp));
        self.touch(rsp, source, &Instruction::default());
    }

    fn touch(&mut self, address: u64, source: &str, inst: &Instruction) {
        assert!(
            address + PAGE as u64 > self.lowest,
            "{source}: `{inst}` is {} bytes below what has been touched",
            self.lowest - address
        );
        assert!(
            address + BELOW_POINTER >= self.rsp(),
            "{source}: `{inst}` is {} bytes below the stack pointer",
            self.rsp() - address
        );
        self.lowest = self.lowest.min(address);
    }
}
