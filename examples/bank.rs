//! A bank balance without a lock: one goroutine owns it, and all others talk to that over channels.
//! Run it with `cargo run --example bank`.
//!
//! In Go: `select { case amount := <-deposits: balance += amount; case balances <- balance: }` in a
//! loop. "Do not communicate by sharing memory; share memory by communicating."

use std::error::Error;

use gort::sync::WaitGroup;
use gort::sync::channel::{Receiver, Sender, bounded};
use gort::{go, runtime, select};

/// Nobody else can see `balance`. Whoever receives from `balances` is told what it is at that
/// moment.
fn teller(deposits: Receiver<u64>, balances: Sender<u64>) {
    let mut balance = 0;
    loop {
        select! {
            recv(deposits) -> amount => match amount {
                Ok(amount) => balance += amount,
                Err(_) => return, // the bank has closed
            },
            send(balances, balance) -> asked => if asked.is_err() {
                return; // nobody asks any more
            },
        }
    }
}

#[runtime::main]
fn main() -> Result<(), Box<dyn Error>> {
    let (deposit, deposits) = bounded(0);
    let (balances, balance) = bounded(0);
    let teller = go!(teller(deposits, balances));
    println!("at first: {}", balance.recv()?);

    let customers = WaitGroup::new();
    for customer in 1..=100 {
        let (deposit, balance) = (deposit.clone(), balance.clone());
        customers.go(move || {
            deposit.send(customer).expect("the teller is there");
            let seen = balance.recv().expect("the teller is there");
            assert!(seen >= customer, "a deposit got lost");
        });
    }
    customers.wait();
    println!("after 100 deposits: {}", balance.recv()?);

    deposit.close();
    println!("the teller goes home: {}", teller.join().is_ok());
    Ok(())
}
