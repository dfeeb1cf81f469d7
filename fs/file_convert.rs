//! From and to what `std` knows of open files.

use crate::fs::File;
use std::{
    fs,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd},
    process::Stdio,
};

impl From<fs::File> for File {
    fn from(std: fs::File) -> Self {
        Self { std }
    }
}

impl From<File> for fs::File {
    fn from(file: File) -> Self {
        file.std
    }
}

impl From<OwnedFd> for File {
    fn from(fd: OwnedFd) -> Self {
        fs::File::from(fd).into()
    }
}

impl From<File> for OwnedFd {
    fn from(file: File) -> Self {
        file.std.into()
    }
}

impl From<File> for Stdio {
    fn from(file: File) -> Self {
        file.std.into()
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.std.as_fd()
    }
}

impl AsRawFd for File {
    fn as_raw_fd(&self) -> RawFd {
        self.std.as_raw_fd()
    }
}

impl IntoRawFd for File {
    fn into_raw_fd(self) -> RawFd {
        self.std.into_raw_fd()
    }
}

impl FromRawFd for File {
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        // SAFETY: the caller's promise.
        let std = unsafe { fs::File::from_raw_fd(fd) };
        Self { std }
    }
}
