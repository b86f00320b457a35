//! Kernels as trees: what can be written as text and executed.
//!
//! A kernel has the secret numbers `s0` and `s1`, the public ones `p0` and `p1`, six registers, two
//! vectors, and three arrays of four words: `hidden` is secret, `open` is not, `local` is on the
//! stack.

use std::fmt::Write as _;

/// How many general-purpose registers there are.
pub const REGISTERS: usize = 6;
/// How many vectors.
pub const VECTORS: usize = 2;

/// One of the arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Array {
    Hidden,
    Open,
    Local,
}

/// Which element of an array.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    At(usize),
    /// The low two bits of a register.
    Index(usize),
}

/// A two-operand instruction on registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op2 {
    Mov,
    Add,
    Sub,
    And,
    Or,
    Xor,
    Adc,
    Sbb,
}

/// How much of the registers takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    Byte,
    Dword,
    Qword,
}

/// The conditions: zero, carry, sign, each or not.
#[derive(Clone, Copy, Debug)]
pub struct Condition {
    pub flag: usize,
    pub is_set: bool,
}

/// An instruction, or a few that belong together.
#[derive(Clone, Debug)]
pub enum Node {
    /// `op a, b`
    Both(Op2, Width, usize, usize),
    /// `op a, 7`
    Number(Op2, Width, usize, i32),
    Inc(usize),
    Neg(usize),
    Not(usize),
    Shl(usize, u32),
    Shr(usize, u32),
    /// `lea a, [b + c]`
    Lea(usize, usize, usize),
    Cmp(usize, usize),
    Test(usize, usize),
    Cmov(Condition, usize, usize),
    /// `setcc a.gp8`
    Set(Condition, usize),
    Movzx(usize, usize),
    Xchg(usize, usize),
    Load(usize, Array, Place),
    /// One byte of an element: the rest of the register stays.
    LoadByte(usize, Array, usize),
    Store(Array, Place, usize),
    StoreByte(Array, usize, usize),
    AddTo(Array, usize, usize),
    Push(usize),
    /// Into a register; only where something is pushed.
    Pop(usize),
    /// `movq v, r`
    ToVector(usize, usize),
    FromVector(usize, usize),
    Insert(usize, usize, u32),
    Extract(usize, usize, u32),
    Pxor(usize, usize),
    Paddd(usize, usize),
    Pshufd(usize, usize, u8),
    Punpckldq(usize, usize),
    LoadVector(usize, Array, usize),
    StoreVector(Array, usize, usize),
    /// `jcc` over the nodes.
    Skip(Condition, Vec<Node>),
    /// The nodes so many times.
    Loop(u32, Vec<Node>),
}

/// A kernel.
#[derive(Clone, Debug)]
pub struct Program {
    pub nodes: Vec<Node>,
}

impl Program {
    /// As the compiler reads it.
    pub fn text(&self) -> String {
        let mut text = String::from(
            "#[target_feature(enable = \"sse4.1\")]\n#[spill]\nunsafe fn kernel(\
             #[secret] s0: u64, #[secret] s1: u64, p0: u64, p1: u64, \
             #[secret] hidden: &mut [u64; 4], open: &mut [u64; 4]) {\n\
             let r: [gp64; 6];\nlet v: [xmm; 2];\nlet local: [u64; 4];\nlet t: gp64;\n\
             r[0] = s0;\nr[1] = s1;\nr[2] = p0;\nr[3] = p1;\nr[4] = 0;\nr[5] = 1;\n\
             pxor v[0], v[0];\npxor v[1], v[1];\n\
             for i in 0..4 { mov qword [local + 8*i], 0; }\nxor t, t;\n",
        );
        let mut labels = 0;
        write_nodes(&self.nodes, &mut text, &mut labels);
        text + "}\n"
    }
}

fn write_nodes(nodes: &[Node], text: &mut String, labels: &mut usize) {
    for node in nodes {
        write_node(node, text, labels);
    }
}

fn view(register: usize, width: Width) -> String {
    match width {
        Width::Byte => format!("r[{register}].gp8"),
        Width::Dword => format!("r[{register}].gp32"),
        Width::Qword => format!("r[{register}]"),
    }
}

fn array(array: Array) -> &'static str {
    match array {
        Array::Hidden => "hidden",
        Array::Open => "open",
        Array::Local => "local",
    }
}

