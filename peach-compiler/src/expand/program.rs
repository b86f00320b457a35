//! A program: each version of each kernel is expanded by itself.

use super::groups::{Group, Groups, same_kernel, without_body};
use super::names::Names;
use super::output::{FunctionBuilder, blank_function};
use super::parts::{Items, Limits, MessageKey, Reports, ResultState, Status, Surroundings};
use super::scope::Scopes;
use super::value::Value;
use super::{
    Expander, KernelGroup, Program, Unsafety, VersionSource, aliases, families, labels, local_fns,
};
use crate::abi::{self, ArgPlace};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Place};
use crate::ir::{Function, Options};
use crate::isa::{Feature, FeatureSet};
use crate::nearest::nearest;
use crate::syntax::ast::{
    self, Abi, ExprKind, File, Item, Kernel, KernelAttrs, VersionAttr, name_text,
};
use crate::target::Target;
use proc_macro2::Span;
use std::collections::HashMap;

/// See [`super::expand`].
pub(super) fn expand(file: &File, target: Target, diagnostics: &mut Diagnostics) -> Program {
    let instances = families::flatten(file, target, diagnostics);
    let items: Vec<&Item> = instances.iter().map(|instance| instance.item()).collect();
    let mut expander = Expander::new(target, diagnostics);
    expander.skipped.extend(file.skipped.iter().cloned());
    expander.names.set_origins(&file.origins);
    for item in &items {
        expander.declare_item(item);
    }
    let Groups { kernels, fallbacks } = expander.groups(&items);
    let kernels = kernels.into_iter().map(|group| expander.group(group)).collect();
    expander.check_unused_items();
    expander.warn_unused_labels();
    Program { kernels, fallbacks, unsafe_helpers: unsafe_helpers(&items) }
}

impl<'a, 'd> Expander<'a, 'd> {
    pub(super) fn new(target: Target, diagnostics: &'d mut Diagnostics) -> Self {
        let reported = diagnostics
            .reported()
            .map(|(error, reported)| (MessageKey::of(error), reported))
            .collect();
        Expander {
            target,
            reports: Reports { diagnostics, reported, count: 0 },
            names: Names::default(),
            items: Items::default(),
            label_nodes: HashMap::new(),
            skipped: HashMap::new(),
            suggestions: Default::default(),
            declarations: HashMap::new(),
            output: FunctionBuilder::of(blank_function(target.convention)),
            result: ResultState::default(),
            status: Status::default(),
            limits: Limits::default(),
            around: Surroundings::default(),
            scopes: Scopes::default(),
            version_bindings: HashMap::new(),
            labels: labels::Labels::default(),
            local_fns: local_fns::LocalFns::default(),
            aliases: aliases::Aliases::default(),
            streams: Vec::new(),
            compute: Default::default(),
        }
    }

    /// Expands all versions of a kernel.
    fn group(&mut self, group: Group<'a>) -> KernelGroup {
        let first = group.kernels[0];
        let mut has_errors = group.has_errors;
        let mut versions: Vec<VersionSource> = Vec::new();
        let mut plain: Vec<(FeatureSet, &'a Kernel)> = Vec::new();
        let leaves_out = self.can_leave_out(&group);
        has_errors |= self.refuse_inline_versions(&group);
        for kernel in &group.kernels {
            if !std::ptr::eq(*kernel, first) && !same_kernel(kernel, first) {
                has_errors = true;
                let (name, first) = (&kernel.signature.name, &first.signature.name);
                self.different(name, first, "this kernel", "the first one");
            }
            has_errors |= self.has_other_secrets(kernel, first);
            has_errors |= kernel.reported.is_some();
            for version in versions_of(kernel) {
                if leaves_out && self.leave_out(kernel, version) {
                    continue;
                }
                match self.version(kernel, version, Form::Called) {
                    Some(function) => {
                        if version.is_none() {
                            has_errors |= self.is_duplicate(&mut plain, kernel, function.features);
                        }
                        has_errors =
                            has_errors || self.has_other_types(&versions, &function, kernel);
                        versions.push(VersionSource { function });
                    }
                    None => has_errors = true,
                }
            }
        }
        let inlined = (!has_errors && self.target.inlines && is_inline(first))
            .then(|| self.version(first, None, Form::Inlined));
        has_errors |= matches!(inlined, Some(None));
        KernelGroup {
            decl: without_body(first),
            alternatives: group.alternatives,
            versions,
            inlined: inlined.flatten(),
            fallback: group.fallback.cloned(),
            unsafety: unsafety(&group.kernels),
            has_errors,
        }
    }

    /// Callers of an inlined kernel have chosen: there is no version to choose between.
    fn refuse_inline_versions(&mut self, group: &Group<'a>) -> bool {
        let first = group.kernels[0];
        let Some((ast::Embed::Inline, span)) = first.attrs.embed else { return false };
        let versions = first.attrs.versions.first().map(|version| version.span);
        let others = group.kernels.get(1).map(|kernel| kernel.signature.name.span());
        let Some(other) = versions.or(others) else { return false };
        let message = "an inlined kernel has one version";
        let error = Diagnostic::new(Code::BadAttribute, span, message)
            .label(other, "another one")
            .note("its code stands in its callers, which are compiled for certain extensions");
        let help = "give each version a name of its own, or remove `#[embed = \"inline\"]`";
        self.error(error.help(help));
        true
    }

    /// Whether a version is left out where the sandbox knows no extension of its kind: there is
    /// another one, for which it knows all.
    fn can_leave_out(&self, group: &Group<'a>) -> bool {
        let all = |kernel: &&'a Kernel| {
            versions_of(kernel).into_iter().map(|version| self.unknown(kernel, version).is_empty())
        };
        group.kernels.iter().flat_map(all).any(|is_known| is_known)
    }

