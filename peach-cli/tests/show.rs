//! `peach show`: the text, and the page in a real browser.

#[expect(dead_code, reason = "every test uses its own part of it")]
mod support;

use peach_testing::tools::have;
use std::process::Command;
use support::{Files, Run};

const KERNEL: &str = "//! Two kernels.

pub fn add(a: i32, b: i32) -> i32 {
    add a, b;
    return a;
}

#[spill]
pub fn stacked(x: &mut [u64; 4]) -> u64 {
    let kept: [u64; 2] align 64;
    let r: [gp64; 3];
    for i in 0..3 { mov r[i], [x + 8 * i]; }
    mov [kept], r[0];
    mov [kept + 8], r[1];
    add r[2], [kept];
    return r[2];
}
";

#[test]
fn a_listing_has_everything() {
    let files = Files::new("show-text");
    files.file("two.peach", KERNEL);
    let text = files.peach("show -mabi=sysv two.peach add").succeeded().stdout;
    let expected = "\
add
  convention  SystemV x86-64 ABI
  extensions  any x86-64 processor
  size        5 bytes of code
  changes     rax rdi flags
  stack       [entry - 8]       8 bytes  return address

 ┌─── edi     a
 │ ┌─ esi     b
 ┬ ─  0000  01 f7                      add edi, esi                               4
 ┼    0002  89 f8                      mov eax, edi                               5
 ┴    0004  c3                         ret                                        5
";
    assert_eq!(text, expected);
    let ascii = files.peach("show --ascii -mabi=sysv two.peach add").succeeded().stdout;
    assert!(ascii.is_ascii() && ascii.contains(" + -  0000"), "{ascii}");
}

