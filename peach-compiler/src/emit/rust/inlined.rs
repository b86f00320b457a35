//! `#[embed = "inline"]`: the code in its caller, as an `asm!` with arguments, results and clobbers
//! in their registers.
//!
//! In: a group with its inlined code. Out: the body and the attributes of `fn name`. To Rust the
//! kernel is what an intrinsic is: where it needs extensions, the function is
//! `#[target_feature]`, which rustc lets callers have that have them too.
//!
//! * Constants are a static that the code refers to. Jump tables, which refer to the code, stand
//!   behind it in every caller.
//! * The code may push, and then the red zone is not the caller's (no `nostack`). No unwinder
//!   hears of it: what finds the caller's frame meanwhile is `rbp`, since a variable that is
//!   aligned to more than the stack makes LLVM address the frame by it.
//! * `rsp` is a multiple of 16 at an `asm!`, and 8 less than that where a function starts. Frames
//!   and calls rely on the latter.

use super::template::{Template, bytes_line};
use super::{Context, clobbers, number, operands, ours, patches};
use crate::compiled::CompiledFunction;
use crate::encode::{DataReference, Patch};
use crate::ir::{Code, Data, DataContent, DataId, Item};
use crate::isa::{self, Control, Feature, FeatureSet};
use crate::sorted::{self, SortedMap, SortedSet};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote_spanned};

/// `lea rsp, [rsp - 8]`, and back: they leave the flags as they are.
const LOWER: &[u8] = &[0x48, 0x8D, 0x64, 0x24, 0xF8];
const RAISE: &[u8] = &[0x48, 0x8D, 0x64, 0x24, 0x08];

/// `jmp` over what follows; its distance has four bytes.
const JUMP: u8 = 0xE9;
const JUMP_LEN: usize = 5;

/// `#[target_feature]` of what the author has enabled.
pub(super) fn target_feature(context: &Context<'_>) -> Option<TokenStream> {
    let attrs = &context.decl().attrs;
    let written = attrs.target_features.iter().filter_map(|(name, _)| Feature::parse(name));
    let cpu = attrs.target_cpu.iter().filter_map(|(name, _)| FeatureSet::of_cpu(name));
    let of_cpu = cpu.flat_map(|set| set.minified());
    let names: Vec<&str> =
        written.chain(of_cpu).filter(|f| f.is_in_stable_rust()).map(Feature::name).collect();
    if names.is_empty() {
        return None;
    }
    let mut list = Literal::string(&names.join(","));
    list.set_span(ours());
    Some(quote_spanned!(ours() => #[target_feature(enable = #list)]))
}

/// The body of `fn name`.
pub(super) fn body(context: &Context<'_>, compiled: &CompiledFunction) -> TokenStream {
    let private = context.private;
    let changes = clobbers::of(std::slice::from_ref(compiled));
    let mut code = Assembly::new(context, compiled);
    code.write(needs_return_address(compiled));
    let Assembly { template: Template { lines, operands, .. }, constants, .. } = code;
    let inputs = operands::inputs(context);
    let outputs = operands::outputs(context);
    let (declared, results, conversion) =
        (&outputs.declarations, &outputs.operands, &outputs.conversion);
    let takes_pointers = operands::takes_pointers(context) || constants.is_some();
    let stack = if changes.uses_stack { clobbers::Stack::Used } else { clobbers::Stack::Unused };
    let clobbers = clobbers::operands(&changes, &outputs.registers, takes_pointers, stack);
    let anchor = changes.uses_stack.then(|| {
        quote_spanned! { ours() =>
            let mut __peach_anchor = #private::Anchor::new();
            #private::anchor(&mut __peach_anchor);
        }
    });
    quote_spanned! { ours() =>
        #constants
        #declared
        #anchor
        unsafe {
            #private::core::arch::asm!(
                "", #(#lines,)* #(#operands,)* #(#inputs,)* #(#results,)* #clobbers
            );
        }
        #conversion
    }
}

/// Whether the code relies on where the stack pointer is modulo 16.
fn needs_return_address(compiled: &CompiledFunction) -> bool {
    let features = &compiled.function.features;
    let is_call = |item: &Item| match &item.code {
        Code::Inst(inst) => isa::select(inst, features)
            .is_ok_and(|selection| isa::effects(inst, &selection).control == Control::Call),
        Code::Label(_) | Code::Align(_) | Code::Group(_) | Code::Bytes(_) => false,
    };
    compiled.lowered.frame.size > 0 || compiled.lowered.items.iter().any(is_call)
}

/// The template of the `asm!`.
struct Assembly<'a> {
    template: Template<'a>,
    /// The static with the constants.
    constants: Option<TokenStream>,
    /// Where it starts in the bytes of the code that is called.
    constants_start: u32,
}

