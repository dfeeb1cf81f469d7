//! What every program uses stands at the crate's root, and is the same thing as in its module.

mod support;

use gort::{
    Barrier, Cond, Lazy, Mutex, Once, OnceCell, Receiver, RwMutex, Semaphore, Sender, WaitGroup,
    bounded, channel, errgroup, go, select, unbounded,
};
use std::sync::Arc;

static NAMES: Lazy<Vec<&str>> = Lazy::new(|| vec!["root", "names"]);
static ONCE: Once = Once::new();
static CELL: OnceCell<u32> = OnceCell::new();

/// Takes the types by the names of their modules.
fn same(
    _: &gort::sync::Mutex<u32>,
    _: &gort::sync::RwMutex<u32>,
    _: &gort::sync::Semaphore,
    _: &gort::sync::Barrier,
    _: &gort::sync::Cond,
) {
}

#[test]
fn a_program_needs_no_module_for_what_every_program_uses() {
    support::each(|_| {
        let (sum, table) = (Arc::new(Mutex::new(0)), RwMutex::new(7));
        let (permits, barrier, changed) = (Semaphore::new(1), Barrier::new(1), Cond::new());
        same(&sum, &table, &permits, &barrier, &changed);
        let (tx, rx): (Sender<u32>, Receiver<u32>) = bounded(1);
        let (more, rest) = unbounded();
        let group = WaitGroup::new();
        for n in 1..=4 {
            let (sum, more) = (Arc::clone(&sum), more.clone());
            group.go(move || {
                *sum.lock() += n;
                more.send(n).unwrap();
            });
        }
        go!(move || tx.send(5).unwrap());
        drop(more);
        let five = select! { recv(rx) -> five => five.unwrap() };
        group.wait();
        assert_eq!(rest.iter().sum::<u32>() + five + *table.read(), 22);
        assert_eq!(*sum.lock(), 10);
        assert!(channel::never::<u32>().try_recv().is_err());
        ONCE.call_once(|| ());
        assert_eq!((NAMES.len(), *CELL.get_or_init(|| 3)), (2, 3));
        let errors = errgroup::Group::<u32>::new();
        errors.go(|| Err(1));
        assert_eq!(errors.wait(), Err(1));
    });
}
