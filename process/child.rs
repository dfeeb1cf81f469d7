//! A child that was started.

use crate::{
    process::{ChildStderr, ChildStdin, ChildStdout, exited::park_until_exited},
    runtime::{self, park},
};
use std::{
    io::{self, Read},
    panic,
    process::{self, ExitStatus, Output},
};

/// A child process: [`std::process::Child`], whose waits park the goroutine.
///
/// As with std, a child that is dropped is neither killed nor waited for: it goes on, and stays a
/// zombie when it has ended.
///
/// # Examples
/// ```
/// use gort::process::{Child, Command};
///
/// # fn main() -> std::io::Result<()> {
/// let mut child: Child = Command::new("sh").args(["-c", "exit 3"]).spawn()?;
/// assert_eq!(child.wait()?.code(), Some(3)); // parks
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Child {
    inner: process::Child,
    /// What the child reads, if that was [piped](crate::process::Stdio::piped).
    pub stdin: Option<ChildStdin>,
    /// What the child writes, if that was piped.
    pub stdout: Option<ChildStdout>,
    /// What the child writes to its error stream, if that was piped.
    pub stderr: Option<ChildStderr>,
}

impl From<process::Child> for Child {
    /// Takes its pipes, too, and sets our ends so that calls do not block.
    fn from(mut inner: process::Child) -> Self {
        Self {
            stdin: inner.stdin.take().map(ChildStdin::from),
            stdout: inner.stdout.take().map(ChildStdout::from),
            stderr: inner.stderr.take().map(ChildStderr::from),
            inner,
        }
    }
}

impl Child {
    /// The child's process id.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// let mut child = Command::new("true").spawn().unwrap();
    /// assert_ne!(child.id(), std::process::id());
    /// child.wait().unwrap();
    /// ```
    pub fn id(&self) -> u32 {
        self.inner.id()
    }

    /// Kills the child (`SIGKILL`), if it has not been waited for. Does not park.
    ///
    /// # Errors
    /// The system's: for one, the child is another user's.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    /// use std::os::unix::process::ExitStatusExt;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let mut child = Command::new("sleep").arg("60").spawn()?;
    /// child.kill()?;
    /// assert_eq!(child.wait()?.signal(), Some(9));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "Kill")]
    pub fn kill(&mut self) -> io::Result<()> {
        self.inner.kill()
    }

    /// Waits until the child has ended, and says how. Parks. Later calls say the same at once.
    ///
    /// Closes the child's input first, if it is still in `stdin`. What stands in `stdout` and
    /// `stderr` is not read: a child that writes much may wait for that.
    ///
    /// # Errors
    /// The system's: for one, `SIGCHLD` is ignored, and children leave no status.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it would have to park.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let mut child = Command::new("true").spawn()?;
    /// let waiting = gort::spawn(move || child.wait());
    /// assert!(waiting.join().unwrap()?.success());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "Wait")]
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        if park::is_goroutine() {
            if let Some(status) = self.inner.try_wait()? {
                return Ok(status);
            }
            if park_until_exited(&self.inner).is_err() {
                return self.wait_aside();
            }
        }
        self.inner.wait()
    }

    /// Waits on a thread for blocking calls.
    #[cold]
    fn wait_aside(&mut self) -> io::Result<ExitStatus> {
        let child = &mut self.inner;
        runtime::blocking(move || child.wait())
    }

    /// How the child has ended; nothing if it has not yet. Does not park.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let mut child = Command::new("sleep").arg("60").spawn()?;
    /// assert!(child.try_wait()?.is_none());
    /// child.kill()?;
    /// let status = child.wait()?;
    /// assert_eq!(child.try_wait()?, Some(status));
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.inner.try_wait()
    }

    /// Closes the child's input, reads both of its pipes to their ends, at the same time, and waits
    /// for it. Parks.
    ///
    /// # Errors
    /// Those of [`wait`](Self::wait), and of reads.
    ///
    /// # Panics
    /// As [`wait`](Self::wait).
    ///
    /// # Examples
    /// ```
    /// use gort::process::{Command, Stdio};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let child = Command::new("sh")
    ///     .args(["-c", "echo out; echo err >&2"])
    ///     .stdout(Stdio::piped())
    ///     .stderr(Stdio::piped())
    ///     .spawn()?;
    /// let output = child.wait_with_output()?;
    /// assert_eq!((&*output.stdout, &*output.stderr), (&b"out\n"[..], &b"err\n"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_with_output(mut self) -> io::Result<Output> {
        drop(self.stdin.take());
        let (stdout, stderr) = read_both(self.stdout.take(), self.stderr.take())?;
        Ok(Output {
            status: self.wait()?,
            stdout,
            stderr,
        })
    }
}

/// Reads both to their ends. With two of them a second goroutine reads the one.
fn read_both(
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
) -> io::Result<(Vec<u8>, Vec<u8>)> {
    if stdout.is_none() || stderr.is_none() {
        return Ok((read_all(stdout)?, read_all(stderr)?));
    }
    let (out, err) = runtime::scope(|scope| {
        let err = scope.spawn(move || read_all(stderr));
        let out = read_all(stdout);
        (out, err.join())
    });
    let err = err.unwrap_or_else(|panic| panic::resume_unwind(panic));
    Ok((out?, err?))
}

fn read_all(pipe: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_can_be_waited_for_where_there_are_no_pidfds() {
        let waiting = crate::spawn(|| {
            let child = process::Command::new("sh").args(["-c", "exit 5"]).spawn();
            let mut child = Child::from(child.unwrap());
            let first = child.wait_aside().unwrap();
            (first.code(), child.wait().unwrap().code())
        });
        assert_eq!(waiting.join().unwrap(), (Some(5), Some(5)));
    }
}
