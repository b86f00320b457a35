//! What is filled in later: labels, data, Rust constants and symbols; and the selection of forms
//! over virtual registers.

use peach_compiler::ir::{
    Base, Branch, BranchSize, DataId, Instruction, LabelId, Mem, Operand, Reg, RustConstId,
    RustSymId, VReg, View,
};
use peach_compiler::isa::{
    Class, Encoding, FeatureSet, Field, Mnemonic, PhysReg, SelectError, encode, gp, select,
};

fn inst<R>(name: &str, operands: Vec<Operand<R>>) -> Instruction<R> {
    Instruction::new(Mnemonic::parse(name).expect(name), operands)
}

fn gp64(reg: PhysReg) -> Operand<PhysReg> {
    Operand::Reg(View { reg, class: Class::Gp64 })
}

fn bytes(inst: &Instruction<PhysReg>, branch: BranchSize) -> Encoding {
    encode(inst, &FeatureSet::all(), branch).unwrap()
}

fn field(offset: u8, size: u8) -> Option<Field> {
    Some(Field { offset, size })
}

#[test]
fn branches_to_labels_have_the_length_asked_for() {
    let label = |size| Operand::Label(Branch { label: LabelId(0), size });
    for (name, short, near) in [("je", 2, 6), ("jmp", 2, 5), ("call", 5, 5), ("jrcxz", 2, 2)] {
        let open = inst(name, vec![label(None)]);
        for (size, length) in [(BranchSize::Short, short), (BranchSize::Near, near)] {
            let encoding = bytes(&open, size);
            assert_eq!(encoding.bytes.len(), length, "{name}");
            let width = if length == 2 { 1 } else { 4 };
            assert_eq!(encoding.branch, field(length as u8 - width, width));
            assert!(encoding.bytes[length - usize::from(width)..].iter().all(|&byte| byte == 0));
        }
    }
    let forced = inst("je", vec![label(Some(BranchSize::Near))]);
    assert_eq!(bytes(&forced, BranchSize::Short).bytes.len(), 6);
    let impossible = inst("jrcxz", vec![label(Some(BranchSize::Near))]);
    assert!(encode(&impossible, &FeatureSet::all(), BranchSize::Short).is_err());
    let begin = bytes(&inst("xbegin", vec![label(None)]), BranchSize::Short);
    assert_eq!((begin.bytes.len(), begin.branch), (6, field(2, 4)));
}

/// A RIP-relative displacement in front of an immediate: the field is not the last one.
#[test]
fn data_is_addressed_by_rip() {
    let data = Mem { size: Some(4), ..Mem::new(Base::Data(DataId(0)), 8) };
    let add = inst("add", vec![Operand::Mem(data), Operand::Imm(1)]);
    let encoding = bytes(&add, BranchSize::Short);
    assert_eq!(encoding.bytes, [0x83, 0x05, 0, 0, 0, 0, 1]);
    assert_eq!((encoding.disp, encoding.imm), (field(2, 4), None));
    let vector = Mem::new(Base::Data(DataId(0)), 0);
    let xmm = |num| Operand::Reg(View { reg: PhysReg::vector(num), class: Class::Xmm });
    let blend = inst("vblendvps", vec![xmm(1), xmm(2), Operand::Mem(vector), xmm(3)]);
    let encoding = bytes(&blend, BranchSize::Short);
    assert_eq!((encoding.bytes.len(), encoding.disp), (10, field(5, 4)));
}

#[test]
fn rust_constants_get_fields_of_full_width() {
    let constant = || Operand::RustConst(RustConstId(0));
    let rcx = || gp64(gp::RCX);
    for (name, operands, length, imm) in [
        ("mov", vec![rcx(), constant()], 10, field(2, 8)),
        ("add", vec![rcx(), constant()], 7, field(3, 4)),
        ("shl", vec![rcx(), constant()], 4, field(3, 1)),
        ("push", vec![constant()], 5, field(1, 4)),
        ("imul", vec![rcx(), rcx(), constant()], 7, field(3, 4)),
    ] {
        let encoding = bytes(&inst(name, operands), BranchSize::Short);
        assert_eq!((encoding.bytes.len(), encoding.imm), (length, imm), "{name}");
    }
    let base = Base::Reg(View { reg: gp::RDX, class: Class::Gp64 });
    let place = Mem { disp_const: Some(RustConstId(0)), ..Mem::new(base, 4) };
    let encoding = bytes(&inst("mov", vec![rcx(), Operand::Mem(place)]), BranchSize::Short);
    assert_eq!(encoding.bytes, [0x48, 0x8b, 0x8a, 0, 0, 0, 0]);
    assert_eq!(encoding.disp, field(3, 4));
}

#[test]
fn rust_symbols_are_addresses() {
    let symbol = || Operand::RustSym(RustSymId(0));
    let load = bytes(&inst("mov", vec![gp64(gp::R9), symbol()]), BranchSize::Short);
    assert_eq!((load.bytes.len(), load.imm), (10, field(2, 8)));
    let call = bytes(&inst("call", vec![symbol()]), BranchSize::Short);
    assert_eq!((call.bytes, call.imm), (vec![0xe8, 0, 0, 0, 0], field(1, 4)));
    let add = inst("add", vec![gp64(gp::R9), symbol()]);
    assert!(encode(&add, &FeatureSet::all(), BranchSize::Short).is_err());
}

fn virtual_reg(num: u32, class: Class) -> Operand<Reg> {
    Operand::Reg(View { reg: Reg::Virtual(VReg(num)), class })
}

#[test]
fn a_virtual_register_fits_where_a_fixed_one_is_demanded() {
    let all = FeatureSet::all();
    let shift = inst("shl", vec![virtual_reg(0, Class::Gp64), virtual_reg(1, Class::Gp8)]);
    let selection = select(&shift, &all).unwrap();
    assert!(selection.forms().iter().all(|form| form.operands()[1].registers.contains(1)));
    assert!(selection.forms().iter().all(|form| form.operands()[1].registers.len() == 1));
    // Any register will do here; the accumulator's own form comes last.
    let add = inst("add", vec![virtual_reg(0, Class::Gp32), Operand::Imm(1000)]);
    let forms = select(&add, &all).unwrap();
    assert_eq!(forms.forms()[0].operands()[0].registers.len(), 16);
    let xmm = |num| virtual_reg(num, Class::Xmm);
    let blend = select(&inst("blendvps", vec![xmm(0), xmm(1), xmm(2)]), &all).unwrap();
    assert!(blend.forms()[0].operands()[2].is_fixed);
}

#[test]
fn extensions_are_asked_for_form_by_form() {
    let xmm = |num| Operand::Reg(View { reg: PhysReg::vector(num), class: Class::Xmm });
    let low = inst("vpaddd", vec![xmm(1), xmm(2), xmm(3)]);
    let high = inst("vpaddd", vec![xmm(17), xmm(2), xmm(3)]);
    let avx2: FeatureSet =
        ["avx2"].iter().filter_map(|name| peach_compiler::isa::Feature::parse(name)).collect();
    assert!(select(&low, &avx2).is_ok());
    let Err(SelectError::MissingExtension(sets)) = select(&high, &avx2) else { panic!() };
    assert_eq!(sets[0].iter().map(|feature| feature.name()).collect::<Vec<_>>(), ["avx512vl"]);
}
