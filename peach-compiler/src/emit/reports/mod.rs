//! Reports about kernels: for C compilers, for build tools, for people.
//!
//! | file | what it writes |
//! |---|---|
//! | `c` | C declarations, and the function that chooses a version |
//! | `declarations` | Rust declarations |
//! | `json` | metadata |
//! | `makefile` | dependencies |
//! | `listing` | addresses, bytes, instructions, lines of the source |
//! | `anatomy` | the same with live ranges, as data: what `peach show` draws |
//! | `detail` | what one instruction is and does: form, registers by byte, flags |

#[cfg(feature = "formats")]
pub mod anatomy;
#[cfg(feature = "formats")]
pub mod c;
#[cfg(feature = "formats")]
pub mod declarations;
#[cfg(feature = "formats")]
pub mod detail;
#[cfg(feature = "formats")]
pub mod json;
pub mod listing;
#[cfg(feature = "formats")]
pub mod makefile;
