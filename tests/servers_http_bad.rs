//! The example `http_server`: requests as they should not be, and clients that are slow or vanish,
//! over sockets of the standard library.

#[path = "support/http.rs"]
mod http;

use http::{
    Answer, CLOSE, answers, keep, one, refused,
    server::{Server, each, read_to_end, reset},
};
use std::{
    io::{ErrorKind, Read, Write},
    thread,
    time::Duration,
};

#[test]
fn what_is_not_there_is_said_and_the_connection_goes_on() {
    each("http_server", &[], |server| {
        let requests = "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n\
            DELETE /echo HTTP/1.1\r\nHost: x\r\n\r\n\
            POST /echo HTTP/1.1\r\nHost: x\r\n\r\n\
            BREW / HTTP/1.1\r\nHost: x\r\n\r\n\
            GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        let answers = answers(server, requests);
        let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [404, 405, 411, 501, 200]);
        assert_eq!(answers[1].field("allow"), Some("POST"));
        // A body that nobody wants is not read: the next request cannot be found behind it.
        refused(
            server,
            404,
            "POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
        );
    });
}

#[test]
fn what_is_no_request_is_refused() {
    each("http_server", &[], |server| {
        let host = "Host: x\r\n\r\n";
        refused(server, 400, "\x16\x03\x01\x02\0\x01\0\x01\u{7f}\r\n\r\n");
        refused(server, 400, "GET /\r\n\r\n");
        refused(server, 400, format!("GET / GARBAGE\r\n{host}"));
        refused(server, 400, format!("GET nowhere HTTP/1.1\r\n{host}"));
        refused(server, 400, "GET / HTTP/1.1\r\n\r\n");
        refused(server, 400, format!("GET / HTTP/1.1\r\nHost: y\r\n{host}"));
        refused(server, 400, format!("GET / HTTP/1.1\r\nno colon\r\n{host}"));
        refused(server, 505, format!("GET / HTTP/3.7\r\n{host}"));
        refused(server, 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let post = |fields: &str| format!("POST /echo HTTP/1.1\r\n{fields}\r\n{host}");
        refused(server, 400, post("Content-Length: -1"));
        refused(server, 400, post("Content-Length: 1\r\nContent-Length: 2"));
        refused(
            server,
            400,
            post("Content-Length: 1\r\nTransfer-Encoding: chunked"),
        );
        refused(server, 413, post("Content-Length: 1048577"));
        refused(server, 413, post("Content-Length: 99999999999999999999999"));
        refused(server, 501, post("Transfer-Encoding: gzip, chunked"));
        let chunked = post("Transfer-Encoding: chunked");
        refused(server, 400, format!("{chunked}zz\r\n"));
        refused(server, 400, format!("{chunked}2\r\nabc\r\n"));
        refused(server, 400, format!("{chunked}2{}", ";".repeat(300)));
        refused(server, 413, format!("{chunked}100001\r\n"));
        refused(
            server,
            413,
            format!("{chunked}1\r\na\r\nffffffffffffffff\r\n"),
        );
        refused(
            server,
            431,
            format!("{chunked}0\r\n{}", "T: x\r\n".repeat(2000)),
        );
    });
}

#[test]
fn a_refused_client_can_end_its_request_and_reads_why() {
    each("http_server", &[], |server| {
        let mut client = server.connect();
        let head = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n";
        client.write_all(head.as_bytes()).expect("the server reads");
        // More than fits between the two.
        client
            .write_all(&vec![b'x'; 20_000_000])
            .expect("the server reads");
        let all = read_to_end(&client);
        assert_eq!(Answer::read(&mut &*all, true).status, 413);
    });
}

#[test]
fn heads_have_a_limit() {
    each("http_server", &[], |server| {
        refused(server, 414, format!("GET /{}", "x".repeat(9000)));
        refused(
            server,
            431,
            format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}", "x".repeat(9000)),
        );
        let fields = "A: b\r\n".repeat(65);
        refused(
            server,
            431,
            format!("GET / HTTP/1.1\r\n{fields}Host: x\r\n\r\n"),
        );
        let cookie = format!("Cookie: {}\r\n", "x".repeat(7000));
        one(server, format!("GET / HTTP/1.1\r\n{cookie}{CLOSE}")).is(200, "hello\n");
    });
}

#[test]
fn half_a_request_is_told_so() {
    each("http_server", &[], |server| {
        assert_eq!(one(server, "GET / HT").status, 400);
        let post = "POST /echo HTTP/1.1\r\nHost: x\r\n";
        assert_eq!(
            one(server, format!("{post}Content-Length: 10\r\n\r\nabc")).status,
            400
        );
        let chunked = format!("{post}Transfer-Encoding: chunked\r\n\r\n5\r\nabc");
        assert_eq!(one(server, chunked).status, 400);
        assert_eq!(answers(server, "").len(), 0);
    });
}

/// Sends a start of a request and then this byte, again and again, until the server has enough.
fn slow_loris(server: &Server, start: &str, byte: &[u8]) -> Vec<u8> {
    let mut client = server.connect();
    client
        .write_all(start.as_bytes())
        .expect("the server reads");
    let read = client.try_clone().expect("it is open");
    thread::scope(|scope| {
        let read = scope.spawn(move || read_to_end(&read));
        while !read.is_finished() && client.write_all(byte).is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
        read.join().expect("the server ends it")
    })
}

#[test]
fn slow_requests_and_idle_clients_are_cut() {
    each(
        "http_server",
        &["--head-ms", "200", "--body-ms", "200"],
        |server| {
            let head = "GET / HTTP/1.1\r\nHost: x\r\nA: ";
            let post = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n";
            for start in [head, post] {
                let all = slow_loris(server, start, b"x");
                assert_eq!(Answer::read(&mut &*all, true).status, 408, "{start}");
            }
        },
    );
    each("http_server", &["--idle-ms", "200"], |server| {
        let mut client = keep(server);
        assert_eq!(client.read(&mut [0]).expect("it ends well"), 0);
    });
}

#[test]
fn clients_that_vanish_do_no_harm() {
    each("http_server", &[], |server| {
        for start in [
            "",
            "GET ",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab",
        ] {
            let mut client = server.connect();
            client
                .write_all(start.as_bytes())
                .expect("the server reads");
            reset(client);
        }
        let mut client = server.connect();
        let requests = "GET /factorial?n=2000 HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50);
        client
            .write_all(requests.as_bytes())
            .expect("the server reads");
        reset(client);
        one(server, format!("GET / HTTP/1.1\r\n{CLOSE}")).is(200, "hello\n");
    });
}

#[test]
fn a_client_that_does_not_read_is_cut() {
    each("http_server", &["--write-ms", "200"], |server| {
        let mut client = server.connect();
        let head = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n";
        let request = [head.as_bytes(), &[b'x'; 1_000_000]].concat();
        // Were it not cut, this would end with a timeout.
        let error = loop {
            if let Err(error) = client.write_all(&request) {
                break error.kind();
            }
        };
        assert!(
            matches!(error, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
            "{error}"
        );
    });
}
