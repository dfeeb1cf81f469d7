//! `select!` and `select_biased!`.
//!
//! The grammar is that of `crossbeam_channel`'s macros. The work is done by one internal macro in
//! three stages, each a list of rules:
//!
//! * `@read` takes one arm after the other off the input (a block needs no comma after it) and
//!   brings it into the form `{ kind (arguments) pattern body }`; a `default` is kept apart;
//! * `@bind` evaluates the channel expressions, in order, each once, and nests what follows into a
//!   `match`, so that temporaries live until the arm has been run;
//! * `@run` builds the array of arms on the stack, selects, and finishes the chosen arm.
//!
//! Identifiers that the stages make are kept apart by hygiene: every expansion has its own
//! `channel`. The compiler allows 128 expansions in each other: `@read` needs one an arm, so
//! `@bind` and `@finish` take four arms at a time, that 64 arms fit.

/// The engine's entry for the macros.
#[doc(hidden)]
pub mod internal {
    pub use crate::sync::channel::select::{Arm, Choice};

    /// The types of channels, under the names of the arms that use them.
    #[allow(
        non_camel_case_types,
        reason = "the macros have the arm's word at hand"
    )]
    pub mod ends {
        use crate::sync::channel::{receiver::Receiver, sender::Sender};

        pub type recv<T> = Receiver<T>;
        pub type send<T> = Sender<T>;
    }

    use crate::sync::channel::{core::Wait, operation::SelectedOperation, select::operate};
    use std::time::Duration;

    /// `select!` without a default.
    pub fn select<'a>(arms: &mut [Arm<'a>], choice: Choice) -> SelectedOperation<'a> {
        operate(arms, choice, Wait::Forever).expect("a select without a limit ended")
    }

    /// With `default =>`.
    pub fn try_select<'a>(arms: &mut [Arm<'a>], choice: Choice) -> Option<SelectedOperation<'a>> {
        operate(arms, choice, Wait::Never)
    }

    /// With `default(timeout) =>`.
    pub fn select_timeout<'a>(
        arms: &mut [Arm<'a>],
        choice: Choice,
        timeout: Duration,
    ) -> Option<SelectedOperation<'a>> {
        operate(arms, choice, Wait::at_most(timeout))
    }
}

