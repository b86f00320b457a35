//! Functions built in code: the same bytes as from text, and an error for everything that is wrong.

use peach_compiler::abi::{Convention, SYSV64, WIN64};
use peach_compiler::builder::{Builder, instruction, memory, physical};
use peach_compiler::diagnostics::{Code, Diagnostics};
use peach_compiler::emit::Module;
use peach_compiler::ir::{Operand, View};
use peach_compiler::isa::Class;
use peach_compiler::pipeline::{Target, compile};

/// The bytes of a kernel in text.
fn from_text(source: &str, convention: &'static Convention) -> Vec<u8> {
    let compilation = compile(source.parse().expect("tokens"), convention);
    compilation.kernels[0].versions[0].encoded.bytes.clone()
}

fn codes(diagnostics: &Diagnostics) -> Vec<Code> {
    diagnostics.iter().map(|d| d.code).collect()
}

/// A loop over a slice, with a constant, a variable, a physical register, a mask and a pair.
#[test]
fn what_is_built_has_the_bytes_of_what_is_written() {
    let head =
        "#[target_feature(enable = \"avx512f\")] unsafe fn f(x: &[f32], n: i128) -> (u64, u64)";
    let text = format!(
        "{head} {{
        let v: zmm; let buf: [u64; 2];
        kxnorw k1, k1, k1;
        'next:
        vaddps v{{k1}}{{z}}, v, [x.ptr + 4*x.len - 8]{{1to16}};
        vmulps v, v, f32x16(2.0);
        mov [buf + 8], n.hi;
        dec x.len;
        jnz 'next;
        add n.lo, [buf + 8];
        return (n.lo, n.hi);
    }}"
    )
    .replace("let v: zmm;", "let v: zmm; vpxord v, v, v;");
    let build = || -> Result<Builder, Diagnostics> {
        let mut b = Builder::new(head)?;
        let (pointer, length) = (b.argument("x.ptr")?, b.argument("x.len")?);
        let (low, high) = (b.argument("n.lo")?, b.argument("n.hi")?);
        let v = b.register("v", Class::Zmm);
        let buffer = b.variable("buf", 16, 8)?;
        let twos = b.constant(&2.0f32.to_le_bytes().repeat(16), 64)?;
        let k1 = physical("k1")?;
        b.emit("vpxord", [v.into(), v.into(), v.into()])?;
        b.emit("kxnorw", [k1.into(), k1.into(), k1.into()])?;
        let next = b.label("next");
        b.place(next)?;
        let place = memory(pointer).index(length, 4).offset(-8).broadcast(16);
        let mut add = instruction("vaddps", [v.into(), v.into(), place.into()])?;
        (add.mask, add.zeroing) = (Some(k1), true);
        b.emit_instruction(add)?;
        b.emit("vmulps", [v.into(), v.into(), twos.into()])?;
        b.emit("mov", [memory(buffer).offset(8).into(), high.into()])?;
        b.emit("dec", [length.into()])?;
        b.emit("jnz", [next.into()])?;
        b.emit("add", [low.into(), memory(buffer).offset(8).into()])?;
        b.finish([low.into(), high.into()])?;
        Ok(b)
    };
    let builder = build().unwrap_or_else(|d| panic!("{d:?}"));
    for convention in [&SYSV64, &WIN64] {
        let built = builder.build(convention).unwrap_or_else(|d| panic!("{d:?}"));
        assert_eq!(
            built.compiled.encoded.bytes,
            from_text(&text, convention),
            "{}",
            convention.name
        );
    }
}

#[test]
fn instructions_can_be_inserted_replaced_and_removed() {
    let mut b = Builder::new("fn f(a: u32) -> u32").expect("a signature");
    let a = b.argument("a").expect("an argument");
    b.emit("add", [a.into(), 1.into()]).expect("an instruction");
    b.emit("nop", []).expect("an instruction");
    b.finish([a.into()]).expect("a result");
    b.replace(0, "sub", [a.into(), 2.into()]).expect("an instruction");
    b.insert(1, "xor", [a.into(), 5.into()]).expect("an instruction");
    b.remove(2).expect("an instruction");
    let texts: Vec<String> = (0..b.instructions().len()).map(|index| b.text(index)).collect();
    assert_eq!(texts, ["  sub a%0, 2", "  xor a%0, 5", "  return a%0"]);
    let built = b.build(&SYSV64).expect("a function");
    let text = "fn f(a: u32) -> u32 { sub a, 2; xor a, 5; return a; }";
    assert_eq!(built.code(), from_text(text, &SYSV64));
}

