//! Sends a mail to each address of a list, one goroutine a mail; a bad address does not stop the
//! others. Run it with `cargo run --example send_mails`.
//!
//! In Go: `for _, address := range addresses { wg.Add(1); go send(address) }`, with a channel or a
//! slice for the errors. A `JoinHandle` brings each goroutine's result home.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, process};

use gort::{go, runtime};

const ADDRESSES: [&str; 5] = [
    "ada@example.org",
    "brian@example.org",
    "nobody",
    "grace@example.org",
    "@example.org",
];

/// Puts the mail into the out-box, as a mail server of the small sort does.
fn send(address: &str, outbox: PathBuf) -> io::Result<usize> {
    let name = match address.split_once('@') {
        Some((name, host)) if !name.is_empty() && !host.is_empty() => name,
        _ => return Err(io::Error::new(ErrorKind::InvalidInput, "no such address")),
    };
    let mail = format!("To: {address}\nSubject: news\n\nDear {name},\nall is well.\n");
    // Servers take their time; this goroutine only waits for its own.
    gort::sleep(Duration::from_millis(100));
    let file = outbox.join(format!("{address}.eml"));
    runtime::blocking(|| fs::write(file, &mail))?; // files block a thread: not one of the workers'
    Ok(mail.len())
}

fn send_all(outbox: &Path) {
    let mails = ADDRESSES.map(|address| (address, go!(send(address, outbox.to_path_buf()))));
    for (address, mail) in mails {
        match mail.join() {
            Ok(Ok(bytes)) => println!("{address}: sent {bytes} bytes"),
            Ok(Err(error)) => println!("{address}: {error}"),
            Err(_) => println!("{address}: the goroutine panicked"),
        }
    }
}

#[runtime::main]
fn main() -> io::Result<()> {
    let outbox = env::temp_dir().join(format!("gort-outbox-{}", process::id()));
    fs::create_dir(&outbox)?;
    send_all(&outbox);
    println!("{} mails in the out-box", fs::read_dir(&outbox)?.count());
    fs::remove_dir_all(&outbox)
}