#[doc(hidden)]
#[macro_export]
macro_rules! gort_select_internal {
    // @read bias [arms] [default] input: the end.
    (@read $bias:tt [$($arms:tt)*] $default:tt) => {
        $crate::gort_select_internal!(@bind $bias $default [$($arms)*] [] (0usize))
    };

    // The mistakes that are easily made.
    (@read $bias:tt $arms:tt $default:tt default -> $($rest:tt)*) => {
        compile_error!("expected `=>` after `default` case, found `->`")
    };
    (@read $bias:tt $arms:tt $default:tt default $args:tt -> $($rest:tt)*) => {
        compile_error!("expected `=>` after `default` case, found `->`")
    };
    (@read $bias:tt $arms:tt $default:tt recv $args:tt => $($rest:tt)*) => {
        compile_error!("expected `->` after `recv` case, found `=>`")
    };
    (@read $bias:tt $arms:tt $default:tt send $args:tt => $($rest:tt)*) => {
        compile_error!("expected `->` after `send` operation, found `=>`")
    };
    (
        @read $bias:tt $arms:tt $default:tt
        $kind:ident $args:tt -> $res:pat => { $($body:tt)* }; $($rest:tt)*
    ) => {
        compile_error!("did you mean to put a comma instead of the semicolon after `}`?")
    };

    // default => and default(timeout) =>, at most one.
    (@read $bias:tt $arms:tt [] default => $($rest:tt)*) => {
        $crate::gort_select_internal!(@read $bias $arms [] default() => $($rest)*)
    };
    (
        @read $bias:tt $arms:tt []
        default ($($timeout:expr)? $(,)?) => { $($body:tt)* }, $($rest:tt)*
    ) => {
        $crate::gort_select_internal!(@read $bias $arms [($($timeout)?) { $($body)* }] $($rest)*)
    };
    (@read $bias:tt $arms:tt [] default ($($timeout:expr)? $(,)?) => $body:expr, $($rest:tt)*) => {
        $crate::gort_select_internal!(@read $bias $arms [($($timeout)?) { $body }] $($rest)*)
    };
    (
        @read $bias:tt $arms:tt []
        default ($($timeout:expr)? $(,)?) => { $($body:tt)* } $($rest:tt)*
    ) => {
        $crate::gort_select_internal!(@read $bias $arms [($($timeout)?) { $($body)* }] $($rest)*)
    };
    (@read $bias:tt $arms:tt [] default ($($timeout:expr)? $(,)?) => $body:expr) => {
        $crate::gort_select_internal!(@read $bias $arms [($($timeout)?) { $body }])
    };
    (@read $bias:tt $arms:tt [$($first:tt)+] default $($rest:tt)*) => {
        compile_error!("there can be only one `default` case in a `select!` block")
    };

    // recv(..) -> .. => and send(.., ..) -> .. =>: with a block and a comma, an expression and a
    // comma, a block, an expression.
    (
        @read $bias:tt [$($arms:tt)*] $default:tt
        $kind:ident $args:tt -> $res:pat => { $($body:tt)* }, $($rest:tt)*
    ) => {
        $crate::gort_select_internal!(
            @read $bias
            [$($arms)* { $kind $args ($res) { $($body)* } }]
            $default $($rest)*
        )
    };
    (
        @read $bias:tt [$($arms:tt)*] $default:tt
        $kind:ident $args:tt -> $res:pat => $body:expr, $($rest:tt)*
    ) => {
        $crate::gort_select_internal!(
            @read $bias
            [$($arms)* { $kind $args ($res) { $body } }]
            $default $($rest)*
        )
    };
    (
        @read $bias:tt [$($arms:tt)*] $default:tt
        $kind:ident $args:tt -> $res:pat => { $($body:tt)* } $($rest:tt)*
    ) => {
        $crate::gort_select_internal!(
            @read $bias
            [$($arms)* { $kind $args ($res) { $($body)* } }]
            $default $($rest)*
        )
    };
    (@read $bias:tt [$($arms:tt)*] $default:tt $kind:ident $args:tt -> $res:pat => $body:expr) => {
        $crate::gort_select_internal!(
            @read $bias
            [$($arms)* { $kind $args ($res) { $body } }]
            $default
        )
    };
    (@read $bias:tt $arms:tt $default:tt $($rest:tt)*) => {
        compile_error!(concat!(
            "expected `recv(receiver) -> result => body`, ",
            "`send(sender, message) -> result => body`, ",
            "`default => body` or `default(timeout) => body`, found `", stringify!($($rest)*), "`"
        ))
    };

    // @bind bias default [arms to come] [arms done] (next index).
    (@bind $bias:tt $default:tt [] $done:tt $index:tt) => {
        $crate::gort_select_internal!(@run $bias $default $done)
    };
    // Four at a time: 64 arms must fit into the compiler's limit of 128 expansions in each other.
    (
        @bind $bias:tt $default:tt [
            { $kind0:ident ($channel0:expr $(, $message0:expr)? $(,)?) $res0:tt $body0:tt }
            { $kind1:ident ($channel1:expr $(, $message1:expr)? $(,)?) $res1:tt $body1:tt }
            { $kind2:ident ($channel2:expr $(, $message2:expr)? $(,)?) $res2:tt $body2:tt }
            { $kind3:ident ($channel3:expr $(, $message3:expr)? $(,)?) $res3:tt $body3:tt }
            $($arms:tt)*
        ] [$($done:tt)*] ($index:expr)
    ) => {{
        $crate::gort_select_internal!(@check $kind0 ($channel0 $(, $message0)?));
        $crate::gort_select_internal!(@check $kind1 ($channel1 $(, $message1)?));
        $crate::gort_select_internal!(@check $kind2 ($channel2 $(, $message2)?));
        $crate::gort_select_internal!(@check $kind3 ($channel3 $(, $message3)?));
        match $channel0 { ref channel0 => match $channel1 { ref channel1 => {
            match $channel2 { ref channel2 => match $channel3 { ref channel3 => {
                let channel0: &$crate::sync::channel::internal::ends::$kind0<_> = channel0;
                let channel1: &$crate::sync::channel::internal::ends::$kind1<_> = channel1;
                let channel2: &$crate::sync::channel::internal::ends::$kind2<_> = channel2;
                let channel3: &$crate::sync::channel::internal::ends::$kind3<_> = channel3;
                $crate::gort_select_internal!(
                    @bind $bias $default [$($arms)*] [
                        $($done)*
                        { $kind0 channel0 ($index) ($($message0)?) $res0 $body0 }
                        { $kind1 channel1 ($index + 1usize) ($($message1)?) $res1 $body1 }
                        { $kind2 channel2 ($index + 2usize) ($($message2)?) $res2 $body2 }
                        { $kind3 channel3 ($index + 3usize) ($($message3)?) $res3 $body3 }
                    ] ($index + 4usize)
                )
            } } }
        } } }
    }};
    (
        @bind $bias:tt $default:tt
        [{ recv ($receiver:expr $(,)?) $res:tt $body:tt } $($arms:tt)*]
        [$($done:tt)*] ($index:expr)
    ) => {
        match $receiver {
            ref channel => {
                let channel: &$crate::sync::channel::Receiver<_> = channel;
                $crate::gort_select_internal!(
                    @bind $bias $default [$($arms)*]
                    [$($done)* { recv channel ($index) () $res $body }]
                    ($index + 1usize)
                )
            }
        }
    };
    (
        @bind $bias:tt $default:tt
        [{ send ($sender:expr, $message:expr $(,)?) $res:tt $body:tt } $($arms:tt)*]
        [$($done:tt)*] ($index:expr)
    ) => {
        match $sender {
            ref channel => {
                let channel: &$crate::sync::channel::Sender<_> = channel;
                $crate::gort_select_internal!(
                    @bind $bias $default [$($arms)*]
                    [$($done)* { send channel ($index) ($message) $res $body }]
                    ($index + 1usize)
                )
            }
        }
    };
    (
        @bind $bias:tt $default:tt
        [{ $kind:ident $args:tt $res:tt $body:tt } $($arms:tt)*]
        $done:tt $index:tt
    ) => {
        compile_error!(concat!(
            "expected `recv(receiver)` or `send(sender, message)`, found `",
            stringify!($kind $args), "`"
        ))
    };

    // @check arm: that it is one.
    (@check recv ($receiver:expr)) => {};
    (@check send ($sender:expr, $message:expr)) => {};
    (@check $kind:ident $args:tt) => {
        compile_error!(concat!(
            "expected `recv(receiver)` or `send(sender, message)`, found `",
            stringify!($kind $args), "`"
        ))
    };

    // @run bias [default] [arms]
    (
        @run $bias:tt []
        [$({ $kind:ident $channel:ident ($index:expr) $message:tt $res:tt $body:tt })*]
    ) => {{
        let operation = $crate::sync::channel::internal::select(
            &mut [$($crate::sync::channel::internal::Arm::$kind($index, $channel)),*],
            $crate::sync::channel::internal::Choice::$bias,
        );
        $crate::gort_select_internal!(
            @finish operation
            $({ $kind $channel ($index) $message $res $body })*
        )
    }};
    (
        @run $bias:tt [() $default:block]
        [$({ $kind:ident $channel:ident ($index:expr) $message:tt $res:tt $body:tt })*]
    ) => {{
        let operation = $crate::sync::channel::internal::try_select(
            &mut [$($crate::sync::channel::internal::Arm::$kind($index, $channel)),*],
            $crate::sync::channel::internal::Choice::$bias,
        );
        $crate::gort_select_internal!(
            @or operation $default
            $({ $kind $channel ($index) $message $res $body })*
        )
    }};
    (
        @run $bias:tt [($timeout:expr) $default:block]
        [$({ $kind:ident $channel:ident ($index:expr) $message:tt $res:tt $body:tt })*]
    ) => {{
        let operation = $crate::sync::channel::internal::select_timeout(
            &mut [$($crate::sync::channel::internal::Arm::$kind($index, $channel)),*],
            $crate::sync::channel::internal::Choice::$bias,
            $timeout,
        );
        $crate::gort_select_internal!(
            @or operation $default
            $({ $kind $channel ($index) $message $res $body })*
        )
    }};

    // @or operation default arms: not a `match`, which would borrow the channels to its end; a body
    // may replace its channel.
    (@or $operation:ident $default:block $($arms:tt)*) => {
        if ::std::option::Option::is_none(&$operation) {
            ::std::mem::drop($operation);
            $default
        } else {
            let operation = ::std::option::Option::unwrap($operation);
            $crate::gort_select_internal!(@finish operation $($arms)*)
        }
    };

    // @finish operation arms
    (@finish $operation:ident) => {{
        let _ = $operation;
        ::std::unreachable!("a select chose an arm that it does not have")
    }};
    (
        @finish $operation:ident
        {
            $kind0:ident $channel0:ident ($index0:expr) ($($message0:expr)?)
            ($res0:pat) $body0:block
        }
        {
            $kind1:ident $channel1:ident ($index1:expr) ($($message1:expr)?)
            ($res1:pat) $body1:block
        }
        {
            $kind2:ident $channel2:ident ($index2:expr) ($($message2:expr)?)
            ($res2:pat) $body2:block
        }
        {
            $kind3:ident $channel3:ident ($index3:expr) ($($message3:expr)?)
            ($res3:pat) $body3:block
        }
        $($arms:tt)*
    ) => {
        if $operation.index() == $index0 {
            let $res0 = $operation.$kind0($channel0 $(, $message0)?);
            $body0
        } else if $operation.index() == $index1 {
            let $res1 = $operation.$kind1($channel1 $(, $message1)?);
            $body1
        } else if $operation.index() == $index2 {
            let $res2 = $operation.$kind2($channel2 $(, $message2)?);
            $body2
        } else if $operation.index() == $index3 {
            let $res3 = $operation.$kind3($channel3 $(, $message3)?);
            $body3
        } else {
            $crate::gort_select_internal!(@finish $operation $($arms)*)
        }
    };
    (
        @finish $operation:ident
        { $kind:ident $channel:ident ($index:expr) ($($message:expr)?) ($res:pat) $body:block }
        $($arms:tt)*
    ) => {
        if $operation.index() == $index {
            let $res = $operation.$kind($channel $(, $message)?);
            $body
        } else {
            $crate::gort_select_internal!(@finish $operation $($arms)*)
        }
    };
}