/// Of the frame, every part has its place; the base of a realigned one is a register.
#[test]
fn the_stack_frame_is_listed() {
    let files = Files::new("show-stack");
    files.file("two.peach", KERNEL);
    let text = files.peach("show -mabi=sysv two.peach stacked").succeeded().stdout;
    for part in ["return address", "saved rbp", "[rsp - 64]", "16 bytes  kept", "prologue"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let win64 = files.peach("show -mabi=ms two.peach stacked").succeeded().stdout;
    assert!(win64.contains("Microsoft x64 ABI"), "{win64}");
}

#[test]
fn an_unknown_kernel_is_told_the_nearest() {
    let files = Files::new("show-unknown");
    files.file("two.peach", KERNEL);
    files.peach("show two.peach ad").failed(1, "no kernel named `ad`; there are: add, stacked");
    files.peach("show two.peach stcked").failed(1, "did you mean `stacked`?");
    files.peach("show two.peach add stacked").failed(2, "unexpected argument 'stacked'");
    files.peach("show").failed(2, "FILE");
}

/// Runs a page in a browser, with more script at its end, and gives what it is then.
fn in_browser(files: &Files, page: &str, script: &str) -> String {
    let text = page.replace("</body>", &format!("<script>{script}</script></body>"));
    assert_ne!(text, page);
    let path = files.file("scripted.html", text);
    let profile = files.0.join("profile");
    Run::of(
        Command::new("chromium")
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic"])
            .args([
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .args(["--disable-sync", "--virtual-time-budget=3000", "--dump-dom"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(format!("file://{}", path.display())),
    )
    .succeeded()
    .stdout
}

/// The element of the page that `start` is the start of, up to its end.
fn element<'t>(page: &'t str, start: &str) -> &'t str {
    let at = page.find(start).unwrap_or_else(|| panic!("{start} is not in {page}"));
    let end = page[at..].find('>').expect("an end");
    &page[at..at + end]
}

#[test]
fn hovering_links_source_and_code_both_ways() {
    if !have(&["chromium"]) {
        return;
    }
    let files = Files::new("show-browser");
    files.file("two.peach", KERNEL);
    files.peach("show --html -mabi=sysv -o page.html two.peach").succeeded();
    let page = files.text("page.html");
    // Nothing is loaded from anywhere.
    for foreign in ["http:", "https:", "src=", "url(", "@import"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let hover = |selector: &str| {
        format!(
            "document.querySelector('{selector}').dispatchEvent(new MouseEvent('mouseover', {{ bubbles: true }}));"
        )
    };
    // From the second line of code to its line of source, and the registers that are live there.
    let from_code = in_browser(&files, &page, &hover("section .body li:nth-child(2)"));
    assert!(element(&from_code, "<li data-line=\"0:5\"").ends_with(" on\""), "{from_code}");
    assert!(!element(&from_code, "<li data-line=\"0:4\"").contains(" on"), "{from_code}");
    assert!(from_code.contains(">live: a edi</footer>"), "{from_code}");
    // From a line of source to all of its code.
    let from_source = in_browser(&files, &page, &hover(".source li[data-line=\"0:5\"]"));
    let lit: Vec<&str> = from_source.split("<li ").filter(|item| item.contains(" on\"")).collect();
    assert_eq!(lit.iter().filter(|item| item.starts_with("class=\"frame ")).count(), 2, "{lit:?}");
    assert!(!lit.iter().any(|item| item.starts_with("class=\"author ")), "{lit:?}");
    // Another kernel, by its tab; then down and to the left by keys.
    let keys = "document.querySelectorAll('nav button')[1].click();
        const key = name => document.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true }));
        for (let i = 0; i < 6; i++) key('ArrowDown');
        document.body.dataset.row = document.querySelector('li.current code').textContent;
        key('ArrowLeft');
        document.body.dataset.line = document.querySelector('li.current').dataset.line;
        document.body.dataset.hidden = document.querySelectorAll('section[hidden]').length;";
    let by_keys = in_browser(&files, &page, keys);
    let body = element(&by_keys, "<body");
    assert!(body.contains("data-hidden=\"1\"") && body.contains("data-line=\"0:12\""), "{body}");
    assert!(body.contains("data-row=\"mov "), "{body}");
}

/// Text of the source is text of the page, not markup.
#[test]
fn nothing_of_the_source_becomes_markup() {
    let files = Files::new("show-markup");
    files.file("a.peach", "// <script>alert(1)</script> & \"x\"\npub fn a() { nop; }\n");
    let page = files.peach("show --html a.peach").succeeded().stdout;
    assert!(
        page.contains("// &lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;x&quot;"),
        "{page}"
    );
    assert_eq!(page.matches("<script>").count(), 1);
}

/// A file in error has a page: its text, the lines that are wrong, what is wrong and what helps.
#[test]
fn errors_have_a_page() {
    let files = Files::new("show-errors");
    files.file("a.peach", "pub fn a(x: u64) -> u64 {\n    ad x, 1;\n    return x;\n}\n");
    files.peach("show --html -o page.html a.peach").failed(1, "1 error; no code was written");
    let page = files.text("page.html");
    let wrong = element(&page, "<li data-line=\"0:2\"");
    assert!(wrong.contains(" wrong"), "{wrong}");
    assert!(!element(&page, "<li data-line=\"0:3\"").contains("wrong"), "{page}");
    for part in ["error[E", "unknown", "line 2, column 5", "add"] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

/// What a row shows besides bytes and registers: the value of a constant, where jumps go, all
/// bytes, what the instruction does.
#[test]
fn rows_say_what_they_do() {
    let files = Files::new("show-rows");
    let text = "pub fn f(x: &[u8; 16]) -> u64 {
    let v: xmm;
    movdqu v, [x];
    pand v, u8x16(0x0F);
    let n: gp64 = 3;
    'next: { dec n; jnz continue 'next; }
    movabs n, 0x1122334455667788;
    movq n, v;
    return n;
}
";
    files.file("a.peach", text);
    let page = files.peach("show --html -mabi=sysv a.peach").succeeded().stdout;
    for part in [
        "u8x16(0xf)",
        "data-does=\"pand: ANDs vectors\"",
        "data-form=\"PAND xmm1, xmm2/m128\"",
        "reads xmm0 0–15, memory (16 bytes); writes xmm0 0–15",
        "writes rax 0–7, PF AF ZF SF OF",
        "class=\"back\"",
        "48 b8 88 77 66 55 44 33\n22 11",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

/// The dot product with one sum and with eight: the first waits for the addition, the second for
/// the loads. What each takes follows from the manuals: four cycles of latency on Skylake, two
/// loads a cycle.
#[test]
fn loops_have_costs() {
    let files = Files::new("show-cost");
    let kernel = |sums: usize| {
        format!(
            "#[target_feature(enable = \"avx2,fma\")]
            pub unsafe fn dot(x: *const f32, y: *const f32, n: usize) -> f32 {{
                let acc, v: [ymm; {sums}];
                for a in acc {{ vxorps a, a, a; }}
                'next: {{
                    for i in 0..{sums} {{ vmovups v[i], [x + 32 * i]; }}
                    for i in 0..{sums} {{ vfmadd231ps acc[i], v[i], [y + 32 * i]; }}
                    add x, {sums} * 32; add y, {sums} * 32; sub n, {sums} * 8; ja continue 'next;
                }}
                for i in 1..{sums} {{ vaddps acc[0], acc[0], acc[i]; }}
                return acc[0].xmm;
            }}"
        )
    };
    files.file("one.peach", kernel(1));
    files.file("eight.peach", kernel(8));
    files.file("none.peach", "pub fn a() { nop; }");
    files.peach("show --cost=pentium one.peach").failed(2, "there are: haswell, skylake");
    if !have(&["llvm-mca-22", "llvm-mc-22"]) {
        return;
    }
    let cost = |flags: &str| files.peach(&format!("show {flags}")).succeeded().stdout;
    let one = cost("--cost=skylake-xeon one.peach");
    for part in ["by llvm-mca 22", "4.01 cycles an iteration; bound by a chain", "3.0 times"] {
        assert!(one.contains(part), "{part}: {one}");
    }
    let chained: Vec<&str> = one.lines().filter(|line| line.contains(", in the chain")).collect();
    assert!(chained.len() == 1 && chained[0].contains("vfmadd231ps"), "{chained:?}");
    let eight = cost("--cost=skylake-xeon eight.peach");
    assert!(eight.contains("8.01 cycles an iteration; bound by port"), "{eight}");
    assert!(eight.contains("latency 11, one per 0.50 cycles, 2 micro-operations"), "{eight}");
    assert!(cost("--cost=zen4 none.peach").contains("there is no loop"));
    for cpu in
        ["haswell", "skylake", "icelake-server", "alderlake", "sapphirerapids", "zen2", "zen3"]
    {
        assert!(cost(&format!("--cost={cpu} one.peach")).contains("bound by a chain"), "{cpu}");
    }
    let page = cost("--html --cost=zen4 one.peach");
    for part in ["data-cost=\"latency", " chain\"", "cycles an iteration", "not modeled: caches"] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

/// `--watch` shows a file again when it changes, after an error too.
#[test]
fn a_file_is_watched() {
    let files = Files::new("show-watch");
    files.file("a.peach", "pub fn first() { nop; }");
    let mut watching = Command::new(support::PEACH)
        .args(["show", "--watch", "-o", "out", "a.peach"])
        .current_dir(&files.0)
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the command runs");
    let shows = |text: &str| {
        let start = std::time::Instant::now();
        loop {
            let shown = std::fs::read_to_string(files.0.join("out")).unwrap_or_default();
            if shown.contains(text) {
                return true;
            }
            if start.elapsed().as_secs() > 60 {
                return false;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    };
    let first = shows("first");
    files.file("a.peach", "pub fn second() { no such thing }");
    std::thread::sleep(std::time::Duration::from_millis(600));
    let is_kept = shows("first");
    files.file("a.peach", "pub fn third() { nop; }");
    let third = shows("third");
    let _ = watching.kill();
    let _ = watching.wait();
    assert!(first && is_kept && third, "{first} {is_kept} {third}");
    files.peach("show --watch -mcpu=nothing a.peach").failed(2, "unknown processor");
}
