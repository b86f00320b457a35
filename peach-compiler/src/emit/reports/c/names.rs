//! Names that C and C++ take.
//!
//! In: names of kernels and their parameters, and symbols. Out: names that are not keywords and no
//! macros or types of the headers, and distinct where they have to be: kernels of a module,
//! parameters of a kernel with the lengths of its slices.
//! Fails: E0604 where two kernels would have one name. (A name with a suffix would change what it
//! means when another kernel comes along.)

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::emit::Module;
use crate::emit::module::ModuleFunction;
use crate::syntax::ast::{self, TypeKind, name_text};
use std::collections::HashMap;
use std::fmt::Write;

/// What C calls the functions of a module.
pub(super) struct Names {
    /// Its own, in their order.
    pub functions: Vec<String>,
    /// Those that choose among versions, in their order.
    pub dispatchers: Vec<String>,
    /// Of the further symbols that functions have, by symbol.
    pub aliases: HashMap<String, String>,
}

impl Names {
    /// Of `module`: the symbols, where C takes those.
    pub fn of(module: &Module, diagnostics: &mut Diagnostics) -> Names {
        let dispatched = module.dispatched();
        let symbols = module.functions.iter().map(|function| (function.symbol.as_str(), function));
        let chosen = dispatched.iter().map(|kernel| (kernel.symbol, kernel.versions[0]));
        // Those of a dispatched kernel are its first version's here.
        let aliased = module
            .functions
            .iter()
            .flat_map(|function| function.aliases().map(move |alias| (alias.name, function)));
        let aliased_choices = dispatched
            .iter()
            .flat_map(|kernel| kernel.aliases().map(|alias| (alias.name, kernel.versions[0])));
        let aliased: Vec<_> = aliased.chain(aliased_choices).collect();
        let all: Vec<_> = symbols.chain(chosen).chain(aliased.iter().copied()).collect();
        let mut functions = distinct_symbols(&all, diagnostics);
        let mut dispatchers = functions.split_off(module.functions.len());
        let names = dispatchers.split_off(dispatched.len());
        let symbols = aliased.iter().map(|(symbol, _)| symbol.to_string());
        Names { functions, dispatchers, aliases: symbols.zip(names).collect() }
    }

    /// A made-up name that none of them is.
    pub fn beside(&self, mut name: String) -> String {
        let is_taken = |name: &String| {
            self.functions.contains(name)
                || self.dispatchers.contains(name)
                || self.aliases.values().any(|alias| alias == name)
        };
        while is_taken(&name) {
            name.push('_');
        }
        name
    }
}

/// Names for symbols, each of a function.
fn distinct_symbols(
    symbols: &[(&str, &ModuleFunction)],
    diagnostics: &mut Diagnostics,
) -> Vec<String> {
    let mut owners: HashMap<String, usize> = HashMap::new();
    for (index, (symbol, _)) in symbols.iter().enumerate() {
        if is_identifier(symbol) {
            owners.insert(symbol.to_string(), index);
        }
    }
    let mut names = Vec::with_capacity(symbols.len());
    for (index, (symbol, function)) in symbols.iter().enumerate() {
        let kernel = &function.compiled.function;
        let candidates = [symbol.to_string(), kernel.name.clone(), spelled(symbol)];
        let is_free = |name: &String| owners.get(name).is_none_or(|&owner| owner == index);
        let [.., last] = &candidates;
        let free = candidates.iter().find(|name| is_identifier(name) && is_free(name));
        if let (None, Some(&owner)) = (free, owners.get(last)) {
            let other = &symbols[owner].1.compiled.function;
            let message =
                format!("`{}` and `{}` would both be named `{last}` in C", kernel.name, other.name);
            diagnostics.push(
                Diagnostic::new(Code::DuplicateSymbol, kernel.span, message)
                    .label(other.span, "the other item")
                    .help("give one of them another name: `#[export_name = \"…\"]`"),
            );
        }
        let name = free.unwrap_or(last).clone();
        owners.insert(name.clone(), index);
        names.push(name);
    }
    names
}