impl<'a> Assembly<'a> {
    fn new(context: &'a Context<'_>, compiled: &'a CompiledFunction) -> Self {
        let template = Template::new(compiled, context.private, context.for_windows());
        let mut assembly = Assembly { template, constants: None, constants_start: 0 };
        assembly.constants(context.private);
        assembly
    }

    /// All constants but jump tables, as they follow the code that is called.
    fn constants(&mut self, private: &TokenStream) {
        let encoded = &self.template.compiled.encoded;
        let used = self.data().filter(|(data, _)| !matches!(data.content, DataContent::Jumps(_)));
        let places: Vec<(u32, u32)> =
            used.map(|(data, start)| (start, start + data.content.len() as u32)).collect();
        let Some(first) = places.iter().map(|(start, _)| *start).min() else { return };
        let last = places.iter().map(|(_, end)| *end).max().unwrap_or(first);
        self.constants_start = first / encoded.align * encoded.align;
        let range = self.constants_start as usize..last as usize;
        let mut bytes = Literal::byte_string(&encoded.bytes[range.clone()]);
        bytes.set_span(ours());
        let bytes = quote_spanned!(ours() => *#bytes);
        let bytes = patches::with_tables(self.template.compiled, bytes, range.start, private);
        let (len, align) = (number(range.len()), encoded.align.max(64));
        let align = format_ident!("Align{align}", span = ours());
        let ty = quote_spanned!(ours() => #private::Aligned<#private::#align, #len>);
        self.constants = Some(quote_spanned! { ours() =>
            static __PEACH_CONSTANTS: #ty = #private::Aligned::new(#bytes);
        });
    }

    /// The constants that the code addresses, and where they are.
    fn data(&self) -> impl Iterator<Item = (&'a Data, u32)> {
        let compiled = self.template.compiled;
        let data = compiled.lowered.data.iter().zip(compiled.encoded.data_offsets.iter().copied());
        data.filter(|(_, offset)| *offset != u32::MAX)
    }

    fn write(&mut self, with_return_address: bool) {
        let compiled = self.template.compiled;
        let behind = if with_return_address { RAISE } else { &[] };
        let tables = self.jump_tables(compiled.encoded.code_len + behind.len() + JUMP_LEN);
        if with_return_address {
            self.template.lines.push(bytes_line(LOWER));
        }
        let aligned = compiled.lowered.items.iter().filter_map(|item| match item.code {
            Code::Align(bytes) => Some(bytes),
            Code::Label(_) | Code::Inst(_) | Code::Group(_) | Code::Bytes(_) => None,
        });
        if let Some(align) = aligned.chain(tables.iter().map(|table| table.align)).max() {
            self.template.lines.push(format!(".p2align {}", align.trailing_zeros()));
        }
        self.code(&tables);
        if !behind.is_empty() {
            self.template.lines.push(bytes_line(behind));
        }
        self.tables(compiled.encoded.code_len + behind.len(), &tables);
    }

    /// The instructions.
    fn code(&mut self, tables: &[JumpTable]) {
        let encoded = &self.template.compiled.encoded;
        let references = &encoded.data_references;
        let offsets: SortedSet<u32> = references.iter().map(|r| r.offset).collect();
        let (of_references, patches): (Vec<&Patch>, Vec<&Patch>) =
            encoded.patches.iter().partition(|patch| offsets.contains(&patch.offset));
        let mut values = SortedMap::new();
        for patch in of_references {
            values.get_or_insert(patch.offset, patch);
        }
        let references = references.iter().map(|r| {
            let event = Event::Reference(r, values.get(&r.offset).copied());
            (r.offset as usize, event)
        });
        let mut events: Vec<(usize, Event<'_>)> = patches
            .into_iter()
            .map(|patch| (self.template.start_of(patch), Event::Patch(patch)))
            .chain(references)
            .collect();
        sorted::sort_by_key(&mut events, |(at, _)| *at);
        for (at, event) in events {
            self.template.bytes_until(at);
            match event {
                Event::Patch(patch) => self.template.patch(patch),
                Event::Reference(reference, patch) => self.reference(reference, patch, tables),
            }
        }
        self.template.bytes_until(encoded.code_len);
    }

    /// The displacement of a constant, and the patch that adds what only rustc knows.
    fn reference(
        &mut self,
        reference: &DataReference,
        patch: Option<&Patch>,
        tables: &[JumpTable],
    ) {
        let &DataReference { offset, end, data, addend } = reference;
        let to_end = i64::from(end);
        if let Some(table) = tables.iter().find(|table| table.data == data) {
            let distance = i64::from(table.start) + addend - to_end;
            return self.template.field(format!(".4byte {distance}"), []);
        }
        let compiled = self.template.compiled;
        let from_constants = i64::from(offset) - i64::from(self.constants_start);
        let mut operands = vec![quote_spanned!(ours() => sym __PEACH_CONSTANTS)];
        let value =
            patch.and_then(|patch| patches::checked_value(compiled, patch, self.template.private));
        let line = match value {
            // The value counts from where the constant follows the code.
            Some(value) => {
                operands.push(quote_spanned!(ours() => const #value));
                format!(".4byte {{}} - . + {from_constants} + {{}}")
            }
            None => {
                let place = i64::from(compiled.encoded.data_offsets[data.index()]) - to_end;
                format!(".4byte {{}} - . + {}", from_constants + place + addend)
            }
        };
        self.template.field(line, operands);
    }

    /// Where the jump tables are, the first one from `start` on.
    fn jump_tables(&self, start: usize) -> Vec<JumpTable> {
        let compiled = self.template.compiled;
        let data = compiled.lowered.data.iter().zip(&compiled.encoded.data_offsets).enumerate();
        let mut end = start as u32;
        let mut tables = Vec::new();
        for (id, (data, &old_start)) in data {
            let DataContent::Jumps(labels) = &data.content else { continue };
            if old_start == u32::MAX {
                continue;
            }
            let start = end.next_multiple_of(data.align.max(4));
            end = start + 4 * labels.len() as u32;
            let data_id = DataId(id as u32);
            tables.push(JumpTable {
                data: data_id,
                align: data.align.max(4),
                old_start,
                start,
                end,
            });
        }
        tables
    }

    /// The jump tables, from `at` on, and the jump over them.
    fn tables(&mut self, at: usize, tables: &[JumpTable]) {
        let Some(last) = tables.last() else { return };
        let encoded = &self.template.compiled.encoded;
        let over = last.end as usize - at - JUMP_LEN;
        self.template.lines.push(format!(".byte {JUMP}\n.4byte {over}"));
        let mut end = (at + JUMP_LEN) as u32;
        for table in tables {
            self.template.lines.push(format!(".skip {}, 0xcc", table.start - end));
            let old =
                table.old_start as usize..(table.old_start + table.end - table.start) as usize;
            // Distances count from the table, which has another place here.
            let moved = table.old_start as i32 - table.start as i32;
            for entry in encoded.bytes[old].chunks_exact(4) {
                let entry = entry.try_into().map_or(0, i32::from_le_bytes);
                self.template.lines.push(format!(".4byte {}", entry + moved));
            }
            end = table.end;
        }
    }
}

/// What is between the bytes.
enum Event<'a> {
    Patch(&'a Patch),
    Reference(&'a DataReference, Option<&'a Patch>),
}

/// A jump table behind the code, with offsets from the start of the code.
struct JumpTable {
    data: DataId,
    align: u32,
    /// Where it is in the bytes of the code that is called.
    old_start: u32,
    start: u32,
    end: u32,
}