/// Writes what computes an index, and gives the address.
fn address(of: Array, place: Place, text: &mut String) -> String {
    match place {
        Place::At(element) => format!("[{} + {}]", array(of), 8 * element),
        Place::Index(register) => {
            writeln!(text, "mov t, r[{register}];\nand t, 3;").expect("strings take all");
            format!("[{} + 8*t]", array(of))
        }
    }
}

fn condition(condition: Condition) -> &'static str {
    [["nz", "z"], ["nc", "c"], ["ns", "s"]][condition.flag][usize::from(condition.is_set)]
}

fn write_node(node: &Node, text: &mut String, labels: &mut usize) {
    let line = match node {
        Node::Both(op, width, a, b) => {
            let name = format!("{op:?}").to_lowercase();
            format!("{name} {}, {};", view(*a, *width), view(*b, *width))
        }
        Node::Number(op, width, a, number) => {
            let name = format!("{op:?}").to_lowercase();
            format!("{name} {}, {number};", view(*a, *width))
        }
        Node::Inc(a) => format!("inc r[{a}];"),
        Node::Neg(a) => format!("neg r[{a}];"),
        Node::Not(a) => format!("not r[{a}];"),
        Node::Shl(a, n) => format!("shl r[{a}], {n};"),
        Node::Shr(a, n) => format!("shr r[{a}], {n};"),
        Node::Lea(a, b, c) => format!("lea r[{a}], [r[{b}] + r[{c}]];"),
        Node::Cmp(a, b) => format!("cmp r[{a}], r[{b}];"),
        Node::Test(a, b) => format!("test r[{a}], r[{b}];"),
        Node::Cmov(when, a, b) => format!("cmov{} r[{a}], r[{b}];", condition(*when)),
        Node::Set(when, a) => format!("set{} r[{a}].gp8;", condition(*when)),
        Node::Movzx(a, b) => format!("movzx r[{a}], r[{b}].gp8;"),
        Node::Xchg(a, b) => format!("xchg r[{a}], r[{b}];"),
        Node::Load(a, of, place) => {
            let address = address(*of, *place, text);
            format!("mov r[{a}], {address};")
        }
        Node::LoadByte(a, of, byte) => format!("mov r[{a}].gp8, [{} + {byte}];", array(*of)),
        Node::Store(of, place, a) => {
            let address = address(*of, *place, text);
            format!("mov {address}, r[{a}];")
        }
        Node::StoreByte(of, byte, a) => format!("mov [{} + {byte}], r[{a}].gp8;", array(*of)),
        Node::AddTo(of, element, a) => format!("add [{} + {}], r[{a}];", array(*of), 8 * element),
        Node::Push(a) => format!("push r[{a}];"),
        Node::Pop(a) => format!("pop r[{a}];"),
        Node::ToVector(v, a) => format!("movq v[{v}], r[{a}];"),
        Node::FromVector(a, v) => format!("movq r[{a}], v[{v}];"),
        Node::Insert(v, a, at) => format!("pinsrd v[{v}], r[{a}].gp32, {at};"),
        Node::Extract(a, v, at) => format!("pextrd r[{a}].gp32, v[{v}], {at};"),
        Node::Pxor(a, b) => format!("pxor v[{a}], v[{b}];"),
        Node::Paddd(a, b) => format!("paddd v[{a}], v[{b}];"),
        Node::Pshufd(a, b, order) => format!("pshufd v[{a}], v[{b}], {order};"),
        Node::Punpckldq(a, b) => format!("punpckldq v[{a}], v[{b}];"),
        Node::LoadVector(v, of, half) => {
            format!("movdqu v[{v}], [{} + {}];", array(*of), 16 * half)
        }
        Node::StoreVector(of, half, v) => {
            format!("movdqu [{} + {}], v[{v}];", array(*of), 16 * half)
        }
        Node::Skip(when, nodes) => {
            *labels += 1;
            let label = *labels;
            writeln!(text, "j{} 'l{label};", condition(*when)).expect("strings take all");
            write_nodes(nodes, text, labels);
            // (A label before braces would be the block's.)
            format!("'l{label}: nop;")
        }
        Node::Loop(count, nodes) => {
            *labels += 1;
            let label = *labels;
            writeln!(text, "{{ let n{label}: gp32 = {count}; 'l{label}: {{").expect("it does");
            write_nodes(nodes, text, labels);
            format!("dec n{label};\njnz continue 'l{label}; }} }}")
        }
    };
    text.push_str(&line);
    text.push('\n');
}
