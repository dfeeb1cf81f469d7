//! What std has in `CommandExt`, for Unix.

use crate::process::Command;
use std::{ffi::OsStr, io, os::unix::process::CommandExt};

impl Command {
    /// Sets the child's user.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// let mut command = Command::new("true");
    /// command.uid(0); // takes the right to do so
    /// ```
    pub fn uid(&mut self, id: u32) -> &mut Self {
        self.inner.uid(id);
        self
    }

    /// Sets the child's group.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// let mut command = Command::new("true");
    /// command.gid(0); // takes the right to do so
    /// ```
    pub fn gid(&mut self, id: u32) -> &mut Self {
        self.inner.gid(id);
        self
    }

    /// Sets what the child finds as the name of its program.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// let mut command = Command::new("sh");
    /// let output = command.arg0("other").args(["-c", "echo $0"]).output().unwrap();
    /// assert_eq!(output.stdout, b"other\n");
    /// ```
    pub fn arg0<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Self {
        self.inner.arg0(arg);
        self
    }

    /// Puts the child into a process group; 0 is one of its own.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// let mut command = Command::new("true");
    /// assert!(command.process_group(0).status().unwrap().success());
    /// ```
    pub fn process_group(&mut self, group: i32) -> &mut Self {
        self.inner.process_group(group);
        self
    }

    /// Has `f` called in the child before the program starts.
    ///
    /// # Safety
    /// As for std's [`pre_exec`](CommandExt::pre_exec): the child is a copy of this process with
    /// one thread, so `f` may call only what a signal handler may. It must call no function of this
    /// crate.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    ///
    /// let mut command = Command::new("true");
    /// // SAFETY: the closure does nothing.
    /// unsafe { command.pre_exec(|| Ok(())) };
    /// assert!(command.status().unwrap().success());
    /// ```
    pub unsafe fn pre_exec<F>(&mut self, f: F) -> &mut Self
    where
        F: FnMut() -> io::Result<()> + Send + Sync + 'static,
    {
        // SAFETY: the caller's.
        unsafe { self.inner.pre_exec(f) };
        self
    }

    /// Replaces this process by the program. Returns only if that fails.
    ///
    /// # Examples
    /// ```
    /// use gort::process::Command;
    /// use std::io::ErrorKind;
    ///
    /// let error = Command::new("/no/such/program").exec();
    /// assert_eq!(error.kind(), ErrorKind::NotFound);
    /// ```
    pub fn exec(&mut self) -> io::Error {
        self.inner.exec()
    }
}
