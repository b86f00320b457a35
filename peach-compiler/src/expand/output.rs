//! The function that an expansion makes: registers, data and constants, each once.

use crate::abi::{Convention, Placement};
use crate::ir::{
    Data, DataContent, DataId, Function, Options, ResultKind, RustConst, RustConstId, RustSym,
    RustSymId, RustTable, VReg, VRegInfo,
};
use crate::isa::{Class, FeatureSet};
use proc_macro2::{Span, TokenStream};
use std::collections::HashMap;

/// A function so far.
pub(super) struct FunctionBuilder {
    pub function: Function,
    data_ids: HashMap<Vec<u8>, Vec<DataId>>,
    rust_const_ids: HashMap<*const TokenStream, RustConstId>,
    rust_sym_ids: HashMap<*const TokenStream, RustSymId>,
}

impl FunctionBuilder {
    /// Continues with `function`.
    pub fn of(function: Function) -> FunctionBuilder {
        FunctionBuilder {
            function,
            data_ids: HashMap::new(),
            rust_const_ids: HashMap::new(),
            rust_sym_ids: HashMap::new(),
        }
    }

    /// A new virtual register.
    pub fn new_vreg(&mut self, name: String, class: Class, span: Span) -> VReg {
        let vreg = VReg(self.function.vregs.len() as u32);
        self.function.vregs.push(VRegInfo { name, class, span, arg: None, temporary: false });
        vreg
    }

    /// The number of a `const { … }`, one per place.
    pub fn rust_const(&mut self, tokens: &TokenStream, span: Span) -> RustConstId {
        let consts = &mut self.function.rust_consts;
        *self.rust_const_ids.entry(std::ptr::from_ref(tokens)).or_insert_with(|| {
            consts.push(RustConst { tokens: tokens.clone(), span });
            RustConstId(consts.len() as u32 - 1)
        })
    }

    /// The number of a `sym …`, one per place.
    pub fn rust_sym(&mut self, tokens: &TokenStream, span: Span) -> RustSymId {
        let syms = &mut self.function.rust_syms;
        *self.rust_sym_ids.entry(std::ptr::from_ref(tokens)).or_insert_with(|| {
            syms.push(RustSym { tokens: tokens.clone(), span });
            RustSymId(syms.len() as u32 - 1)
        })
    }

    /// The number of read-only bytes; equal ones of one name and alignment have one.
    pub fn data(&mut self, name: Option<&str>, bytes: &[u8], align: u32) -> DataId {
        let found = self.data_ids.get(bytes).and_then(|same| {
            let is_same = |id: &&DataId| {
                let data = &self.function[**id];
                data.align == align && data.name.as_deref() == name
            };
            same.iter().find(is_same).copied()
        });
        if let Some(id) = found {
            return id;
        }
        let id = DataId(self.function.data.len() as u32);
        self.data_ids.entry(bytes.to_vec()).or_default().push(id);
        self.function.data.push(Data {
            name: name.map(str::to_string),
            content: DataContent::Bytes(bytes.to_vec()),
            align,
        });
        id
    }

    /// The number of a table that rustc evaluates, one per table.
    pub fn rust_table(&mut self, name: &str, table: RustTable, align: u32) -> DataId {
        let same = |data: &Data| match &data.content {
            DataContent::Rust(other) => data.name.as_deref() == Some(name) && *other == table,
            DataContent::Bytes(_) | DataContent::Jumps(_) => false,
        };
        if let Some(at) = self.function.data.iter().position(same) {
            return DataId(at as u32);
        }
        self.function.data.push(Data {
            name: Some(name.to_string()),
            content: DataContent::Rust(table),
            align,
        });
        DataId(self.function.data.len() as u32 - 1)
    }
}

/// A function with nothing in it.
pub(super) fn blank_function(convention: &'static Convention) -> Function {
    Function {
        name: String::new(),
        span: Span::call_site(),
        convention,
        placement: Placement::default(),
        features: FeatureSet::baseline(),
        options: Options::default(),
        args: Vec::new(),
        hidden_result: None,
        result: ResultKind::Unit,
        vregs: Vec::new(),
        labels: Vec::new(),
        data: Vec::new(),
        locals: Vec::new(),
        local_fns: Vec::new(),
        inlined: Vec::new(),
        rust_consts: Vec::new(),
        rust_syms: Vec::new(),
        insts: Vec::new(),
    }
}
