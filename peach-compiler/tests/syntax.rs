//! The parser: every construct of the language, precedence, invisible groups, places of errors.

use peach_compiler::diagnostics::{Code, Diagnostics};
use peach_compiler::syntax;
use peach_compiler::syntax::ast::*;
use peach_testing::Random;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

fn parse_tokens(tokens: TokenStream) -> (File, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let file = syntax::parse(tokens, &mut diagnostics);
    (file, diagnostics)
}

fn parse(source: &str) -> File {
    let (file, diagnostics) = parse_tokens(source.parse().expect("source lexes"));
    let messages: Vec<String> = diagnostics.iter().map(describe).collect();
    assert!(messages.is_empty(), "{source}\n{messages:#?}");
    file
}

fn describe(d: &peach_compiler::diagnostics::Diagnostic) -> String {
    let start = d.place.first.start();
    format!("{}:{} {} {}", start.line, start.column + 1, d.code.id(), d.message)
}

fn errors(source: &str) -> Vec<String> {
    let (_, diagnostics) = parse_tokens(source.parse().expect("source lexes"));
    diagnostics.iter().map(describe).collect()
}

/// The statements of a kernel with this body.
fn body(source: &str) -> Vec<StatementKind> {
    let file = parse(&format!("fn f() {{ {source} }}"));
    match file.items.into_iter().next() {
        Some(Item::Kernel(kernel)) => kernel.body.statements.into_iter().map(|s| s.kind).collect(),
        other => panic!("{other:?}"),
    }
}

/// The operands of an instruction `op …;`.
fn operands(source: &str) -> Vec<Expr> {
    match body(&format!("op {source};")).pop() {
        Some(StatementKind::Instruction(inst)) => inst.operands,
        other => panic!("{source}: {other:?}"),
    }
}

/// An expression with every pair of parentheses written out.
fn shape(expr: &Expr) -> String {
    let list = |exprs: &[Expr]| exprs.iter().map(shape).collect::<Vec<_>>().join(", ");
    match &expr.kind {
        ExprKind::Int(value) => value.to_string(),
        ExprKind::Float(value) => format!("{}f{:?}", value.text, value.suffix),
        ExprKind::Bool(value) => value.to_string(),
        ExprKind::Str(value) => format!("{value:?}"),
        ExprKind::Name(name) => name_text(name),
        ExprKind::Label(l) => label(l),
        ExprKind::Continue(l) => format!("continue {}", label(l)),
        ExprKind::Break(l) => format!("break {}", label(l)),
        ExprKind::Unary(op, x) => format!("({op:?} {})", shape(x)),
        ExprKind::Binary(op, a, b) => format!("({} {op:?} {})", shape(a), shape(b)),
        ExprKind::Range { start, end, inclusive } => {
            let end_of = |x: &Option<Box<Expr>>| x.as_deref().map(shape).unwrap_or_default();
            let dots = if *inclusive { "..=" } else { ".." };
            format!("({}{dots}{})", end_of(start), end_of(end))
        }
        ExprKind::Index(x, i) => format!("{}[{}]", shape(x), shape(i)),
        ExprKind::Field(x, name) => format!("{}.{name}", shape(x)),
        ExprKind::Call(call) => format!("{}({})", call.name, list(&call.args)),
        ExprKind::MethodCall(x, call) => {
            format!("{}.{}({})", shape(x), call.name, list(&call.args))
        }
        ExprKind::Tuple(parts) => format!("tuple({})", list(parts)),
        ExprKind::Bracket(parts) => format!("[{}]", list(parts)),
        ExprKind::Sized(bytes, x) => format!("size{bytes} {}", shape(x)),
        ExprKind::Segment(name, x) => format!("{name}:{}", shape(x)),
        ExprKind::Decorated(x, decorations) => {
            let parts: Vec<String> = decorations.iter().map(decoration).collect();
            format!("{}{}", shape(x), parts.concat())
        }
        ExprKind::Rounding(rounding) => format!("{{{rounding:?}}}"),
        ExprKind::Short(x) => format!("short {}", shape(x)),
        ExprKind::Near(x) => format!("near {}", shape(x)),
        ExprKind::Disp8(x) => format!("disp8 {}", shape(x)),
        ExprKind::Disp32(x) => format!("disp32 {}", shape(x)),
        ExprKind::RustConst(tokens) => format!("const {}", squeeze(tokens)),
        ExprKind::RustSym(tokens) => format!("sym {}", squeeze(tokens)),
        ExprKind::If(c, a, b) => format!("if {} {} else {}", shape(c), shape(a), shape(b)),
        ExprKind::TypedInt(value, ty) => format!("{value}of{}", ty.bytes()),
        ExprKind::Cast(x, ty) => format!("({} as {ty:?})", shape(x)),
        ExprKind::Repeat(x, count) => format!("[{}; {}]", shape(x), shape(count)),
        ExprKind::Bytes(bytes) => format!("*{bytes:?}"),
        ExprKind::FromFn(closure) => format!("from_fn {}", shape(&closure.body)),
        ExprKind::Block(block) => {
            let value = block.value.as_deref().map_or_else(String::new, shape);
            format!("{{{} {value}}}", block.statements.len())
        }
    }
}

