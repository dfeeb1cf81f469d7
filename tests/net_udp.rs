//! UDP: what std's sockets do, from goroutines and from threads, and what is ours beside.
#![cfg(unix)]

mod support;

use gort::net::UdpSocket;
use std::{
    io::{self, ErrorKind},
    net::{self, SocketAddr},
    os::fd::AsRawFd,
    sync::Arc,
    time::{Duration, Instant},
};

/// Runs `body` in goroutines of 1, 2, 3 and 8 workers, and on a plain thread.
fn everywhere(body: impl Fn() + Sync) {
    support::each(|_| body());
    let _watchdog =
        support::Watchdog::with(support::PATIENCE, "a thread", || String::from("no dump\n"));
    body();
}

fn bound() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    (socket, addr)
}

fn kind<T>(result: io::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn datagrams_wake_who_waits() {
    everywhere(|| {
        let ((server, to), (client, from)) = (bound(), bound());
        let echo = gort::spawn(move || {
            let mut buffer = [0; 16];
            for _ in 0..20 {
                let (len, peer) = server.recv_from(&mut buffer).unwrap();
                assert_eq!(peer, from);
                assert_eq!(server.send_to(&buffer[..len], peer).unwrap(), len);
            }
        });
        for round in 0..20 {
            client.send_to(&[round], to).unwrap();
            let mut buffer = [0; 16];
            assert_eq!(client.recv_from(&mut buffer).unwrap(), (1, to));
            assert_eq!(buffer[0], round);
        }
        echo.join().unwrap();
    });
}

#[test]
fn connected_sockets_know_their_peer() {
    everywhere(|| {
        let ((a, to_a), (b, to_b)) = (bound(), bound());
        assert_eq!(kind(a.peer_addr()), Some(ErrorKind::NotConnected));
        a.connect(to_b).unwrap();
        b.connect(("localhost", to_a.port())).unwrap();
        assert_eq!(a.peer_addr().unwrap(), to_b);
        assert_eq!(b.peer_addr().unwrap(), to_a);
        a.send(b"hello").unwrap();
        let mut buffer = [0; 8];
        for _ in 0..2 {
            assert_eq!(b.peek(&mut buffer).unwrap(), 5);
            assert_eq!(b.peek_from(&mut buffer).unwrap(), (5, to_a));
        }
        assert_eq!(b.recv(&mut buffer).unwrap(), 5);
        assert_eq!(&buffer[..5], b"hello");
    });
}

#[test]
fn a_clone_is_the_same_socket_with_the_same_options() {
    everywhere(|| {
        let ((a, to_a), (b, _)) = (bound(), bound());
        let clone = a.try_clone().unwrap();
        let receivers = [a, clone].map(|one| {
            gort::spawn(move || {
                one.recv_from(&mut [0]).unwrap();
                one
            })
        });
        b.send_to(&[1], to_a).unwrap();
        b.send_to(&[2], to_a).unwrap();
        let [a, clone] = receivers.map(|receiver| receiver.join().unwrap());
        clone
            .set_read_timeout(Some(Duration::from_millis(2)))
            .unwrap();
        assert_eq!(kind(a.recv(&mut [0])), Some(ErrorKind::WouldBlock));
        clone.set_read_timeout(None).unwrap();
        clone.set_nonblocking(true).unwrap();
        assert_eq!(kind(a.recv(&mut [0])), Some(ErrorKind::WouldBlock));
    });
}

#[test]
fn options_are_kept() {
    everywhere(|| {
        let (a, to_a) = bound();
        let long = Some(Duration::from_secs(15_410));
        assert_eq!(a.read_timeout().unwrap(), None);
        a.set_read_timeout(long).unwrap();
        a.set_write_timeout(long).unwrap();
        assert_eq!(a.read_timeout().unwrap(), long);
        assert_eq!(a.write_timeout().unwrap(), long);
        let zero = Some(Duration::ZERO);
        assert_eq!(
            kind(a.set_read_timeout(zero)),
            Some(ErrorKind::InvalidInput)
        );
        assert_eq!(
            kind(a.set_write_timeout(zero)),
            Some(ErrorKind::InvalidInput)
        );
        a.set_ttl(100).unwrap();
        assert_eq!(a.ttl().unwrap(), 100);
        a.set_broadcast(true).unwrap();
        let a = net::UdpSocket::from(a);
        assert_eq!(a.read_timeout().unwrap(), long);
        assert!(a.broadcast().unwrap());
        assert_eq!(kind(UdpSocket::bind(to_a)), Some(ErrorKind::AddrInUse));
    });
}

#[test]
fn timeouts_deadlines_and_a_close_end_waits() {
    everywhere(|| {
        let (a, _) = bound();
        let time = Duration::from_millis(10);
        a.set_read_timeout(Some(time)).unwrap();
        let start = Instant::now();
        assert_eq!(kind(a.recv_from(&mut [0])), Some(ErrorKind::WouldBlock));
        assert!(start.elapsed() >= time);
        a.set_read_timeout(None).unwrap();
        let a = Arc::new(a);
        let receive = || {
            let a = Arc::clone(&a);
            let receiver = gort::spawn(move || kind(a.recv_from(&mut [0])));
            gort::sleep(Duration::from_millis(1));
            receiver
        };
        let receiver = receive();
        a.set_read_deadline(Some(Instant::now()));
        assert_eq!(receiver.join().unwrap(), Some(ErrorKind::TimedOut));
        a.set_deadline(None);
        let receiver = receive();
        a.close();
        assert_eq!(receiver.join().unwrap(), Some(ErrorKind::NotConnected));
    });
}

#[test]
fn debug_is_as_stds() {
    let (a, addr) = bound();
    let fd = a.as_raw_fd();
    assert_eq!(
        format!("{a:?}"),
        format!("UdpSocket {{ addr: {addr:?}, fd: {fd} }}")
    );
}