/// Waits for one of several channel operations and runs its arm: Go's `select`.
///
/// ```text
/// select! {
///     recv(receiver) -> result => body,            // result: Result<T, RecvError>
///     send(sender, message) -> result => body,     // result: Result<(), SendError<T>>
///     default => body,                             // at most one: if nothing can be done at once
///     default(timeout) => body,                    //              or within this time
/// }
/// ```
///
/// Channels are given by value or by reference; these expressions are evaluated once, in order. If
/// several operations can be done, one is chosen uniformly at random. Exactly one is done; the
/// others have consumed nothing. An operation on a disconnected channel can be done: it fails. An
/// arm is switched off by [`never()`](crate::sync::channel::never()) or
/// [`never_sender()`](crate::sync::channel::never_sender()) in place of its channel.
///
/// `message` is evaluated only if its arm is chosen, and then of all arms only this one can be run.
/// What it was chosen for is kept for it meanwhile: a place in the buffer, or, on a channel of
/// capacity 0, a receiver. The receiver waits for the message, but nobody waits past his limit (by
/// more than 10 ms, which a message that is made at once has at any rate), nor under a
/// [`forbid_yield`](crate::runtime::forbid_yield) guard:
///
/// - `recv`, and a `select!` without a limit, wait until the message comes.
/// - `recv_timeout`, `try_recv`, a `select!` with a `default` or with a timer's arm, and the like
///   give up when their time is over. The message, once it is made, goes to another receiver that
///   waits; if there is none, the channel keeps it for whoever comes next, as a buffer would, and
///   the send is done.
/// - Under a `forbid_yield` guard nobody is paired with a `select!` that would have to make its
///   message first.
///
/// So make a message that takes long, or that needs other channels, before the `select!`.
///
/// Without a `default`, parks until an operation can be done; with `default(timeout)` for at most
/// that long. In whatever form, a goroutine that has kept its worker for more than 1 ms first
/// yields, so that a loop around a select that always finds something to do starves nobody.
///
/// # Examples
/// ```
/// use gort::{select, sync::channel::unbounded};
///
/// let (tx, rx) = unbounded();
/// let (tx2, rx2) = unbounded();
/// tx.send(10).unwrap();
/// select! {
///     recv(rx) -> msg => assert_eq!(msg, Ok(10)),
///     send(tx2, 20) -> res => {
///         assert_eq!(res, Ok(()));
///         assert_eq!(rx2.recv(), Ok(20));
///     }
/// }
/// ```
///
/// ```
/// use gort::{select, sync::channel::{never, unbounded}};
/// use std::time::Duration;
///
/// let (_tx, rx) = unbounded::<i32>();
/// let switched_off = None;
/// let woken = select! {
///     recv(rx) -> _ => true,
///     recv(switched_off.unwrap_or(&never::<i32>())) -> _ => true,
///     default(Duration::from_millis(5)) => false,
/// };
/// assert!(!woken);
/// ```
#[macro_export]
macro_rules! select {
    () => {
        compile_error!("empty `select!` block")
    };
    ($($tokens:tt)+) => {
        $crate::gort_select_internal!(@read Random [] [] $($tokens)+)
    };
}

/// As [`select!`](crate::select), but of several operations that can be done the first is chosen.
///
/// # Examples
/// ```
/// use gort::{select_biased, sync::channel::unbounded};
///
/// let (tx, rx) = unbounded();
/// let (urgent_tx, urgent) = unbounded();
/// tx.send("later").unwrap();
/// urgent_tx.send("now").unwrap();
/// select_biased! {
///     recv(urgent) -> msg => assert_eq!(msg, Ok("now")),
///     recv(rx) -> _ => unreachable!(),
/// }
/// ```
#[macro_export]
macro_rules! select_biased {
    () => {
        compile_error!("empty `select_biased!` block")
    };
    ($($tokens:tt)+) => {
        $crate::gort_select_internal!(@read Biased [] [] $($tokens)+)
    };
}

pub use {select, select_biased};
