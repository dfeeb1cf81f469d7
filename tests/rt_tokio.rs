//! Goroutines that use tokio through `block_on_with`: timers, sockets, a small HTTP client; the
//! context of tokio never stays in a home.

mod support;

use gort::{
    runtime::{block_on, block_on_with},
    spawn,
    sync::{Mutex, channel::bounded},
};
use std::{
    io,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream, UdpSocket},
    runtime::{Builder, Handle, Runtime},
    time::{self, timeout},
};

fn tokio() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

/// Whether the caller's thread is in a context of tokio's.
fn is_entered() -> bool {
    Handle::try_current().is_ok()
}

#[test]
fn timers_of_tokio_run_in_goroutines() {
    let tokio = tokio();
    support::each(|_| {
        let handles: Vec<_> = (0..50)
            .map(|i| {
                let handle = tokio.handle().clone();
                spawn(move || {
                    let start = Instant::now();
                    let nap = Duration::from_millis(i % 7 + 1);
                    block_on_with(|| handle.enter(), async {
                        time::sleep(nap).await;
                        let late = timeout(nap, std::future::pending::<()>()).await;
                        assert!(late.is_err());
                    });
                    assert!(start.elapsed() >= 2 * nap);
                })
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().unwrap());
    });
}

/// All in one home, so that one which waits in tokio shares its thread-locals with all others.
#[test]
fn nobody_is_in_a_context_that_another_has_entered() {
    let tokio = tokio();
    support::with_homes(&[1], 1, |_| {
        let (tx, rx) = bounded::<usize>(0);
        let handle = tokio.handle().clone();
        let waits = spawn(move || {
            let sum = block_on_with(|| handle.enter(), async {
                let mut sum = 0;
                while let Ok(n) = rx.recv_async().await {
                    assert!(is_entered());
                    time::sleep(Duration::from_micros(1)).await;
                    sum += n;
                }
                sum
            });
            assert!(!is_entered());
            sum
        });
        for n in 0..100 {
            assert!(!is_entered());
            tx.send(n).unwrap();
            gort::yield_now();
            assert!(!is_entered());
        }
        drop(tx);
        assert_eq!(waits.join().unwrap(), 4950);
    });
}

#[test]
fn a_panic_leaves_the_context() {
    support::silence();
    let tokio = tokio();
    support::with_homes(&[1], 1, |_| {
        let call = || {
            block_on_with(|| tokio.enter(), async {
                time::sleep(Duration::from_millis(1)).await;
                panic!("deliberate: in a future")
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
        assert!(!is_entered());
        // And the promise not to park has ended with it.
        gort::sleep(Duration::from_millis(1));
    });
}

#[test]
fn a_poll_that_parks_is_refused() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = support::message(info.payload());
        if !text.contains("forbid_yield") && !text.contains(support::DELIBERATE) {
            print(info);
        }
    }));
    let tokio = tokio();
    support::under(&[1, 2], |_| {
        let mutex = Mutex::new(1);
        let parks = || block_on_with(|| tokio.enter(), async { gort::sleep(Duration::MAX) });
        let payload = catch_unwind(AssertUnwindSafe(parks)).unwrap_err();
        assert!(support::message(&*payload).contains("forbid_yield"));
        // What need not park is fine.
        assert_eq!(block_on_with(|| tokio.enter(), async { *mutex.lock() }), 1);
    });
}

/// What `enter` returns lives during polls only; it is called for each.
#[test]
fn the_guard_lives_for_one_poll_at_a_time() {
    /// Not a lock of gort's: the polls may not park.
    struct Guard<'a>(&'a AtomicBool);
    impl Drop for Guard<'_> {
        fn drop(&mut self) {
            self.0.store(false, SeqCst);
        }
    }
    support::each(|_| {
        let (polls, is_entered) = (AtomicUsize::new(0), AtomicBool::new(false));
        let enter = || {
            polls.fetch_add(1, SeqCst);
            assert!(!is_entered.swap(true, SeqCst), "two at a time");
            Guard(&is_entered)
        };
        let (tx, rx) = bounded::<()>(0);
        gort::scope(|s| {
            s.spawn(|| {
                for _ in 0..10 {
                    let is_out = || polls.load(SeqCst) > 0 && !is_entered.load(SeqCst);
                    assert!(support::within_yielding(support::PATIENCE, is_out));
                    tx.send(()).unwrap();
                }
            });
            block_on_with(enter, async {
                for _ in 0..10 {
                    rx.recv_async().await.unwrap();
                    assert!(is_entered.load(SeqCst));
                }
            });
        });
        assert!(!is_entered.load(SeqCst));
    });
}