/// A parameter's names.
pub(in crate::emit) struct ParamName {
    /// Of the value, or of a slice's pointer.
    pub value: String,
    /// Of a slice's length.
    pub len: Option<String>,
}

/// Distinct names for the parameters of a kernel, as C takes them.
pub(super) fn of_params(params: &[ast::Param]) -> Vec<ParamName> {
    distinct(params, spelled)
}

/// The same as they were written, where they may be any.
pub(in crate::emit) fn written_params(params: &[ast::Param]) -> Vec<ParamName> {
    distinct(params, str::to_string)
}

/// What the user named comes first; lengths get what is left.
fn distinct(params: &[ast::Param], spelled: fn(&str) -> String) -> Vec<ParamName> {
    let mut taken: Vec<String> = Vec::new();
    let mut take = |mut name: String| {
        while taken.contains(&name) {
            name.push('_');
        }
        taken.push(name.clone());
        name
    };
    let values: Vec<String> =
        params.iter().map(|param| take(spelled(&name_text(&param.name)))).collect();
    let mut names = Vec::with_capacity(params.len());
    for (param, value) in params.iter().zip(values) {
        let has_len = matches!(param.ty.kind, TypeKind::Slice { .. } | TypeKind::Str);
        let len = has_len.then(|| take(format!("{value}_len")));
        names.push(ParamName { value, len });
    }
    names
}

/// Whether C and C++ take it as a name.
pub(super) fn is_identifier(name: &str) -> bool {
    let is_part = |ch: char| ch.is_ascii_alphanumeric() || ch == '_';
    let starts = !name.starts_with(|ch: char| ch.is_ascii_digit());
    !name.is_empty() && starts && name.chars().all(is_part) && !is_reserved(name)
}

/// A name that C and C++ take. Other letters are written as their numbers.
fn spelled(name: &str) -> String {
    if is_identifier(name) {
        return name.to_string();
    }
    let mut spelled = String::new();
    for ch in name.chars() {
        match ch {
            'a'..='z' | 'A'..='Z' | '_' => spelled.push(ch),
            '0'..='9' if !spelled.is_empty() => spelled.push(ch),
            _ => {
                let _ = write!(spelled, "_u{:04x}", u32::from(ch));
            }
        }
    }
    match spelled.starts_with('_') {
        _ if is_identifier(&spelled) => spelled,
        true => format!("peach{spelled}"),
        false => spelled + "_",
    }
}

/// Keywords; macros and types of the headers that are included, and of what these include; and what
/// belongs to the compiler: `__x86_64__`, `_Bool` (C23, 6.4.2.1; C++23, [lex.name]).
fn is_reserved(name: &str) -> bool {
    let mut start = name.chars();
    let is_the_compilers = start.next() == Some('_')
        && start.next().is_some_and(|ch| ch == '_' || ch.is_ascii_uppercase());
    let is_limit = name.chars().all(|ch| !ch.is_ascii_lowercase())
        && ["_MAX", "_MIN", "_WIDTH", "_C", "_BIT"].iter().any(|end| name.ends_with(end));
    let is_ours = name.starts_with("PEACH_CPU_") || name.starts_with("peach_cpu_");
    let is_integer = (name.starts_with("int") || name.starts_with("uint")) && name.ends_with("_t");
    is_the_compilers
        || is_ours
        || is_limit
        || is_integer
        || KEYWORDS.contains(&name)
        || MACROS.contains(&name)
}

