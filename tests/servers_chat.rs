//! The example `chat`: line clients over sockets of the standard library, requests of browsers, and
//! WebSockets by tungstenite.

#[path = "support/server.rs"]
mod server;

use server::{Server, each, eventually, is_still_read, read_to_end, reset};
use std::{
    io::{BufRead, BufReader, Write},
    net::{Shutdown, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};
use tungstenite::{Error, Message, WebSocket, protocol::frame::coding::CloseCode};

/// Somebody with netcat.
struct Person {
    input: BufReader<TcpStream>,
}

impl Person {
    /// Comes in under this name, and reads what everybody reads first.
    fn enter(server: &Server, name: &str) -> Self {
        let mut person = Self {
            input: BufReader::new(server.connect()),
        };
        person.say(&format!("/nick {name}"));
        let read = person.read_until(&format!(" is now {name}"));
        assert!(
            read.iter().any(|line| line.starts_with("* /nick NAME")),
            "{read:?}"
        );
        person
    }

    fn stream(&self) -> &TcpStream {
        self.input.get_ref()
    }

    fn say(&self, line: &str) {
        self.send(format!("{line}\n").as_bytes());
    }

    fn send(&self, bytes: &[u8]) {
        self.stream().write_all(bytes).expect("it reads");
    }

    /// The next line, or `None` at the end.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let length = self.input.read_line(&mut line).expect("the server writes");
        (length > 0).then(|| line.trim_end().to_owned())
    }

    #[track_caller]
    fn reads(&mut self, line: &str) {
        assert_eq!(self.line().as_deref(), Some(line));
    }

    /// All lines up to one that ends so.
    #[track_caller]
    fn read_until(&mut self, end: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line();
            lines.push(line.unwrap_or_else(|| panic!("no {end:?} in {lines:?}")));
            if lines[lines.len() - 1].ends_with(end) {
                return lines;
            }
        }
    }
}

/// Two in the lobby, who have read that the other is there.
fn two(server: &Server) -> (Person, Person) {
    let mut ann = Person::enter(server, "ann");
    let bob = Person::enter(server, "bob");
    ann.read_until(" is now bob");
    (ann, bob)
}

#[test]
fn what_one_says_the_others_read() {
    each("chat", &[], |server| {
        let (mut ann, mut bob) = two(server);
        ann.say("hello");
        bob.reads("ann: hello");
        bob.say("hi, ann");
        ann.reads("bob: hi, ann");
        bob.say("/who");
        bob.reads("* in lobby: ann, bob");
        bob.say("/quit");
        bob.reads("* bye");
        assert_eq!(bob.line(), None);
        ann.reads("* bob has left");
        is_still_read(bob.stream());
    });
}

#[test]
fn rooms_are_apart() {
    each("chat", &[], |server| {
        let (mut ann, mut bob) = two(server);
        bob.say("/join tea");
        bob.reads("* bob has come to tea");
        ann.reads("* bob has gone to tea");
        ann.say("is somebody here?");
        bob.say("nor here?");
        bob.say("/who");
        bob.reads("* in tea: bob");
        ann.say("/join tea");
        ann.reads("* ann has come to tea");
        bob.reads("* ann has come to tea");
        ann.say("/join tea");
        ann.reads("* you are in tea");
        ann.say("here you are");
        bob.reads("ann: here you are");
    });
}

#[test]
fn names_are_names_and_belong_to_one() {
    each("chat", &[], |server| {
        let (mut ann, mut bob) = two(server);
        let refusal = "* a name is 1 to 20 letters, digits, '-' or '_'";
        for name in ["", "with space", "a\u{7f}/b", &"x".repeat(21), "*"] {
            bob.say(&format!("/nick {name}"));
            bob.reads(refusal);
            bob.say(&format!("/join {name}"));
            bob.reads(refusal);
        }
        bob.say("/nick ann");
        bob.reads("* ann is somebody else");
        bob.say("/dance");
        assert!(
            bob.line()
                .is_some_and(|line| line.starts_with("* /nick NAME"))
        );
        bob.say("/nick Bärbel");
        bob.reads("* bob is now Bärbel");
        ann.reads("* bob is now Bärbel");
        // The old name is free.
        ann.say("/nick bob");
        ann.reads("* ann is now bob");
    });
}

#[test]
fn bytes_that_are_no_text_do_no_harm() {
    each("chat", &[], |server| {
        let (mut ann, bob) = two(server);
        bob.send(b"\x1b[2Jred\x07\xff\xfe\t.\r\n\n  \n\0\x01\nnext\n");
        ann.reads("bob: [2Jred\u{fffd}\u{fffd}.");
        ann.reads("bob: next");
        // Half a line is a line if nothing follows.
        bob.send(b"the la");
        bob.send(b"st");
        bob.stream().shutdown(Shutdown::Write).expect("it is open");
        ann.reads("bob: the last");
        ann.reads("* bob has left");
    });
}

