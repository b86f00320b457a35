//! Z3, as a process that reads SMT-LIB.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What Z3 says of a script: whether something satisfies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Satisfiable,
    Unsatisfiable,
    /// Not within the time that it has.
    Unknown,
}

/// A process that answers one script after the other.
pub struct Solver {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    milliseconds: u32,
    /// How many scripts it was given.
    pub asked: u64,
}

impl Solver {
    /// A process that takes `milliseconds` for each script at most.
    pub fn start(milliseconds: u32) -> Solver {
        let mut process = Command::new("z3")
            .args(["-in", "-smt2"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("z3 starts");
        let input = process.stdin.take().expect("a pipe");
        let output = BufReader::new(process.stdout.take().expect("a pipe"));
        Solver { process, input, output, milliseconds, asked: 0 }
    }

    /// Whether something satisfies `script`, which declares and asserts.
    pub fn check(&mut self, script: &str) -> Answer {
        self.ask(script, "(check-sat)\n").0
    }

    /// Values of `names` that satisfy `script`, if Z3 finds any.
    pub fn model(&mut self, script: &str, names: &[String]) -> Option<String> {
        let commands = format!("(check-sat)\n(get-value ({}))\n", names.join(" "));
        let (answer, rest) = self.ask(script, &commands);
        (answer == Answer::Satisfiable).then_some(rest)
    }

    fn ask(&mut self, script: &str, commands: &str) -> (Answer, String) {
        self.asked += 1;
        let text = format!(
            "(reset)\n(set-option :timeout {})\n(set-logic QF_BV)\n{script}{commands}(echo \"end\")\n",
            self.milliseconds
        );
        self.input.write_all(text.as_bytes()).expect("z3 reads");
        self.input.flush().expect("z3 reads");
        let first = self.line();
        let mut rest = String::new();
        loop {
            match self.line().as_str() {
                "end" => break,
                line => {
                    rest.push_str(line);
                    rest.push('\n');
                }
            }
        }
        let answer = match first.as_str() {
            "sat" => Answer::Satisfiable,
            "unsat" => Answer::Unsatisfiable,
            "unknown" | "timeout" => Answer::Unknown,
            other => panic!("z3 says {other}\n{rest}\nof\n{text}"),
        };
        (answer, rest)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.output.read_line(&mut line).expect("z3 writes");
        assert!(read > 0, "z3 has ended");
        line.trim_end().to_string()
    }
}

impl Drop for Solver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