/// Tokens without the blanks that printing puts between them.
fn squeeze(tokens: &TokenStream) -> String {
    tokens.to_string().replace(' ', "")
}

fn label(label: &Label) -> String {
    let index = label.index.as_deref().map(|i| format!("[{}]", shape(i))).unwrap_or_default();
    format!("'{}{index}", label.name)
}

fn decoration(decoration: &Decoration) -> String {
    match &decoration.kind {
        DecorationKind::Mask(mask) => format!("{{{}}}", shape(mask)),
        DecorationKind::Zeroing => "{z}".to_string(),
        DecorationKind::Broadcast(n) => format!("{{1to{n}}}"),
        DecorationKind::Rounding(rounding) => format!("{{{rounding:?}}}"),
    }
}

/// Checks that each operand parses to the shape next to it.
fn check(table: &[(&str, &str)]) {
    for (source, expected) in table {
        let found: Vec<String> = operands(source).iter().map(shape).collect();
        assert_eq!(found.join(" ; "), *expected, "{source}");
    }
}

#[test]
fn operand_forms() {
    check(&[
        (
            "rax, -1, 0xF1, N*4 + 1, b'a', bits(1.5f32)",
            "rax ; (Neg 1) ; 241 ; ((N Mul 4) Add 1) ; 97 ; bits(1.5fSome(4))",
        ),
        ("[base + index*8 + 4]", "[((base Add (index Mul 8)) Add 4)]"),
        (
            "dword [p], byte ptr [x], zmmword v, qword ptr",
            "size4 [p] ; size1 [x] ; size64 v ; size8 ptr",
        ),
        ("dword ptr [p]{1to16}", "size4 [p]{1to16}"),
        ("fs:[0x28], qword fs:[rax + 8]", "fs:[40] ; size8 fs:[(rax Add 8)]"),
        (
            "zmm1{k1}{z}, zmm2, zmm3, {rn-sae}, {sae}",
            "zmm1{k1}{z} ; zmm2 ; zmm3 ; {Nearest} ; {Sae}",
        ),
        ("[rdi]{masks[1]}, x{m}", "[rdi]{masks[1]} ; x{m}"),
        (
            "short 'l, near 'l, short 'case[i + 1], disp32 [rax], disp8 [rax]",
            "short 'l ; near 'l ; short 'case[(i Add 1)] ; disp32 [rax] ; disp8 [rax]",
        ),
        ("continue 'next, break 'next", "continue 'next ; break 'next"),
        ("short continue 'next", "short continue 'next"),
        ("const { size_of::<T>() }, sym path::to::X", "const size_of::<T>() ; sym path::to::X"),
        ("sym ::std::mem::drop::<Vec<u8, A>>, 1", "sym ::std::mem::drop::<Vec<u8,A>> ; 1"),
        (
            "f32x8(0.5), u64(1), f32x4(1.0, 2.0, 3.0, -4.0)",
            "f32x8(0.5fNone) ; u64(1) ; f32x4(1.0fNone, 2.0fNone, 3.0fNone, (Neg 4.0fNone))",
        ),
        (
            "acc[0..4], c[1][0], n.gp32, acc[0].xmm, x.ptr",
            "acc[(0..4)] ; c[1][0] ; n.gp32 ; acc[0].xmm ; x.ptr",
        ),
        ("t.0, t.0.1, t.1[2]", "t[0] ; t[0][1] ; t[1][2]"),
        ("1_000u64, 1e3, 0b1010_1010, 0o17, 2f64", "1000of8 ; 1e3fNone ; 170 ; 15 ; 2fSome(8)"),
        ("if N > 4 { 1 } else if M { 2 } else { 3 }", "if (N Gt 4) 1 else if M 2 else 3"),
        (
            "true, false, [], [4, 2, 1], (), (a), (a, b)",
            "true ; false ; [] ; [4, 2, 1] ; tuple() ; a ; tuple(a, b)",
        ),
        ("byte, short, sym, near, word, r#in", "byte ; short ; sym ; near ; word ; in"),
        ("5, short 5", "5 ; short 5"),
    ]);
}