#[test]
fn a_line_that_is_too_long_ends_the_connection() {
    each("chat", &[], |server| {
        let (mut ann, mut bob) = two(server);
        let longest = "x".repeat(1023);
        bob.say(&longest);
        ann.reads(&format!("bob: {longest}"));
        bob.send(&[b'y'; 20_000]);
        bob.reads("* a line has 1024 bytes at most");
        bob.reads("* bye");
        assert_eq!(bob.line(), None);
        ann.reads("* bob has left");

        // Also as the first line.
        let client = server.connect();
        (&client).write_all(&[b'z'; 5000]).expect("it reads");
        let text = String::from_utf8(read_to_end(&client)).expect("it writes UTF-8");
        assert!(
            text.ends_with("* a line has 1024 bytes at most\r\n* bye\r\n"),
            "{text}"
        );
    });
}

#[test]
fn a_reset_ends_one_connection() {
    each("chat", &[], |server| {
        let (mut ann, bob) = two(server);
        reset(bob.input.into_inner());
        ann.reads("* bob has left");
        reset(server.connect());
        let half = server.connect();
        (&half)
            .write_all(b"GET / HTTP/1.1\r\nHost")
            .expect("it reads");
        reset(half);
        ann.say("/who");
        ann.reads("* in lobby: ann");
    });
}

/// Says so much that whoever does not read is dropped, until this is read.
fn flood(ann: &mut Person, notice: &str) {
    let is_dropped = AtomicBool::new(false);
    let mut speaker = ann.stream().try_clone().expect("a descriptor is free");
    thread::scope(|scope| {
        scope.spawn(|| {
            ann.reads(notice);
            is_dropped.store(true, Ordering::Relaxed);
        });
        let lines = format!("{}\n", "x".repeat(1000)).repeat(50);
        let flooded = eventually(|| {
            speaker.write_all(lines.as_bytes()).expect("it reads");
            is_dropped.load(Ordering::Relaxed)
        });
        assert!(flooded, "nobody is dropped");
    });
}

#[test]
fn who_reads_is_not_dropped_when_many_lines_come_at_once() {
    // One worker runs both: it must turn to the one that writes before the queue is full.
    let mut server = Server::start("chat", &[], 1);
    let (ann, mut bob) = two(&server);
    let lines: String = (0..2000).map(|i| format!("{i}\n")).collect();
    thread::scope(|scope| {
        scope.spawn(|| ann.send(lines.as_bytes()));
        (0..2000).for_each(|i| bob.reads(&format!("ann: {i}")));
    });
    drop((ann, bob));
    server.stop();
}

#[test]
fn who_does_not_read_is_dropped_with_a_notice() {
    each("chat", &[], |server| {
        let mut ann = Person::enter(server, "ann");
        let sockets = server.sockets();
        let mut bob = Person::enter(server, "bob");
        ann.read_until(" is now bob");
        flood(&mut ann, "* bob read too slowly and was dropped");
        // He reads what was in his queue, and why there is no more.
        bob.read_until("* you read too slowly and were dropped");
        assert_eq!(bob.line(), None);
        // The server has nothing left of him, though he has not closed.
        assert!(
            eventually(|| server.sockets() == sockets),
            "{}",
            server.sockets()
        );
        ann.say("/who");
        ann.reads("* in lobby: ann");
    });
}

#[test]
fn who_never_reads_is_cut_in_the_end() {
    // It takes the ten seconds that such a client has, so once only.
    let mut server = Server::start("chat", &[], 2);
    let mut ann = Person::enter(&server, "ann");
    let sockets = server.sockets();
    let bob = Person::enter(&server, "bob");
    ann.read_until(" is now bob");
    flood(&mut ann, "* bob read too slowly and was dropped");
    assert!(
        eventually(|| server.sockets() == sockets),
        "{}",
        server.sockets()
    );
    drop((ann, bob));
    server.stop();
}

#[test]
fn when_it_is_interrupted_it_says_bye() {
    for workers in [1, 2, 3, 8] {
        let mut server = Server::start("chat", &[], workers);
        let mut ann = Person::enter(&server, "ann");
        server.interrupt();
        ann.reads("* bye");
        assert_eq!(ann.line(), None);
        assert_eq!(server.wait().code(), Some(0));
    }
}

/// The answer to a request.
fn request(server: &Server, request: &str) -> String {
    let client = server.connect();
    (&client).write_all(request.as_bytes()).expect("it reads");
    String::from_utf8(read_to_end(&client)).expect("it writes UTF-8")
}

