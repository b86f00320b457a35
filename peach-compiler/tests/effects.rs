//! Effects of instructions that have been got wrong before, in shipped assemblers or in the tables
//! underneath, each written out from the manuals.

use peach_compiler::isa::{
    Access, Constraints, Control, Effects, FeatureSet, Flags, Hazard, Lanes, PhysReg, RegSet,
    VectorMode, X87Effect, constraints, effects, gp, parse_line, select,
};

fn of(line: &str) -> Effects<PhysReg> {
    let inst = parse_line(line).expect(line);
    let selection = select(&inst, &FeatureSet::all()).expect(line);
    effects(&inst, &selection)
}

/// Bytes as ranges: `0-3,8`.
fn ranges(lanes: Lanes) -> String {
    let has = |n: u32| n < 64 && lanes.0 >> n & 1 == 1;
    let mut list = Vec::new();
    let mut start = 0;
    while start < 64 {
        if has(start) {
            let end = (start..).find(|&n| !has(n + 1)).expect("there are only 64");
            list.push(if start == end { format!("{start}") } else { format!("{start}-{end}") });
            start = end;
        }
        start += 1;
    }
    list.join(",")
}

fn show(access: &Access<PhysReg>) -> String {
    let mut text = format!("{:?}", access.reg);
    let parts = [
        (" reads ", access.read),
        (" writes ", access.write),
        (" may write ", access.may_write),
        (" zeroes ", access.zeroed),
    ];
    for (what, lanes) in parts.into_iter().filter(|(_, lanes)| !lanes.is_empty()) {
        text.push_str(what);
        text.push_str(&ranges(lanes));
    }
    text
}

fn registers(line: &str) -> String {
    let mut list: Vec<_> = of(line).regs.iter().map(show).collect();
    list.sort();
    list.join("; ")
}

#[test]
fn registers_by_lane() {
    let mut wrong = 0;
    for (line, expected) in CASES {
        let found = registers(line);
        if found != *expected {
            wrong += 1;
            eprintln!("    (\"{line}\", \"{found}\"),");
        }
    }
    assert_eq!(wrong, 0);
}

