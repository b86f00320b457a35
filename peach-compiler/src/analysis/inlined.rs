//! The function with the body of each local function in the place of every use.
//!
//! What is asked of the source is asked of each use by itself: that a use is safe, that nothing is
//! read before it is written, where secrets go. The registers are the same at every use, so that
//! only labels, and the jump tables that list them, have to be new. Allocation and everything
//! after it works on the code as it will stand.

use super::{Facts, LocalFns};
use crate::ir::{
    Base, DataContent, DataId, Function, Inst, LabelId, LocalFnId, LocalOp, Machine, Op, Operand,
};
use std::collections::HashMap;
use std::ops::Range;

/// More instructions than this are not made.
pub const MOST_INLINED: usize = 1 << 20;

/// A function as it stands, and with its uses of local functions written out: the same where there
/// are none.
pub struct Uses<'f> {
    /// The function as it stands.
    pub function: &'f Function,
    /// What is known of it.
    pub facts: &'f Facts,
    inlined: Option<(Function, Facts)>,
}

impl<'f> Uses<'f> {
    /// Puts the bodies of local functions in the place of their calls, between two
    /// [`LocalOp::Boundary`].
    ///
    /// # Errors
    /// The function becomes too long ([`MOST_INLINED`]).
    pub fn of(function: &'f Function, facts: &'f Facts) -> Result<Uses<'f>, TooLong> {
        let mut uses = Uses { function, facts, inlined: None };
        if !function.local_fns.is_empty() {
            let result = Function { insts: Vec::new(), ..function.clone() };
            let mut inliner = Inliner { function, local_fns: &facts.local_fns, result };
            let kernel = 0..facts.local_fns.kernel_end(function);
            inliner.splice(kernel, &Renamed::default(), false)?;
            let written_out = inliner.result;
            let facts = Facts::of_uses(&written_out, &facts.local_fns);
            uses.inlined = Some((written_out, facts));
        }
        Ok(uses)
    }

    /// The function with every use written out, and what is known of it.
    pub fn written_out(&self) -> (&Function, &Facts) {
        match &self.inlined {
            Some((function, facts)) => (function, facts),
            None => (self.function, self.facts),
        }
    }
}

/// The uses of local functions, written out, are too much code.
#[derive(Clone, Copy, Debug)]
pub struct TooLong;

/// What is new of one use: a label or table that is not here is the function's own.
#[derive(Default)]
struct Renamed {
    labels: HashMap<LabelId, LabelId>,
    data: HashMap<DataId, DataId>,
}

struct Inliner<'f> {
    function: &'f Function,
    local_fns: &'f LocalFns,
    result: Function,
}

impl Inliner<'_> {
    fn splice(
        &mut self,
        range: Range<usize>,
        renamed: &Renamed,
        in_unsafe: bool,
    ) -> Result<(), TooLong> {
        for index in range {
            let mut inst = self.function.insts[index].clone();
            inst.in_unsafe |= in_unsafe;
            match &mut inst.op {
                Op::Local(LocalOp::Call, id) => {
                    let id = *id;
                    self.use_of(id, &inst)?;
                    continue;
                }
                Op::Local(LocalOp::Entry | LocalOp::Return, _) => continue,
                Op::Label(label) => *label = renamed.label(*label),
                Op::Machine(machine) => renamed.machine(machine),
                Op::Local(LocalOp::Boundary, _)
                | Op::Copy { .. }
                | Op::SetImm { .. }
                | Op::Undefined { .. }
                | Op::LoadArg { .. }
                | Op::Return(_)
                | Op::Align(_)
                | Op::Ghost(_)
                | Op::Bytes(_) => {}
            }
            if self.result.insts.len() >= MOST_INLINED {
                return Err(TooLong);
            }
            self.result.insts.push(inst);
        }
        Ok(())
    }

    /// One use of a local function.
    fn use_of(&mut self, id: LocalFnId, call: &Inst) -> Result<(), TooLong> {
        let body = self.local_fns.body(id);
        let renamed = self.rename(body.clone());
        let boundary = Inst { op: Op::Local(LocalOp::Boundary, id), ..call.clone() };
        self.result.insts.push(boundary.clone());
        self.splice(body, &renamed, call.in_unsafe)?;
        self.result.insts.push(boundary);
        Ok(())
    }

    /// New labels for those that a body defines, and new tables for those that list them.
    fn rename(&mut self, body: Range<usize>) -> Renamed {
        let mut renamed = Renamed::default();
        for inst in &self.function.insts[body] {
            if let Op::Label(label) = inst.op {
                let new = LabelId(self.result.labels.len() as u32);
                self.result.labels.push(self.function[label].clone());
                renamed.labels.insert(label, new);
            }
        }
        if renamed.labels.is_empty() {
            return renamed;
        }
        for (index, data) in self.function.data.iter().enumerate() {
            let DataContent::Jumps(labels) = &data.content else { continue };
            if labels.iter().any(|label| renamed.labels.contains_key(label)) {
                let labels = labels.iter().map(|label| renamed.label(*label)).collect();
                let new = DataId(self.result.data.len() as u32);
                let content = DataContent::Jumps(labels);
                self.result.data.push(crate::ir::Data { content, ..data.clone() });
                renamed.data.insert(DataId(index as u32), new);
            }
        }
        renamed
    }
}

impl Renamed {
    fn label(&self, label: LabelId) -> LabelId {
        self.labels.get(&label).copied().unwrap_or(label)
    }

    fn data(&self, data: DataId) -> DataId {
        self.data.get(&data).copied().unwrap_or(data)
    }

    fn machine(&self, machine: &mut Machine) {
        machine.targets = machine.targets.map(|data| self.data(data));
        for operand in &mut machine.inst.operands {
            match operand {
                Operand::Label(branch) => branch.label = self.label(branch.label),
                Operand::Mem(mem) => {
                    if let Base::Data(data) = &mut mem.base {
                        *data = self.data(*data);
                    }
                }
                Operand::Reg(_)
                | Operand::Imm(_)
                | Operand::RustConst(_)
                | Operand::RustSym(_)
                | Operand::Relative(_) => {}
            }
        }
    }
}
