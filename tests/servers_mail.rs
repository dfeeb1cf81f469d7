//! The example `send_mail`: against its own server, and both sides against sockets of the standard
//! library.

#[path = "support/server.rs"]
mod server;

use server::{Server, patient};
use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

/// The server inside, and where it listens.
fn serve(workers: usize) -> (Server, String) {
    let server = Server::launch("send_mail", &["--serve", "127.0.0.1:0"], workers);
    let line = server.line();
    let address = line
        .strip_prefix("listening on ")
        .expect("it says where it listens");
    assert_ne!(address.parse::<SocketAddr>().expect("an address").port(), 0);
    (server, address.to_owned())
}

/// Runs the sender: its exit code, and its first so many lines.
fn send(arguments: &[&str], lines: usize, workers: usize) -> (i32, Vec<String>) {
    let mut sender = Server::launch("send_mail", arguments, workers);
    let lines = (0..lines).map(|_| sender.line()).collect();
    let code = sender.wait().code().expect("no signal ends it");
    assert!(!sender.err().contains("panicked"), "{}", sender.err());
    (code, lines)
}

#[test]
fn each_address_is_told_for_itself() {
    for workers in [1, 2, 3, 8] {
        let (mut server, address) = serve(workers);
        let to = [
            "ann@x",
            "nobody@x",
            "no address",
            "later@x",
            "bob@x",
            "a>b@x",
        ];
        let arguments = [&[&*address, "me@x"] as &[_], &to].concat();
        let (code, said) = send(&arguments, 7, workers);
        let expected = [
            "ann@x: sent",
            "nobody@x: RCPT TO:<nobody@x>: 550 no such user here",
            "no address: no such address",
            "later@x: RCPT TO:<later@x>: 451 try again later",
            "bob@x: sent",
            "a>b@x: no such address",
            "2 sent, 4 failed",
        ];
        assert_eq!((code, &*said), (1, &expected.map(String::from)[..]));
        let mut taken = [server.line(), server.line()];
        taken.sort();
        assert!(taken[0].ends_with(" bytes from me@x to ann@x"), "{taken:?}");
        assert!(taken[1].ends_with(" bytes from me@x to bob@x"), "{taken:?}");
        server.stop();
    }
}

#[test]
fn a_hundred_mails_are_taken() {
    for workers in [1, 3] {
        let (mut server, address) = serve(workers);
        let to: Vec<_> = (0..100).map(|n| format!("user{n}@x")).collect();
        let mut arguments = vec![&*address, "me@x"];
        arguments.extend(to.iter().map(|to| &**to));
        let (code, said) = send(&arguments, 101, workers);
        assert_eq!((code, &*said[100]), (0, "100 sent, 0 failed"));
        let taken: Vec<_> = (0..100).map(|_| server.line()).collect();
        assert!(to.iter().all(|to| {
            taken
                .iter()
                .any(|line| line.ends_with(&format!(" to {to}")))
        }));
        server.stop();
    }
}

#[test]
fn a_server_that_does_not_reply_is_given_up() {
    let (mut server, address) = serve(2);
    let (code, said) = send(&["--timeout-ms", "300", &address, "me@x", "slow@x"], 1, 2);
    // On a busy machine it may be an earlier reply that is late.
    let is_late = said[0].starts_with("slow@x: ") && said[0].ends_with(": no reply in time");
    assert!(code == 1 && is_late, "{code} {said:?}");
    server.stop();
}

#[test]
fn nobody_listens_there() {
    let port = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = port.local_addr().expect("it is bound").to_string();
    drop(port);
    let (code, said) = send(&[&address, "me@x", "ann@x"], 2, 2);
    assert!(
        said[0].starts_with("ann@x: connect: Connection refused"),
        "{said:?}"
    );
    assert_eq!((code, &*said[1]), (1, "0 sent, 1 failed"));
}

/// Lines of the peer.
fn line(input: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    input.read_line(&mut line).expect("the peer writes");
    line
}

#[test]
fn the_dialogue_is_that_of_smtp() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound").to_string();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("it connects");
        patient(&stream);
        let mut input = BufReader::new(stream);
        let mut heard = Vec::new();
        for reply in [
            "220 x",
            "250-a\r\n250-b\r\n250 c",
            "250 x",
            "250 x",
            "354 x",
        ] {
            input
                .get_mut()
                .write_all(format!("{reply}\r\n").as_bytes())
                .expect("it reads");
            heard.push(line(&mut input));
        }
        while heard.last().is_some_and(|line| line != ".\r\n") {
            heard.push(line(&mut input));
        }
        input
            .get_mut()
            .write_all(b"250 taken\r\n")
            .expect("it reads");
        heard.push(line(&mut input));
        heard
    });
    let text = "Subject: x\n\n.dot\n..\nend";
    let (code, said) = send(&["--text", text, &address, "me@x", "ann@x"], 1, 2);
    assert_eq!((code, &*said[0]), (0, "ann@x: sent"));
    let heard = server.join().expect("it hears a dialogue").concat();
    let expected = "EHLO localhost\r\nMAIL FROM:<me@x>\r\nRCPT TO:<ann@x>\r\nDATA\r\n\
        To: <ann@x>\r\nSubject: x\r\n\r\n..dot\r\n...\r\nend\r\n.\r\nQUIT\r\n";
    assert_eq!(heard, expected);
}

#[test]
fn the_server_knows_an_order() {
    let (mut server, address) = serve(2);
    let stream = TcpStream::connect(address).expect("it accepts");
    patient(&stream);
    let mut input = BufReader::new(stream);
    let steps = [
        ("", "220 a server for tests"),
        ("DANCE\r\n", "500 what?"),
        ("HELO x\r\n", "250 hello"),
        ("RCPT TO:<ann@x>\r\n", "503 from whom?"),
        ("mail from:<me@x>\r\n", "250 good"),
        ("DATA\r\n", "503 to whom?"),
        ("rcpt to:<ann@x>\r\n", "250 good"),
        ("DATA\r\n", "354 go on, and end with a dot"),
        ("..a\r\n.\r\n", "250 taken"),
        ("QUIT\r\n", "221 bye"),
    ];
    for (command, reply) in steps {
        input
            .get_mut()
            .write_all(command.as_bytes())
            .expect("it reads");
        assert_eq!(line(&mut input).trim_end(), reply, "to {command:?}");
    }
    assert_eq!(line(&mut input), "");
    // The dot that was added does not count.
    assert_eq!(server.line(), "4 bytes from me@x to ann@x");
    server.stop();
}

#[test]
fn wrong_arguments_are_refused() {
    for arguments in [
        &[] as &[_],
        &["x"],
        &["--serve"],
        &["--timeout-ms", "x"],
        &["--what"],
    ] {
        let mut sender = Server::launch("send_mail", arguments, 1);
        assert_eq!(sender.wait().code(), Some(2), "{arguments:?}");
        sender.says("usage: send_mail");
    }
}
