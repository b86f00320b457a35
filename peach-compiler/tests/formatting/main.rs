//! The formatter: what it makes of kernels, that it does so once and for all, and that tokens and
//! bytes stay.

mod repository;
mod same;
mod soups;
mod spaces;

use peach_compiler::format;

/// Pairs of a source and what becomes of it.
fn check(source: &str, expected: &str) {
    let formatted = format::kernels(source).expect("it has tokens");
    assert_eq!(formatted, expected, "\n{formatted}");
    assert_eq!(format::kernels(&formatted).as_deref(), Ok(expected), "a second time");
}

#[test]
fn operands_and_operators() {
    let line = |source: &str, expected: &str| {
        check(&format!("fn f() {{\n{source}\n}}\n"), &format!("fn f() {{\n    {expected}\n}}\n"));
    };
    line("mov eax,1 ;", "mov eax, 1;");
    line("mov  rax,[ p+8*i -  16 ];", "mov rax, [p + 8*i - 16];");
    line("mov rax, [p + 8 * i];", "mov rax, [p + 8 * i];");
    line("mov rax, [p + 8* i];", "mov rax, [p + 8 * i];");
    line("mov rax , - 1;", "mov rax, -1;");
    line("push -1;", "push -1;");
    line("vaddps z {k1} {z} , a,b , { rn - sae } ;", "vaddps z{k1}{z}, a, b, {rn-sae};");
    line("vaddps z{k[i+1]}, a, [p]{ 1to16 };", "vaddps z{k[i + 1]}, a, [p]{1to16};");
    line("mov rax, fs:[0];", "mov rax, fs:[0];");
    line("let a,b:ymm=0;", "let a, b: ymm = 0;");
    line("let ( a , b )=(b,a);", "let (a, b) = (b, a);");
    line("for i in( 0 .. 8 ).rev( ){nop;}", "for i in (0..8).rev() { nop; }");
    line("issue loads,..;", "issue loads, ..;");
    line(
        "if!isa(\"avx2\")&&N==-1{nop;}else{ud2;}",
        "if !isa(\"avx2\") && N == -1 { nop; } else { ud2; }",
    );
    line("assert!( N%8==0 , \"x\" );", "assert!(N%8 == 0, \"x\");");
    line("mov rax, const{ size_of::<T>()  + 1 };", "mov rax, const { size_of::<T>()  + 1 };");
    line("cmp al,b'(' ; cmp al , '\\'' as u8;", "cmp al, b'('; cmp al, '\\'' as u8;");
    line("jmp break'a ; 'b :nop;", "jmp break 'a; 'b: nop;");
    line("acc[ 0 ] = undefined;x ^= 1<<2|3;", "acc[0] = undefined; x ^= 1 << 2 | 3;");
    line("const T:[u32;4]=from_fn(| i |c(i));", "const T: [u32; 4] = from_fn(|i| c(i));");
    line("call sym  crate :: a::b;", "call sym crate::a::b;");
    line("call sym number::< { 1+2 } >;", "call sym number::<{ 1+2 }>;");
    line("call sym < S<-2 > as C>::call;", "call sym <S<-2> as C>::call;");
    line("cmp a, 1 < 2; x = y > z;", "cmp a, 1 < 2; x = y > z;");
    line("{}", "{}");
}

#[test]
fn items_and_signatures() {
    check(
        "#[version(enable=\"avx2\",V=ymm)]\npub  fn pack_{B}<'a>(x:&'a mut[u32;4],y:Option<&'a [u8;4]>)->Option<&'a u8>{return x;}",
        "#[version(enable=\"avx2\",V=ymm)]\npub fn pack_{B}<'a>(x: &'a mut [u32; 4], y: Option<&'a [u8; 4]>) -> Option<&'a u8> { return x; }\n",
    );
    check("const A:u32=1; const B:u32=2;", "const A: u32 = 1;\nconst B: u32 = 2;\n");
    check(
        "fn a()\n{\n\n\nnop;\n\n\n\nnop;\n\n}\n\n\n\nfn b(){}",
        "fn a() {\n    nop;\n\n    nop;\n}\n\nfn b() {}\n",
    );
    check(
        "fn a(\nx:u32,\n  y:u32,\n)->u32\n{\nreturn x;}",
        "fn a(\n    x: u32,\n    y: u32,\n) -> u32 {\n    return x;\n}\n",
    );
    check(
        "for W in[8,16]{fn f_{W}(x:i64)->i{W}{return x.gp{W};}}",
        "for W in [8, 16] { fn f_{W}(x: i64) -> i{W} { return x.gp{W}; } }\n",
    );
}

