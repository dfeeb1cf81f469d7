//! `net::Server`: connections are served side by side, and a stop takes its three steps.
#![cfg(unix)]

mod support;

use gort::{
    net::{Server, Stopped, TcpListener, TcpStream},
    sync::channel::bounded,
};
use std::{
    io::{ErrorKind, Read, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

fn server() -> (Server, SocketAddr) {
    let server = Server::new(TcpListener::bind("127.0.0.1:0").unwrap());
    let addr = server.local_addr().unwrap();
    (server, addr)
}

/// Answers each byte with the same byte; `s` is answered slowly.
fn echo(connection: &gort::net::Connection) {
    let mut byte = [0];
    while let Ok(1) = connection.read_idle(&mut byte) {
        if byte == *b"s" {
            gort::sleep(Duration::from_millis(50));
        }
        if (&**connection).write_all(&byte).is_err() {
            return;
        }
    }
}

fn ask(stream: &mut TcpStream, byte: u8) -> u8 {
    stream.write_all(&[byte]).unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).unwrap();
    answer[0]
}

fn ended(finished: u64, cut: u64) -> impl Fn(Stopped) -> bool {
    move |stopped| (stopped.finished, stopped.cut) == (finished, cut)
}

#[test]
fn many_are_served_side_by_side() {
    support::each(|_| {
        let (server, addr) = server();
        let stopper = server.stopper();
        let serving = gort::spawn(move || server.serve(echo).unwrap());
        let clients: Vec<_> = (0..100)
            .map(|_| {
                gort::spawn(move || {
                    let mut stream = TcpStream::connect(addr).unwrap();
                    for byte in 0..100 {
                        assert_eq!(ask(&mut stream, byte), byte);
                    }
                })
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
        stopper.stop(Duration::from_secs(30));
        assert!(ended(100, 0)(serving.join().unwrap()));
        let refused = TcpStream::connect(addr).map(|_| ()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn idle_connections_end_at_once_and_a_request_is_answered() {
    support::each(|_| {
        let (server, addr) = server();
        let stopper = server.stopper();
        let serving = gort::spawn(move || server.serve(echo).unwrap());
        let mut idle = TcpStream::connect(addr).unwrap();
        assert_eq!(ask(&mut idle, b'a'), b'a');
        let (asks, asked) = bounded(0);
        let busy = gort::spawn(move || {
            let mut stream = TcpStream::connect(addr).unwrap();
            stream.write_all(b"s").unwrap();
            // The server has read it when it answers the next one, at the latest.
            gort::sleep(Duration::from_millis(20));
            asks.send(()).unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            answer
        });
        asked.recv().unwrap();
        stopper.stop(Duration::from_secs(30));
        assert_eq!(idle.read(&mut [0]).unwrap(), 0);
        assert_eq!(busy.join().unwrap(), b"s");
        assert!(ended(2, 0)(serving.join().unwrap()));
    });
}

#[test]
fn what_is_not_done_is_cut() {
    support::each(|_| {
        let (server, addr) = server();
        let stopper = server.stopper();
        let serving = gort::spawn(move || {
            server
                .serve(|connection| {
                    // Never idle, and waits for what does not come.
                    let _ = (&**connection).read(&mut [0; 8]);
                })
                .unwrap()
        });
        let mut stream = TcpStream::connect(addr).unwrap();
        while !gort::runtime::dump().contains("IO wait") {
            gort::yield_now();
        }
        let start = Instant::now();
        gort::sleep(Duration::from_millis(5));
        stopper.stop(Duration::from_millis(20));
        let stopped = serving.join().unwrap();
        assert!(start.elapsed() >= Duration::from_millis(20));
        assert!(stopped.finished + stopped.cut <= 1);
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    });
}

#[test]
fn a_handler_that_panics_ends_its_connection_only() {
    support::silence();
    support::each(|_| {
        let (server, addr) = server();
        let stopper = server.stopper();
        let serving = gort::spawn(move || {
            server
                .serve(|connection| {
                    let mut byte = [0];
                    while let Ok(1) = connection.read_idle(&mut byte) {
                        assert_ne!(byte, *b"p", "asked to");
                        (&**connection).write_all(&byte).unwrap();
                    }
                })
                .unwrap()
        });
        let mut bad = TcpStream::connect(addr).unwrap();
        let mut good = TcpStream::connect(addr).unwrap();
        bad.write_all(b"p").unwrap();
        assert_eq!(bad.read(&mut [0]).unwrap(), 0);
        assert_eq!(ask(&mut good, b'g'), b'g');
        stopper.stop(Duration::from_secs(30));
        assert!(ended(2, 0)(serving.join().unwrap()));
    });
}

#[test]
fn a_stop_may_come_before_and_more_than_once() {
    support::each(|_| {
        let (server, _) = server();
        let stopper = server.stopper();
        stopper.stop(Duration::MAX);
        stopper.clone().stop(Duration::ZERO);
        assert!(ended(0, 0)(server.serve(echo).unwrap()));
    });
}
