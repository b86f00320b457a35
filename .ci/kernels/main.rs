//! A program of a user's: every kernel gives what its fallback does.

fn main() {
    kernels::assert_all();
    println!("{}", kernels::all());
}
