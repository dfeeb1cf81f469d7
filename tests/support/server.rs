//! For tests of the servers among the examples: starts one as a process of its own, on a port that
//! the system chooses, and looks at how it ends.
//!
//! `cargo test` builds the examples; `cargo test --test NAME` does not: `cargo build --examples`
//! comes first then.
#![allow(dead_code, reason = "each test program uses a part of it")]

mod machine;

use machine::{RUNNER, scaled};
use std::{
    env, fs,
    io::{BufRead, BufReader, ErrorKind, Read},
    net::{SocketAddr, TcpStream},
    os::{fd::AsRawFd, unix::process::CommandExt},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver},
    },
    thread,
    time::{Duration, Instant},
};

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running server.
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    address: Option<SocketAddr>,
    out: Mutex<Receiver<String>>,
    err: Arc<Mutex<String>>,
}

/// Runs `body` with servers of 1, 2, 3 and 8 workers, which must be there afterwards, and stop
/// well.
pub(crate) fn each(name: &'static str, arguments: &[&str], body: impl Fn(&Server)) {
    for workers in [1, 2, 3, 8] {
        println!("{name} with {workers} workers");
        let mut server = Server::start(name, arguments, workers);
        body(&server);
        server.stop();
    }
}

impl Server {
    /// Starts it, with these arguments behind its address, and waits until it listens.
    pub(crate) fn start(name: &'static str, arguments: &[&str], workers: usize) -> Self {
        let arguments = [&["127.0.0.1:0"], arguments].concat();
        let mut server = Self::launch(name, &arguments, workers);
        let line = server.line();
        let address = line.strip_prefix("listening on ").map(str::parse);
        let Some(Ok(address)) = address else {
            panic!("{name} says {line:?} first");
        };
        server.address = Some(address);
        server
    }

    /// Starts it with exactly these arguments.
    pub(crate) fn launch(name: &'static str, arguments: &[&str], workers: usize) -> Self {
        let mut child = command(name)
            .args(arguments)
            .env("GORT_WORKERS", workers.to_string())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}: cargo build --examples comes first"));
        let (line, out) = mpsc::channel();
        let pipe = child.stdout.take().expect("it is piped");
        thread::spawn(move || {
            let mut lines = BufReader::new(pipe).lines();
            lines.try_for_each(|text| line.send(text.expect("it prints UTF-8")))
        });
        let err = Arc::new(Mutex::new(String::new()));
        let pipe = child.stderr.take().expect("it is piped");
        let said = Arc::clone(&err);
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines() {
                let line = line.expect("it prints UTF-8");
                said.lock()
                    .expect("nobody panics with it")
                    .push_str(&(line + "\n"));
            }
        });
        Self {
            name,
            child,
            address: None,
            out: Mutex::new(out),
            err,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address.expect("it listens")
    }

    /// A client. It fails rather than wait forever.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).expect("the server accepts");
        patient(&stream);
        stream
    }

    /// The next line that it prints.
    pub(crate) fn line(&self) -> String {
        let out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let line = out.recv_timeout(scaled(PATIENCE));
        line.unwrap_or_else(|_| panic!("{} prints no line; stderr: {}", self.name, self.err()))
    }

    /// What it has printed on stderr so far.
    pub(crate) fn err(&self) -> String {
        self.err
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until its stderr contains this.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) {
        let has_said = eventually(|| self.err().contains(text));
        assert!(has_said, "{}: no {text:?} in {}", self.name, self.err());
    }

    /// How many sockets it has open, on Linux.
    pub(crate) fn sockets(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.child.id());
        let entries = fs::read_dir(folder).expect("it runs, and procfs is there");
        let is_socket = |entry: fs::DirEntry| {
            let target = fs::read_link(entry.path()).ok()?;
            target.to_str()?.starts_with("socket:").then_some(())
        };
        entries.filter_map(|entry| is_socket(entry.ok()?)).count()
    }

    /// Sends it SIGINT.
    pub(crate) fn interrupt(&self) {
        let id = i32::try_from(self.child.id()).expect("a process id is an i32");
        // SAFETY: our child, which has not been waited for.
        let sent = unsafe { libc::kill(id, libc::SIGINT) };
        assert_eq!(sent, 0, "{} has gone", self.name);
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        eventually(|| {
            status = self.child.try_wait().expect("our child can be waited for");
            status.is_some()
        });
        status.unwrap_or_else(|| panic!("{} does not end; stderr: {}", self.name, self.err()))
    }

    /// It must be there still, and end well on SIGINT.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        let early = self.child.try_wait().expect("our child can be waited for");
        assert_eq!(early, None, "{} has ended: {}", self.name, self.err());
        self.interrupt();
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "{}: {}", self.name, self.err());
        assert!(!self.err().contains("panicked"), "{}", self.err());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail if it has ended, as it should have.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An example that cargo built beside this test.
fn command(name: &str) -> Command {
    let test = env::current_exe().expect("this program has a path");
    let folder = test
        .ancestors()
        .nth(2)
        .expect("it is in target/PROFILE/deps");
    let program = folder.join("examples").join(name);
    match env::var_os(RUNNER) {
        None => Command::new(program),
        Some(runner) => {
            let mut command = Command::new(runner);
            command.arg(program);
            command
        }
    }
}

/// Calls of this socket fail rather than wait forever.
pub(crate) fn patient(stream: &TcpStream) {
    let patience = Some(scaled(PATIENCE));
    stream.set_read_timeout(patience).expect("not zero");
    stream.set_write_timeout(patience).expect("not zero");
}

/// Whether the condition comes true.
pub(crate) fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + scaled(PATIENCE);
    while !condition() {
        if Instant::now() >= until {
            return condition();
        }
        thread::sleep(Duration::from_millis(2));
    }
    true
}

/// Closes a connection with a reset.
pub(crate) fn reset(stream: TcpStream) {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    let size = libc::socklen_t::try_from(size_of::<libc::linger>()).expect("it is small");
    // SAFETY: the descriptor is open, and the option's value is a linger of this size.
    let done = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size,
        )
    };
    assert_eq!(done, 0);
}

/// Reads until the other side has ended the connection, well or with a reset.
#[track_caller]
pub(crate) fn read_to_end(mut stream: &TcpStream) -> Vec<u8> {
    let (mut all, mut part) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut part) {
            Ok(0) => return all,
            Ok(n) => all.extend_from_slice(&part[..n]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return all,
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&all)),
        }
    }
}

/// The other side has ended its half, and still reads: what is sent to it now makes no reset, which
/// could take away its last words.
#[track_caller]
pub(crate) fn is_still_read(mut stream: &TcpStream) {
    use std::io::Write;
    for _ in 0..20 {
        stream.write_all(b"more\r\n").expect("somebody reads still");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Writes until the other side takes no more, and has not for a while.
pub(crate) fn write_until_stuck(mut stream: &TcpStream, bytes: &[u8]) {
    use std::io::Write;
    stream.set_nonblocking(true).expect("it can be");
    let mut refusals = 0;
    while refusals < 20 {
        match stream.write(bytes) {
            Ok(_) => refusals = 0,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                refusals += 1;
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => panic!("{error}"),
        }
    }
    stream.set_nonblocking(false).expect("it can be");
}