#[test]
fn precedence_is_rusts() {
    check(&[
        ("1 + 2 * 3 - 4", "((1 Add (2 Mul 3)) Sub 4)"),
        ("1 << 2 + 3", "(1 Shl (2 Add 3))"),
        ("a & b == c", "((a And b) Eq c)"),
        ("a | b ^ c & d", "(a Or (b Xor (c And d)))"),
        ("a || b && c == d", "(a OrOr (b AndAnd (c Eq d)))"),
        ("-a * !b", "((Neg a) Mul (Not b))"),
        ("a - b - c", "((a Sub b) Sub c)"),
        ("--a", "(Neg (Neg a))"),
        ("x[a + 1..=b * 2]", "x[((a Add 1)..=(b Mul 2))]"),
        ("a<-1, a<=b, a>>1, a>b", "(a Lt (Neg 1)) ; (a Le b) ; (a Shr 1) ; (a Gt b)"),
        ("(0..8).rev().step_by(2)", "(0..8).rev().step_by(2)"),
    ]);
}

/// The listings of the reference of the language, those with `…` in them filled in.
#[test]
fn every_listing_of_the_reference() {
    parse(include_str!("syntax/listings.peach"));
}

#[test]
fn statements_are_told_apart_by_their_first_tokens() {
    let kinds = |source: &str| -> Vec<&'static str> {
        body(source)
            .iter()
            .map(|kind| match kind {
                StatementKind::Let(_) | StatementKind::Alias(..) => "let",
                StatementKind::LetConst(..) => "let const",
                StatementKind::Const(_) => "const",
                StatementKind::Table(_) => "table",
                StatementKind::Assign(..) => "assign",
                StatementKind::AssignOp(..) => "assign op",
                StatementKind::Instruction(_) => "instruction",
                StatementKind::Call(_) => "call",
                StatementKind::Helper(_) => "helper",
                StatementKind::Label(_) => "label",
                StatementKind::Block { .. } => "block",
                StatementKind::For(..) => "for",
                StatementKind::While(..) => "while",
                StatementKind::If(_) => "if",
                StatementKind::Assert(..) => "assert",
                StatementKind::Return(_) => "return",
                StatementKind::Stream(..) => "stream",
                StatementKind::Issue(..) => "issue",
                StatementKind::Emit(..) => "emit",
                StatementKind::Interleave(_) => "interleave",
                StatementKind::Align(_) => "align",
                StatementKind::Db(_) => "db",
                StatementKind::Invariant(_) => "invariant",
                StatementKind::Declassify(_) => "declassify",
            })
            .collect()
    };
    let table: &[(&str, &str)] = &[
        (
            "loop 'next; in al, dx; r#in al, 5; MOV rax, 1; ud2;",
            "instruction instruction instruction instruction instruction",
        ),
        (
            "lock add dword [p], 1; rep movsb; evex vaddps a, b, c; LOCK xacquire inc x;",
            "instruction instruction instruction instruction",
        ),
        ("jmp [rax]; push [rax]; call [p + 8];", "instruction instruction instruction"),
        (
            "a = b; a[0] = b; a[0].gp32 = 1; a += 1; a <<= 2; (a, b) = (b, a);",
            "assign assign assign assign op assign op assign",
        ),
        ("store(vmovntps, dst, acc[0..4]); a(); push (1 + 2);", "call call call"),
        (
            "align 32; align = 5; align[1] = x; align.gp32 = y; align (N);",
            "align assign assign assign align",
        ),
        ("db 0x0f, 0x0b; db = 1; db[0] = 2;", "db assign assign"),
        ("declassify a, b.gp32, acc[0..4];", "declassify"),
        ("emit loads[0..3]; emit = 3; emit(x);", "emit assign call"),
        (
            "issue loads; issue loads, 3; issue loads, ..; issue(x); issue = 1;",
            "issue issue issue call assign",
        ),
        ("stream loads { nop; } stream(x); stream = 5;", "stream call assign"),
        ("interleave a, b; interleave a 1, b 2; interleave(x);", "interleave interleave call"),
        (
            "'a: 'b: nop; 'case[i]: 'c: { } 'd: unsafe { } { } unsafe { }",
            "label label instruction label block block block block",
        ),
        (
            "let x: gp64; let mut n: const = 0; let n: const = 1; let x = y; let (a, b) = (b, a);",
            "let let const const let let",
        ),
        (
            "const N = 4; const T: [u8; 4] align 8 = *b\"abcd\"; const U: [f32; N] = [0.0; N]; const CASES: [label; 2] = ['a, 'b];",
            "const table table table",
        ),
        (
            "for r in acc { nop; } for (a, b) in zip(x, y) { } for i in (0..8).rev() { } for op in [paddd, psubd] { op v, w; }",
            "for for for for",
        ),
        (
            "if i % 2 == 0 { nop; } else if isa(\"avx512vl\") { } else { } while bit < N { bit += 7; }",
            "if while",
        ),
        ("if x { } for i in y { } while z { }", "if for while"),
        (
            "assert!(N % 8 == 0, \"N must be a multiple of 8\"); assert!(true); return; return x; return (a, b); return 1.5;",
            "assert assert return return return return",
        ),
        (
            "let buf: [f32; 16] align 64; let s: u64; let m: [[u8; 4]; 4]; let byte: gp8; byte = 1;",
            "let let let let assign",
        ),
        ("/// Explains.\n let x: gp64;", "let"),
    ];
    for (source, expected) in table {
        assert_eq!(kinds(source).join(" "), *expected, "{source}");
    }
}