/// What gcc, clang and mingw define before and in `stdbool.h`, `stddef.h`, `stdint.h` and
/// `immintrin.h` (which brings `stdlib.h` along), types included; what the header itself defines;
/// and `main`, which C++ does not let be declared.
#[rustfmt::skip]
const MACROS: &[&str] = &[
    "PEACH_INT128", "PEACH_MS_ABI", "PEACH_STRING", "PEACH_STRING_OF", "PEACH_SYMBOL",
    "PEACH_SYSV_ABI", "peach_int128", "peach_uint128", "BIG_ENDIAN", "BYTE_ORDER", "LITTLE_ENDIAN",
    "PDP_ENDIAN", "E2BIG", "EACCES", "EADDRINUSE", "EADDRNOTAVAIL", "EAFNOSUPPORT", "EAGAIN",
    "EALREADY", "EBADF", "EBADMSG", "EBUSY", "ECANCELED", "ECHILD", "ECONNABORTED", "ECONNREFUSED",
    "ECONNRESET", "EDEADLK", "EDEADLOCK", "EDESTADDRREQ", "EDOM", "EEXIST", "EFAULT", "EFBIG",
    "EHOSTUNREACH", "EIDRM", "EILSEQ", "EINPROGRESS", "EINTR", "EINVAL", "EIO", "EISCONN", "EISDIR",
    "ELOOP", "EMFILE", "EMLINK", "EMSGSIZE", "ENAMETOOLONG", "ENETDOWN", "ENETRESET", "ENETUNREACH",
    "ENFILE", "ENOBUFS", "ENODATA", "ENODEV", "ENOENT", "ENOEXEC", "ENOFILE", "ENOLCK", "ENOLINK",
    "ENOMEM", "ENOMSG", "ENOPROTOOPT", "ENOSPC", "ENOSR", "ENOSTR", "ENOSYS", "ENOTCONN", "ENOTDIR",
    "ENOTEMPTY", "ENOTRECOVERABLE", "ENOTSOCK", "ENOTSUP", "ENOTTY", "ENXIO", "EOF", "EOPNOTSUPP",
    "EOVERFLOW", "EOWNERDEAD", "EPERM", "EPIPE", "EPROTO", "EPROTONOSUPPORT", "EPROTOTYPE",
    "ERANGE", "EROFS", "ESPIPE", "ESRCH", "ETIME", "ETIMEDOUT", "ETXTBSY", "EWOULDBLOCK", "EXDEV",
    "EXIT_FAILURE", "EXIT_SUCCESS", "FD_CLR", "FD_ISSET", "FD_SET", "FD_SETSIZE", "FD_ZERO",
    "MINGW_DDK_H", "MINGW_HAS_DDK_H", "MINGW_HAS_SECURE_API", "MINGW_SDK_INIT", "NFDBITS", "NULL",
    "STRUNCATE", "UNALIGNED", "USE___UUIDOF", "WCONTINUED", "WEXITED", "WEXITSTATUS",
    "WIFCONTINUED", "WIFEXITED", "WIFSIGNALED", "WIFSTOPPED", "WIN32", "WIN64", "WINNT", "WNOHANG",
    "WNOWAIT", "WSTOPPED", "WSTOPSIG", "WTERMSIG", "WUNTRACED", "alloca", "be16toh", "be32toh",
    "be64toh", "environ", "errno", "htobe16", "htobe32", "htobe64", "htole16", "htole32", "htole64",
    "le16toh", "le32toh", "le64toh", "linux", "main", "max_align_t", "nullptr_t", "offsetof",
    "onexit_t", "ptrdiff_t", "size_t", "ssize_t", "sys_errlist", "sys_nerr", "unix", "wint_t",
];

/// The keywords of C23 and C++23, and of the dialects of gcc, clang and Microsoft.
#[rustfmt::skip]
const KEYWORDS: &[&str] = &[
    "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break",
    "case", "catch", "char", "char16_t", "char32_t", "char8_t", "class", "co_await", "co_return",
    "co_yield", "compl", "concept", "const", "const_cast", "consteval", "constexpr", "constinit",
    "continue", "decltype", "default", "delete", "do", "double", "dynamic_cast", "else", "enum",
    "explicit", "export", "extern", "false", "float", "for", "friend", "goto", "if", "inline",
    "int", "long", "mutable", "namespace", "new", "noexcept", "not", "not_eq", "nullptr",
    "operator", "or", "or_eq", "private", "protected", "public", "register", "reinterpret_cast",
    "requires", "restrict", "return", "short", "signed", "sizeof", "static", "static_assert",
    "static_cast", "struct", "switch", "template", "this", "thread_local", "throw", "true", "try",
    "typedef", "typeid", "typename", "typeof", "typeof_unqual", "union", "unsigned", "using",
    "virtual", "void", "volatile", "wchar_t", "while", "xor", "xor_eq",
];