/// Answers requests for `/n` with the text of n, twice for each connection.
async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream);
            for _ in 0..2 {
                let mut request = String::new();
                stream.read_line(&mut request).await?;
                let mut header = String::from("-");
                while !header.trim().is_empty() {
                    header.clear();
                    stream.read_line(&mut header).await?;
                }
                let path = request.split(' ').nth(1).unwrap_or("/");
                let body = format!("this is {}", &path[1..]);
                let reply = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                stream.get_mut().write_all(reply.as_bytes()).await?;
            }
            io::Result::Ok(())
        });
    }
}

/// A connection that is kept for several requests, as clients of libraries do.
struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        Ok(Self(BufReader::new(stream)))
    }

    async fn get(&mut self, path: &str) -> io::Result<String> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n");
        self.0.get_mut().write_all(request.as_bytes()).await?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await?;
            let line = line.trim();
            if line.is_empty() {
                break;
            }
            if let Some(number) = line.strip_prefix("content-length: ") {
                length = number.parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await?;
        Ok(String::from_utf8(body).unwrap())
    }
}

#[test]
fn goroutines_are_clients_of_a_server_in_tokio() {
    let tokio = tokio();
    let listener = tokio.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    tokio.spawn(serve(listener));
    support::each(|_| {
        let handles: Vec<_> = (0..40)
            .map(|i| {
                let handle = tokio.handle().clone();
                spawn(move || {
                    let enter = || handle.enter();
                    let mut client = block_on_with(enter, Client::connect(address)).unwrap();
                    // The connection waits in a variable of the goroutine between two futures.
                    let first = block_on_with(enter, client.get(&format!("/{i}"))).unwrap();
                    gort::yield_now();
                    let limit = Duration::from_secs(60);
                    let second = block_on_with(enter, async {
                        timeout(limit, client.get("/second")).await.unwrap()
                    });
                    assert_eq!(first, format!("this is {i}"));
                    assert_eq!(second.unwrap(), "this is second");
                })
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().unwrap());
    });
}

#[test]
fn datagrams_go_between_goroutines() {
    let tokio = Arc::new(tokio());
    support::under(&[1, 2], |_| {
        let enter = || tokio.enter();
        let server = block_on_with(enter, UdpSocket::bind("127.0.0.1:0")).unwrap();
        let address = server.local_addr().unwrap();
        let theirs = Arc::clone(&tokio);
        let echo = spawn(move || {
            block_on_with(|| theirs.enter(), async {
                let mut buffer = [0; 64];
                for _ in 0..10 {
                    let (n, from) = server.recv_from(&mut buffer).await.unwrap();
                    server.send_to(&buffer[..n], from).await.unwrap();
                }
            });
        });
        let client = block_on_with(enter, UdpSocket::bind("127.0.0.1:0")).unwrap();
        for i in 0..10_u8 {
            block_on_with(enter, async {
                client.send_to(&[i; 5], address).await.unwrap();
                let mut buffer = [0; 64];
                let n = client.recv(&mut buffer).await.unwrap();
                assert_eq!(buffer[..n], [i; 5]);
            });
        }
        echo.join().unwrap();
    });
}

/// A handle of a task of tokio's needs no context.
#[test]
fn a_task_of_tokio_is_awaited_without_a_context() {
    let tokio = tokio();
    support::each(|_| {
        let task = tokio.spawn(async {
            time::sleep(Duration::from_millis(1)).await;
            42
        });
        assert_eq!(block_on(task).unwrap(), 42);
    });
}
