//! The programs that `crossbeam_channel` shows its use with.

use super::{
    channel::{Sender, bounded, select},
    run,
};
use crate::support::party::spawn;
use gort::sync::Mutex;
use std::sync::Arc;

/// Sends Fibonacci's numbers for as long as somebody listens.
fn fibonacci(sender: Sender<u64>) {
    let (mut a, mut b) = (0, 1);
    while sender.send(a).is_ok() {
        (a, b) = (b, a + b);
    }
}

#[test]
fn fibonacci_until_nobody_listens() {
    run(|| {
        let (s, r) = bounded(0);
        let generator = spawn(|| fibonacci(s));
        let first: Vec<_> = r.iter().take(20).collect();
        assert_eq!(first[..10], [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]);
        assert_eq!(first[19], 4181);
        drop(r);
        generator.join().unwrap();
    });
}

/// People either send their name or receive another's, over one channel, in one select.
#[test]
fn matching() {
    run(|| {
        for round in 0..20 {
            let mut people = vec!["Anna", "Bob", "Cody", "Dave", "Eva", "Finn"];
            people.truncate(5 + round % 2);
            // Room for one message that nobody will have received.
            let (s, r) = bounded(1);
            let pairs = Arc::new(Mutex::new(Vec::new()));
            let seekers: Vec<_> = people
                .iter()
                .map(|&name| {
                    let (s, r, pairs) = (s.clone(), r.clone(), pairs.clone());
                    spawn(move || {
                        select! {
                            recv(r) -> peer => pairs.lock().push((name, peer.unwrap())),
                            send(s, name) -> res => res.unwrap(),
                        }
                    })
                })
                .collect();
            seekers.into_iter().for_each(|seeker| seeker.join().unwrap());
            let mut met: Vec<_> = pairs.lock().iter().flat_map(|&(a, b)| [a, b]).collect();
            met.extend(r.try_recv());
            met.sort_unstable();
            assert_eq!(met, people);
        }
    });
}
