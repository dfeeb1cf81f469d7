//! The example `proxy`, between sockets of the standard library.

#[path = "support/server.rs"]
mod server;

use server::{Server, patient, read_to_end, reset, write_until_stuck};
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
};

/// Runs `body` with proxies of 1, 2, 3 and 8 workers, and their target.
fn each(body: impl Fn(&Server, &TcpListener)) {
    let target = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = target.local_addr().expect("it is bound").to_string();
    server::each("proxy", &[&address], |server| body(server, &target));
}

/// A client, and the other end of its connection, at the target.
fn pair(server: &Server, target: &TcpListener) -> (TcpStream, TcpStream) {
    let client = server.connect();
    let (end, _) = target.accept().expect("the proxy connects");
    patient(&end);
    (client, end)
}

fn send(mut from: &TcpStream, to: &TcpStream, bytes: &[u8]) {
    from.write_all(bytes).expect("it is open");
    receive(to, bytes);
}

fn receive(mut to: &TcpStream, bytes: &[u8]) {
    let mut received = vec![0; bytes.len()];
    to.read_exact(&mut received).expect("it comes");
    assert!(received == bytes, "other bytes come");
}

#[test]
fn both_ways_go_through() {
    each(|server, target| {
        let (client, end) = pair(server, target);
        for _ in 0..3 {
            send(&client, &end, b"a question");
            send(&end, &client, &[b'a'; 30_000]);
        }
    });
}

#[test]
fn a_client_that_has_no_more_to_say_is_answered() {
    each(|server, target| {
        let (client, mut end) = pair(server, target);
        let local = client.local_addr().expect("it is connected");
        (&client).write_all(b"all I have").expect("it is open");
        client.shutdown(Shutdown::Write).expect("it is open");
        assert_eq!(read_to_end(&end), b"all I have");
        end.write_all(b"and the answer").expect("it is open");
        drop(end);
        assert_eq!(read_to_end(&client), b"and the answer");
        assert_eq!(
            server.line(),
            format!("{local}: 10 bytes up, 14 bytes down")
        );
    });
}

#[test]
fn a_target_that_has_no_more_to_say_is_sent_the_rest() {
    each(|server, target| {
        let (mut client, end) = pair(server, target);
        let local = client.local_addr().expect("it is connected");
        (&end).write_all(b"welcome").expect("it is open");
        end.shutdown(Shutdown::Write).expect("it is open");
        assert_eq!(read_to_end(&client), b"welcome");
        client.write_all(b"late news").expect("it is open");
        drop(client);
        assert_eq!(read_to_end(&end), b"late news");
        assert_eq!(server.line(), format!("{local}: 9 bytes up, 7 bytes down"));
    });
}

#[test]
fn a_reset_on_one_side_ends_the_other_and_is_told() {
    each(|server, target| {
        let (client, end) = pair(server, target);
        let local = client.local_addr().expect("it is connected");
        send(&client, &end, b"hello");
        reset(client);
        assert_eq!(read_to_end(&end), b"");
        server.says(&format!("{local}: after 5 bytes up, 0 bytes down"));

        let (client, end) = pair(server, target);
        let local = client.local_addr().expect("it is connected");
        send(&end, &client, b"hi");
        reset(end);
        assert_eq!(read_to_end(&client), b"");
        server.says(&format!("{local}: after 0 bytes up, 2 bytes down"));

        let (client, end) = pair(server, target);
        send(&client, &end, b"others go through");
    });
}

#[test]
fn a_client_that_never_reads_slows_down_its_target_only() {
    each(|server, target| {
        let (stuck, end) = pair(server, target);
        write_until_stuck(&end, &[b'x'; 65536]);
        let (client, other) = pair(server, target);
        send(&other, &client, b"others go through");
        receive(&stuck, &[b'x'; 1 << 20]);
    });
}

#[test]
fn when_it_is_interrupted_what_was_asked_is_still_answered() {
    let target = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = target.local_addr().expect("it is bound").to_string();
    for workers in [1, 2, 3, 8] {
        let mut server = Server::start("proxy", &[&address], workers);
        let (client, mut end) = pair(&server, &target);
        send(&client, &end, b"a question");
        server.interrupt();
        // The client is sent for no more, which the target sees as the end.
        assert_eq!(read_to_end(&end), b"");
        end.write_all(b"the answer").expect("it is open");
        drop(end);
        assert_eq!(read_to_end(&client), b"the answer");
        assert_eq!(server.wait().code(), Some(0));
    }
}

#[test]
fn a_target_that_is_not_there_is_told() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = free.local_addr().expect("it is bound").to_string();
    drop(free);
    server::each("proxy", &[&address], |server| {
        let client = server.connect();
        let local = client.local_addr().expect("it is connected");
        assert_eq!(read_to_end(&client), b"");
        server.says(&format!("{local}: connect to {address}: "));
    });
}

#[test]
fn wrong_arguments_are_refused() {
    let mut server = Server::launch("proxy", &["127.0.0.1:0", "127.0.0.1:1", "more"], 1);
    assert_eq!(server.wait().code(), Some(2));
    server.says("usage: proxy");
    let mut server = Server::launch("proxy", &["nonsense"], 1);
    assert_eq!(server.wait().code(), Some(1));
    server.says("proxy: ");
}
