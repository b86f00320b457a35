//! The memory that plain code may access, and what Rust guarantees of it.

use crate::machine::Word;
use crate::script::{Script, Term, number};
use peach_compiler::ir::{ArgValue, DataId, Function, LocalId};

/// A piece of memory.
#[derive(Clone, Debug)]
pub struct Region {
    pub base: Term,
    /// In bytes, as a word.
    pub size: Term,
    pub align: u64,
    pub writable: bool,
    pub local: Option<LocalId>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Regions {
    pub all: Vec<Region>,
    /// What arrives in the registers of arguments.
    pub arguments: Vec<Word>,
    locals: usize,
    data: usize,
}

impl Regions {
    /// Declares arguments and addresses, and assumes what holds of them.
    pub fn declare(function: &Function, script: &mut Script) -> Regions {
        let mut regions = Regions::default();
        for _ in &function.args {
            let term = script.any(64);
            regions.arguments.push(Word { term, region: None });
        }
        for (index, arg) in function.args.iter().enumerate() {
            regions.argument(index, &arg.value, script);
        }
        regions.locals = regions.all.len();
        for (index, local) in function.locals.iter().enumerate() {
            let base = script.any(64);
            regions.add(
                script,
                Region {
                    base,
                    size: number(i128::from(local.size), 64),
                    align: u64::from(local.align),
                    writable: true,
                    local: Some(LocalId(index as u32)),
                },
            );
        }
        regions.data = regions.all.len();
        for data in &function.data {
            let base = script.any(64);
            regions.add(
                script,
                Region {
                    base,
                    size: number(data.content.len() as i128, 64),
                    align: u64::from(data.align),
                    writable: false,
                    local: None,
                },
            );
        }
        regions
    }

    fn argument(&mut self, index: usize, value: &ArgValue, script: &mut Script) {
        let base = self.arguments[index].term.clone();
        match value {
            ArgValue::Reference { bytes: Some(bytes), mutable, align, .. } => {
                let size = number(i128::from(*bytes), 64);
                self.arguments[index].region = Some(self.all.len());
                let (align, writable) = (*align, *mutable);
                self.add(script, Region { base, size, align, writable, local: None });
            }
            ArgValue::Slice { element, mutable, align, .. } if *element > 0 => {
                let len = self.arguments[index + 1].term.clone();
                let most = (i64::MAX as u64) / element;
                script.assume(&format!("(bvule {len} {})", number(i128::from(most), 64)));
                let bytes = number(i128::from(*element), 64);
                let size = script.word(64, format!("(bvmul {bytes} {len})"));
                self.arguments[index].region = Some(self.all.len());
                let (align, writable) = (*align, *mutable);
                self.add(script, Region { base, size, align, writable, local: None });
            }
            ArgValue::Bool => {
                script.assume(&format!("(bvule ((_ extract 7 0) {base}) #x01)"));
            }
            _ => {}
        }
    }

    /// Its address is not null and aligned, and it ends below 2^64.
    fn add(&mut self, script: &mut Script, region: Region) {
        let Region { base, size, align, .. } = &region;
        let (one, last) = (number(1, 64), number(i128::from(align - 1), 64));
        script.assume(&format!("(bvuge {base} {one})"));
        script.assume(&format!("(bvule {size} (bvsub (bvnot (_ bv0 64)) {base}))"));
        if *align > 1 {
            script.assume(&format!("(= (bvand {base} {last}) (_ bv0 64))"));
        }
        self.all.push(region);
    }

    /// The address of a stack variable.
    pub fn local(&self, local: LocalId) -> Word {
        self.word(self.locals + local.index())
    }

    /// The address of a constant.
    pub fn data(&self, data: DataId) -> Word {
        self.word(self.data + data.index())
    }

    fn word(&self, region: usize) -> Word {
        Word { term: self.all[region].base.clone(), region: Some(region) }
    }

    /// `bytes` bytes from `address` on lie in a region, and may be written where they are.
    pub fn holds(&self, address: &Word, bytes: &str, is_write: bool) -> Term {
        let inside = |region: &Region| {
            let Region { base, size, .. } = region;
            let offset = format!("(bvsub {} {base})", address.term);
            format!("(and (bvule {bytes} {size}) (bvule {offset} (bvsub {size} {bytes})))")
        };
        let allowed = |region: &&Region| region.writable || !is_write;
        match address.region {
            Some(region) => match Some(&self.all[region]).filter(allowed) {
                Some(region) => inside(region),
                None => "false".to_string(),
            },
            None => {
                let ways: Vec<Term> = self.all.iter().filter(allowed).map(inside).collect();
                format!("(or false {})", ways.join(" "))
            }
        }
    }
}
