//! `block_on_with`: futures that need a context of their executor, which is entered for each poll.

use crate::runtime::{bridges::future::poll_until_ready, goroutine::control::forbid_yield};
use std::{future::Future, pin::pin};

/// Runs a future to its end, as [`block_on`](crate::runtime::block_on) does, and calls `enter`
/// before each poll: what that returns is dropped after the poll.
///
/// For futures that look for something in the thread they are polled on. Those of tokio's timers
/// and sockets need a runtime's context, and get it from the guard that
/// [`Handle::enter`](https://docs.rs/tokio/latest/tokio/runtime/struct.Handle.html#method.enter)
/// returns. Such a guard must not be held over a park: the goroutines of a home share its
/// thread-locals, so others would find themselves in a context that they have not entered, and
/// tokio panics if guards are not dropped in the reverse order. Here nothing is entered while the
/// goroutine is parked.
///
/// The polls run under a [`forbid_yield`](crate::runtime::forbid_yield) guard for the same reason:
/// `async` code does not park, but awaits. What can be awaited of gort's is
/// [`recv_async`](crate::sync::channel::Receiver::recv_async),
/// [`send_async`](crate::sync::channel::Sender::send_async) and a
/// [`JoinHandle`](crate::JoinHandle).
///
/// # Panics
/// If the future or `enter` panics; if either parks or yields; under a `forbid_yield` guard, if it
/// has to wait.
///
/// # Examples
/// With tokio's sockets and timers, driven by a runtime of tokio's beside gort's:
/// ```
/// use gort::runtime::block_on_with;
/// use std::{io, time::Duration};
/// use tokio::{io::{AsyncReadExt, AsyncWriteExt}, net::{TcpListener, TcpStream}, time::timeout};
///
/// let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
/// let handle = tokio.handle();
///
/// let listener = block_on_with(|| handle.enter(), TcpListener::bind("127.0.0.1:0"))?;
/// let address = listener.local_addr()?;
/// gort::scope(|s| {
///     s.spawn(|| {
///         block_on_with(|| handle.enter(), async {
///             let (mut client, _) = listener.accept().await?;
///             client.write_all(b"hello").await
///         })
///     });
///     let greeting = block_on_with(|| handle.enter(), async {
///         let mut text = String::new();
///         let mut stream = TcpStream::connect(address).await?;
///         timeout(Duration::from_secs(60), stream.read_to_string(&mut text)).await??;
///         io::Result::Ok(text)
///     });
///     assert_eq!(greeting.unwrap(), "hello");
/// });
/// # io::Result::Ok(())
/// ```
pub fn block_on_with<G, F: Future>(mut enter: impl FnMut() -> G, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_until_ready(|context| {
        let _stays = forbid_yield();
        let _entered = enter();
        future.as_mut().poll(context)
    })
}
