//! The smallest kernel: two arguments, one instruction, no copy.
//!
//! `cargo run --example add`

use peach_runtime::peach_fn;

peach_fn! {
    /// `a + b`, wrapping around.
    pub fn add(a: i32, b: i32) -> i32 {
        add a, b;
        return a;
    }
}

fn main() {
    let sum = add(40, 2);
    println!("add(40, 2) = {sum}, in {} bytes of code", add::KERNEL.code().len());
    assert_eq!(sum, 42);
    assert_eq!(add(i32::MAX, 1), i32::MIN);
}