#[test]
fn browsers_get_the_page() {
    each("chat", &[], |server| {
        let page = request(server, "GET / HTTP/1.1\r\nHost: here\r\n\r\n");
        let (head, body) = page.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(
            head.contains(&format!("Content-Length: {}\r\n", body.len())),
            "{head}"
        );
        assert!(body.contains("new WebSocket("), "{body}");
        let status = |text: &str| request(server, text)[9..12].to_owned();
        assert_eq!(status("GET /other HTTP/1.1\r\nHost: here\r\n\r\n"), "404");
        assert_eq!(
            status("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab"),
            "405"
        );
        assert_eq!(status("GET /ws HTTP/1.1\r\nHost: here\r\n\r\n"), "400");
        let long = format!("GET / HTTP/1.1\r\n{}", "A: b\r\n".repeat(3000));
        assert_eq!(status(&long), "431");
        let long = format!("GET / HTTP/1.1\r\nA: {}", "b".repeat(20_000));
        assert_eq!(status(&long), "431");
    });
}

/// Somebody with a browser.
struct Browser {
    socket: WebSocket<TcpStream>,
}

impl Browser {
    fn enter(server: &Server, name: &str) -> Self {
        let url = format!("ws://{}/ws", server.address());
        let (socket, response) =
            tungstenite::client(url, server.connect()).expect("it shakes hands");
        assert_eq!(response.status(), 101);
        let mut browser = Self { socket };
        browser.say(&format!("/nick {name}"));
        while !browser.line().ends_with(&format!(" is now {name}")) {}
        browser
    }

    fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).expect("it reads");
    }

    fn line(&mut self) -> String {
        match self.socket.read().expect("the server writes") {
            Message::Text(text) => text.to_string(),
            other => panic!("{other:?}"),
        }
    }

    /// Reads until the server closes, and says why.
    fn closed(&mut self) -> (CloseCode, String) {
        loop {
            match self.socket.read().expect("the server closes") {
                Message::Close(Some(frame)) => return (frame.code, frame.reason.to_string()),
                Message::Close(None) => panic!("no reason"),
                _ => {}
            }
        }
    }
}

#[test]
fn browsers_and_line_clients_are_in_one_room() {
    each("chat", &[], |server| {
        let mut ann = Person::enter(server, "ann");
        let mut bea = Browser::enter(server, "bea");
        ann.read_until(" is now bea");
        bea.say("hello");
        ann.reads("bea: hello");
        ann.say("hi");
        assert_eq!(bea.line(), "ann: hi");
        bea.say("two\nlines");
        ann.reads("bea: two");
        ann.reads("bea: lines");
        bea.say("/who");
        assert_eq!(bea.line(), "* in lobby: ann, bea");

        let mut cat = Browser::enter(server, "cat");
        cat.say("and I");
        ann.read_until("cat: and I");
        cat.socket.close(None).expect("it is open");
        let end = loop {
            if let Err(error) = cat.socket.read() {
                break error;
            }
        };
        assert!(matches!(end, Error::ConnectionClosed), "{end}");
        ann.reads("* cat has left");
        bea.say("/quit");
        ann.reads("* bea has left");
    });
}

#[test]
fn pings_are_answered() {
    each("chat", &[], |server| {
        let mut bea = Browser::enter(server, "bea");
        bea.socket
            .send(Message::Ping("are you there?".into()))
            .expect("it reads");
        let pong = bea.socket.read().expect("it answers");
        assert_eq!(pong, Message::Pong("are you there?".into()));
    });
}

#[test]
fn bad_frames_end_one_connection() {
    each("chat", &[], |server| {
        let mut ann = Person::enter(server, "ann");
        let mut bea = Browser::enter(server, "bea");
        ann.read_until(" is now bea");
        bea.say(&"x".repeat(5000));
        assert_eq!(
            bea.closed(),
            (CloseCode::Size, String::from("a message is too long"))
        );
        ann.reads("* bea has left");

        // Garbage, a length of 2^63, a frame without mask, half a frame, a reset.
        let frames: [&[u8]; 4] = [
            b"\xff\xff\xff\xff\xff\xff\xff",
            b"\x81\xff\x80\0\0\0\0\0\0\0mask",
            b"\x81\x02hi",
            b"\x81\x85ma",
        ];
        for (i, bytes) in frames.iter().enumerate() {
            let mut cat = Browser::enter(server, "cat");
            ann.read_until(" is now cat");
            let stream = cat.socket.get_mut();
            stream.write_all(bytes).expect("it reads");
            if i == 3 {
                reset(cat.socket.into_inner());
            } else {
                stream.shutdown(Shutdown::Write).expect("it is open");
            }
            ann.reads("* cat has left");
        }
    });
}

#[test]
fn a_browser_that_does_not_read_is_closed_with_a_reason() {
    each("chat", &[], |server| {
        let mut ann = Person::enter(server, "ann");
        let mut bea = Browser::enter(server, "bea");
        ann.read_until(" is now bea");
        flood(&mut ann, "* bea read too slowly and was dropped");
        let (code, reason) = bea.closed();
        assert_eq!(code, CloseCode::Policy);
        assert_eq!(reason, "you read too slowly and were dropped");
    });
}