#[test]
fn errors_are_at_the_guilty_token_and_all_reported() {
    let source = "fn f(x: Vec<u8>) -> u32 {\n    mov eax, ;\n    mov eax, 1\n    let y gp64;\n    jmp @;\n}\nfn g<T>(a: T) {}\nstruct S;\nfn h() { let }\n";
    let found = errors(source);
    let expected = [
        "1:9 E0002 the type `Vec`",
        "2:14 E0001 expected an operand, found `;`",
        "3:14 E0001 expected `;` after `1`, found `let`",
        "4:11 E0001 expected `: class` or `= operand`, found `gp64`",
        "5:9 E0001 expected an operand, found `@`",
        "7:6 E0002 a kernel cannot be generic",
        "8:1 E0001 expected `fn`",
        "9:14 E0001 expected a name, found `}`",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found:?} is not {expected:?}");
    }
    let (_, diagnostics) = parse_tokens("#[embed = \"flash\"] fn f() {}".parse().expect("lexes"));
    assert_eq!(diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(), [Code::BadAttribute]);
}

/// The parser runs unoptimized in every user's build. The bound is generous: other tests run in
/// parallel.
#[test]
fn ten_thousand_instructions_parse_quickly() {
    let mut source = String::from("fn f(p: *const f32) { let acc: [ymm; 8];");
    for i in 0..10_000 {
        source += &format!("vfmadd231ps acc[{}], ymm1, [p + 32*i + {i}];\n", i % 8);
    }
    source.push('}');
    let tokens: TokenStream = source.parse().expect("lexes");
    let start = std::time::Instant::now();
    let (_, diagnostics) = parse_tokens(tokens);
    assert!(!diagnostics.has_errors());
    assert!(start.elapsed().as_millis() < 2000, "{:?}", start.elapsed());
}

