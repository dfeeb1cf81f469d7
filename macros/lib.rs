//! The macros of `gort`: [`go!`], [`macro@main`] and [`macro@test`]. Use them through `gort`, which
//! re-exports them.
//!
//! * `spawn.rs`: what `go!` expands to;
//! * `entry.rs`: what `main` and `test` expand to;
//! * `options.rs`: the options of `main` and `test`.
//!
//! All three macros name what they need by absolute paths (`::gort::...`) and emit no `unsafe`.

mod entry;
mod options;
mod spawn;

use proc_macro::TokenStream;

/// Starts a goroutine: Go's `go` statement.
///
/// It is an expression of type `JoinHandle<T>`; dropping the handle detaches the goroutine, as in
/// Go.
///
/// | form | when it is evaluated |
/// |---|---|
/// | `go!(f(a, b))`, `go!(x.method(a))` | callee, receiver and arguments now, by the spawner, in order; the call itself in the goroutine |
/// | `go!(move \|\| ...)`, or any value that is `FnOnce() -> T` | the value now; its call in the goroutine |
/// | `go!({ ... })`, `go! { a; b; }` | all of it in the goroutine, which takes what it uses by move |
/// | `go!(println!("{i}"))`, `go!(for v in rx { ... })`, `loop`, `while`, `unsafe { ... }` | as a block: all of it in the goroutine |
///
/// What goes into the goroutine, and what comes out of it, is `Send + 'static`.
///
/// ```
/// use gort::{go, sync::channel::bounded};
///
/// fn square(n: u64) -> u64 {
///     n * n
/// }
///
/// let (tx, rx) = bounded(0);
/// let handle = go!(square(7));
/// go!(move || tx.send("hello").unwrap());
/// assert_eq!(rx.recv(), Ok("hello"));
/// assert_eq!(handle.join().unwrap(), 49);
/// ```
///
/// # Worth knowing
///
/// * **A call is what runs in the goroutine**, as in Go. So `go!(make_closure())` runs
///   `make_closure` in the goroutine. To run the closure that it makes: `go!(make_closure()())`, or
///   name it first, `let f = make_closure(); go!(f)`.
/// * **Only the outermost call runs in the goroutine**, as in Go. `go!(tx.send(1).unwrap())` sends
///   now and unwraps in the goroutine; for all of it in the goroutine, write a block:
///   `go!({ tx.send(1).unwrap() })`.
/// * In a call, a receiver that is a name is moved into the goroutine (a `static` is used where it
///   is). Arguments keep the types that they have on their own: where an argument needs the
///   parameter's type to be understood, as `Box::new(|s| ...)` for a `Box<dyn Fn(&str)>` does, use
///   a block. A closure written as an argument is fine; it captures by move.
/// * `?` and `return` in a block end the goroutine's closure, not the spawner. In an argument, `?`
///   is the spawner's.
/// * In a statement, `go! { ... }` needs its `;`, as every macro with a value does.
#[proc_macro]
pub fn go(input: TokenStream) -> TokenStream {
    spawn::expand(input.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Runs `fn main` as the first goroutine of a runtime. When it returns, the process exits, as in
/// Go.
///
/// The signal SIGQUIT (Ctrl-\ on a terminal) prints what every goroutine is doing, with backtraces
/// (`runtime::dump`), and ends the program with exit code 2. A program that has an action of its
/// own for the signal, or was started with it ignored, keeps that.
///
/// `main` may return what any `main` may: `()`, `Result`, `ExitCode`, or anything else that is
/// `Termination`. What it returns need not be `Send`.
///
/// ```
/// #[gort::main(workers = 4)]
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     gort::go!(move || println!("hello")).join().unwrap();
///     Ok(())
/// }
/// ```
///
/// # Options
///
/// All may be left out. An unknown, repeated or ill-typed one is a compile error.
///
/// | option | meaning |
/// |---|---|
/// | `workers = 4` | worker threads, 1 to 1024 |
/// | `homes = 32` | thread identities that goroutines live in, 1 to 65536; see `runtime::Builder::homes` |
/// | `stack_size = 1 << 20` | bytes of stack a goroutine; any constant `usize` expression |
/// | `max_blocking_threads = 64` | threads for calls under `runtime::blocking`, 1 to 65536; see `runtime::Builder::max_blocking_threads` |
/// | `panic = "isolate"` or `"exit"` | a goroutine's panic goes to whoever joins it; or ends the process, as in Go |
/// | `deadlock = "exit"`, `"warn"` or `"off"` | what happens when every goroutine waits for another |
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::expand(entry::Kind::Main, options.into(), item.into()).into()
}

/// Makes a function a test that runs as the first goroutine of a runtime of its own.
///
/// The options are those of [`macro@main`]. Other attributes, such as `#[should_panic]` and
/// `#[ignore]`, keep their meaning; a second `#[test]` is not needed. The test may return `()`,
/// `Result` or anything else that a plain test may.
///
/// The test fails if one of its goroutines panicked and nobody joined it by then, unless the
/// attribute says `panic = "isolate"`. Of those in a `scope` or an `errgroup::Group` the scope or
/// the group tells. A goroutine that is still running when the test returns is not waited for.
///
/// With `deadlock = "exit"` the process ends, with a dump and exit code 2, when all goroutines wait
/// and no thread is left that could wake one but the harness's, which waits for the tests. Without
/// it a test that hangs says so after 3 s, and the harness waits on.
///
/// ```
/// #[gort::test(workers = 2, deadlock = "exit")]
/// fn adds() {
///     assert_eq!(gort::go!(move || 1 + 1).join().unwrap(), 2);
/// }
/// ```
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::expand(entry::Kind::Test, options.into(), item.into()).into()
}
