//! The example `http_server`: requests as they should be, over sockets of the standard library and
//! by curl; and how it stops. What is wrong with requests is in `servers_http_bad.rs`.

#[path = "support/http.rs"]
mod http;

use http::{
    Answer, CLOSE, answers, keep, one, refused, send,
    server::{Server, each},
};
use std::{
    io::{BufReader, Read, Write},
    process::{Command, Output, Stdio},
    thread,
};

#[test]
fn one_connection_carries_many_requests() {
    each("http_server", &[], |server| {
        let mut client = keep(server);
        for n in 0..20 {
            send(&mut client, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
            Answer::read(&mut client, true).is(200, "hello\n");
            let body = format!("body {n}");
            let head = format!("Content-Length: {}\r\n\r\n", body.len());
            let head = format!("POST /echo HTTP/1.1\r\nhost:x\r\n{head}");
            send(&mut client, head.as_bytes());
            send(&mut client, body.as_bytes());
            let answer = Answer::read(&mut client, true);
            answer.is(200, &body);
            assert_eq!(answer.field("connection"), None);
            assert!(
                answer
                    .field("date")
                    .is_some_and(|date| date.ends_with(" GMT"))
            );
        }
        send(&mut client, format!("GET / HTTP/1.1\r\n{CLOSE}").as_bytes());
        let answer = Answer::read(&mut client, true);
        assert_eq!(answer.field("connection"), Some("close"));
        assert_eq!(client.read(&mut [0]).expect("it ends well"), 0);
    });
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    each("http_server", &[], |server| {
        let mut all = String::new();
        for n in 0..50 {
            all += &format!("GET /factorial?n={} HTTP/1.1\r\nHost: x\r\n\r\n", n % 21);
            all += "\r\n"; // some clients send one line end too many
            all += "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
            all += "3\r\none\r\nA;x=y\r\n, two, thr\r\n2\r\nee\r\n0\r\nTrailer: z\r\n\r\n";
        }
        let answers = answers(server, &all);
        assert_eq!(answers.len(), 100);
        for (n, two) in answers.chunks(2).enumerate() {
            let factorial: u64 = (1..=(n as u64 % 21)).product();
            two[0].is(200, &format!("{factorial}\n"));
            two[1].is(200, "one, two, three");
        }
    });
}

#[test]
fn requests_may_come_byte_by_byte() {
    each("http_server", &[], |server| {
        let mut client = keep(server);
        client.get_ref().set_nodelay(true).expect("it is open");
        let chunked = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
            4\r\nabcd\r\n0\r\n\r\n";
        let fixed = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd";
        for request in [chunked, fixed] {
            for byte in request.bytes() {
                send(&mut client, &[byte]);
            }
            Answer::read(&mut client, true).is(200, "abcd");
        }
    });
}

#[test]
fn clients_of_http_1_0_ask_to_be_kept() {
    each("http_server", &[], |server| {
        one(server, "GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n").is(200, "hello\n");
        let kept = "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n";
        let answers = answers(server, kept.repeat(3));
        assert_eq!(answers.len(), 3);
        assert_eq!(answers[0].field("connection"), Some("keep-alive"));
    });
}

#[test]
fn head_is_get_without_the_body() {
    each("http_server", &[], |server| {
        let mut client = keep(server);
        send(
            &mut client,
            b"HEAD /factorial?n=5 HTTP/1.1\r\nHost: x\r\n\r\n",
        );
        let answer = Answer::read(&mut client, false);
        assert_eq!(
            (answer.status, answer.field("content-length")),
            (200, Some("4"))
        );
        // What comes next is the next answer, not the body of this one.
        send(&mut client, b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n");
        Answer::read(&mut client, true).is(200, "hello\n");
    });
}

#[test]
fn a_client_that_asks_first_is_told_to_go_on() {
    each("http_server", &[], |server| {
        let mut client = keep(server);
        let head = "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ";
        send(&mut client, format!("{head}2\r\n\r\n").as_bytes());
        assert_eq!(Answer::read(&mut client, false).status, 100);
        send(&mut client, b"ok");
        Answer::read(&mut client, true).is(200, "ok");
        // Too long a body is not asked for.
        send(&mut client, format!("{head}1048577\r\n\r\n").as_bytes());
        assert_eq!(Answer::read(&mut client, true).status, 413);
        refused(
            server,
            417,
            "GET / HTTP/1.1\r\nHost: x\r\nExpect: a miracle\r\n\r\n",
        );
    });
}

#[test]
fn factorials_are_right_and_limited() {
    each("http_server", &[], |server| {
        let factorial = |n: &str| one(server, format!("GET /factorial?{n} HTTP/1.1\r\n{CLOSE}"));
        factorial("n=0").is(200, "1\n");
        factorial("x=7&n=25").is(200, "15511210043330985984000000\n");
        let large = factorial("n=1000");
        assert_eq!(large.text().len(), 2568 + 1);
        assert!(
            large
                .text()
                .starts_with("402387260077093773543702433923003985")
        );
        for bad in [
            "",
            "n=",
            "n=-1",
            "n=x",
            "m=1",
            "n=20001",
            "n=99999999999999999999",
        ] {
            factorial(bad).is(400, "?n= wants a number up to 20000\n");
        }
        one(server, format!("GET /sleep?ms=1 HTTP/1.1\r\n{CLOSE}")).is(200, "slept 1 ms\n");
    });
}

#[test]
fn a_stop_ends_idle_clients_and_lets_requests_finish() {
    for workers in [1, 2, 3, 8] {
        let mut server = Server::start("http_server", &["--grace-ms", "100000"], workers);
        let mut idle = keep(&server);
        send(&mut idle, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        Answer::read(&mut idle, true).is(200, "hello\n");
        let mut busy = keep(&server);
        // Once the first answer is there, the second request is under way.
        let two = "GET / HTTP/1.1\r\nHost: x\r\n\r\n\
            GET /sleep?ms=700 HTTP/1.1\r\nHost: x\r\n\r\n";
        send(&mut busy, two.as_bytes());
        Answer::read(&mut busy, true).is(200, "hello\n");
        let mut half = keep(&server);
        let post = "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n";
        send(
            &mut half,
            format!("{post}Content-Length: 4\r\n\r\n").as_bytes(),
        );
        assert_eq!(Answer::read(&mut half, false).status, 100);
        server.interrupt();
        assert_eq!(idle.read(&mut [0]).expect("it ends well"), 0);
        Answer::read(&mut busy, true).is(200, "slept 700 ms\n");
        assert_eq!(busy.read(&mut [0]).expect("it ends well"), 0);
        send(&mut half, b"rest");
        let answer = Answer::read(&mut half, true);
        answer.is(200, "rest");
        assert_eq!(answer.field("connection"), Some("close"));
        let status = server.wait();
        assert_eq!((status.code(), &*server.err()), (Some(0), ""));
    }
}

#[test]
fn a_stop_cuts_what_takes_too_long() {
    let mut server = Server::start("http_server", &["--grace-ms", "100"], 2);
    let mut busy = server.connect();
    let two = "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /sleep?ms=60000 HTTP/1.1\r\nHost: x\r\n\r\n";
    busy.write_all(two.as_bytes()).expect("the server reads");
    let mut input = BufReader::new(&busy);
    Answer::read(&mut input, true).is(200, "hello\n");
    server.interrupt();
    // The end or a reset, but no answer.
    assert!(!matches!(input.read(&mut [0]), Ok(1..)));
    assert_eq!(server.wait().code(), Some(0));
    server.says("1 connections cut");
}

/// Runs curl with these arguments, and this on its standard input.
fn curl(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "100",
            "--noproxy",
            "*",
        ])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this test needs curl: apt-get install curl");
    let mut pipe = child.stdin.take().expect("it is piped");
    thread::scope(|scope| {
        scope.spawn(move || pipe.write_all(input).expect("curl reads"));
        child
            .wait_with_output()
            .expect("our child can be waited for")
    })
}

/// What curl prints, if it ends well.
#[track_caller]
fn curls(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let output = curl(arguments, input);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "curl {arguments:?}: {said}");
    output.stdout
}