#[rustfmt::skip]
const CASES: &[(&str, &str)] = &[
    ("mov eax, ebx", "rax writes 0-7 zeroes 4-7; rbx reads 0-3"),
    ("mov al, bl", "rax writes 0; rbx reads 0"),
    ("mov ah, bl", "rax writes 1; rbx reads 0"),
    ("mov ax, 0x100", "rax writes 0-1 zeroes 0"),
    ("xor eax, eax", "rax writes 0-7 zeroes 0-7"),
    ("xor al, al", "rax writes 0 zeroes 0"),
    ("sub rcx, rcx", "rcx writes 0-7 zeroes 0-7"),
    ("sbb eax, eax", "rax writes 0-7 zeroes 4-7"),
    ("and rdx, 0", "rdx writes 0-7 zeroes 0-7"),
    ("or ecx, -1", "rcx writes 0-7 zeroes 4-7"),
    ("cmp rax, rax", ""),
    ("imul rax, rbx, 0", "rax writes 0-7 zeroes 0-7"),
    ("movzx eax, bl", "rax writes 0-7 zeroes 1-7; rbx reads 0"),
    ("setc al", "rax writes 0"),
    ("cmovz eax, ebx", "rax writes 4-7 may write 0-3 zeroes 4-7; rbx reads 0-3"),
    ("cmovz rax, rbx", "rax may write 0-7; rbx reads 0-7"),
    ("bsf eax, ebx", "rax may write 0-7; rbx reads 0-3"),
    ("tzcnt eax, ebx", "rax writes 0-7 zeroes 1-7; rbx reads 0-3"),
    ("lea eax, [rbx + rcx*4]", "rax writes 0-7 zeroes 4-7; rbx reads 0-3; rcx reads 0-3"),
    ("mul rbx", "rax reads 0-7 writes 0-7; rbx reads 0-7; rdx writes 0-7"),
    ("mul bl", "rax reads 0 writes 0-1; rbx reads 0"),
    ("imul ebx", "rax reads 0-3 writes 0-7 zeroes 4-7; rbx reads 0-3; rdx writes 0-7 zeroes 4-7"),
    ("div ecx", "rax reads 0-3 writes 0-7 zeroes 4-7; rcx reads 0-3; rdx reads 0-3 writes 0-7 zeroes 4-7"),
    ("idiv rcx", "rax reads 0-7 writes 0-7; rcx reads 0-7; rdx reads 0-7 writes 0-7"),
    ("cqo", "rax reads 0-7; rdx writes 0-7"),
    ("cdqe", "rax reads 0-3 writes 0-7"),
    ("cpuid", "rax reads 0-3 writes 0-7 zeroes 4-7; rbx writes 0-7 zeroes 4-7; rcx reads 0-3 writes 0-7 zeroes 4-7; rdx writes 0-7 zeroes 4-7"),
    ("rdtsc", "rax writes 0-7 zeroes 4-7; rdx writes 0-7 zeroes 4-7"),
    ("cmpxchg [rdi], ecx", "rax reads 0-3 may write 0-7; rcx reads 0-3; rdi reads 0-7"),
    ("cmpxchg16b [rdi]", "rax reads 0-7 may write 0-7; rbx reads 0-7; rcx reads 0-7; rdi reads 0-7; rdx reads 0-7 may write 0-7"),
    ("xchg rax, rbx", "rax reads 0-7 writes 0-7; rbx reads 0-7 writes 0-7"),
    ("xadd [rdi], eax", "rax reads 0-3 writes 0-7 zeroes 4-7; rdi reads 0-7"),
    ("shl rax, cl", "rax reads 0-7 writes 0-7; rcx reads 0"),
    ("shlx rax, rbx, rcx", "rax writes 0-7; rbx reads 0-7; rcx reads 0"),
    ("push rax", "rax reads 0-7"),
    ("pop rax", "rax writes 0-7"),
    ("movsb", "rdi reads 0-7 writes 0-7; rsi reads 0-7 writes 0-7"),
    ("rep movsb", "rcx reads 0-7 may write 0-7; rdi reads 0-7 may write 0-7; rsi reads 0-7 may write 0-7"),
    ("rep stosd", "rax reads 0-3; rcx reads 0-7 may write 0-7; rdi reads 0-7 may write 0-7"),
    ("lodsq", "rax writes 0-7; rsi reads 0-7 writes 0-7"),
    ("scasb", "rax reads 0; rdi reads 0-7 writes 0-7"),
    ("xlatb", "rax reads 0 writes 0; rbx reads 0-7"),
    ("syscall", "r11 writes 0-7; rcx writes 0-7"),
    ("movss xmm1, xmm2", "zmm1 writes 0-3; zmm2 reads 0-3"),
    ("movss xmm1, [rdi]", "rdi reads 0-7; zmm1 writes 0-15 zeroes 4-15"),
    ("movsd xmm1, xmm2", "zmm1 writes 0-7; zmm2 reads 0-7"),
    ("movsd [rdi], xmm2", "rdi reads 0-7; zmm2 reads 0-7"),
    ("movlps xmm1, [rdi]", "rdi reads 0-7; zmm1 writes 0-7"),
    ("movhps [rdi], xmm1", "rdi reads 0-7; zmm1 reads 8-15"),
    ("movhlps xmm1, xmm2", "zmm1 writes 0-7; zmm2 reads 8-15"),
    ("movlhps xmm1, xmm2", "zmm1 writes 8-15; zmm2 reads 0-7"),
    ("movd xmm1, eax", "rax reads 0-3; zmm1 writes 0-15 zeroes 4-15"),
    ("movq xmm1, xmm2", "zmm1 writes 0-15 zeroes 8-15; zmm2 reads 0-7"),
    ("sqrtss xmm1, xmm2", "zmm1 writes 0-3; zmm2 reads 0-3"),
    ("addss xmm1, xmm2", "zmm1 reads 0-3 writes 0-3; zmm2 reads 0-3"),
    ("cvtsi2sd xmm1, rax", "rax reads 0-7; zmm1 writes 0-7"),
    ("cvtss2sd xmm1, xmm2", "zmm1 writes 0-7; zmm2 reads 0-3"),
    ("cvtpd2ps xmm1, xmm2", "zmm1 writes 0-15 zeroes 8-15; zmm2 reads 0-15"),
    ("roundsd xmm1, xmm2, 3", "zmm1 writes 0-7; zmm2 reads 0-7"),
    ("vcvtsi2sd xmm1, xmm1, rax", "rax reads 0-7; zmm1 writes 0-7,16-63 zeroes 16-63"),
    ("vcvtsi2sd xmm1, xmm2, rax", "rax reads 0-7; zmm1 writes 0-63 zeroes 16-63; zmm2 reads 8-15"),
    ("vaddsd xmm1, xmm2, xmm3", "zmm1 writes 0-63 zeroes 16-63; zmm2 reads 0-15; zmm3 reads 0-7"),
    ("vaddsd xmm1, xmm1, xmm3", "zmm1 reads 0-7 writes 0-7,16-63 zeroes 16-63; zmm3 reads 0-7"),
    ("vsqrtss xmm1, xmm2, xmm3", "zmm1 writes 0-63 zeroes 16-63; zmm2 reads 4-15; zmm3 reads 0-3"),
    ("vmovss xmm1, xmm2, xmm3", "zmm1 writes 0-63 zeroes 16-63; zmm2 reads 4-15; zmm3 reads 0-3"),
    ("vfmadd231sd xmm1, xmm2, xmm3", "zmm1 reads 0-7 writes 0-7,16-63 zeroes 16-63; zmm2 reads 0-7; zmm3 reads 0-7"),
    ("vfmaddsd xmm1, xmm2, xmm3, xmm4", "zmm1 writes 0-63 zeroes 8-63; zmm2 reads 0-7; zmm3 reads 0-7; zmm4 reads 0-7"),
    ("insertps xmm1, xmm2, 0x9c", "zmm1 writes 4-15 zeroes 8-15; zmm2 reads 8-11"),
    ("vinsertps xmm1, xmm2, xmm3, 0x9c", "zmm1 writes 0-63 zeroes 8-63; zmm2 reads 0-3; zmm3 reads 8-11"),
    ("pinsrb xmm1, eax, 3", "rax reads 0; zmm1 writes 3"),
    ("pextrw eax, xmm1, 5", "rax writes 0-7 zeroes 4-7; zmm1 reads 10-11"),
    ("blendps xmm1, xmm2, 6", "zmm1 writes 4-11; zmm2 reads 4-11"),
    ("vblendpd ymm1, ymm2, ymm3, 5", "zmm1 writes 0-63 zeroes 32-63; zmm2 reads 8-15,24-31; zmm3 reads 0-7,16-23"),
    ("blendvps xmm1, xmm2, xmm0", "zmm0 reads 3,7,11,15; zmm1 may write 0-15; zmm2 reads 0-15"),
    ("pshufd xmm1, xmm2, 0", "zmm1 writes 0-15; zmm2 reads 0-3"),
    ("shufps xmm1, xmm2, 0xe4", "zmm1 reads 0-7 writes 0-15; zmm2 reads 8-15"),
    ("vperm2f128 ymm1, ymm2, ymm3, 0x81", "zmm1 writes 0-63 zeroes 16-63; zmm2 reads 16-31"),
    ("vpermq ymm1, ymm2, 0x55", "zmm1 writes 0-63 zeroes 32-63; zmm2 reads 8-15"),
    ("palignr xmm1, xmm2, 4", "zmm1 reads 0-3 writes 0-15; zmm2 reads 4-15"),
    ("psrldq xmm1, 12", "zmm1 reads 12-15 writes 0-15 zeroes 4-15"),
    ("dpps xmm1, xmm2, 0xf1", "zmm1 reads 0-15 writes 0-15 zeroes 4-15; zmm2 reads 0-15"),
    ("pclmulqdq xmm1, xmm2, 0x11", "zmm1 reads 8-15 writes 0-15; zmm2 reads 8-15"),
    ("punpckhqdq xmm1, xmm2", "zmm1 reads 8-15 writes 0-15; zmm2 reads 8-15"),
    ("pmovzxbw xmm1, xmm2", "zmm1 writes 0-15; zmm2 reads 0-7"),
    ("pcmpeqd xmm1, xmm1", "zmm1 writes 0-15"),
    ("pxor xmm1, xmm1", "zmm1 writes 0-15 zeroes 0-15"),
    ("vpxor xmm1, xmm2, xmm2", "zmm1 writes 0-63 zeroes 0-63"),
    ("vpxord zmm1{k1}, zmm2, zmm2", "k1 reads 0-1; zmm1 may write 0-63"),
    ("vpxord zmm1{k1}{z}, zmm2, zmm2", "k1 reads 0-1; zmm1 writes 0-63 zeroes 0-63"),
    ("vpternlogd zmm1, zmm2, zmm3, 0xff", "zmm1 writes 0-63"),
    ("vpternlogd zmm1, zmm2, zmm3, 0xcc", "zmm1 writes 0-63; zmm2 reads 0-63"),
    ("vpcmpeqd k1, zmm2, zmm2", "k1 writes 0-7"),
    ("kxorw k1, k2, k2", "k1 writes 0-7 zeroes 0-7"),
    ("vcmptrueps ymm1, ymm2, ymm3", "zmm1 writes 0-63 zeroes 32-63"),
    ("subps xmm1, xmm1", "zmm1 reads 0-15 writes 0-15"),
    ("phsubd xmm1, xmm1", "zmm1 reads 0-15 writes 0-15"),
    ("vaddps ymm1, ymm2, ymm3", "zmm1 writes 0-63 zeroes 32-63; zmm2 reads 0-31; zmm3 reads 0-31"),
    ("vaddps zmm1{k1}, zmm2, zmm3", "k1 reads 0-1; zmm1 may write 0-63; zmm2 reads 0-63; zmm3 reads 0-63"),
    ("vaddps xmm1{k1}{z}, xmm2, xmm3", "k1 reads 0; zmm1 writes 0-63 zeroes 16-63; zmm2 reads 0-15; zmm3 reads 0-15"),
    ("vfmadd231ps ymm1{k2}{z}, ymm2, ymm3", "k2 reads 0; zmm1 reads 0-31 writes 0-63 zeroes 32-63; zmm2 reads 0-31; zmm3 reads 0-31"),
    ("vpblendmd zmm1{k1}, zmm2, zmm3", "k1 reads 0-1; zmm1 writes 0-63; zmm2 reads 0-63; zmm3 reads 0-63"),
    ("vcvtpd2ps ymm1{k1}, zmm2", "k1 reads 0; zmm1 writes 32-63 may write 0-31 zeroes 32-63; zmm2 reads 0-63"),
    ("vextractf128 xmm1, ymm2, 1", "zmm1 writes 0-63 zeroes 16-63; zmm2 reads 16-31"),
    ("vinserti128 ymm1, ymm1, xmm2, 1", "zmm1 writes 16-63 zeroes 32-63; zmm2 reads 0-15"),
    ("vpgatherdd ymm1, [rax + ymm2*4], ymm3", "rax reads 0-7; zmm1 writes 32-63 may write 0-31 zeroes 32-63; zmm2 reads 0-31; zmm3 reads 3,7,11,15,19,23,27,31 writes 0-63 zeroes 0-63"),
    ("vgatherdpd zmm1{k1}, [rax + ymm2*8]", "k1 reads 0 writes 0-7 zeroes 0-7; rax reads 0-7; zmm1 may write 0-63; zmm2 reads 0-31"),
    ("vpscatterqd [rax + zmm2*4]{k3}, ymm1", "k3 reads 0 writes 0-7 zeroes 0-7; rax reads 0-7; zmm1 reads 0-31; zmm2 reads 0-63"),
    ("vp2intersectd k2, zmm1, zmm2", "k2 writes 0-7; k3 writes 0-7; zmm1 reads 0-63; zmm2 reads 0-63"),
    ("v4fmaddps zmm1, zmm4, [rax]", "rax reads 0-7; zmm1 reads 0-63 writes 0-63; zmm4 reads 0-63; zmm5 reads 0-63; zmm6 reads 0-63; zmm7 reads 0-63"),
    ("vzeroupper", "zmm0 writes 16-63 zeroes 16-63; zmm1 writes 16-63 zeroes 16-63; zmm10 writes 16-63 zeroes 16-63; zmm11 writes 16-63 zeroes 16-63; zmm12 writes 16-63 zeroes 16-63; zmm13 writes 16-63 zeroes 16-63; zmm14 writes 16-63 zeroes 16-63; zmm15 writes 16-63 zeroes 16-63; zmm2 writes 16-63 zeroes 16-63; zmm3 writes 16-63 zeroes 16-63; zmm4 writes 16-63 zeroes 16-63; zmm5 writes 16-63 zeroes 16-63; zmm6 writes 16-63 zeroes 16-63; zmm7 writes 16-63 zeroes 16-63; zmm8 writes 16-63 zeroes 16-63; zmm9 writes 16-63 zeroes 16-63"),
    ("maskmovdqu xmm1, xmm2", "rdi reads 0-7; zmm1 reads 0-15; zmm2 reads 0-15"),
    ("sha256rnds2 xmm1, xmm2", "zmm0 reads 0-7; zmm1 reads 0-15 writes 0-15; zmm2 reads 0-15"),
    ("pcmpestri xmm1, xmm2, 0", "rax reads 0-3; rcx writes 0-7; rdx reads 0-3; zmm1 reads 0-15; zmm2 reads 0-15"),
    ("kmovw eax, k1", "k1 reads 0-1; rax writes 0-7 zeroes 4-7"),
    ("vbroadcastss ymm1, xmm2", "zmm1 writes 0-63 zeroes 32-63; zmm2 reads 0-3"),
    ("vmovq xmm1, rax", "rax reads 0-7; zmm1 writes 0-63 zeroes 8-63"),
    ("movdq2q mm1, xmm2", "mm1 writes 0-7; zmm2 reads 0-7"),
    ("vpsllw ymm1, ymm2, xmm3", "zmm1 writes 0-63 zeroes 32-63; zmm2 reads 0-31; zmm3 reads 0-7"),
    ("tdpbssd tmm1, tmm2, tmm3", "tmm1 reads 0-63 writes 0-63; tmm2 reads 0-63; tmm3 reads 0-63"),
    ("fadd st, st(1)", ""),
    ("mov ax, fs", "rax writes 0-1"),
];

