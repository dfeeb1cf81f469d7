//! Unix sockets: what std's do, from goroutines and from threads, and Go's deadlines.
#![cfg(unix)]

mod support;

use gort::{
    net::unix::{SocketAddr, UnixDatagram, UnixListener, UnixStream},
    runtime, testing,
};
use std::{
    fs,
    io::{ErrorKind, IoSlice, IoSliceMut, Read, Write},
    net::Shutdown,
    os::{
        fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd},
        unix::net as std_net,
    },
    path::PathBuf,
    process,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// A path of its own for each socket, removed in the end.
struct SocketPath(PathBuf);

impl SocketPath {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "gort-test-{}-{}",
            process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for SocketPath {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Runs the body in goroutines, on 1, 2, 3 and 8 workers, and on a plain thread.
fn everywhere(body: impl Fn() + Sync) {
    support::each(|_| body());
    body();
}

/// Waits until a goroutine waits for a descriptor.
fn until_somebody_waits() {
    while !runtime::dump().contains("IO wait") {
        gort::yield_now();
    }
}

#[test]
fn a_stream_carries_what_is_written() {
    everywhere(|| {
        let path = SocketPath::new();
        let listener = UnixListener::bind(&path.0).unwrap();
        let server = gort::spawn(move || {
            let (mut stream, from) = listener.accept().unwrap();
            assert!(from.is_unnamed());
            let mut got = [0; 5];
            stream.read_exact(&mut got).unwrap();
            stream.write_all(b"world").unwrap();
            got
        });
        let mut stream = UnixStream::connect(&path.0).unwrap();
        assert_eq!(
            stream.peer_addr().unwrap().as_pathname(),
            Some(path.0.as_path())
        );
        stream.write_all(b"hello").unwrap();
        let mut got = String::new();
        stream.read_to_string(&mut got).unwrap();
        assert_eq!((got.as_str(), &server.join().unwrap()), ("world", b"hello"));
    });
}

#[test]
fn many_connections_are_served_at_once() {
    support::each(|_| {
        let path = SocketPath::new();
        let listener = UnixListener::bind(&path.0).unwrap();
        let server = gort::spawn(move || {
            let echoes: Vec<_> = listener
                .incoming()
                .take(300)
                .map(|stream| {
                    let stream = stream.unwrap();
                    gort::spawn(move || std::io::copy(&mut &stream, &mut &stream).unwrap())
                })
                .collect();
            echoes
                .into_iter()
                .map(|echo| echo.join().unwrap())
                .sum::<u64>()
        });
        let clients: Vec<_> = (0..300_u32)
            .map(|n| {
                let path = path.0.clone();
                gort::spawn(move || {
                    let mut stream = UnixStream::connect(path).unwrap();
                    let mut answer = [0; 4];
                    for round in 0..10 {
                        stream.write_all(&(n + round).to_le_bytes()).unwrap();
                        stream.read_exact(&mut answer).unwrap();
                        assert_eq!(u32::from_le_bytes(answer), n + round);
                    }
                })
            })
            .collect();
        clients
            .into_iter()
            .for_each(|client| client.join().unwrap());
        assert_eq!(server.join().unwrap(), 300 * 10 * 4);
    });
}

#[test]
fn buffers_are_read_and_written_together() {
    everywhere(|| {
        let (mut a, mut b) = UnixStream::pair().unwrap();
        let written = a.write_vectored(&[IoSlice::new(b"ab"), IoSlice::new(b"cd")]);
        assert_eq!(written.unwrap(), 4);
        let (mut one, mut other) = ([0; 1], [0; 8]);
        let read = b.read_vectored(&mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut other)]);
        assert_eq!((read.unwrap(), &one, &other[..3]), (4, b"a", &b"bcd"[..]));
    });
}