    /// The extensions of a version that the validator of the target's sandbox, if it has one, does
    /// not know.
    fn unknown(&self, kernel: &Kernel, version: Option<&VersionAttr>) -> Vec<Feature> {
        let Some(sandbox) = &self.target.convention.sandbox else { return Vec::new() };
        let enabled = version.map_or(&[][..], |version| &version.enable);
        let names = kernel.attrs.target_features.iter().chain(enabled);
        let wanted = names.filter_map(|(name, _)| Feature::parse(name)).collect();
        sandbox.features().missing(wanted)
    }

    /// Leaves out a version that no validator would accept.
    fn leave_out(&mut self, kernel: &Kernel, version: Option<&VersionAttr>) -> bool {
        let unknown = self.unknown(kernel, version);
        let Some(first) = unknown.first() else { return false };
        let (name, first) = (&kernel.signature.name, first.name());
        let convention = self.target.convention.name;
        let message = format!("the version of `{name}` for `{first}` is left out");
        self.reports.diagnostics.push(
            Diagnostic::new(Code::ForeignVersion, name.span(), message)
                .note(format!("validators of `{convention}` code do not support the extension")),
        );
        true
    }

    /// Versions must agree on their arguments, whatever names they bind: `&[f32; W]` is one type.
    fn has_other_types(
        &mut self,
        versions: &[VersionSource],
        function: &Function,
        kernel: &Kernel,
    ) -> bool {
        let Some(first) = versions.first() else { return false };
        let different =
            first.function.args.iter().zip(&function.args).find(|(a, b)| a.value != b.value);
        let Some((_, arg)) = different else { return false };
        let param = &kernel.signature.params[arg.param];
        let (first, last) = param.ty.span;
        self.error(
            Diagnostic::new(
                Code::BadSignature,
                Place { first, last },
                format!("the type of `{}` differs from version to version", param.name),
            )
            .note(
                "all versions are called through one function, so a length must not depend on the \
                 version",
            )
            .help("write the length as a number, or give the kernels different names"),
        );
        true
    }