/// Memory, flags and everything else.
#[test]
fn beyond_registers() {
    let movaps = of("movaps xmm1, [rdi]");
    assert_eq!((movaps.memory[0].bytes, movaps.memory[0].align), (Some(16), 16));
    let movups = of("movups [rdi], xmm1");
    assert!(movups.memory[0].always_written && movups.memory[0].align == 1);
    let masked = of("vmovups [rdi]{k1}, zmm1");
    assert!(masked.memory[0].write && !masked.memory[0].always_written);
    assert_eq!(of("vaddps zmm1, zmm2, [rdi]{1to16}").memory[0].bytes, Some(4));
    assert_eq!(of("vaddps zmm1, zmm2, [rdi]").memory[0].bytes, Some(64));
    assert_eq!(of("bts [rdi], rax").memory[0].bytes, None);
    assert_eq!(of("bts dword [rdi], 3").memory[0].bytes, Some(4));
    assert!(of("lea rax, [rdi]").memory[0].address_only);
    assert!(of("prefetchnta [rdi]").memory[0].address_only);
    assert!(of("nop dword [rdi]").memory[0].address_only);
    assert_eq!(of("push rax").stack, -8);
    assert_eq!(of("pop rax").stack, 8);
    assert_eq!(of("pushfq").flags_read.0 & Flags::STATUS.0, Flags::STATUS.0);
    // A shift by 0 keeps the flags.
    assert_eq!(of("shl rax, cl").flags_written, Flags::default());
    assert_eq!(of("shl rax, cl").flags_may_write, Flags::STATUS);
    assert_eq!(of("shl rax, 3").flags_written, Flags::STATUS);
    assert_eq!(of("shl eax, 32").flags_written, Flags::default());
    assert_eq!(of("inc eax").flags_written, Flags(Flags::STATUS.0 & !Flags::CF.0));
    assert_eq!(of("adcx eax, ebx").flags_written, Flags::CF);
    assert_eq!(of("cld").flags_written, Flags::DF);
    assert_eq!(of("sbb eax, eax").flags_read, Flags::CF);
    assert_eq!(of("jmp rax").control, Control::IndirectJump);
    assert_eq!(of("call rax").control, Control::Call);
    assert_eq!(of("ud2").control, Control::Stop);
    for ends in
        ["ud0 eax, ecx", "ud1 eax, ecx", "ret", "iretq", "sysretq", "sysexit", "rsm", "uiret"]
    {
        assert_eq!(of(ends).control, Control::Stop, "{ends}");
    }
    // A trap, an interrupt and a failure to enter a guest come back to the next instruction.
    for goes_on in
        ["int3", "int 3", "int1", "hlt", "syscall", "vmcall", "vmlaunch", "xabort 1", "xend"]
    {
        assert_eq!(of(goes_on).control, Control::Next, "{goes_on}");
    }
    assert_eq!(of("ud2").hazard, None);
    assert_eq!(of("div ecx").hazard, Some(Hazard::MayFault));
    assert_eq!(of("ldmxcsr [rax]").hazard, Some(Hazard::PreservedState));
    assert_eq!(of("wrmsr").hazard, Some(Hazard::System));
    assert_eq!(of("rep movsb").hazard, Some(Hazard::ImplicitMemory));
    assert_eq!(of("paddb mm1, mm2").x87, X87Effect::Mmx);
    assert_eq!(of("emms").x87, X87Effect::Empty);
    assert_eq!(of("fld1").x87, X87Effect::X87);
    assert_eq!(of("vzeroupper").vector_mode, VectorMode::Vex);
    assert_eq!(of("andn eax, ebx, ecx").vector_mode, VectorMode::None);
    assert_eq!(of("addps xmm1, xmm2").vector_mode, VectorMode::Legacy);
    let handed_on = of("vaddsd xmm1, xmm2, xmm3").copied.expect("the upper half");
    assert_eq!(handed_on.lanes, Lanes::range(8, 8));
    assert_eq!(of("vaddsd xmm1, xmm1, xmm3").copied, None);
}

