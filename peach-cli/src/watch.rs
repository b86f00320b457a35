//! Output while kernels are compiled: passes that `--print-after` names and, on a terminal where
//! it takes long, which kernel is on its way.

use crate::messages;
use peach_build::Error;
use peach_compiler::emit::dump::Dump;
use peach_compiler::pipeline::{Observer, State, Step};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How long a user wonders at nothing.
const PATIENCE: Duration = Duration::from_millis(500);

/// Observes.
pub struct Watch {
    dump: Option<Dump>,
    /// Since when, where standard error is a terminal.
    start: Option<Instant>,
    is_shown: bool,
}

impl Watch {
    /// Observes, and records the state after the steps with these names.
    pub fn new(steps: &[String]) -> Result<Watch, Error> {
        let steps = steps.iter().map(|name| step(name)).collect::<Result<Vec<Step>, Error>>()?;
        Ok(Watch {
            dump: (!steps.is_empty()).then(|| Dump::after(&steps)),
            start: std::io::stderr().is_terminal().then(Instant::now),
            is_shown: false,
        })
    }

    /// Prints what was written down.
    pub fn finish(&self) {
        if self.is_shown {
            messages::print("\r\x1b[K");
        }
        if let Some(dump) = &self.dump {
            messages::print(dump.text());
        }
    }
}

impl Observer for Watch {
    fn after(&mut self, step: Step, state: State<'_>) {
        if let Some(dump) = &mut self.dump {
            dump.after(step, state);
        }
        let name = match state {
            State::Function(function) | State::Facts(function, _) => &function.name,
            State::Encoded(compiled) => &compiled.function.name,
            _ => return,
        };
        if self.start.is_some_and(|start| start.elapsed() > PATIENCE) {
            messages::print(&format!("\r\x1b[K{name}: {}", step.name()));
            self.is_shown = true;
        }
    }
}

/// The step of a name.
fn step(name: &str) -> Result<Step, Error> {
    Step::parse(name).ok_or_else(|| {
        let names: Vec<&str> = Step::ALL.iter().map(|step| step.name()).collect();
        let names = names.join(", ");
        Error::Usage(format!("--print-after={name}: unknown step; the steps are: {names}"))
    })
}
