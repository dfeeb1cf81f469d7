//! A message that a signal handler writes.

use std::panic::Location;

/// A message of bounded length, built without allocation and written at once, so that it is not
/// torn by others' output.
pub(crate) struct SignalText {
    bytes: [u8; 2048],
    len: usize,
}

impl SignalText {
    pub(crate) fn new() -> Self {
        Self {
            bytes: [0; 2048],
            len: 0,
        }
    }

    fn byte(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    /// At most 1,024 bytes, so that a long path leaves room for the hint.
    pub(crate) fn str(&mut self, text: &str) {
        text.bytes().take(1024).for_each(|b| self.byte(b));
    }

    /// At most 256 bytes, and no control characters: a name is the program's data, and this goes to
    /// a terminal.
    pub(crate) fn name(&mut self, name: &[u8]) {
        for &b in name.iter().take(256) {
            self.byte(if b.is_ascii_control() { b'?' } else { b });
        }
    }

    /// `file:line:column`.
    pub(crate) fn place(&mut self, place: &Location<'_>) {
        self.str(place.file());
        self.str(":");
        self.number(place.line().into());
        self.str(":");
        self.number(place.column().into());
    }

    /// In decimal digits.
    pub(crate) fn number(&mut self, n: u64) {
        if n >= 10 {
            self.number(n / 10);
        }
        self.byte(b'0' + (n % 10) as u8);
    }

    /// In hexadecimal digits, without a prefix.
    pub(crate) fn hex(&mut self, n: usize) {
        if n >= 16 {
            self.hex(n / 16);
        }
        self.byte(b"0123456789abcdef"[n % 16]);
    }

    /// Writes it to the error stream. Async-signal-safe, as all here.
    pub(crate) fn print(&self) {
        let mut rest = &self.bytes[..self.len];
        while !rest.is_empty() {
            // SAFETY: the bytes are valid for their length. Async-signal-safe.
            match unsafe { libc::write(libc::STDERR_FILENO, rest.as_ptr().cast(), rest.len()) } {
                n @ 1.. => rest = &rest[n as usize..],
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_long_names() {
        let mut text = SignalText::new();
        text.number(0);
        text.number(u64::MAX);
        text.hex(0xdead_beef);
        assert_eq!(&text.bytes[..text.len], b"018446744073709551615deadbeef");
        for _ in 0..100 {
            text.name(&[b'n'; 5000]);
        }
        assert_eq!(text.len, text.bytes.len());
    }
}
