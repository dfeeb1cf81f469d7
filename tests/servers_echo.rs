//! The example `echo`, driven by sockets of the standard library.

#[path = "support/server.rs"]
mod server;

use server::{Server, each, eventually, read_to_end, reset, write_until_stuck};
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// Sends something and reads it back.
fn round_trip(mut client: &TcpStream, bytes: &[u8]) {
    client.write_all(bytes).expect("it reads");
    let mut back = vec![0; bytes.len()];
    client.read_exact(&mut back).expect("it answers");
    assert!(back == bytes, "other bytes come back");
}

#[test]
fn what_is_sent_comes_back() {
    each("echo", &[], |server| {
        let client = server.connect();
        for size in [1, 64, 1024, 20_000] {
            let bytes: Vec<u8> = (0..size).map(|i: u32| (i * 31 % 251) as u8).collect();
            round_trip(&client, &bytes);
        }
    });
}

#[test]
fn a_client_that_has_no_more_to_say_reads_the_rest() {
    each("echo", &[], |server| {
        let client = server.connect();
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| (i * 7 % 253) as u8).collect();
        let back = thread::scope(|scope| {
            scope.spawn(|| {
                (&client).write_all(&bytes).expect("it reads");
                client.shutdown(Shutdown::Write).expect("it is open");
            });
            read_to_end(&client)
        });
        assert!(back == bytes, "{} bytes come back", back.len());
    });
}

#[test]
fn clients_do_not_wait_for_each_other() {
    each("echo", &[], |server| {
        let clients: Vec<_> = (0..100).map(|_| server.connect()).collect();
        for turn in 0..3 {
            for (i, client) in clients.iter().enumerate() {
                round_trip(client, format!("{turn} {i}").as_bytes());
            }
        }
    });
}

#[test]
fn a_client_that_never_reads_is_read_from_no_more_and_holds_up_nobody() {
    each("echo", &[], |server| {
        let stuck = server.connect();
        write_until_stuck(&stuck, &[b'x'; 65536]);
        round_trip(&server.connect(), b"others go on");
        // When it reads at last, its connection goes on too.
        let mut some = vec![0; 1 << 20];
        (&stuck).read_exact(&mut some).expect("it answers");
        assert!(some.iter().all(|&byte| byte == b'x'));
    });
}

#[test]
fn a_reset_ends_one_connection() {
    each("echo", &[], |server| {
        let other = server.connect();
        for _ in 0..20 {
            let client = server.connect();
            round_trip(&client, b"soon gone");
            reset(client);
        }
        // One that sends, and does not wait for the answer.
        let mut client = server.connect();
        client.write_all(&[b'x'; 60_000]).expect("it reads");
        reset(client);
        server.says("reset");
        round_trip(&other, b"the others stay");
    });
}

#[test]
fn when_it_is_interrupted_clients_see_the_end_and_it_ends_well() {
    for workers in [1, 2, 3, 8] {
        let mut server = Server::start("echo", &[], workers);
        let client = server.connect();
        round_trip(&client, b"hello");
        server.interrupt();
        assert_eq!(read_to_end(&client), b"");
        assert_eq!(server.wait().code(), Some(0));
        TcpStream::connect(server.address()).expect_err("nobody listens");
    }
}

#[test]
fn a_second_interrupt_cuts_a_client_that_does_not_read() {
    for workers in [1, 2, 3, 8] {
        let mut server = Server::start("echo", &[], workers);
        let stuck = server.connect();
        write_until_stuck(&stuck, &[b'x'; 65536]);
        let start = Instant::now();
        server.interrupt();
        let is_refused = || TcpStream::connect(server.address()).is_err();
        assert!(eventually(is_refused), "it accepts still");
        server.interrupt();
        assert_eq!(server.wait().code(), Some(0));
        // The first alone gives it ten seconds.
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{:?}",
            start.elapsed()
        );
    }
}

#[test]
fn an_address_that_is_none_is_told() {
    let mut server = Server::launch("echo", &["nonsense"], 1);
    assert_eq!(server.wait().code(), Some(1));
    server.says("Error");
}
