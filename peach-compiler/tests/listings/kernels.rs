//! Whole kernels: constants, tables, labels, branches, frames and symbols of others.

use super::assemblers::{self, Answer, Assembler, Contents, Referent};
use peach_compiler::abi::{
    AssemblyFormat, Convention, GOSYSO, GOSYSO_P32, ImageFormat, NACL, SYSV64, WIN64, X32,
};
use peach_compiler::diagnostics::Diagnostics;
use peach_compiler::emit::mangling::Naming;
use peach_compiler::emit::module::{Externals, ModuleFunction, Processor};
use peach_compiler::emit::reports::listing::Source;
use peach_compiler::emit::{Module, listings};
use peach_compiler::encode::PatchValue;
use peach_compiler::ir::{Code, DataContent, LabelId};
use peach_compiler::pipeline::{Target, compile};
use proc_macro2::TokenStream;

/// What the listings are made of, and what is said of it.
pub fn module(source: &str, convention: &'static Convention) -> Module {
    let target = Target { position_independent: true, ..Target::from(convention) };
    let compilation = compile(source.parse::<TokenStream>().expect("tokens"), target);
    let mut diagnostics = Diagnostics::new();
    let messages: Vec<String> = compilation.diagnostics.iter().map(|d| d.message.clone()).collect();
    assert!(!compilation.diagnostics.has_errors(), "{messages:?}");
    let mut module = Module::new("kernels.rs", target);
    module.add(compilation, &[], Processor::Any, &Naming::default(), &mut diagnostics);
    assert!(!diagnostics.has_errors());
    module
}

