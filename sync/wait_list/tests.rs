//! Tests of the wait list.

use crate::runtime::park::WaitReason;
use crate::sync::spin::SpinLock;
use crate::sync::wait_list::{End, Leave, Nothing, Parking, WaitList, Waiter, park_in};
use std::{
    ptr::NonNull,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

/// Waiters with these words, linked in this order. The callers keep them for longer than the list.
fn link_all(list: &mut WaitList, waiters: &[Waiter]) {
    for waiter in waiters {
        // SAFETY: see above; in no list.
        unsafe { list.link(waiter, End::Back) };
    }
}

/// Takes out the first waiter, which nobody waits for to be woken.
fn pop(list: &mut WaitList) -> Option<usize> {
    let claimed = list.pop_front()?;
    // SAFETY: the waiters of a test are alive to its end.
    Some(unsafe { claimed.0.as_ref() }.word())
}

#[test]
fn who_has_lost_once_comes_first() {
    let waiters: Vec<Waiter> = (0..3).map(Waiter::new).collect();
    let mut list = WaitList::new(());
    link_all(&mut list, &waiters[..1]);
    assert!(list.has_one());
    link_all(&mut list, &waiters[1..2]);
    // SAFETY: it is alive to the end of the test, and in no list.
    unsafe { list.link(&waiters[2], End::Front) };
    assert!(!list.has_one());
    let order: Vec<_> = std::iter::from_fn(|| pop(&mut list)).collect();
    assert_eq!(order, [2, 0, 1]);
    assert!(list.is_empty());
}

#[test]
fn claims_those_that_are_wanted_up_to_the_first_that_is_not() {
    let waiters: Vec<Waiter> = [1, 1, 2, 1].map(Waiter::new).into();
    let mut list = WaitList::new(());
    link_all(&mut list, &waiters);
    let mut chain = list.take_while(|word| word == 1);
    assert_eq!(chain.len(), 2);
    for waiter in &waiters[..2] {
        assert_eq!(chain.waiters.pop_front(), Some(NonNull::from(waiter)));
    }
    assert_eq!(chain.waiters.pop_front(), None);
    assert_eq!(
        [pop(&mut list), pop(&mut list), pop(&mut list)],
        [Some(2), Some(1), None]
    );
}

#[test]
#[should_panic(expected = "a waiter is in two lists")]
fn no_waiter_is_in_two_lists() {
    let waiters = [Waiter::new(0)];
    let mut lists = [WaitList::new(()), WaitList::new(())];
    link_all(&mut lists[0], &waiters);
    link_all(&mut lists[1], &waiters);
}

#[test]
fn deadline_unlinks() {
    let lock = SpinLock::<_>::new(WaitList::new(()));
    let waiter = Waiter::new(0);
    let soon = Some(Instant::now() + Duration::from_millis(5));
    struct Told(AtomicBool);
    impl Leave<()> for Told {
        fn withdrawn(&self, list: &mut WaitList) {
            self.0.store(list.is_empty(), Relaxed);
        }

        fn pass_on(&self, _: usize) {
            unreachable!("nobody claims it");
        }
    }
    let told = Told(AtomicBool::new(false));
    let parking = Parking::until(WaitReason::Cond, soon);
    assert!(!park_in(lock.lock(), &waiter, parking, &told));
    assert!(told.0.into_inner());
}

#[test]
fn claims_race_with_deadlines() {
    let lock = SpinLock::<_>::new(WaitList::new(()));
    for round in 0..2_000u64 {
        thread::scope(|s| {
            let waker = s.spawn(|| {
                for _ in 0..round % 50 * 10 {
                    std::hint::spin_loop();
                }
                let claimed = lock.lock().pop_front();
                claimed.map(|c| c.unpark_with(7)).is_some()
            });
            let waiter = Waiter::new(1);
            let deadline = Some(Instant::now() + Duration::from_micros(round % 60));
            let parking = Parking::until(WaitReason::Cond, deadline);
            let claimed = park_in(lock.lock(), &waiter, parking, &Nothing);
            assert_eq!(claimed, waker.join().unwrap());
            assert_eq!(waiter.word(), if claimed { 7 } else { 1 });
        });
    }
}
