#![doc = include_str!("../docs/testing.md")]

mod arguments;
mod check;
mod element;
mod given;
mod guarded;
#[cfg(all(target_arch = "x86_64", not(miri)))]
mod machine;
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
#[path = "plain.rs"]
mod machine;
mod memory;
mod random;
mod report;
mod results;
mod settings;
mod shrink;
mod signature;
mod splitmix;
mod subject;
mod timing;

pub use arguments::{Memory, Parameter, Piece, Places};
pub use element::Element;
pub use given::{Aligned, ByValue, Output, Refers, Scratch, Shared, Within};
pub use random::{Bounds, Len, Number, Random};
pub use report::{Damage, Report, Summary};
pub use results::{Field, Returned, Single};
pub use settings::{Settings, Tolerance};
pub use signature::{Arguments, OneArgument};
pub use subject::Subject;
pub use timing::{Time, Times};

/// Compares every version of a kernel with its `#[fallback]`, or with a function that is given, on
/// random arguments. Panics with the smallest case that shows a difference.
///
/// ```text
/// compare!(kernel, |random| arguments)
/// compare!(kernel, reference, |random| arguments)
/// compare!(…, cases = 10_000, ulps = 4)
/// ```
///
/// The closure gives a tuple, or one argument alone; see [`Parameter`] for what becomes what. The
/// options are the fields of [`Settings`], in any order.
///
/// Gives a [`Summary`] of what ran. What could not run is written to standard error, whether the
/// test's output is shown or not.
///
/// ```
/// # #[cfg(target_arch = "x86_64")] {
/// use peach_runtime::peach_fn;
/// use peach_test::compare;
///
/// peach_fn! {
///     fn largest(a: u32, b: u32) -> u32 {
///         cmp a, b;
///         cmovb a, b;
///         return a;
///     }
/// }
///
/// let summary = compare!(largest, u32::max, |random| (random.any(), random.any()));
/// assert_eq!(summary.versions, ["baseline"]);
/// # }
/// ```
#[macro_export]
macro_rules! compare {
    ($($all:tt)*) => {
        match $crate::check!($($all)*) {
            Ok(summary) => {
                summary.say_what_is_left_out();
                summary
            }
            Err(report) => ::std::panic!("{report}"),
        }
    };
}

/// As [`compare!`], but gives the [`Report`] as an error.
#[macro_export]
macro_rules! check {
    (
        $($kernel:ident)::+, |$random:pat_param| $arguments:expr
        $(, $option:ident = $value:expr)* $(,)?
    ) => {{
        #[allow(unused_imports)]
        use $crate::OneArgument as _;
        $crate::Arguments::new(|$random: &mut $crate::Random| $arguments).check(
            $($kernel)::+,
            ::core::option::Option::None,
            &$crate::__subject!($($kernel)::+),
            &$crate::__settings!($($option = $value),*),
        )
    }};
    (
        $($kernel:ident)::+, $reference:expr, |$random:pat_param| $arguments:expr
        $(, $option:ident = $value:expr)* $(,)?
    ) => {{
        #[allow(unused_imports)]
        use $crate::OneArgument as _;
        $crate::Arguments::new(|$random: &mut $crate::Random| $arguments).check(
            $($kernel)::+,
            ::core::option::Option::Some($reference),
            &$crate::__subject!($($kernel)::+),
            &$crate::__settings!($($option = $value),*),
        )
    }};
}

/// Measures every version of a kernel, and its `#[fallback]`, with the arguments that the closure
/// gives. The [`Times`] print as a table of cycles per call and per byte.
///
/// ```
/// # #[cfg(target_arch = "x86_64")] {
/// use peach_runtime::peach_fn;
///
/// peach_fn! {
///     fn next(x: u64) -> u64 { inc x; return x; }
/// }
///
/// println!("{}", peach_test::bench!(next, |random| random.bits()));
/// # }
/// ```
#[macro_export]
macro_rules! bench {
    ($($kernel:ident)::+, |$random:pat_param| $arguments:expr $(,)?) => {{
        #[allow(unused_imports)]
        use $crate::OneArgument as _;
        $crate::Arguments::new(|$random: &mut $crate::Random| $arguments)
            .time($($kernel)::+, &$crate::__subject!($($kernel)::+))
    }};
}

/// The options of a test. There may be none, and there may be all.
#[doc(hidden)]
#[macro_export]
macro_rules! __settings {
    ($($option:ident = $value:expr),*) => {{
        #[allow(unused_mut)]
        let mut settings = $crate::Settings::default();
        $(settings.$option = $value;)*
        settings.with_environment()
    }};
}

/// The code of a kernel, where there is one.
#[cfg(target_arch = "x86_64")]
#[doc(hidden)]
#[macro_export]
macro_rules! __subject {
    ($($kernel:ident)::+) => { $crate::Subject::of(&$($kernel)::+::KERNEL) };
}

/// The code of a kernel, which there is none of on this target.
#[cfg(not(target_arch = "x86_64"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __subject {
    ($($kernel:ident)::+) => { $crate::Subject::none(::core::stringify!($($kernel)::+)) };
}

/// The listing of the package's page is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
