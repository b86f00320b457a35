//! From the types of a kernel to what the rest of the crate works with, which knows no types.

use crate::arguments::{Memory, Piece, Places};
use crate::check;
use crate::memory::Rust;
use crate::report::{Report, Summary};
use crate::results::{Results, Returned};
use crate::{Parameter, Random, Settings, Subject, timing};
use std::rc::Rc;

/// How the arguments of a kernel are made. `T` is the tuple of them; one alone needs no tuple.
pub struct Arguments<'e, T> {
    draw: Box<dyn Fn(&mut Random) -> T + 'e>,
}

impl<T> std::fmt::Debug for Arguments<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arguments").finish_non_exhaustive()
    }
}

impl<'e, T> Arguments<'e, T> {
    /// Those that `draw` makes.
    pub fn new(draw: impl Fn(&mut Random) -> T + 'e) -> Self {
        Arguments { draw: Box::new(draw) }
    }
}

/// The arguments of one case.
pub(crate) struct Drawn {
    pub(crate) arguments: Vec<Given>,
    /// Each as text.
    pub(crate) show: Box<dyn Fn() -> Vec<String>>,
    /// Calls a Rust function with the arguments at these places; gives the bytes of its result.
    pub(crate) call: Box<Call>,
}

/// A call of a Rust function with arguments at these places.
type Call = dyn Fn(Rust, &[*mut u8]) -> Vec<u8>;

/// An argument.
pub(crate) struct Given {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) memory: Option<Memory>,
}

impl Drawn {
    /// How many bytes the largest memory has.
    pub(crate) fn bytes(&self) -> usize {
        let len = |given: &Given| given.memory.as_ref().map_or(0, |memory| memory.bytes.len());
        self.arguments.iter().map(len).max().unwrap_or(0)
    }
}

/// A test whose types are forgotten.
pub(crate) struct Signature<'a> {
    pub(crate) draw: &'a dyn Fn(&mut Random) -> Drawn,
    /// The types of the parameters, as text.
    pub(crate) parameters: Vec<&'static str>,
    pub(crate) results: Results,
    /// Whether a reference was given.
    pub(crate) has_reference: bool,
}

macro_rules! arities {
    ($([$($argument:ident $parameter:ident $index:tt)*])*) => {$(
        impl<$($argument: 'static),*> Arguments<'_, ($($argument,)*)> {
            /// Compares `function`, and the code of `subject`, with `reference` or the fallback.
            ///
            /// # Errors
            /// The first case in which they differ, made small.
            pub fn check<$($parameter: 'static,)* R: Returned + 'static>(
                self,
                function: unsafe fn($($parameter),*) -> R,
                reference: Option<unsafe fn($($parameter),*) -> R>,
                subject: &Subject,
                settings: &Settings,
            ) -> Result<Summary, Box<Report>>
            where
                $($parameter: Parameter<$argument>),*
            {
                self.with(function, reference, |test| check::run(test, subject, settings))
            }

            /// The time that the code of `subject` takes.
            pub fn time<$($parameter: 'static,)* R: Returned + 'static>(
                self,
                function: unsafe fn($($parameter),*) -> R,
                subject: &Subject,
            ) -> timing::Times
            where
                $($parameter: Parameter<$argument>),*
            {
                self.with(function, None, |test| {
                    timing::run(test, subject, Settings::default().with_environment().seed)
                })
            }

            fn with<$($parameter: 'static,)* R: Returned + 'static, Answer>(
                self,
                function: unsafe fn($($parameter),*) -> R,
                reference: Option<unsafe fn($($parameter),*) -> R>,
                run: impl FnOnce(&Signature<'_>) -> Answer,
            ) -> Answer
            where
                $($parameter: Parameter<$argument>),*
            {
                let draw = |random: &mut Random| {
                    let own = Rc::new((self.draw)(random));
                    let (shown, called) = (own.clone(), own.clone());
                    let _ = (&own, &shown, &called);
                    Drawn {
                        arguments: vec![$(Given {
                            pieces: <$parameter as Parameter<$argument>>::pieces(&own.$index),
                            memory: <$parameter as Parameter<$argument>>::memory(&own.$index),
                        }),*],
                        show: Box::new(move || {
                            vec![$(<$parameter as Parameter<$argument>>::show(&shown.$index)),*]
                        }),
                        call: Box::new(move |which, all| {
                            let callee = match which {
                                Rust::Function => function,
                                Rust::Reference => reference.expect("a reference was given"),
                            };
                            let _ = all;
                            // SAFETY: the arguments are where their places say; what the function
                            // asks for beyond that, whoever wrote the test promises.
                            let result = unsafe {
                                callee($(<$parameter as Parameter<$argument>>::pass(
                                    &called.$index, Places { all, index: $index }
                                )),*)
                            };
                            result.into_bytes()
                        }),
                    }
                };
                run(&Signature {
                    draw: &draw,
                    parameters: vec![$(std::any::type_name::<$parameter>()),*],
                    results: Results::of::<R>(),
                    has_reference: reference.is_some(),
                })
            }
        }
    )*};
}

/// `arities!` for the first so many of a list of arguments.
macro_rules! up_to {
    ([$($done:tt)*]) => { arities!([$($done)*]); };
    ([$($done:tt)*] [$($next:tt)*] $($rest:tt)*) => {
        arities!([$($done)*]);
        up_to!([$($done)* $($next)*] $($rest)*);
    };
}

up_to! {
    [] [A P 0] [B Q 1] [C S 2] [D T 3] [E U 4] [F V 5] [G W 6] [H X 7] [I Y 8] [J Z 9]
    [K AA 10] [L BB 11] [M CC 12] [N DD 13] [O EE 14] [AF FF 15]
}

/// Arguments of a kernel that takes one, which then needs no tuple around it.
pub trait OneArgument<A> {
    /// As with a tuple.
    ///
    /// # Errors
    /// As with a tuple.
    fn check<P, R: Returned + 'static>(
        self,
        function: unsafe fn(P) -> R,
        reference: Option<unsafe fn(P) -> R>,
        subject: &Subject,
        settings: &Settings,
    ) -> Result<Summary, Box<Report>>
    where
        P: Parameter<A> + 'static;

    /// As with a tuple.
    fn time<P, R: Returned + 'static>(
        self,
        function: unsafe fn(P) -> R,
        subject: &Subject,
    ) -> timing::Times
    where
        P: Parameter<A> + 'static;
}

impl<A: 'static> OneArgument<A> for Arguments<'_, A> {
    fn check<P, R: Returned + 'static>(
        self,
        function: unsafe fn(P) -> R,
        reference: Option<unsafe fn(P) -> R>,
        subject: &Subject,
        settings: &Settings,
    ) -> Result<Summary, Box<Report>>
    where
        P: Parameter<A> + 'static,
    {
        let tuple = Arguments::new(move |random| ((self.draw)(random),));
        tuple.check(function, reference, subject, settings)
    }

    fn time<P, R: Returned + 'static>(
        self,
        function: unsafe fn(P) -> R,
        subject: &Subject,
    ) -> timing::Times
    where
        P: Parameter<A> + 'static,
    {
        Arguments::new(move |random| ((self.draw)(random),)).time(function, subject)
    }
}
