//! Assembly that loads and stores every vector and mask register, for harnesses that call machine
//! code.
//!
//! Each macro is a part of a `global_asm!`: `rdi` holds the address of a state that starts with 32
//! vectors of 64 bytes; where the masks are in it, is an argument. The flags are those of a
//! comparison of the level with 1: xmm0–15 below it, ymm0–15 at it, zmm0–31 and masks above.
//! Nothing else changes.

/// Loads vectors and masks.
#[macro_export]
macro_rules! load_vectors {
    ($masks:literal) => {
        $crate::by_level!(
            "movups xmm\\n, [rdi + 64*\\n]",
            "vmovups ymm\\n, [rdi + 64*\\n]",
            "vmovups zmm\\n, [rdi + 64*\\n]",
            concat!("kmovq k\\n, [rdi + ", $masks, " + 8*\\n]")
        )
    };
}

/// Stores vectors and masks.
#[macro_export]
macro_rules! store_vectors {
    ($masks:literal) => {
        $crate::by_level!(
            "movups [rdi + 64*\\n], xmm\\n",
            "vmovups [rdi + 64*\\n], ymm\\n",
            "vmovups [rdi + 64*\\n], zmm\\n",
            concat!("kmovq [rdi + ", $masks, " + 8*\\n], k\\n")
        )
    };
}

/// Repeats an instruction for each register of the level; `\n` is its number.
#[doc(hidden)]
#[macro_export]
macro_rules! by_level {
    ($xmm:expr, $ymm:expr, $zmm:expr, $mask:expr) => {
        concat!(
            "je 71f\n ja 72f\n",
            ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n",
            $xmm,
            "\n .endr\n jmp 73f\n",
            "71:\n .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n",
            $ymm,
            "\n .endr\n jmp 73f\n",
            "72:\n .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,",
            "16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n",
            $zmm,
            "\n .endr\n .irp n, 0,1,2,3,4,5,6,7\n",
            $mask,
            "\n .endr\n 73:"
        )
    };
}
