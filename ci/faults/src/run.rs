//! One run of one program, and how it ended.

use crate::programs::OVERFLOW;
use std::{
    env,
    io::{Read, pipe},
    os::{
        fd::AsRawFd,
        unix::process::{CommandExt, ExitStatusExt},
    },
    process::{Command, ExitStatus, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// One program, and which calls fail under it.
pub(crate) struct Case {
    pub(crate) library: String,
    pub(crate) function: &'static str,
    pub(crate) errno: i32,
    /// A variable of its environment.
    pub(crate) setting: Option<(&'static str, &'static str)>,
    pub(crate) program: &'static str,
    /// The first call that fails, and the last one; 0: none.
    pub(crate) first: usize,
    pub(crate) last: usize,
}

/// How it ended.
pub(crate) struct Ended {
    what: String,
    /// `None`: it had to be killed.
    status: Option<ExitStatus>,
    has_failed: bool,
    /// Whether it is the program that overflows.
    is_overflow: bool,
    /// How many calls there were, if it came to its end.
    pub(crate) calls: Option<usize>,
    out: String,
    err: String,
}

/// What is to be thought of that.
pub(crate) enum Verdict {
    /// No call failed, and it ended well.
    NotReached,
    /// It ended with the right result.
    Ok,
    /// It ended, and gort, or the program with gort's error, said why.
    Words,
    /// As above, and only Rust's standard library said why: it was its own call.
    WordsOfStd,
    /// What must not be.
    Fault(&'static str),
}

impl Case {
    pub(crate) fn run(&self) -> Ended {
        let (report, theirs) = pipe().expect("a pipe");
        let fd = theirs.as_raw_fd();
        let mut command = Command::new(env::current_exe().expect("this program has a path"));
        command
            .args(["play", self.program])
            .env("LD_PRELOAD", &self.library)
            .env("FAULTS_FUNCTION", self.function)
            .env("FAULTS_ERRNO", self.errno.to_string())
            .env("FAULTS_FIRST", self.first.to_string())
            .env(
                "FAULTS_LAST",
                (self.last.min(i64::MAX as usize)).to_string(),
            )
            .env("FAULTS_REPORT", fd.to_string())
            .env("RUST_BACKTRACE", "0")
            .envs(self.setting)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // SAFETY: only calls that may be made between fork and exec.
        unsafe {
            command.pre_exec(move || {
                let none = libc::rlimit {
                    rlim_cur: 0,
                    rlim_max: 0,
                };
                libc::setrlimit(libc::RLIMIT_CORE, &none);
                libc::fcntl(fd, libc::F_SETFD, 0);
                Ok(())
            });
        }
        let mut child = command.spawn().expect("this program can be started");
        drop(theirs);
        let report = read(report);
        let out = read(child.stdout.take().expect("piped"));
        let err = read(child.stderr.take().expect("piped"));
        let until = Instant::now() + PATIENCE;
        let mut status = None;
        while status.is_none() && Instant::now() < until {
            status = child.try_wait().expect("our child can be waited for");
            thread::sleep(Duration::from_millis(2));
        }
        if status.is_none() {
            let group = i32::try_from(child.id()).expect("a process id is an i32");
            // SAFETY: the child leads a group of its own, and has not been waited for.
            unsafe { libc::kill(-group, libc::SIGKILL) };
        }
        child.wait().expect("our child can be waited for");
        let [report, out, err] = [report, out, err].map(|r| r.join().expect("no panic"));
        let word = |line: &str| line.strip_suffix(" calls")?.parse().ok();
        Ended {
            what: self.name(),
            is_overflow: self.program == OVERFLOW,
            status,
            has_failed: report.lines().any(|line| line == "failed"),
            calls: report.lines().find_map(word),
            out,
            err,
        }
    }

    fn name(&self) -> String {
        let Self {
            function,
            program,
            first,
            ..
        } = self;
        match (self.first, self.last) {
            (0, _) => format!("{program}, {function} only counted"),
            (k, l) if k == l => format!("{program}, {function} fails at call {first}"),
            _ => format!("{program}, {function} fails from call {first} on"),
        }
    }
}

/// Reads a pipe to its end.
fn read(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe is readable");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

impl Ended {
    pub(crate) fn verdict(&self) -> Verdict {
        let Some(status) = self.status else {
            return Verdict::Fault("it hangs");
        };
        // With a goroutine that cannot start, and all others parked, the deadlock detector may come
        // first on a busy machine: the words are there.
        let is_told = self.err.contains("no stack for it");
        if self.err.contains("WRONG") || (self.err.contains("deadlock") && !is_told) {
            return Verdict::Fault("a wrong result");
        }
        if self.is_overflow {
            return self.verdict_on_overflow(status);
        }
        if status.success() {
            return match (self.out.contains("right"), self.has_failed) {
                (false, _) => Verdict::Fault("no result"),
                (true, true) => Verdict::Ok,
                (true, false) => Verdict::NotReached,
            };
        }
        if !self.has_failed {
            return Verdict::Fault("it fails though no call did");
        }
        let is_abort = status.signal() == Some(libc::SIGABRT);
        if status.code().is_none() && !is_abort {
            return Verdict::Fault("a signal");
        }
        if self.err.contains("gort: ") || self.err.contains("fatal error: goroutines cannot") {
            Verdict::Words
        } else if self.is_of_std() {
            Verdict::WordsOfStd
        } else {
            Verdict::Fault("it ends without words")
        }
    }

    /// The program that is to overflow: it is to be aborted with words, or to have been told before
    /// that there may be none, or not to have come so far.
    fn verdict_on_overflow(&self, status: ExitStatus) -> Verdict {
        let reported = self.err.contains("gort: goroutine") && self.err.contains("overflow");
        let has_words = self.err.contains("gort: ") || self.is_of_std();
        match status.signal() {
            Some(libc::SIGABRT) if reported && self.has_failed => Verdict::Ok,
            Some(libc::SIGABRT) if reported => Verdict::NotReached,
            Some(libc::SIGSEGV) if self.err.contains("without a message") => Verdict::Words,
            Some(libc::SIGABRT) | None if has_words && !status.success() => Verdict::Words,
            _ => Verdict::Fault("an overflow without words"),
        }
    }

    /// Whether it said what std aborts with where it was its own call that failed.
    fn is_of_std(&self) -> bool {
        [
            "failed to allocate an alternative stack",
            "failed to set up alternative stack guard page",
            "failed to allocate a guard page",
            "failed to spawn thread",
            "fatal runtime error",
            "memory allocation of",
        ]
        .iter()
        .any(|words| self.err.contains(words))
    }

    /// Everything, for who mends it.
    pub(crate) fn tell(&self) -> String {
        let why = match self.verdict() {
            Verdict::Fault(why) => why,
            _ => "no fault",
        };
        let how = self
            .status
            .map_or("killed after 30 s".to_owned(), |status| status.to_string());
        let cut = |text: &str| text.chars().take(1500).collect::<String>();
        format!(
            "FAULT: {}: {why}: {how}\n  stdout: {:?}\n  stderr: {:?}",
            self.what,
            cut(&self.out),
            cut(&self.err)
        )
    }
}
