//! The functions that a browser calls: text in, text out, through the memory of the module.
//!
//! The caller reserves room for its request, writes it there as UTF-8, and asks for the answer,
//! which lies where [`output`] says until the next call.

use std::cell::RefCell;

thread_local! {
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static OUTPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Makes room for a request of `len` bytes, and says where it is.
#[unsafe(no_mangle)]
pub extern "C" fn reserve(len: usize) -> *mut u8 {
    INPUT.with_borrow_mut(|input| {
        input.clear();
        input.resize(len, 0);
        input.as_mut_ptr()
    })
}

/// Answers the request, and says how many bytes the answer has.
#[unsafe(no_mangle)]
pub extern "C" fn respond() -> usize {
    let request = INPUT.take();
    let answer = crate::answer(&String::from_utf8_lossy(&request)).into_bytes();
    let len = answer.len();
    OUTPUT.replace(answer);
    len
}

/// Where the answer is.
#[unsafe(no_mangle)]
pub extern "C" fn output() -> *const u8 {
    OUTPUT.with_borrow(|output| output.as_ptr())
}
