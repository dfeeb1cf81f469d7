//! A child to be.

mod unix;

use crate::process::{Child, CommandArgs, CommandEnvs, ExitStatus, Output, Stdio};
use std::{ffi::OsStr, fmt, io, path::Path, process};

/// A process to be started: [`std::process::Command`], whose `status` and `output` park the
/// goroutine.
///
/// # Examples
/// ```
/// use gort::process::Command;
///
/// # fn main() -> std::io::Result<()> {
/// let output = Command::new("sh").args(["-c", "echo $WORD"]).env("WORD", "hello").output()?;
/// assert_eq!(output.stdout, b"hello\n");
/// # Ok(())
/// # }
/// ```
#[doc(alias = "Cmd")]
pub struct Command {
    inner: process::Command,
    /// Which of input, output and error stream the user has set.
    is_set: [bool; 3],
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Command {
    /// A command that runs `program`, which is looked for in `PATH` if it has no slash. It has no
    /// arguments, and this process's environment, directory and standard streams.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// assert!(Command::new("true").status().unwrap().success());
    /// ```
    #[doc(alias = "exec.Command")]
    pub fn new<S: AsRef<OsStr>>(program: S) -> Self {
        Self {
            inner: process::Command::new(program),
            is_set: [false; 3],
        }
    }

    /// Adds an argument.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// let output = Command::new("echo").arg("a b").output().unwrap();
    /// assert_eq!(output.stdout, b"a b\n");
    /// ```
    pub fn arg<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Self {
        self.inner.arg(arg);
        self
    }

    /// Adds several arguments.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// let output = Command::new("echo").args(["a", "b"]).output().unwrap();
    /// assert_eq!(output.stdout, b"a b\n");
    /// ```
    pub fn args<I, S>(&mut self, args: I) -> &mut Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.inner.args(args);
        self
    }

    /// Sets a variable of the child's environment.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// let mut command = Command::new("sh");
    /// let output = command.args(["-c", "echo $A"]).env("A", "1").output().unwrap();
    /// assert_eq!(output.stdout, b"1\n");
    /// ```
    pub fn env<K: AsRef<OsStr>, V: AsRef<OsStr>>(&mut self, key: K, value: V) -> &mut Self {
        self.inner.env(key, value);
        self
    }