/// Every way to be wrong is an error with a code of its own, and no panic.
#[test]
fn what_is_wrong_is_a_diagnostic() {
    let errors = |result: Result<(), Diagnostics>| codes(&result.expect_err("an error"));
    assert_eq!(codes(&Builder::new("fn f(x: Vec<u8>)").expect_err("a type")), [Code::BadSignature]);
    assert_eq!(codes(&Builder::new("fn f(").expect_err("tokens")), [Code::Syntax]);
    assert_eq!(
        codes(&Builder::new("const N: u32 = 1; fn f()").expect_err("items")),
        [Code::Syntax]
    );
    assert_eq!(codes(&physical("rax1").expect_err("a register")), [Code::UndefinedName]);

    let mut b = Builder::new("fn f(a: u32) -> u32").expect("a signature");
    let a = b.argument("a").expect("an argument");
    assert_eq!(codes(&b.argument("b").expect_err("an argument")), [Code::UndefinedName]);
    assert_eq!(errors(b.emit("adb", [a.into(), 1.into()])), [Code::UnknownMnemonic]);
    assert_eq!(errors(b.emit("add", [a.into()])), [Code::NoForm]);
    assert_eq!(errors(b.emit("vaddps", [a.into()])), [Code::NoForm]);
    let x = physical("xmm1").expect("a register");
    assert_eq!(errors(b.emit("vaddps", [x.into(), x.into(), x.into()])), [Code::MissingExtension]);
    assert_eq!(errors(b.emit("inc", [memory(a).into()])), [Code::AmbiguousSize]);
    assert_eq!(errors(b.constant(&[0], 3).map(|_| ())), [Code::OutOfRange]);
    assert_eq!(errors(b.variable("v", 8, 8192).map(|_| ())), [Code::OutOfRange]);
    assert_eq!(errors(b.finish([])), [Code::BadReturn]);
    assert_eq!(errors(b.finish([(1 << 40).into()])), [Code::BadReturn]);
    let narrow = View { class: Class::Gp8, ..a };
    assert_eq!(errors(b.finish([narrow.into()])), [Code::BadReturn]);
    assert_eq!(errors(b.copy(narrow, a)), [Code::TypeMismatch]);
    assert_eq!(errors(b.remove(0).map(|_| ())), [Code::OutOfRange]);
    assert_eq!(codes(&b.build(&SYSV64).expect_err("no return")), [Code::MissingReturn]);

    let nowhere = b.label("nowhere");
    b.emit("jmp", [nowhere.into()]).expect("an instruction");
    assert_eq!(codes(&b.build(&SYSV64).expect_err("no label")), [Code::UndefinedLabel]);
    b.place(nowhere).expect("a place");
    assert_eq!(errors(b.place(nowhere)), [Code::DuplicateLabel]);

    let unset = b.register("unset", Class::Gp32);
    b.finish([unset.into()]).expect("a return");
    assert_eq!(codes(&b.build(&SYSV64).expect_err("not written")), [Code::Uninitialized]);
    let mut b = Builder::new("fn f(a: &u32)").expect("a signature");
    let a = b.argument("a").expect("an argument");
    b.emit("inc", [Operand::from(memory(a).sized(4))]).expect("an instruction");
    b.finish([]).expect("a return");
    assert_eq!(codes(&b.build(&SYSV64).expect_err("unsafe")), [Code::NeedsUnsafe]);
}

#[test]
fn a_module_takes_each_symbol_once() {
    let mut b = Builder::new("#[export_name = \"seven\"] fn f() -> u32").expect("a signature");
    b.finish([7.into()]).expect("a result");
    let mut module = Module::new("built", Target::from(&SYSV64));
    b.build(&SYSV64).expect("a function").add_to(&mut module).expect("a symbol");
    assert_eq!(module.functions[0].symbol, "seven");
    let again = b.build(&SYSV64).expect("a function").add_to(&mut module);
    assert_eq!(codes(&again.expect_err("the same symbol")), [Code::DuplicateSymbol]);
}