pub const KERNELS: &str = r#"
    const POWERS: [u32; 4] = [1, 10, 100, 1000];

    inline fn countdown(n: gp64) { 'next: { dec n; jnz continue 'next; } }

    /// Labels of one name, a table, literals of several sizes, one twice.
    #[target_feature(enable = "avx2")]
    unsafe fn constants(x: *const f32, n: u64) -> f32 {
        let v: ymm = f32x8(1.5);
        let m: gp64 = n;
        vmulps v, v, [x];
        vaddps v, v, f32x8(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0);
        lea rax, [POWERS + 4];
        add n, [POWERS + 8];
        cmp dword [POWERS], 7;
        countdown(n);
        countdown(m);
        vextractf128 xmm1, v, 1;
        vpalignr xmm1, xmm1, xmmword f32x4(1.5), 3;
        return v.xmm;
    }

    /// The same constants as in another function.
    #[target_feature(enable = "avx2")]
    unsafe fn again(x: *mut f32) {
        let v: ymm = f32x8(1.5);
        vmovups [x], v;
    }

    /// Branches of both lengths, forced and not, and padding.
    fn branches(n: u64) -> u64 {
        let far: gp64 = n;
        jz near 'close;
        'close:
        add far, 1;
        align 32;
        'again:
        for i in 0..40 { add far, 0x1234567; }
        dec n;
        jnz 'again;
        jmp short 'end;
        add far, 1;
        'end:
        return far;
    }

    /// A jump table.
    unsafe fn cases(i: u64) -> u64 {
        const CASES: [label; 3] = ['zero, 'one, 'two];
        let t: gp64;
        lea t, [CASES]; movsxd i, dword [t + i*4]; add i, t; jmp i, CASES;
        'zero: return 100;
        'one: return 200;
        'two: return 300;
    }

    /// A frame with saved registers, a call, raw bytes.
    unsafe fn frame(x: u64) -> u64 {
        let buf: [u64; 8];
        mov rbx, x; mov r12, x; mov r15, x;
        movups xmm6, [x]; movups xmm12, [x];
        mov [buf], rbx;
        call sym crate::callee;
        mov rdx, sym crate::data::TABLE;
        db 0x0f, 0x1f, 0x00;
        movups [rdx], xmm6; movups [rdx], xmm12;
        add rbx, r12; add rbx, r15; add rbx, [buf];
        return rbx;
    }

    /// A tail call, and places in items outside.
    unsafe fn outside(x: u64) -> u64 {
        rbx = x;
        mov rax, [sym crate::data::TABLE + 16];
        add eax, [sym TABLE - 4];
        cmp byte [sym OTHER], 5;
        cmp dword ptr [sym TABLE + 8], 100000;
        movups xmm0, [sym TABLE]; shufps xmm0, [sym TABLE + 32], 0b1110;
        lea rdx, [sym TABLE + 1];
        jz 'end;
        jmp sym crate::callee;
        'end:
        jmp sym crate::callee;
    }

    /// Memory that only prefixes tell.
    unsafe fn strings() {
        mov ecx, 5; mov rsi, 0; mov rdi, 0; mov rbx, 0; mov eax, 0;
        movs byte ptr [rdi], byte ptr fs:[rsi];
        rep movs qword [edi], qword gs:[esi];
        lods eax, dword [esi];
        stos word [edi], ax;
        repne scas al, byte [edi];
        repe cmps dword fs:[rsi], dword [rdi];
        xlat byte fs:[ebx];
        xlat byte gs:[rbx];
    }

    /// Pushes in the body.
    unsafe fn pushes(x: u64) -> u64 {
        mov rbx, x;
        push rbx; push x;
        pop rax; pop rbx;
        return rax;
    }

    /// A frame that is realigned.
    unsafe fn realigned(x: u64) -> u64 {
        let buf: [u64; 16] align 64;
        movups xmm7, [x];
        movaps [buf], xmm7;
        mov rbx, [buf];
        return rbx;
    }

    /// Instructions that assemblers do not know, or know otherwise, with constants.
    #[target_feature(enable = "avxvnniint8,avx512vl,gfni,avx512fp16")]
    unsafe fn unknown(x: *const u8, y: __m128) -> __m128 {
        let v: xmm;
        vmovdqu v, [x];
        vpdpbssd v, v, u8x16(3);
        vgf2p8affineqb v, v, qword u64(0x0102040810204080){1to2}, 9;
        vaddph v, v, u16x8(0x3c00);
        vpdpbssd v, v, [POWERS];
        vaddps v, v, y;
        return v;
    }

    /// Numbers of the program around.
    unsafe fn numbers(x: *const u64) -> u64 {
        mov rax, const { 7 };
        add rax, const { 3*3 };
        add rax, [x + const { 8 }];
        return rax;
    }
"#;

/// Assembles a module and compares it with what we make ourselves.
fn check(assembler: Assembler, module: &Module, source: &str) {
    let tokens: TokenStream = source.parse().expect("tokens");
    let text = assembler.listing(module, Some(&Source::of(&tokens)));
    let object = match assembler.assemble(&text) {
        Answer::Object(object) => object,
        Answer::Errors(errors) => {
            let lines: Vec<&str> = text.lines().collect();
            let shown = errors.iter().map(|(n, why)| format!("{}\n  {why}\n", lines[n - 1]));
            panic!("{}\n{text}", shown.collect::<String>());
        }
    };
    let contents = Contents::of(&object);
    for function in &module.functions {
        let why = compare(&contents, module, function);
        assert!(why.is_empty(), "{} {}: {why}\n{text}", assembler.name(), function.symbol);
    }
}

/// What is different about a function in an object; nothing if it is ours.
fn compare(contents: &Contents, module: &Module, function: &ModuleFunction) -> String {
    let (encoded, lowered) = (&function.compiled.encoded, &function.compiled.lowered);
    let start = contents.place(&function.symbol);
    if !start.is_multiple_of(encoded.align.into()) {
        return format!("starts at {start}, not at a multiple of {}", encoded.align);
    }
    let theirs = contents.code(&function.symbol);
    let references = encoded.data_references.iter().map(|r| (r.offset, 4));
    let patches = encoded.patches.iter().map(|patch| (patch.offset, u32::from(patch.size)));
    let open: Vec<(u32, u32)> = references.chain(patches).collect();
    for at in 0..encoded.code_len {
        let is_open = |(start, size): &(u32, u32)| (*start..start + size).contains(&(at as u32));
        if !open.iter().any(is_open) && theirs.get(at) != Some(&encoded.bytes[at]) {
            return format!("byte {at} is {:02x?}, not {:02x}", theirs.get(at), encoded.bytes[at]);
        }
    }
    for reference in &encoded.data_references {
        let place = contents
            .referent(start + u64::from(reference.offset), start + u64::from(reference.end));
        let Referent::Place(section, at) = place else { return format!("{place:?}") };
        let at = at.wrapping_add_signed(-reference.addend);
        let data = &lowered.data[reference.data.index()];
        let found = contents.bytes(section, at);
        let is_right = match &data.content {
            DataContent::Rust(_) => false,
            DataContent::Bytes(bytes) => {
                found.starts_with(bytes) && at.is_multiple_of(data.align.into())
            }
            DataContent::Jumps(labels) => {
                labels.iter().zip(found.chunks(4)).all(|(label, entry)| {
                    let entry = i32::from_le_bytes(entry.try_into().expect("four bytes"));
                    at.wrapping_add_signed(entry.into()) == start + label_offset(function, *label)
                })
            }
        };
        if !is_right {
            return format!(
                "{:?} at {at} of section {section}: {:02x?}",
                data,
                &found[..found.len().min(64)]
            );
        }
    }
    for patch in &encoded.patches {
        let (PatchValue::Address(id) | PatchValue::Relative(id)) = patch.value else { continue };
        let found =
            contents.referent(start + u64::from(patch.offset), start + u64::from(patch.end));
        let symbol = Externals::of(module).symbol(function, id);
        let is_own = module.functions.iter().any(|function| function.symbol == symbol);
        let expected = match is_own {
            true => Referent::Place(contents.text_index(), contents.place(symbol)),
            false => Referent::Symbol(symbol.to_string()),
        };
        if found != expected {
            return format!("{found:?}, not {expected:?}");
        }
    }
    String::new()
}

fn label_offset(function: &ModuleFunction, label: LabelId) -> u64 {
    let items = &function.compiled.lowered.items;
    let is_it =
        |item: &peach_compiler::ir::Item| matches!(item.code, Code::Label(id) if id == label);
    let index = items.iter().position(is_it).expect("a label");
    function.compiled.encoded.item_offsets[index].into()
}

#[test]
fn kernels_assemble_to_our_bytes_with_their_constants() {
    for convention in [&SYSV64, &WIN64] {
        let mut module = module(KERNELS, convention);
        for assembler in assemblers::ALL.into_iter().filter(Assembler::is_available) {
            // `llvm-ml` does not read the tables that one of them needs on Windows.
            if assembler.format == AssemblyFormat::Masm {
                module.functions.retain(|function| {
                    !["pushes", "realigned"].contains(&function.symbol.as_str())
                });
            }
            check(assembler, &module, KERNELS);
        }
    }
}

/// Conventions with pointers of four bytes, with a sandbox, and with arguments on Go's stack.
#[test]
fn conventions_of_other_systems_assemble_to_our_bytes() {
    let source = "
        unsafe fn sum(x: *const u32, n: u32) -> u32 {
            let s: gp32 = 0; let p: gp64; let i: gp32;
            mov p.gp32, x.gp32; mov i, n;
            'next: add s, [p]; add s, u32(5); add p, 4; dec i; jnz 'next;
            return s;
        }
        fn many(a: u32, b: u32, c: u32, d: u32, e: u32) -> u32 {
            let buf: [u32; 4];
            mov [buf], a; add b, [buf]; add b, c; add b, d; add b, e; mov rbx, 0; return b;
        }";
    for (convention, assembler) in [
        (&X32, assemblers::GNU_X32),
        (&NACL, assemblers::GNU),
        (&NACL, assemblers::CLANG),
        (&GOSYSO, assemblers::GNU),
        (&GOSYSO_P32, assemblers::GNU_X32),
    ] {
        if assembler.is_available() {
            check(assembler, &module(source, convention), source);
        }
    }
}

/// C calls kernels by their header, assembled from a listing.
#[test]
fn listings_link_with_c_and_run() {
    let source = "
        const PRIMES: [u32; 4] = [2, 3, 5, 7];
        /// The sum of a slice, and of a table.
        pub unsafe fn total(x: &[u32]) -> u32 {
            mov eax, [PRIMES + 12]; add eax, [PRIMES];
            'next: add eax, [x.ptr + 4*x.len - 4]; dec x.len; jnz 'next;
            return eax;
        }
        unsafe fn twice(f: extern \"C\" fn(u32) -> u32, x: u32) -> u32 {
            mov rbx, f; mov edi, x; call rbx; mov edi, eax; call rbx; call sym increment; return eax;
        }";
    let program = "#include \"kernels.h\"
        uint32_t increment(void);
        uint32_t increment(void) { return 40; }
        static uint32_t square(uint32_t x) { return x * x; }
        int main(void) {
            const uint32_t x[3] = { 1, 20, 300 };
            return !(total(x, 3) == 330 && twice(square, 3) == 40);
        }";
    let module = module(source, &SYSV64);
    for assembler in [assemblers::GNU, assemblers::CLANG, assemblers::NASM] {
        if !assembler.is_available() {
            continue;
        }
        let directory = assemblers::scratch();
        let Answer::Object(object) = assembler.assemble(&assembler.listing(&module, None)) else {
            panic!("{} refuses the listing", assembler.name());
        };
        let header = peach_compiler::emit::reports::c::header(&module, &mut Diagnostics::new());
        std::fs::write(directory.join("kernels.o"), object).expect("an object");
        std::fs::write(directory.join("kernels.h"), header).expect("a header");
        std::fs::write(directory.join("main.c"), program).expect("a program");
        let mut gcc = std::process::Command::new("gcc");
        gcc.args([
            "-Wall",
            "-Wextra",
            "-Werror",
            "-fPIE",
            "-pie",
            "main.c",
            "kernels.o",
            "-o",
            "main",
        ]);
        let linked = gcc.current_dir(&directory).output().expect("gcc runs");
        assert!(
            linked.status.success() && linked.stderr.is_empty(),
            "{}",
            String::from_utf8_lossy(&linked.stderr)
        );
        let run = std::process::Command::new(directory.join("main")).status().expect("it runs");
        assert!(run.success(), "{}", assembler.name());
        let _ = std::fs::remove_dir_all(directory);
    }
}

#[test]
fn names_that_are_words_of_the_assembler_are_names() {
    let source = "
        fn and(x: u64) -> u64 { 'rax: dec x; jnz 'rax; 'mod: dec x; jnz 'mod; return x; }
        unsafe fn offset() { call sym and; call sym rcx; call sym dword; call sym byte; mov rax, sym short; }
        unsafe fn places() { mov rax, [sym rcx + 8]; cmp byte [sym and], 5; lea rcx, [sym dword - 4]; jmp sym byte; }
        unsafe fn own(x: u64) { test x, x; jz 'other; jmp sym and; 'other: jmp sym a; }
        fn a_b() { 'c: jmp 'c; }
        fn a() { 'b_c: jmp 'b_c; 'B_C: jmp 'B_C; }
        fn eax() { 'end_of_code: jmp 'end_of_code; }";
    let module = module(source, &SYSV64);
    for assembler in assemblers::ALL {
        if assembler.is_available() && assembler.format != AssemblyFormat::Masm {
            check(assembler, &module, source);
        }
    }
}

/// What an assembler has no way to write is an error at the kernel, and no broken listing.
#[test]
fn symbols_that_cannot_be_written_are_refused() {
    let refused = |name: &str, format| {
        let module = module(&format!("#[export_name = {name:?}] fn f() {{ nop; }}"), &WIN64);
        let format = listings::Format::of(format).expect("a format");
        let options = listings::Options { image: ImageFormat::MsCoff, source: None };
        format.write(&module, &options).is_err()
    };
    for (name, nasm, masm) in [
        ("plain_2", false, false),
        ("odd name", true, true),
        ("a.b", false, true),
        ("a@b", false, false),
        ("2nd", true, true),
        ("vaddps", false, true),
        ("EAX", false, true),
        ("Offset", false, true),
    ] {
        assert_eq!(refused(name, AssemblyFormat::Nasm), nasm, "{name}");
        assert_eq!(refused(name, AssemblyFormat::Masm), masm, "{name}");
        assert!(!refused(name, AssemblyFormat::Gas), "{name}");
    }
    assert!(refused("a\\b", AssemblyFormat::Gas));
    let module = module("unsafe fn f() { call sym crate::offset; }", &WIN64);
    let format = listings::Format::of(AssemblyFormat::Masm).expect("a format");
    let options = listings::Options { image: ImageFormat::MsCoff, source: None };
    assert!(format.write(&module, &options).is_err());
}

/// GNU as quotes what is not a word.
#[test]
fn symbols_of_any_characters_are_quoted() {
    let source =
        r#"#[export_name = "odd name"] fn f() { nop; } #[export_name = "2nd"] fn g() { nop; }"#;
    let module = module(source, &SYSV64);
    for assembler in [assemblers::GNU, assemblers::CLANG] {
        if assembler.is_available() {
            check(assembler, &module, source);
        }
    }
}

/// A comment that ends in a backslash would swallow the line after it.
#[test]
fn comments_end_with_their_line() {
    let source = "fn f(x: u64) -> u64 {
        add x, 1; // \\
        add x, 2; // \\\\
        return x; }";
    let module = module(source, &SYSV64);
    for assembler in assemblers::ALL.into_iter().filter(Assembler::is_available) {
        check(assembler, &module, source);
    }
}