#[test]
fn curl_gets_what_it_asks_for() {
    if let Err(error) = Command::new("curl").arg("--version").output() {
        eprintln!("LEFT OUT: curl cannot be started: {error}; apt-get install curl");
        return;
    }
    each("http_server", &[], |server| {
        let url = |path: &str| format!("http://{}{path}", server.address());
        let (hello, echo) = (url("/"), url("/echo"));
        // The second request goes over the connection of the first.
        let twice = ["-w", "%{num_connects};", &hello, &hello];
        assert_eq!(curls(&twice, b""), b"hello\n1;hello\n0;");
        assert_eq!(curls(&["--http1.0", &hello], b""), b"hello\n");
        let head = String::from_utf8(curls(&["--head", &hello], b"")).expect("heads are text");
        assert!(
            head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"),
            "{head}"
        );

        let body: Vec<u8> = (0..1_048_576_u32).map(|i| (i * 31 % 251) as u8).collect();
        let post = ["--data-binary", "@-", &echo];
        assert!(curls(&post, &body) == body, "another body comes back");
        let chunked = [
            "-H",
            "Transfer-Encoding: chunked",
            "-T",
            "-",
            "-X",
            "POST",
            &echo,
        ];
        assert!(curls(&chunked, &body) == body, "another body comes back");
        let asks = [
            "-H",
            "Expect: 100-continue",
            "-i",
            "--data-binary",
            "@-",
            &echo,
        ];
        let said = String::from_utf8(curls(&asks, b"text")).expect("all of it is text");
        assert!(
            said.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"),
            "{said}"
        );

        let long = [&body[..], b"x"].concat();
        let status = [
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "--data-binary",
            "@-",
            &echo,
        ];
        assert_eq!(curls(&status, &long), b"413");
        let missing = curl(&["--fail", &url("/nothing")], b"");
        assert_eq!(missing.status.code(), Some(22));
    });
}

#[test]
fn wrong_arguments_are_refused() {
    for arguments in [
        &["--nonsense"] as &[_],
        &["127.0.0.1:0", "x"],
        &["--head-ms", "soon"],
    ] {
        let mut server = Server::launch("http_server", arguments, 1);
        assert_eq!(server.wait().code(), Some(2), "{arguments:?}");
        server.says("usage: http_server");
    }
    let mut server = Server::launch("http_server", &["256.0.0.1:0"], 1);
    assert_eq!(server.wait().code(), Some(1));
}