    /// Sets several variables of the child's environment.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// let mut command = Command::new("sh");
    /// command.args(["-c", "echo $A$B"]).envs([("A", "1"), ("B", "2")]);
    /// let output = command.output().unwrap();
    /// assert_eq!(output.stdout, b"12\n");
    /// ```
    pub fn envs<I, K, V>(&mut self, variables: I) -> &mut Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.inner.envs(variables);
        self
    }

    /// Takes a variable out of the child's environment.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// let mut command = Command::new("sh");
    /// let output = command.args(["-c", "echo \"<$HOME>\""]).env_remove("HOME").output().unwrap();
    /// assert_eq!(output.stdout, b"<>\n");
    /// ```
    pub fn env_remove<K: AsRef<OsStr>>(&mut self, key: K) -> &mut Self {
        self.inner.env_remove(key);
        self
    }

    /// Takes all variables out of the child's environment.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// let mut command = Command::new("env");
    /// assert!(command.env_clear().output().unwrap().stdout.is_empty());
    /// ```
    pub fn env_clear(&mut self) -> &mut Self {
        self.inner.env_clear();
        self
    }

    /// Sets the directory that the child starts in.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// let output = Command::new("pwd").current_dir("/").output().unwrap();
    /// assert_eq!(output.stdout, b"/\n");
    /// ```
    pub fn current_dir<P: AsRef<Path>>(&mut self, dir: P) -> &mut Self {
        self.inner.current_dir(dir);
        self
    }

    /// Sets the child's input. If it is not set it is inherited; for [`output`](Self::output) it is
    /// empty.
    ///
    /// # Examples
    /// ```
    /// use gort::process::{Command, Stdio};
    ///
    /// let status = Command::new("cat").stdin(Stdio::null()).status().unwrap();
    /// assert!(status.success());
    /// ```
    pub fn stdin<T: Into<Stdio>>(&mut self, stream: T) -> &mut Self {
        self.is_set[0] = true;
        self.inner.stdin(stream);
        self
    }

    /// Sets the child's output. If it is not set it is inherited; for [`output`](Self::output) it
    /// is piped.
    ///
    /// # Examples
    /// ```
    /// use gort::process::{Command, Stdio};
    ///
    /// let child = Command::new("echo").stdout(Stdio::piped()).spawn().unwrap();
    /// assert_eq!(child.wait_with_output().unwrap().stdout, b"\n");
    /// ```
    pub fn stdout<T: Into<Stdio>>(&mut self, stream: T) -> &mut Self {
        self.is_set[1] = true;
        self.inner.stdout(stream);
        self
    }

    /// Sets the child's error stream. If it is not set it is inherited; for
    /// [`output`](Self::output) it is piped.
    ///
    /// # Examples
    /// ```
    /// use gort::process::{Command, Stdio};
    ///
    /// let mut command = Command::new("sh");
    /// let output = command.args(["-c", "echo oh >&2"]).stderr(Stdio::null()).output().unwrap();
    /// assert!(output.stderr.is_empty());
    /// ```
    pub fn stderr<T: Into<Stdio>>(&mut self, stream: T) -> &mut Self {
        self.is_set[2] = true;
        self.inner.stderr(stream);
        self
    }

    /// Starts the child. Does not park: the call takes as long as the system needs to start it.
    ///
    /// # Errors
    /// `NotFound`: there is no such program; the system's.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    /// use std::io::ErrorKind;
    ///
    /// let mut child = Command::new("true").spawn().unwrap();
    /// assert!(child.wait().unwrap().success());
    /// let error = Command::new("/no/such/program").spawn().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::NotFound);
    /// ```
    #[doc(alias = "Start")]
    pub fn spawn(&mut self) -> io::Result<Child> {
        self.inner.spawn().map(Child::from)
    }

    /// Runs the child to its end, and says how it ended. Parks.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn) and [`Child::wait`].
    ///
    /// # Panics
    /// As [`Child::wait`].
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// assert_eq!(Command::new("false").status().unwrap().code(), Some(1));
    /// ```
    #[doc(alias = "Run")]
    pub fn status(&mut self) -> io::Result<ExitStatus> {
        self.spawn()?.wait()
    }

    /// Runs the child to its end, and returns what it has written. Parks.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn) and [`Child::wait_with_output`].
    ///
    /// # Panics
    /// As [`Child::wait`].
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// let output = Command::new("echo").arg("hello").output().unwrap();
    /// assert_eq!(output.stdout, b"hello\n");
    /// ```
    #[doc(alias = "CombinedOutput")]
    pub fn output(&mut self) -> io::Result<Output> {
        self.set_unset(Stdio::null(), Stdio::piped(), Stdio::piped());
        let child = self.spawn();
        // As they are by default, for other uses of the command.
        self.set_unset(Stdio::inherit(), Stdio::inherit(), Stdio::inherit());
        child?.wait_with_output()
    }

    /// Sets the streams that the user has not set.
    fn set_unset(&mut self, stdin: Stdio, stdout: Stdio, stderr: Stdio) {
        let [has_stdin, has_stdout, has_stderr] = self.is_set;
        if !has_stdin {
            self.inner.stdin(stdin);
        }
        if !has_stdout {
            self.inner.stdout(stdout);
        }
        if !has_stderr {
            self.inner.stderr(stderr);
        }
    }

    /// The program.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// assert_eq!(Command::new("ls").get_program(), "ls");
    /// ```
    pub fn get_program(&self) -> &OsStr {
        self.inner.get_program()
    }

    /// The arguments.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// let mut command = Command::new("ls");
    /// command.arg("-l");
    /// assert!(command.get_args().eq(["-l"]));
    /// ```
    pub fn get_args(&self) -> CommandArgs<'_> {
        self.inner.get_args()
    }

    /// The variables that are set, or taken out (`None`).
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// let mut command = Command::new("ls");
    /// command.env("A", "1").env_remove("B");
    /// assert_eq!(command.get_envs().filter(|(_, value)| value.is_none()).count(), 1);
    /// ```
    pub fn get_envs(&self) -> CommandEnvs<'_> {
        self.inner.get_envs()
    }

    /// The directory that the child starts in, if one was set.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// assert!(Command::new("ls").get_current_dir().is_none());
    /// ```
    pub fn get_current_dir(&self) -> Option<&Path> {
        self.inner.get_current_dir()
    }
}
