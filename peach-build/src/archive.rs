//! Static libraries: object files and an index of what they define.
//!
//! In: named object files of one format. Out: the bytes of an archive, the same for the same input:
//! no time, no owner. Two dialects: GNU's, which Linux and Windows linkers read, and BSD's, which
//! macOS's requires.

use crate::error::Error;
use object::{Object, ObjectSymbol};
use peach_compiler::abi::ImageFormat;

/// What an archive starts with.
const MAGIC: &[u8] = b"!<arch>\n";

/// Size of a member's head.
const HEAD: usize = 60;

/// A member: its name, its bytes.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// The archive of `members`.
pub(crate) fn archive(members: &[Member], format: ImageFormat) -> Result<Vec<u8>, Error> {
    let symbols = members.iter().map(defined).collect::<Result<Vec<_>, Error>>()?;
    Ok(match format {
        ImageFormat::MachO => bsd(members, &symbols),
        ImageFormat::Elf | ImageFormat::MsCoff => gnu(members, &symbols),
    })
}

/// The symbols that a member defines for others.
fn defined(member: &Member) -> Result<Vec<String>, Error> {
    let file = object::File::parse(&*member.bytes)
        .map_err(|error| Error::File(format!("{}: {error}", member.name)))?;
    let is_offered = |symbol: &object::Symbol<'_, '_>| symbol.is_global() && symbol.is_definition();
    let names = file
        .symbols()
        .filter(is_offered)
        .filter_map(|symbol| symbol.name().ok().map(str::to_string));
    Ok(names.collect())
}

/// The head of a member; mode 644, everything else zero.
fn head(name: &str, size: usize) -> Vec<u8> {
    format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, "100644").into_bytes()
}

/// GNU's: an index `/` with offsets in big-endian order, long names in `//`.
fn gnu(members: &[Member], symbols: &[Vec<String>]) -> Vec<u8> {
    let mut long_names = String::new();
    let names: Vec<String> = members
        .iter()
        .map(|member| {
            if member.name.len() < 16 {
                return format!("{}/", member.name);
            }
            let at = long_names.len();
            long_names.push_str(&format!("{}/\n", member.name));
            format!("/{at}")
        })
        .collect();
    let count: usize = symbols.iter().map(Vec::len).sum();
    let text_len: usize = symbols.iter().flatten().map(|name| name.len() + 1).sum();
    let index_len = 4 + 4 * count + text_len;
    let padded = |len: usize| len.next_multiple_of(2);
    let mut offset = MAGIC.len() + HEAD + padded(index_len);
    if !long_names.is_empty() {
        offset += HEAD + padded(long_names.len());
    }
    let mut index = (count as u32).to_be_bytes().to_vec();
    for (member, symbols) in members.iter().zip(symbols) {
        symbols.iter().for_each(|_| index.extend((offset as u32).to_be_bytes()));
        offset += HEAD + padded(member.bytes.len());
    }
    symbols.iter().flatten().for_each(|name| push_text(&mut index, name));

    let mut out = MAGIC.to_vec();
    let mut push = |name: &str, bytes: &[u8]| {
        out.extend(head(name, bytes.len()));
        out.extend(bytes);
        out.resize(padded(out.len()), b'\n');
    };
    push("/", &index);
    if !long_names.is_empty() {
        push("//", long_names.as_bytes());
    }
    names.iter().zip(members).for_each(|(name, member)| push(name, &member.bytes));
    out
}

/// BSD's: every name follows the header, an index `__.SYMDEF` has offsets in little-endian order,
/// and every member starts at a multiple of eight.
fn bsd(members: &[Member], symbols: &[Vec<String>]) -> Vec<u8> {
    let count: usize = symbols.iter().map(Vec::len).sum();
    let mut texts = Vec::new();
    let mut starts = Vec::new();
    for name in symbols.iter().flatten() {
        starts.push(texts.len() as u32);
        push_text(&mut texts, name);
    }
    texts.resize(texts.len().next_multiple_of(8), 0);
    let index_len = 4 + 8 * count + 4 + texts.len();
    let size = |name: &str, len: usize| HEAD + name_len(name) + len.next_multiple_of(8);
    let mut offset = MAGIC.len() + size(INDEX, index_len);
    let mut index = (8 * count as u32).to_le_bytes().to_vec();
    let mut starts = starts.into_iter();
    for (member, symbols) in members.iter().zip(symbols) {
        for start in starts.by_ref().take(symbols.len()) {
            index.extend(start.to_le_bytes());
            index.extend((offset as u32).to_le_bytes());
        }
        offset += size(&member.name, member.bytes.len());
    }
    index.extend((texts.len() as u32).to_le_bytes());
    index.extend(texts);

    let mut out = MAGIC.to_vec();
    let mut push = |name: &str, bytes: &[u8]| {
        let len = bytes.len().next_multiple_of(8);
        out.extend(head(&format!("#1/{}", name_len(name)), name_len(name) + len));
        let start = out.len();
        out.extend(name.as_bytes());
        out.resize(start + name_len(name), 0);
        out.extend(bytes);
        out.resize(start + name_len(name) + len, 0);
    };
    push(INDEX, &index);
    members.iter().for_each(|member| push(&member.name, &member.bytes));
    out
}

/// What BSD calls the index.
const INDEX: &str = "__.SYMDEF";

/// The room for a name after its head, so that what follows is at a multiple of eight.
fn name_len(name: &str) -> usize {
    (HEAD + MAGIC.len() + name.len() + 1).next_multiple_of(8) - HEAD - MAGIC.len()
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    out.extend(text.as_bytes());
    out.push(0);
}
