//! `peach encode` as a user runs it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

fn peach(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peach"));
    command.arg("encode").args(arguments);
    command
}

fn run(arguments: &[&str], input: &[u8]) -> (String, Option<i32>) {
    let mut child = peach(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("peach runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // A command that ends early reads nothing.
        let _ = stdin.write_all(&input);
    });
    let Output { stdout, status, .. } = child.wait_with_output().expect("peach ends");
    writer.join().expect("the writer ends");
    (String::from_utf8(stdout).expect("text"), status.code())
}

#[test]
fn arguments_and_lines_are_answered_in_order() {
    let arguments = ["add eax, ecx", "VPSLLVD ymm0, ymm1, [rsi+8]"];
    assert_eq!(run(&arguments, b""), ("01c8\nc4e275474608\n".to_string(), Some(0)));
    let (text, code) = run(&[], b"nop\nbogus\nret\r\n\nud2");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5);
    assert_eq!((lines[0], lines[2], lines[4]), ("90", "c3", "0f0b"));
    assert!(lines[1].starts_with("error: ") && lines[3].starts_with("error: "));
    assert_eq!(code, Some(1));
}

#[test]
fn options_and_lengths_list_the_encodings() {
    assert_eq!(run(&["--options", "add eax, ecx"], b"").0, "01c8 03c1\n");
    let lengths = "2:0303 3:034300 4:03442300 5:4003442300 6:038300000000 7:03842300000000 \
                   8:400384230000000000";
    let (text, code) = run(&["--lengths"], b"add eax, [rbx]\n");
    assert_eq!(code, Some(0));
    assert_eq!(text.split(' ').count(), lengths.split_whitespace().count());
    assert!(text.starts_with("2:0303 3:034300 4:03442300 "), "{text}");
}

#[test]
fn bad_usage_exits_with_2() {
    assert_eq!(run(&["--fastest"], b"").1, Some(2));
    assert_eq!(run(&["--options", "--lengths"], b"").1, Some(2));
}

#[test]
fn bytes_that_are_no_text_are_an_error_of_their_line_only() {
    let (text, code) = run(&[], b"nop\n\xff\xfe\nnop\n");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines[0], lines[2], code), ("90", "90", Some(1)));
    assert!(lines[1].starts_with("error: "));
}

/// An answer comes before the next line is asked for.
#[test]
fn a_conversation_does_not_block() {
    let mut child =
        peach(&[]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("peach runs");
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    for _ in 0..3 {
        input.write_all(b"nop\n").expect("peach reads");
        let mut answer = String::new();
        output.read_line(&mut answer).expect("peach answers");
        assert_eq!(answer, "90\n");
    }
    drop(input);
    assert!(child.wait().expect("peach ends").success());
}

/// The encoder examples of PeachPy's README.
#[test]
fn the_examples_of_peachpy() {
    assert_eq!(run(&["add eax, 5"], b"").0, "83c005\n");
    // MOVAPS has one opcode that loads and one that stores, equally long between registers.
    assert_eq!(run(&["--options", "movaps xmm0, xmm1"], b"").0, "0f28c1 0f29c8\n");
    // PeachPy finds these three; there are two more.
    let (text, _) = run(&["--lengths", "vpsllvd ymm0, ymm1, [rsi + 8]"], b"");
    assert!(text.starts_with("6:c4e275474608 7:c4e27547442608 9:c4e275478608000000 "), "{text}");
    let (text, _) = run(&["--lengths", "add eax, [rbx]"], b"");
    let lengths: Vec<&str> =
        text.split_whitespace().map(|answer| answer.split(':').next().expect("a length")).collect();
    assert_eq!(lengths, ["2", "3", "4", "5", "6", "7", "8"]);
}

/// One instruction, whose operand size the name alone shows: GNU as and NASM write these bytes.
#[test]
fn names_that_say_the_size() {
    let lines = "retf\nretfq\nlretq\nretfw\nretfq 8\nretf 8";
    let (text, code) = run(&[], lines.as_bytes());
    assert_eq!((text.as_str(), code), ("cb\n48cb\n48cb\n66cb\n48ca0800\nca0800\n", Some(0)));
    let (text, _) = run(&["--lengths", "retf", "retfq"], b"");
    assert!(text.starts_with("1:cb") && !text.lines().next().unwrap().contains("48cb"), "{text}");
    assert!(text.lines().nth(1).unwrap().starts_with("2:48cb"), "{text}");
}