fn demands(line: &str) -> Constraints<PhysReg> {
    let inst = parse_line(line).expect(line);
    let selection = select(&inst, &FeatureSet::all()).expect(line);
    constraints(&inst, &selection)
}

#[test]
fn registers_that_fit() {
    let allowed = |line: &str, reg: PhysReg| {
        let list = demands(line).allowed;
        list.iter().find(|(of, _)| *of == reg).map(|(_, set)| *set)
    };
    let v = PhysReg::vector;
    // Legacy encodings reach 16 vectors, VEX too, but then there is EVEX.
    assert_eq!(allowed("addps xmm1, xmm2", v(1)), Some(RegSet::first(16)));
    assert_eq!(allowed("vaddps xmm1, xmm2, xmm3", v(1)), None);
    assert_eq!(allowed("vaddsubps xmm1, xmm2, xmm3", v(3)), Some(RegSet::first(16)));
    // Fixed registers.
    assert_eq!(allowed("shl rax, cl", gp::RCX), Some(RegSet::one(1)));
    assert_eq!(allowed("blendvps xmm1, xmm2, xmm0", v(0)), Some(RegSet::one(0)));
    assert_eq!(allowed("add eax, 1000", gp::RAX), None);
    // A high byte excludes REX.
    assert_eq!(allowed("mov ah, bl", gp::RBX), Some(RegSet::first(4)));
    assert_eq!(allowed("movzx esi, ah", gp::RSI), Some(RegSet::first(8)));
    assert_eq!(allowed("mov [rdi + rsi], ch", gp::RDI), Some(RegSet::first(8)));
    let index = RegSet::first(8) - RegSet::one(4);
    assert_eq!(allowed("mov [rdi + rsi], ch", gp::RSI), Some(index));
    // A write mask is not k0.
    let mask = RegSet::first(8) - RegSet::one(0);
    assert_eq!(allowed("vaddps zmm1{k1}, zmm2, zmm3", PhysReg::mask(1)), Some(mask));
    // Pairs and blocks.
    assert_eq!(allowed("vp2intersectd k2, zmm1, zmm2", PhysReg::mask(2)), Some(RegSet(0x55)));
    assert_eq!(allowed("v4fmaddps zmm1, zmm4, [rax]", v(4)), Some(RegSet(0x1111_1111)));
    // Registers that must differ.
    let gather = demands("vpgatherdd ymm1, [rax + ymm2*4], ymm3").distinct;
    assert_eq!(gather, [(v(1), v(2)), (v(1), v(3)), (v(2), v(3))]);
    assert_eq!(demands("vgatherdpd zmm1{k1}, [rax + ymm2*8]").distinct, [(v(1), v(2))]);
    assert_eq!(demands("vfmulcph zmm1, zmm2, zmm3").distinct, [(v(1), v(2)), (v(1), v(3))]);
    assert_eq!(demands("tdpbssd tmm1, tmm2, tmm3").distinct.len(), 3);
}