    /// Two kernels of one name for the same extensions: the second one would never be taken.
    fn is_duplicate(
        &mut self,
        plain: &mut Vec<(FeatureSet, &'a Kernel)>,
        kernel: &'a Kernel,
        features: FeatureSet,
    ) -> bool {
        let name = &kernel.signature.name;
        let Some((_, first)) = plain.iter().find(|(other, _)| *other == features) else {
            plain.push((features, kernel));
            return false;
        };
        self.error(
            Diagnostic::new(
                Code::DuplicateItem,
                name.span(),
                format!("there are two kernels `{name}` for the same extensions"),
            )
            .label(first.signature.name.span(), "the first one, which is always chosen")
            .help("give it another name, or `#[target_feature(enable = \"…\")]`"),
        );
        true
    }

    /// Forgets everything of the version before.
    pub(super) fn begin(&mut self, function: Function) {
        self.output = FunctionBuilder::of(function);
        self.result = ResultState::default();
        self.status = Status::default();
        self.limits = Limits::default();
        self.around = Surroundings::default();
        self.scopes.clear();
        self.version_bindings.clear();
        self.items.values.clear();
        self.labels = labels::Labels::default();
        self.local_fns = local_fns::LocalFns::default();
        self.aliases.begin();
        self.streams.clear();
        self.compute.clear();
    }

    /// Expands one version. `None` if anything in it was in error.
    fn version(
        &mut self,
        kernel: &'a Kernel,
        version: Option<&'a VersionAttr>,
        form: Form,
    ) -> Option<Function> {
        self.begin_version(kernel, version, form);
        let mark = self.scopes.enter();
        self.enter_body_labels();
        self.enter_signature(&kernel.signature);
        self.refuse_arguments_in_memory(kernel);
        // Of a refused signature, `return` and the arguments cannot be judged.
        if !kernel.signature.is_invalid {
            self.block(&kernel.body);
            self.fall_off(kernel.body.span.1);
        }
        self.append_local_fns();
        self.leave_body_labels();
        self.leave_scope(mark);
        self.note_label_uses();
        let function =
            std::mem::replace(&mut self.output.function, blank_function(self.target.convention));
        for (name, _) in &kernel.skipped {
            self.skipped.remove(name);
        }
        self.status.failed.is_none().then_some(function)
    }

    /// The arguments of an inlined kernel are operands of `asm!`.
    fn refuse_arguments_in_memory(&mut self, kernel: &'a Kernel) {
        let function = &self.output.function;
        let args = function.placement.args.iter();
        let mut in_memory = args.zip(&kernel.signature.params).filter(|(places, _)| {
            function.options.inlined && !places.iter().all(|p| matches!(p, ArgPlace::Reg(_)))
        });
        let Some((_, param)) = in_memory.next() else { return };
        let message = format!("there is no register left for `{}`", param.name);
        let convention = function.convention;
        let (ints, vectors) = (convention.int_args.len(), convention.vector_args);
        let error = Diagnostic::new(Code::BadSignature, param.name.span(), message).note(format!(
            "the arguments of an inlined kernel are in {ints} general-purpose registers and \
             {vectors} vector registers at most; a slice takes two"
        ));
        self.error(error.help("pass a reference to some of them"));
    }

    /// The function of a version, as far as attributes say what it is.
    fn begin_version(&mut self, kernel: &'a Kernel, version: Option<&'a VersionAttr>, form: Form) {
        let called = match kernel.abi {
            None | Some((Abi::C, _)) => self.target.convention,
            Some((Abi::SysV64, _)) => &abi::SYSV64,
            Some((Abi::Win64, _)) => &abi::WIN64,
        };
        let inlined = form == Form::Inlined;
        let convention = match form {
            Form::Called => called,
            Form::Inlined if called.shadow > 0 => &abi::INLINE_WIN64,
            Form::Inlined => &abi::INLINE_SYSV64,
        };
        let mut function = blank_function(convention);
        function.name = name_text(&kernel.signature.name);
        function.span = kernel.signature.name.span();
        function.options = Options {
            spill: kernel.attrs.spill,
            // In a sandbox, indirect jumps go to the starts of bundles.
            endbr64: (kernel.attrs.endbr64 || self.target.branch_protection)
                && convention.sandbox.is_none()
                && !inlined,
            // The caller is compiled for AVX, and its compiler knows what is changed.
            no_vzeroupper: kernel.attrs.vzeroupper == Some(false) || inlined,
            unsafe_fn: kernel.unsafety.is_some(),
            in_text: self.target.position_independent
                || matches!(kernel.attrs.embed, Some((ast::Embed::Text, _)))
                || inlined,
            is_copy: !inlined && matches!(kernel.attrs.embed, Some((ast::Embed::Inline, _))),
            without_shadow: self.target.without_shadow,
            inlined,
        };
        self.begin(function);
        self.status.unparsed = kernel.reported;
        self.status.failed = kernel.reported;
        self.skipped.extend(kernel.skipped.iter().cloned());
        self.around.in_unsafe = kernel.unsafety.is_some();
        self.around.in_version = version.is_some();
        self.output.function.features = self.features(&kernel.attrs, version);
        if let Some(version) = version {
            self.bind_version(version);
        }
    }

    /// See [`super::declare`].
    pub(super) fn declaration(&mut self, kernel: &'a Kernel) -> Option<Function> {
        self.begin_version(kernel, None, Form::Called);
        self.enter_signature(&kernel.signature);
        let function =
            std::mem::replace(&mut self.output.function, blank_function(self.target.convention));
        self.status.failed.is_none().then_some(function)
    }

    fn features(&mut self, attrs: &KernelAttrs, version: Option<&VersionAttr>) -> FeatureSet {
        let mut features = self.target.features;
        if let Some((name, span)) = &attrs.target_cpu {
            match FeatureSet::of_cpu(name) {
                Some(cpu) => {
                    let usable = cpu.iter().filter(|feature| !self.is_beyond_rust(*feature));
                    usable.for_each(|feature| features.insert(feature));
                }
                None => self.unknown_cpu(name, *span),
            }
        }
        let enabled = version.map_or(&[][..], |version| &version.enable);
        for (name, span) in attrs.target_features.iter().chain(enabled) {
            match Feature::parse(name) {
                Some(Feature::APXF) => self.no_apx(*span),
                Some(feature) if self.is_beyond_rust(feature) => self.not_in_rust(feature, *span),
                Some(feature) => features.insert(feature),
                None => {
                    self.unknown_feature(name, *span, Code::BadAttribute);
                }
            }
        }
        match &self.output.function.convention.sandbox {
            Some(sandbox) => features.common(sandbox.features()),
            None => features,
        }
    }

    /// Whether the function of an inlined kernel cannot have the extension.
    fn is_beyond_rust(&self, feature: Feature) -> bool {
        self.output.function.options.inlined
            && !feature.is_in_stable_rust()
            && !FeatureSet::baseline().contains(feature)
    }

    fn not_in_rust(&mut self, feature: Feature, span: Span) {
        let name = feature.name();
        let message = format!("stable Rust has no target feature `{name}`");
        let error = Diagnostic::new(Code::BadAttribute, span, message).note(
            "the function of an inlined kernel is `#[target_feature(enable = \"…\")]`, so that its \
             callers are compiled for the same extensions",
        );
        self.error(
            error.help("remove `#[embed = \"inline\"]`: a kernel that is called checks itself"),
        );
    }

    /// APX is an extension that there is, and whose instructions are missing here.
    fn no_apx(&mut self, span: Span) {
        let message = "the compiler has no instructions of APX";
        let note = "`r16` to `r31`, and the forms with a destination of their own \
                    or without flags, \
                    cannot be encoded";
        let error = Diagnostic::new(Code::BadAttribute, span, message).note(note);
        self.error(error.help("leave `apxf` out: it would only keep the kernel from processors"));
    }

    fn unknown_cpu(&mut self, name: &str, span: Span) {
        let message = format!("unknown microarchitecture `{name}`");
        let near = nearest(name, FeatureSet::cpu_names());
        let error = Diagnostic::new(Code::BadAttribute, span, message);
        self.error(match near.first() {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error.note("names are those of LLVM and GCC: `haswell`, `znver4`, `x86-64-v3`"),
        });
    }

    fn bind_version(&mut self, version: &'a VersionAttr) {
        for (name, expr) in &version.bindings {
            let class = match &expr.kind {
                ExprKind::Name(class) => {
                    let symbol = self.names.symbol(class);
                    self.names.info(symbol).class
                }
                _ => None,
            };
            let value = match class {
                Some(class) => Value::Class(class),
                None => self.eval_list(expr).into(),
            };
            if self.check_name(name).is_ok() {
                let symbol = self.names.symbol(name);
                self.version_bindings.insert(symbol, value);
            }
        }
    }
}

/// How control comes to the code, and leaves it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// By a call and a return.
    Called,
    /// It stands in its caller.
    Inlined,
}

fn is_inline(kernel: &Kernel) -> bool {
    matches!(kernel.attrs.embed, Some((ast::Embed::Inline, _)))
}

/// Where the kernels of one name say `unsafe`.
fn unsafety(kernels: &[&Kernel]) -> Unsafety {
    let mut found = Unsafety::default();
    for kernel in kernels {
        kernel.body.unsafe_blocks(&mut found.blocks);
    }
    found.functions.extend(kernels.iter().skip(1).filter_map(|kernel| kernel.unsafety));
    found
}

fn unsafe_helpers(items: &[&Item]) -> Vec<Span> {
    let mut found = Vec::new();
    for item in items {
        if let Item::Helper(helper) = item {
            helper.body.unsafe_blocks(&mut found);
        }
    }
    found
}

/// What a kernel is compiled as: one version for each attribute, or one without.
fn versions_of(kernel: &Kernel) -> Vec<Option<&VersionAttr>> {
    match kernel.attrs.versions.as_slice() {
        [] => vec![None],
        versions => versions.iter().map(Some).collect(),
    }
}