#[test]
fn a_connect_waits_for_a_place_in_the_queue() {
    everywhere(|| {
        let path = SocketPath::new();
        let listener = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None);
        let listener = listener.unwrap();
        listener
            .bind(&socket2::SockAddr::unix(&path.0).unwrap())
            .unwrap();
        listener.listen(1).unwrap();
        let listener = UnixListener::from(OwnedFd::from(listener));
        const CLIENTS: usize = 8;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let path = path.0.clone();
                gort::spawn(move || UnixStream::connect(path).unwrap())
            })
            .collect();
        // Until the queue is full, and all the others wait.
        gort::sleep(Duration::from_millis(5));
        let accepted: Vec<_> = listener.incoming().take(CLIENTS).collect();
        assert!(accepted.iter().all(Result::is_ok));
        for client in clients {
            client.join().unwrap();
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn abstract_addresses_work() {
    use std::os::linux::net::SocketAddrExt;
    everywhere(|| {
        let path = SocketPath::new();
        let name = path.0.to_str().unwrap();
        let addr = SocketAddr::from_abstract_name(name).unwrap();
        let listener = UnixListener::bind_addr(&addr).unwrap();
        let got = listener.local_addr().unwrap();
        assert_eq!(got.as_abstract_name(), Some(name.as_bytes()));
        let client = UnixStream::connect_addr(&addr).unwrap();
        let peer = client.peer_addr().unwrap();
        assert_eq!(peer.as_abstract_name(), Some(name.as_bytes()));
        (&client).write_all(b"x").unwrap();
        let mut stream = listener.accept().unwrap().0;
        assert_eq!(stream.read(&mut [0; 8]).unwrap(), 1);

        let addr = SocketAddr::from_abstract_name(format!("{name}-datagram")).unwrap();
        let bound = UnixDatagram::bind_addr(&addr).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender.send_to_addr(b"one", &addr).unwrap();
        sender.connect_addr(&addr).unwrap();
        sender.send(b"three").unwrap();
        assert_eq!(bound.recv(&mut [0; 8]).unwrap(), 3);
        assert_eq!(bound.recv(&mut [0; 8]).unwrap(), 5);
    });
}

#[test]
fn errors_are_those_of_std() {
    everywhere(|| {
        let path = SocketPath::new();
        let long = "x".repeat(200);
        for bad in [path.0.to_str().unwrap(), &long, "with\0nul", ""] {
            let [ours, theirs] = [
                UnixStream::connect(bad).err(),
                std_net::UnixStream::connect(bad).err(),
            ]
            .map(|error| error.unwrap());
            assert_eq!(ours.kind(), theirs.kind(), "{bad:?}");
            assert_eq!(ours.raw_os_error(), theirs.raw_os_error(), "{bad:?}");
            assert_eq!(ours.to_string(), theirs.to_string());
        }
        // Nobody listens any more.
        drop(UnixListener::bind(&path.0).unwrap());
        let error = UnixStream::connect(&path.0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let error = UnixListener::bind(&path.0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        // The peer has gone.
        let (mut a, b) = UnixStream::pair().unwrap();
        drop(b);
        assert_eq!(a.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(a.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn timeouts_are_those_of_std() {
    everywhere(|| {
        let (mut a, _b) = UnixStream::pair().unwrap();
        for zero in [
            a.set_read_timeout(Some(Duration::ZERO)),
            a.set_write_timeout(Some(Duration::ZERO)),
        ] {
            assert_eq!(zero.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        assert_eq!(a.read_timeout().unwrap(), None);
        let time = Duration::from_millis(20);
        a.set_read_timeout(Some(time)).unwrap();
        a.set_write_timeout(Some(time)).unwrap();
        assert_eq!(a.read_timeout().unwrap(), Some(time));
        assert_eq!(a.write_timeout().unwrap(), Some(time));
        let start = Instant::now();
        assert_eq!(a.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(start.elapsed() >= time);
        // Clones share them.
        let mut clone = a.try_clone().unwrap();
        let error = clone.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let error = loop {
            if let Err(error) = a.write(&[0; 10_000]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);

        let (a, _b) = UnixDatagram::pair().unwrap();
        a.set_read_timeout(Some(time)).unwrap();
        assert_eq!(a.recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let error = a.recv_from(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn deadlines_end_calls_under_way_and_can_be_moved() {
    support::each(|_| {
        let (a, mut b) = UnixStream::pair().unwrap();
        let a = Arc::new(a);
        a.set_read_deadline(Some(Instant::now() + Duration::from_secs(3_600)));
        let reader = gort::spawn({
            let a = Arc::clone(&a);
            move || (&*a).read(&mut [0]).unwrap_err().kind()
        });
        until_somebody_waits();
        a.set_deadline(Some(Instant::now()));
        assert_eq!(reader.join().unwrap(), ErrorKind::TimedOut);
        assert_eq!((&*a).write(b"x").unwrap_err().kind(), ErrorKind::TimedOut);
        a.set_deadline(None);
        (&*a).write_all(b"x").unwrap();
        assert_eq!(b.read(&mut [0; 8]).unwrap(), 1);
    });
}

#[test]
fn a_close_ends_accepts_and_receives() {
    support::each(|_| {
        let path = SocketPath::new();
        let listener = Arc::new(UnixListener::bind(&path.0).unwrap());
        let server = gort::spawn({
            let listener = Arc::clone(&listener);
            move || listener.into_iter().count()
        });
        until_somebody_waits();
        listener.close();
        assert_eq!(server.join().unwrap(), 0);
        let error = listener.accept().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);

        let (a, _b) = UnixDatagram::pair().unwrap();
        let a = Arc::new(a);
        let receiver = gort::spawn({
            let a = Arc::clone(&a);
            move || a.recv(&mut [0]).unwrap_err().kind()
        });
        until_somebody_waits();
        a.close();
        assert_eq!(receiver.join().unwrap(), ErrorKind::NotConnected);
    });
}

#[test]
fn a_shutdown_ends_reads_under_way() {
    support::each(|_| {
        let (a, mut b) = UnixStream::pair().unwrap();
        let a = Arc::new(a);
        let reader = gort::spawn({
            let a = Arc::clone(&a);
            move || (&*a).read(&mut [0]).unwrap()
        });
        until_somebody_waits();
        a.shutdown(Shutdown::Read).unwrap();
        assert_eq!(reader.join().unwrap(), 0);
        // The other direction goes on until it is ended too.
        (&*a).write_all(b"x").unwrap();
        a.shutdown(Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        b.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"x");
    });
}

#[test]
fn a_shutdown_ends_receives_under_way() {
    support::each(|_| {
        let (a, _b) = UnixDatagram::pair().unwrap();
        let a = Arc::new(a);
        let receiver = gort::spawn({
            let a = Arc::clone(&a);
            move || a.recv(&mut [0]).unwrap()
        });
        until_somebody_waits();
        a.shutdown(Shutdown::Both).unwrap();
        assert_eq!(receiver.join().unwrap(), 0);
        let (n, from) = a.recv_from(&mut [0]).unwrap();
        assert!(n == 0 && from.is_unnamed());
    });
}

#[test]
fn datagrams_come_whole_and_with_their_sender() {
    everywhere(|| {
        let (path, other) = (SocketPath::new(), SocketPath::new());
        let one = UnixDatagram::bind(&path.0).unwrap();
        let two = UnixDatagram::bind(&other.0).unwrap();
        assert_eq!(one.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(one.send(b"x").unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(one.send_to(b"hello", &other.0).unwrap(), 5);
        let mut buffer = [0; 3];
        let (n, from) = two.recv_from(&mut buffer).unwrap();
        assert_eq!((n, &buffer), (3, b"hel"));
        assert_eq!(from.as_pathname(), Some(path.0.as_path()));
        two.connect(&path.0).unwrap();
        let receiver = gort::spawn(move || one.recv(&mut [0; 64]).unwrap());
        two.send(b"seven b").unwrap();
        assert_eq!(receiver.join().unwrap(), 7);
    });
}

/// Sends until the queue is full, and then a few more while the other side receives.
fn more_datagrams_than_fit(send: impl Fn() -> usize + Send + 'static, to: &UnixDatagram) {
    const MANY: usize = 2_000;
    let sender = gort::spawn(move || {
        for _ in 0..MANY {
            assert_eq!(send(), 4);
        }
    });
    // The sender comes to where it must wait.
    gort::sleep(Duration::from_millis(3));
    for _ in 0..MANY {
        assert_eq!(to.recv(&mut [0; 8]).unwrap(), 4);
    }
    sender.join().unwrap();
}

#[test]
fn a_send_waits_for_a_place_in_the_queue() {
    everywhere(|| {
        let (a, b) = UnixDatagram::pair().unwrap();
        more_datagrams_than_fit(move || a.send(b"four").unwrap(), &b);
    });
}

#[test]
fn a_send_to_anybody_waits_for_a_place_in_the_queue() {
    everywhere(|| {
        let path = SocketPath::new();
        let bound = UnixDatagram::bind(&path.0).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        let to = path.0.clone();
        more_datagrams_than_fit(move || sender.send_to(b"four", &to).unwrap(), &bound);
    });
}

/// Sends until that fails.
fn send_until_it_fails(sender: &UnixDatagram, to: &SocketPath) -> ErrorKind {
    loop {
        if let Err(error) = sender.send_to(b"x", &to.0) {
            return error.kind();
        }
    }
}

#[test]
fn a_send_to_anybody_ends_in_time() {
    everywhere(|| {
        let path = SocketPath::new();
        let _bound = UnixDatagram::bind(&path.0).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        let soon = Duration::from_millis(5);
        sender.set_write_timeout(Some(soon)).unwrap();
        assert_eq!(send_until_it_fails(&sender, &path), ErrorKind::WouldBlock);
        sender.set_write_timeout(None).unwrap();
        sender.set_write_deadline(Some(Instant::now() + soon));
        assert_eq!(send_until_it_fails(&sender, &path), ErrorKind::TimedOut);
        sender.set_write_deadline(None);
        sender.set_nonblocking(true).unwrap();
        assert_eq!(send_until_it_fails(&sender, &path), ErrorKind::WouldBlock);
    });
}

#[test]
fn sockets_that_must_not_wait_do_not() {
    everywhere(|| {
        let path = SocketPath::new();
        let listener = UnixListener::bind(&path.0).unwrap();
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let (mut a, _b) = UnixStream::pair().unwrap();
        a.try_clone().unwrap().set_nonblocking(true).unwrap();
        assert_eq!(a.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(is_nonblocking(&std_net::UnixStream::from(a)));
    });
}

fn is_nonblocking(fd: &impl AsFd) -> bool {
    // SAFETY: it asks for the flags of a descriptor that is open.
    let flags = unsafe { libc::fcntl(fd.as_fd().as_raw_fd(), libc::F_GETFL) };
    flags & libc::O_NONBLOCK != 0
}

#[test]
fn sockets_come_from_std_and_go_back() {
    everywhere(|| {
        let (a, b) = std_net::UnixStream::pair().unwrap();
        a.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let mut a = UnixStream::from(a);
        assert!(is_nonblocking(&a));
        assert_eq!(a.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(!is_nonblocking(&std_net::UnixStream::from(a)));

        let fd = UnixStream::from(b).into_raw_fd();
        // SAFETY: the descriptor is open, and nobody else's.
        let b = unsafe { UnixStream::from_raw_fd(fd) };
        assert!(is_nonblocking(&b));
        assert!(!is_nonblocking(&OwnedFd::from(b)));

        let socket = UnixDatagram::from(std_net::UnixDatagram::unbound().unwrap());
        assert!(format!("{socket:?}").starts_with("UnixDatagram"));
        assert!(!is_nonblocking(&std_net::UnixDatagram::from(socket)));
    });
}

#[test]
fn threads_and_goroutines_talk() {
    support::each(|_| {
        let path = SocketPath::new();
        let listener = UnixListener::bind(&path.0).unwrap();
        let server = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            std::io::copy(&mut &stream, &mut &stream).unwrap()
        });
        let mut stream = UnixStream::connect(&path.0).unwrap();
        for n in 0..200_u8 {
            let mut answer = [0];
            stream.write_all(&[n]).unwrap();
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(answer, [n]);
        }
        drop(stream);
        assert_eq!(runtime::blocking(|| server.join().unwrap()), 200);
    });
}

#[test]
fn no_goroutine_is_left_behind() {
    support::each(|_| {
        testing::no_leaks(|| {
            let (mut a, mut b) = UnixStream::pair().unwrap();
            let reader = gort::spawn(move || b.read_to_end(&mut Vec::new()).unwrap());
            a.write_all(b"hello").unwrap();
            drop(a);
            assert_eq!(reader.join().unwrap(), 5);
        });
    });
}
