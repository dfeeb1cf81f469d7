//! TCP: what std's sockets do, from goroutines and from threads, and what is ours beside.
#![cfg(unix)]

mod support;

use gort::{
    net::{TcpListener, TcpStream, lookup_host},
    runtime,
};
use std::{
    fs,
    io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write},
    net::{self, Shutdown, SocketAddr},
    os::fd::{AsRawFd, OwnedFd},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// Runs `body` in goroutines of 1, 2, 3 and 8 workers, and on a plain thread.
fn everywhere(body: impl Fn() + Sync) {
    support::each(|_| body());
    let _watchdog =
        support::Watchdog::with(support::PATIENCE, "a thread", || String::from("no dump\n"));
    body();
}

fn listener(host: &str) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((host, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

fn has_v6() -> bool {
    net::TcpListener::bind("[::1]:0").is_ok()
}

fn each_ip(body: impl Fn(TcpListener, SocketAddr)) {
    for host in ["127.0.0.1", "::1"] {
        if host == "127.0.0.1" || has_v6() {
            let (listener, addr) = listener(host);
            body(listener, addr);
        }
    }
}

/// Both sides of a connection.
fn pair() -> (TcpStream, TcpStream) {
    let (listener, addr) = listener("127.0.0.1");
    let client = TcpStream::connect(addr).unwrap();
    (client, listener.accept().unwrap().0)
}

fn kind<T>(result: io::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn bytes_and_the_end_arrive() {
    everywhere(|| {
        each_ip(|listener, addr| {
            let client = gort::spawn(move || {
                let mut stream = TcpStream::connect(addr).unwrap();
                stream.write_all(&[99]).unwrap();
                stream.local_addr().unwrap()
            });
            let (mut stream, from) = listener.accept().unwrap();
            assert_eq!(stream.peer_addr().unwrap(), from);
            assert_eq!(stream.local_addr().unwrap(), addr);
            let mut data = Vec::new();
            stream.read_to_end(&mut data).unwrap();
            assert_eq!(data, [99]);
            assert_eq!(stream.read(&mut [0]).unwrap(), 0);
            assert_eq!(client.join().unwrap(), from);
        });
    });
}

#[test]
fn names_are_resolved() {
    everywhere(|| {
        let (listener, addr) = listener("127.0.0.1");
        for _ in 0..2 {
            TcpStream::connect(("localhost", addr.port())).unwrap();
            TcpStream::connect(format!("localhost:{}", addr.port())).unwrap();
        }
        drop(listener);
        assert!(lookup_host("localhost:1").unwrap().count() > 0);
        assert!(lookup_host("no port").is_err());
    });
}

#[test]
fn errors_are_those_of_std() {
    everywhere(|| {
        let (one, addr) = listener("127.0.0.1");
        assert_eq!(kind(TcpListener::bind(addr)), Some(ErrorKind::AddrInUse));
        drop(one);
        assert_eq!(
            kind(TcpStream::connect(addr)),
            Some(ErrorKind::ConnectionRefused)
        );
        let second = Duration::from_secs(1);
        assert_eq!(
            kind(TcpStream::connect_timeout(&addr, second)),
            Some(ErrorKind::ConnectionRefused)
        );
        assert_eq!(
            kind(TcpStream::connect_timeout(&addr, Duration::ZERO)),
            Some(ErrorKind::InvalidInput)
        );
        let none: &[SocketAddr] = &[];
        assert_eq!(
            kind(TcpStream::connect(none)),
            Some(ErrorKind::InvalidInput)
        );
        // The second address is tried.
        let (_two, other) = listener("127.0.0.1");
        let stream = TcpStream::connect(&[addr, other][..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), other);
    });
}

#[test]
fn a_connect_that_gets_no_answer_times_out() {
    // The queue of this listener is full, so its system drops what comes.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let addr = socket.local_addr().unwrap().as_socket().unwrap();
    let soon = Duration::from_millis(100);
    let filling: Vec<_> = (0..4)
        .map(|_| TcpStream::connect_timeout(&addr, soon))
        .collect();
    let last = filling.into_iter().next_back().unwrap();
    assert_eq!(kind(last), Some(ErrorKind::TimedOut));
}

#[test]
fn a_port_is_free_at_once() {
    everywhere(|| {
        let (listener, addr) = listener("127.0.0.1");
        let client = TcpStream::connect(addr).unwrap();
        let (server, _) = listener.accept().unwrap();
        // Closed first, so its address lingers.
        drop((server, listener));
        TcpListener::bind(addr).unwrap();
        drop(client);
    });
}

#[test]
fn several_buffers_go_in_one_call() {
    everywhere(|| {
        let (mut a, mut b) = pair();
        let n = a
            .write_vectored(&[IoSlice::new(&[10]), IoSlice::new(&[11, 12])])
            .unwrap();
        assert_eq!(n, 3);
        let (mut first, mut second) = ([0], [0; 3]);
        let mut buffers = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(b.read_vectored(&mut buffers).unwrap(), 3);
        assert_eq!((first, second), ([10], [11, 12, 0]));
        a.flush().unwrap();
    });
}

#[test]
fn a_clone_is_the_same_connection_with_the_same_options() {
    everywhere(|| {
        let (mut a, b) = pair();
        let clone = b.try_clone().unwrap();
        assert_ne!(clone.as_raw_fd(), b.as_raw_fd());
        let readers = [b, clone].map(|mut one| {
            gort::spawn(move || {
                let mut byte = [0];
                one.read_exact(&mut byte).unwrap();
                (one, byte[0])
            })
        });
        a.write_all(&[1, 2]).unwrap();
        let [(b, x), (clone, y)] = readers.map(|reader| reader.join().unwrap());
        assert_eq!(x + y, 3);
        clone
            .set_read_timeout(Some(Duration::from_millis(2)))
            .unwrap();
        assert_eq!(kind((&b).read(&mut [0])), Some(ErrorKind::WouldBlock));
        clone.set_read_timeout(None).unwrap();
        clone.set_nonblocking(true).unwrap();
        assert_eq!(kind((&b).read(&mut [0])), Some(ErrorKind::WouldBlock));
    });
}

#[test]
fn a_peek_takes_nothing() {
    everywhere(|| {
        let (mut a, mut b) = pair();
        let peeker = gort::spawn(move || {
            let mut buffer = [0; 10];
            assert_eq!(b.peek(&mut buffer).unwrap(), 4);
            assert_eq!(b.peek(&mut buffer).unwrap(), 4);
            assert_eq!(b.read(&mut buffer).unwrap(), 4);
            b.set_nonblocking(true).unwrap();
            assert_eq!(kind(b.peek(&mut buffer)), Some(ErrorKind::WouldBlock));
        });
        gort::yield_now();
        a.write_all(&[1, 3, 3, 7]).unwrap();
        peeker.join().unwrap();
    });
}

#[test]
fn options_are_kept() {
    everywhere(|| {
        let (a, _b) = pair();
        assert!(!a.nodelay().unwrap());
        a.set_nodelay(true).unwrap();
        assert!(a.nodelay().unwrap());
        a.set_ttl(100).unwrap();
        assert_eq!(a.ttl().unwrap(), 100);
        assert!(a.take_error().unwrap().is_none());
        let long = Duration::from_secs(15_410);
        assert_eq!(a.read_timeout().unwrap(), None);
        a.set_read_timeout(Some(long)).unwrap();
        a.set_write_timeout(Some(long)).unwrap();
        assert_eq!(a.read_timeout().unwrap(), Some(long));
        assert_eq!(a.write_timeout().unwrap(), Some(long));
        let zero = Some(Duration::ZERO);
        assert_eq!(
            kind(a.set_read_timeout(zero)),
            Some(ErrorKind::InvalidInput)
        );
        assert_eq!(
            kind(a.set_write_timeout(zero)),
            Some(ErrorKind::InvalidInput)
        );
        assert_eq!(a.read_timeout().unwrap(), Some(long));
    });
}

#[test]
fn timeouts_end_reads_and_writes() {
    everywhere(|| {
        let (mut a, mut b) = pair();
        let time = Duration::from_millis(20);
        a.set_read_timeout(Some(time)).unwrap();
        let start = Instant::now();
        assert_eq!(kind(a.read(&mut [0])), Some(ErrorKind::WouldBlock));
        assert!(start.elapsed() >= time);
        b.write_all(b"x").unwrap();
        assert_eq!(a.read(&mut [0; 2]).unwrap(), 1);
        a.set_write_timeout(Some(time)).unwrap();
        let block = vec![0; 1 << 20];
        let stopped = loop {
            if let Err(error) = a.write(&block) {
                break error.kind();
            }
        };
        assert_eq!(stopped, ErrorKind::WouldBlock);
    });
}

#[test]
fn deadlines_act_on_calls_under_way() {
    everywhere(|| {
        let (a, _b) = pair();
        let a = Arc::new(a);
        let reader = gort::spawn({
            let a = Arc::clone(&a);
            move || kind((&*a).read(&mut [0]))
        });
        gort::sleep(Duration::from_millis(1));
        a.set_deadline(Some(Instant::now()));
        assert_eq!(reader.join().unwrap(), Some(ErrorKind::TimedOut));
        assert_eq!(kind((&*a).write(b"x")), Some(ErrorKind::TimedOut));
        a.set_write_deadline(None);
        assert_eq!((&*a).write(b"x").unwrap(), 1);
        let (listener, _) = listener("127.0.0.1");
        listener.set_deadline(Some(Instant::now() + Duration::from_millis(2)));
        assert_eq!(kind(listener.accept()), Some(ErrorKind::TimedOut));
    });
}

#[test]
fn a_shutdown_wakes_who_reads() {
    everywhere(|| {
        for how in [Shutdown::Read, Shutdown::Both] {
            let (a, _b) = pair();
            let a = Arc::new(a);
            let reader = gort::spawn({
                let a = Arc::clone(&a);
                move || (&*a).read(&mut [0]).unwrap()
            });
            gort::sleep(Duration::from_millis(1));
            a.shutdown(how).unwrap();
            assert_eq!(reader.join().unwrap(), 0);
        }
        // One direction only.
        let (mut a, mut b) = pair();
        a.shutdown(Shutdown::Write).unwrap();
        assert!(a.write(b"x").is_err());
        assert_eq!(b.read(&mut [0]).unwrap(), 0);
        b.write_all(b"y").unwrap();
        assert_eq!(a.read(&mut [0; 2]).unwrap(), 1);
    });
}

#[test]
fn a_reset_wakes_who_reads() {
    everywhere(|| {
        let (mut a, b) = pair();
        let reader = gort::spawn(move || kind(a.read(&mut [0])));
        gort::sleep(Duration::from_millis(1));
        socket2::SockRef::from(&b)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(b);
        assert_eq!(reader.join().unwrap(), Some(ErrorKind::ConnectionReset));
    });
}

#[test]
fn a_close_ends_accepts() {
    everywhere(|| {
        let (listener, _) = listener("127.0.0.1");
        let listener = Arc::new(listener);
        let accepting: Vec<_> = (0..3)
            .map(|_| {
                let listener = Arc::clone(&listener);
                gort::spawn(move || listener.incoming().count())
            })
            .collect();
        gort::sleep(Duration::from_millis(1));
        listener.close();
        for one in accepting {
            assert_eq!(one.join().unwrap(), 0);
        }
        assert_eq!(kind(listener.accept()), Some(ErrorKind::NotConnected));
    });
}

#[test]
fn from_std_and_back() {
    everywhere(|| {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let a = net::TcpStream::connect(addr).unwrap();
        let time = Duration::from_secs(3);
        a.set_read_timeout(Some(time)).unwrap();
        let mut b = TcpStream::from(listener.accept().unwrap().0);
        let a = TcpStream::from(a);
        assert_eq!(a.read_timeout().unwrap(), Some(time));
        // It blocks its thread again: else there would be nothing to read yet.
        let mut a = net::TcpStream::from(a);
        let reader = thread::spawn(move || {
            let mut byte = [0];
            a.read_exact(&mut byte).map(|()| (a, byte[0]))
        });
        gort::sleep(Duration::from_millis(1));
        b.write_all(b"x").unwrap();
        let read = runtime::blocking(move || reader.join().unwrap());
        let (_a, byte) = read.unwrap();
        assert_eq!(byte, b'x');
        // What the user has asked for stays.
        b.set_nonblocking(true).unwrap();
        let mut b = net::TcpStream::from(OwnedFd::from(b));
        assert_eq!(kind(b.read(&mut [0])), Some(ErrorKind::WouldBlock));
    });
}

#[test]
fn debug_is_as_stds() {
    let (listener, addr) = listener("127.0.0.1");
    let stream = TcpStream::connect(addr).unwrap();
    let fd = listener.as_raw_fd();
    assert_eq!(
        format!("{listener:?}"),
        format!("TcpListener {{ addr: {addr:?}, fd: {fd} }}")
    );
    let (own, fd) = (stream.local_addr().unwrap(), stream.as_raw_fd());
    assert_eq!(
        format!("{stream:?}"),
        format!("TcpStream {{ addr: {own:?}, peer: {addr:?}, fd: {fd} }}")
    );
}

/// Fewer than the queue of a listener holds: beyond that the kernel tries again after seconds.
#[test]
fn a_hundred_connections_at_once() {
    support::under(&[1, 3], |_| {
        let (listener, addr) = listener("127.0.0.1");
        let server = gort::spawn(move || {
            let all: Vec<_> = listener.incoming().take(100).map(Result::unwrap).collect();
            let echoes = all
                .into_iter()
                .map(|s| gort::spawn(move || io::copy(&mut &s, &mut &s)));
            for echo in echoes.collect::<Vec<_>>() {
                assert_eq!(echo.join().unwrap().unwrap(), 4);
            }
        });
        let clients: Vec<_> = (0..100_u32)
            .map(|i| {
                gort::spawn(move || {
                    let mut stream = TcpStream::connect(addr).unwrap();
                    stream.write_all(&i.to_le_bytes()).unwrap();
                    stream.shutdown(Shutdown::Write).unwrap();
                    let mut answer = Vec::new();
                    stream.read_to_end(&mut answer).unwrap();
                    assert_eq!(answer, i.to_le_bytes());
                })
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
        server.join().unwrap();
    });
}

#[test]
fn a_runtime_ends_under_load() {
    for workers in [1, 2, 8] {
        let _watchdog =
            support::Watchdog::with(support::PATIENCE, "the end", || String::from("no dump\n"));
        let runtime = support::runtime(workers);
        runtime.run(|| {
            let (listener, addr) = listener("127.0.0.1");
            gort::spawn(move || {
                for stream in listener.incoming().flatten() {
                    gort::spawn(move || io::copy(&mut &stream, &mut &stream));
                }
            });
            for _ in 0..20 {
                let mut stream = TcpStream::connect(addr).unwrap();
                gort::spawn(move || {
                    let mut byte = [7];
                    while stream.write_all(&byte).is_ok() && stream.read_exact(&mut byte).is_ok() {}
                });
            }
            gort::sleep(Duration::from_millis(5));
        });
        drop(runtime);
        // Sockets are waited for as before.
        let (mut a, mut b) = pair();
        let reader = thread::spawn(move || b.read(&mut [0]).unwrap());
        a.write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap(), 1);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_closed_connection_leaves_no_descriptor() {
    let open_to = |addr: SocketAddr| {
        let port = addr.port();
        let links = fs::read_dir("/proc/self/fd").unwrap();
        links
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
            .filter(|&fd| {
                // SAFETY: it is only asked for its addresses; if it is gone that is an error.
                let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
                let socket = socket2::SockRef::from(&fd);
                let ports = [socket.local_addr(), socket.peer_addr()];
                ports
                    .into_iter()
                    .flatten()
                    .any(|a| a.as_socket().is_some_and(|a| a.port() == port))
            })
            .count()
    };
    support::each(|_| {
        let (listener, addr) = listener("127.0.0.1");
        for _ in 0..500 {
            let client = gort::spawn(move || {
                let mut stream = TcpStream::connect(addr).unwrap();
                assert_eq!(stream.read(&mut [0]).unwrap(), 0);
            });
            drop(listener.accept().unwrap());
            client.join().unwrap();
        }
        assert_eq!(open_to(addr), 1);
    });
}
