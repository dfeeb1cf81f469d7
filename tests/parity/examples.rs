//! The programs that `crossbeam_channel` shows its use with.

use super::{
    channel::{Receiver, Sender, after, at, bounded, select, tick},
    run,
};
use crate::support::party::spawn;
use gort::sync::Mutex;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

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

/// Tells the time at each tick, until somebody wants it to stop. (A channel stands in for the
/// signal.)
#[test]
fn stopwatch() {
    fn interrupted(after_so_long: Duration) -> Receiver<()> {
        let (s, r) = bounded(100);
        spawn(move || {
            gort::sleep(after_so_long);
            let _ = s.send(());
        });
        r
    }
    run(|| {
        let mut lines = Vec::new();
        let mut show = |time: Duration| lines.push(time);
        let start = Instant::now();
        let update = tick(Duration::from_millis(10));
        let ctrl_c = interrupted(Duration::from_millis(55));
        loop {
            select! {
                recv(update) -> _ => {
                    show(start.elapsed());
                }
                recv(ctrl_c) -> _ => {
                    show(start.elapsed());
                    break;
                }
            }
        }
        // At most one at each tick, and the last one; a busy machine misses some, or is late.
        let last = *lines.last().unwrap();
        let ticks = (last.as_millis() / 10) as usize;
        assert!((2..=ticks + 1).contains(&lines.len()), "{lines:?}");
        assert!(lines.is_sorted() && last >= Duration::from_millis(55));
    });
}

#[test]
fn timers_as_channels() {
    run(|| {
        let ms = Duration::from_millis;
        let start = Instant::now();
        let (once, then, again) = (after(ms(10)), at(start + ms(5)), tick(ms(3)));
        assert_eq!((once.len(), once.capacity(), once.is_empty()), (0, Some(1), true));
        assert_eq!((again.capacity(), again.try_recv().is_err()), (Some(1), true));
        assert_eq!(then.recv(), Ok(start + ms(5)));
        assert!(start.elapsed() >= ms(5));
        let when = once.recv().unwrap();
        assert!(when >= start + ms(10) && when <= Instant::now());
        // Once is all there is; and it never disconnects.
        assert!(once.try_recv().unwrap_err().is_empty() && then.try_recv().unwrap_err().is_empty());
        assert!(once.recv_timeout(ms(2)).unwrap_err().is_timeout());
        // Ticks that nobody takes do not pile up: those that were missed were one.
        gort::sleep(ms(10));
        assert_eq!((again.len(), again.is_full()), (1, true));
        let first = again.recv().unwrap();
        assert!(first >= start + ms(3));
        let times: Vec<_> = again.iter().take(4).collect();
        assert!(times.is_sorted());
        assert!(start.elapsed() >= ms(10 + 3 * 3));
        // One that has passed already is there at once.
        assert!(at(start).try_recv().is_ok() && after(Duration::ZERO).recv().is_ok());
        let timed_out = select! {
            recv(after(ms(1))) -> when => when.is_ok(),
            recv(after(Duration::MAX)) -> _ => false,
        };
        assert!(timed_out);
        assert!(again.same_channel(&again.clone()) && !again.same_channel(&tick(ms(3))));
    });
}