#[test]
fn blocks_comments_and_columns() {
    check(
        "fn a() {\n  if x { // why\n nop; }\n  else { nop; /* b */ }\n'a :{\nnop;\njnz continue 'a;}\n}",
        "fn a() {\n    if x { // why\n        nop;\n    } else { nop; /* b */ }\n    'a: {\n        nop;\n        jnz continue 'a;\n    }\n}\n",
    );
    check(
        "fn a() {\nmov    rax, 1;   // one\nvpaddd x,   y;   // two\n                 // more\nmov  a, b;\n\nret  x;\n}",
        "fn a() {\n    mov    rax, 1;   // one\n    vpaddd x,   y;   // two\n                     // more\n    mov a, b;\n\n    ret x;\n}\n",
    );
    check(
        "const T: [u8; 4] = [\n   1,  2,\n  13, 14,\n 5,\n];",
        "const T: [u8; 4] = [\n     1,  2,\n    13, 14,\n    5,\n];\n",
    );
    check(
        "fn a() {\nvpshufb d, u8x4(1, 2,\n                3, 4);\nlea a, [\np];\n}",
        "fn a() {\n    vpshufb d, u8x4(1, 2,\n                    3, 4);\n    lea a, [\n        p];\n}\n",
    );
    check(
        "fn a() {\n/* one\n   two */\nnop;\n        /** doc\n   stays */\nnop;   \t\n}",
        "fn a() {\n    /* one\n       two */\n    nop;\n    /** doc\n   stays */\n    nop;\n}\n",
    );
}

/// Everything but the inside of `peach_fn!` stays, byte for byte.
#[test]
fn the_rest_of_a_rust_file_stays() {
    let source = "#!/usr/bin/env run\nfn  a ( ) { }\n// peach_fn!{ fn  x(){} }\nconst S: &str = r#\"peach_fn!{ fn  x(){} }\"#;\n\
        macro_rules! m { ($x:ident, $( $y:tt ),* ) => {\n  peach_fn!{\nfn  $x(){\n$(nop;  $y )* mov eax,$x;}\n} } }\n\
        mod inner {\n    use peach_runtime::peach_fn as kernels;\n    kernels!{ fn  b( ){ } }\n}\n\
        #[rustfmt::skip]\npeach_runtime::peach_fn!{ fn  c( ){ } }\nlet c  = '\"'; /* /* */ peach_fn!{a  b} */\n";
    let expected = source
        .replace(
            "\nfn  $x(){\n$(nop;  $y )* mov eax,$x;}\n}",
            "\n    fn $x() {\n        $(nop;  $y )* mov eax, $x;\n    }\n  }",
        )
        .replace("kernels!{ fn  b( ){ } }", "kernels!{ fn b() {} }");
    let formatted = format::rust(source).expect("it has tokens");
    // The lines of a macro are indented from the line that it stands on.
    let expected = expected.replace(
        "\n    fn $x() {\n        $(nop;  $y )* mov eax, $x;\n    }\n",
        "\n      fn $x() {\n          $(nop;  $y )* mov eax, $x;\n      }\n",
    );
    assert_eq!(formatted, expected, "\n{formatted}");
    assert_eq!(format::rust(&formatted).as_deref(), Ok(expected.as_str()));
}

#[test]
fn line_ends_marks_and_nothing_stay_what_they_are() {
    check("\u{feff}fn a() {\r\nnop ;\r\n}\r\n", "\u{feff}fn a() {\r\n    nop;\r\n}\r\n");
    check("fn a() {\n\tnop; // ü \n}", "fn a() {\n    nop; // ü\n}\n");
    check("", "");
    check("\n\n// only\n\n\n// comments", "// only\n\n// comments\n");
    assert_eq!(format::rust("fn  a(){}").as_deref(), Ok("fn  a(){}"));
}

#[test]
fn what_has_no_tokens_is_told() {
    for (source, at, message) in [
        ("fn a() {", 7..8, "nothing closes this `{`"),
        ("fn a() { ] }", 9..10, "nothing opens this `]`"),
        ("fn a() { \"x }", 9..10, "this string does not end"),
        ("/* /* */", 0..1, "this comment does not end"),
        ("\u{feff}fn ö \u{201c}", 9..12, "`\u{201c}` cannot stand here"),
    ] {
        let problem = format::kernels(source).expect_err(source);
        assert_eq!((problem.at, problem.message.as_str()), (at, message), "{source}");
        assert!(format::rust(source).is_err(), "{source}");
    }
}

#[test]
fn the_macro_may_have_any_brackets() {
    for (open, close) in [("(", ");"), ("[", "];"), (" { ", " }")] {
        let source = format!("peach_fn!{open}fn  a(){{nop;}} fn  b() {{\n}}{close}\n");
        let expected = format!("peach_fn!{open}fn a() {{ nop; }} fn b() {{}}{close}\n");
        assert_eq!(format::rust(&source).as_deref(), Ok(expected.as_str()));
    }
    let source = "  peach_fn!(\nfn a() { nop;\n}\nfn b() {} fn c() {}\n);\n";
    let expected =
        "  peach_fn!(\n      fn a() {\n          nop;\n      }\n      fn b() {} fn c() {}\n  );\n";
    assert_eq!(format::rust(source).as_deref(), Ok(expected));
}
