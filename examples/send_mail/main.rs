//! Sends a text to each address of a list by SMTP, one goroutine a mail, and says what became of
//! each. Try it with the server for tests that it has inside:
//! `cargo run --example send_mail -- --serve 127.0.0.1:2525`, and beside it
//! `cargo run --example send_mail -- 127.0.0.1:2525 me@here ann@there nobody@there`. In Go: a
//! goroutine for each mail with `net/smtp`, and a channel with room for so many at once.

mod client;
mod lines;
mod serve;

use client::Mail;
use gort::{go, sync::Semaphore};
use std::{env, process::ExitCode, sync::Arc, time::Duration};

const USAGE: &str = "usage: send_mail [--timeout-ms MS] [--text TEXT] SERVER FROM TO..
       send_mail --serve ADDRESS";
/// So many connections at once: mail servers count them.
const AT_ONCE: usize = 16;

#[gort::main]
fn main() -> ExitCode {
    let mut timeout = Duration::from_secs(30);
    let mut text = String::from("Subject: hello\n\nAll is well.\n");
    let mut words = Vec::new();
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match &*argument {
            "--serve" => match (arguments.next(), arguments.next()) {
                (Some(address), None) => return serve::main(&address),
                _ => return misused("--serve wants an address"),
            },
            "--timeout-ms" => match arguments.next().and_then(|ms| ms.parse::<u32>().ok()) {
                Some(ms) => timeout = Duration::from_millis(u64::from(ms)),
                None => return misused("--timeout-ms wants a number"),
            },
            "--text" => match arguments.next() {
                Some(argument) => text = argument,
                None => return misused("--text wants a text"),
            },
            _ if argument.starts_with('-') => return misused(&format!("no option {argument}")),
            _ => words.push(argument),
        }
    }
    match &*words {
        [server, from, to @ ..] if !to.is_empty() => {
            let mail = Mail {
                server: server.clone(),
                from: from.clone(),
                text,
                timeout,
            };
            send_all(mail, to)
        }
        _ => misused("a server, a sender and addresses are wanted"),
    }
}

fn misused(why: &str) -> ExitCode {
    eprintln!("send_mail: {why}\n{USAGE}");
    ExitCode::from(2)
}

/// Sends the mail to each address. A failure stops none of the others.
fn send_all(mail: Mail, addresses: &[String]) -> ExitCode {
    let mail = Arc::new(mail);
    let free = Arc::new(Semaphore::new(AT_ONCE));
    let start = |to: &String| {
        let (mail, free, to) = (Arc::clone(&mail), Arc::clone(&free), to.clone());
        go!(move || {
            let _permit = free.acquire(1);
            mail.send(&to)
        })
    };
    let sending: Vec<_> = addresses.iter().map(start).collect();
    let mut failed = 0;
    for (to, mail) in addresses.iter().zip(sending) {
        match mail.join() {
            Ok(Ok(())) => println!("{to}: sent"),
            Ok(Err(error)) => {
                println!("{to}: {error}");
                failed += 1;
            }
            Err(_) => {
                println!("{to}: sending it has panicked");
                failed += 1;
            }
        }
    }
    println!("{} sent, {failed} failed", addresses.len() - failed);
    match failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
