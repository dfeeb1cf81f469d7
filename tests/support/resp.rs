//! A client of `kv` that shows replies as text: `+OK`, `-ERR ..`, `:5`, `$bytes`, `nil`, and
//! `[..]` with those in it.

use super::server::Server;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::fd::AsRawFd,
};

pub(crate) struct Client {
    input: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(server: &Server) -> Self {
        let stream = server.connect();
        stream.set_nodelay(true).expect("it is connected");
        Self {
            input: BufReader::new(stream),
        }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.input.get_ref()
    }

    pub(crate) fn send_raw(&self, bytes: &[u8]) {
        self.stream().write_all(bytes).expect("it reads");
    }

    pub(crate) fn send(&self, words: &[&[u8]]) {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        self.send_raw(&request);
    }

    /// Sends these words and reads the reply.
    pub(crate) fn call(&mut self, words: &str) -> String {
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        self.send(&words);
        self.reply()
    }

    /// As `call`, for an array whose order nobody knows.
    pub(crate) fn call_sorted(&mut self, words: &str) -> String {
        let reply = self.call(words);
        let mut items: Vec<&str> = reply.trim_matches(['[', ']']).split(' ').collect();
        items.sort_unstable();
        format!("[{}]", items.join(" "))
    }

    pub(crate) fn reply(&mut self) -> String {
        let line = self.line();
        match line.as_bytes()[0] {
            b'+' | b'-' | b':' => line,
            b'$' if line == "$-1" => String::from("nil"),
            b'$' => format!("${}", String::from_utf8_lossy(&self.bytes(&line))),
            b'*' => {
                let count: usize = line[1..].parse().expect("a number of items");
                let items: Vec<String> = (0..count).map(|_| self.reply()).collect();
                format!("[{}]", items.join(" "))
            }
            _ => panic!("no reply: {line:?}"),
        }
    }

    /// A reply that is bytes.
    pub(crate) fn bulk(&mut self) -> Vec<u8> {
        let line = self.line();
        assert!(line.starts_with('$'), "{line}");
        self.bytes(&line)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.input.read_line(&mut line).expect("it answers");
        let line = line
            .strip_suffix("\r\n")
            .unwrap_or_else(|| panic!("half a line: {line:?}"));
        line.to_owned()
    }

    fn bytes(&mut self, line: &str) -> Vec<u8> {
        let length: usize = line[1..].parse().expect("a length");
        let mut bytes = vec![0; length + 2];
        self.input.read_exact(&mut bytes).expect("it answers");
        assert_eq!(bytes.split_off(length), b"\r\n");
        bytes
    }
}

/// How many segments with data have come on this connection (`tcpi_data_segs_in`).
pub(crate) fn data_segments(stream: &TcpStream) -> u32 {
    const AT: usize = 152;
    let mut info = [0_u8; 256];
    let mut size = 256;
    // SAFETY: the descriptor is open, and the buffer has the size that is said.
    let done = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &mut size,
        )
    };
    assert_eq!(done, 0, "the system tells of connections");
    assert!(
        size as usize >= AT + 4,
        "it counts segments, from Linux 4.6 on"
    );
    let count = info[AT..AT + 4].try_into().expect("four bytes");
    u32::from_ne_bytes(count)
}