/// What `macro_rules!` makes of a fragment: a group without delimiters.
fn fragment(source: &str) -> TokenTree {
    Group::new(Delimiter::None, source.parse().expect("lexes")).into()
}

/// Replaces each `$` in `source` by the next of `fragments`.
fn substitute(source: TokenStream, fragments: &mut impl Iterator<Item = TokenTree>) -> TokenStream {
    source
        .into_iter()
        .map(|tree| match tree {
            TokenTree::Punct(p) if p.as_char() == '$' => fragments.next().expect("a fragment"),
            TokenTree::Group(group) => {
                let inside = substitute(group.stream(), fragments);
                Group::new(group.delimiter(), inside).into()
            }
            other => other,
        })
        .collect()
}

#[test]
fn invisible_groups_count_as_parentheses_in_expressions_and_as_nothing_elsewhere() {
    let source = "#[$] $ $ fn $($: $) -> $ { let v: $ = $ * 2; mov $, [$ * 4 + $]; $ 'a: $ jmp $; const T: [$; $] = $; $ = 1; align $; add [p]{$}, $; op $; }";
    let fragments = [
        "must_use",
        "pub(crate)",
        "",
        "name",
        "x",
        "&[f32; 4]",
        "u64",
        "[xmm; 4]",
        "1 + 2",
        "rax",
        "i + 1",
        "8",
        "{ nop; }",
        "{ nop; }",
        "'a",
        "u8",
        "1 + 1",
        "[1, 2]",
        "x[1]",
        "16",
        "k1",
        "{sae}",
        "-1",
    ];
    let tokens = source.parse().expect("lexes");
    let tokens = substitute(tokens, &mut fragments.iter().map(|source| fragment(source)));
    let (file, diagnostics) = parse_tokens(tokens);
    assert!(
        !diagnostics.has_errors(),
        "{:?}",
        diagnostics.iter().map(describe).collect::<Vec<_>>()
    );
    let [Item::Kernel(kernel)] = &file.items[..] else {
        panic!("{:?}", file.items);
    };
    assert_eq!(squeeze(&kernel.vis), "pub(crate)");
    assert_eq!(squeeze(&kernel.rust_attrs[0]), "#[must_use]");
    assert!(matches!(kernel.signature.result.kind, TypeKind::Int { bytes: 8, signed: false, .. }));
    assert!(matches!(kernel.signature.params[0].ty.kind, TypeKind::Reference { .. }));
    let statements = &kernel.body.statements;
    let StatementKind::Let(binding) = &statements[0].kind else {
        panic!("{:?}", statements[0]);
    };
    assert_eq!(binding.value.as_ref().map(shape).as_deref(), Some("((1 Add 2) Mul 2)"));
    let StatementKind::Instruction(inst) = &statements[1].kind else {
        panic!("{:?}", statements[1]);
    };
    assert_eq!(shape(&inst.operands[1]), "[(((i Add 1) Mul 4) Add 8)]");
}

#[test]
fn families_are_instantiated_by_value() {
    let file = parse(
        "for B in 1..=2 { /// Packs {B} bits.
            #[export_name = \"pack{B}\"]
            pub fn pack_{B}_x{B}(p: &[u32; B]) { mov eax, B*2; jmp 'l{B}; helper_{B}(zmm1{k1}); add x.B, [p + B]; }
            for C in 0..1 { fn f{B}_{C}() {} } }",
    );
    let [Item::Family(family)] = &file.items[..] else {
        panic!("{:?}", file.items);
    };
    let mut diagnostics = Diagnostics::new();
    let items = syntax::instantiate(family, 7, &mut diagnostics);
    assert!(!diagnostics.has_errors());
    let [Item::Kernel(kernel), Item::Family(inner)] = &items[..] else {
        panic!("{items:?}");
    };
    assert_eq!(kernel.signature.name, "pack_7_x7");
    assert_eq!(squeeze(&kernel.signature.params[0].ty.tokens), "&[u32;7]");
    assert_eq!(kernel.attrs.export_name.as_ref().map(|(name, _)| name.as_str()), Some("pack7"));
    assert!(squeeze(&kernel.rust_attrs[0]).contains("Packs7bits."));
    let shapes: Vec<String> = kernel
        .body
        .statements
        .iter()
        .map(|statement| match &statement.kind {
            StatementKind::Instruction(inst) => {
                let operands: Vec<String> = inst.operands.iter().map(shape).collect();
                format!("{} {}", inst.mnemonic, operands.join(", "))
            }
            StatementKind::Call(call) => format!("{}({})", call.name, shape(&call.args[0])),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        shapes,
        ["mov eax, (7 Mul 2)", "jmp 'l7", "helper_7(zmm1{k1})", "add x.B, [(p Add 7)]"]
    );
    let [Item::Kernel(kernel)] = &syntax::instantiate(inner, 0, &mut diagnostics)[..] else {
        panic!("no kernel");
    };
    assert_eq!(kernel.signature.name, "f7_0");
    syntax::instantiate(family, -1, &mut diagnostics);
    assert!(diagnostics.has_errors());
}

/// Random tokens, in groups up to `depth` deep.
fn soup(random: &mut Random, length: usize, depth: usize) -> TokenStream {
    const WORDS: &[&str] = &[
        "fn",
        "pub",
        "inline",
        "const",
        "for",
        "in",
        "unsafe",
        "extern",
        "\"C\"",
        "let",
        "mut",
        "while",
        "if",
        "else",
        "return",
        "stream",
        "issue",
        "emit",
        "interleave",
        "align",
        "invariant",
        "declassify",
        "old",
        "db",
        "assert",
        "!",
        "x",
        "y",
        "rax",
        "zmm1",
        "gp64",
        "f32",
        "u8",
        "&",
        "*",
        "->",
        "-",
        "+",
        "..",
        "..=",
        "=",
        "==",
        "+=",
        "<",
        ">",
        "<<",
        ",",
        ";",
        ";",
        ":",
        "::",
        ".",
        "'",
        "'a",
        "#",
        "1",
        "0xF1",
        "1to16",
        "1.5",
        "1.0.1",
        "b'a'",
        "\"s\"",
        "b\"x\"",
        "k1",
        "z",
        "sae",
        "rn",
        "byte",
        "ptr",
        "dword",
        "short",
        "disp8",
        "sym",
        "lock",
        "rep",
        "break",
        "continue",
        "fs",
        "label",
        "fallback",
        "version",
        "enable",
        "target_feature",
        "embed",
        "where",
        "dyn",
        "Option",
        "NonNull",
        "mov",
        "99999999999999999999999999999999999999999",
        "1u8",
        "300u8",
        "0b12",
        "r#in",
        "_",
    ];
    let delimiters =
        [Delimiter::Parenthesis, Delimiter::Brace, Delimiter::Bracket, Delimiter::None];
    let mut tokens = TokenStream::new();
    for _ in 0..length {
        if depth > 0 && random.below(4) == 0 {
            let length = random.below(9);
            let delimiter = delimiters[random.below(4)];
            let inside = soup(random, length, depth - 1);
            tokens.extend([TokenTree::from(Group::new(delimiter, inside))]);
        } else if let Ok(word) = WORDS[random.below(WORDS.len())].parse::<TokenStream>() {
            tokens.extend(word);
        }
    }
    tokens
}

#[test]
fn no_soup_of_tokens_makes_the_parser_panic() {
    for seed in 1..6000u64 {
        let mut random = Random::new(seed);
        let length = random.below(40);
        let body = soup(&mut random, length, 4);
        let prefix =
            ["", "fn f() ", "#", "for B in 0..2 ", "fn f ", "inline fn f() "][random.below(6)];
        let mut tokens: TokenStream = prefix.parse().expect("lexes");
        match random.below(2) {
            0 => tokens.extend(body),
            _ => tokens.extend([TokenTree::from(Group::new(Delimiter::Brace, body))]),
        }
        let text = tokens.to_string();
        let outcome = std::panic::catch_unwind(|| {
            let (file, mut diagnostics) = parse_tokens(tokens);
            for item in &file.items {
                if let Item::Family(family) = item {
                    syntax::instantiate(family, 3, &mut diagnostics);
                }
            }
            for diagnostic in diagnostics.iter() {
                peach_compiler::diagnostics::render::text(diagnostic);
            }
        });
        assert!(outcome.is_ok(), "seed {seed}: {text}");
    }
}

#[test]
fn deep_and_long_input_is_refused_and_not_recursed_into() {
    let body = |inner: String| format!("fn f() {{ op {inner}; }}");
    let ty = |ty: String| format!("fn f(x: {ty}) {{}}");
    for source in [
        body(format!("{}1{}", "(".repeat(150), ")".repeat(150))),
        body(format!("{}1", "-".repeat(5000))),
        body(vec!["1"; 5000].join(" + ")),
        body(format!("{} x", "byte ".repeat(5000))),
        body(format!("x{}", ".y".repeat(5000))),
        body(format!("{} 1", "if a { 1 } else ".repeat(3000))),
        format!("fn f() {}{}", "{".repeat(150), "}".repeat(150)),
        ty("&".repeat(5000) + "u8"),
        ty("*const ".repeat(5000) + "u8"),
        ty("fn() -> ".repeat(5000) + "u8"),
        ty(format!("&{}u8{}", "Vec<".repeat(5000), ">".repeat(5000))),
        ty(format!("{}u8{}", "Option<".repeat(5000), ">".repeat(5000))),
        ty(format!("{}u8{}", "&[".repeat(150), "]".repeat(150))),
        ty(format!("&{}u8{}", "(".repeat(150), ")".repeat(150))),
        body(format!("sym {}u8{}", "a::<".repeat(5000), ">".repeat(5000))),
        format!("fn f<{}>() {{}}", "T: Fn() -> ".repeat(5000)),
        format!("#[{}] fn f() {{}}", "a::".repeat(5000)),
    ] {
        assert!(!errors(&source).is_empty(), "{source}");
    }
    parse(&format!("#[doc = {}] fn f() {{}}", vec!["1"; 5000].join(" + ")));
    parse(&format!("#[doc = {}1] fn f() {{}}", "-".repeat(5000)));
    parse(&format!("fn f() {{ {} }}", "if a { nop; } else ".repeat(3000) + "{}"));
}
