//! Who panicked: errors of `try_join` and `wait_all`, and tests that fail when one of their
//! goroutines panicked unseen.

mod support;

use gort::{
    Builder, go,
    runtime::{JoinError, PanicError, goexit},
    sync::WaitGroup,
};
use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::Duration,
};
use support::silence;

/// What `?` makes of it, in a function with errors of any kind.
fn fails(handle: gort::JoinHandle<u32>) -> Result<u32, Box<dyn Error + Send + Sync>> {
    Ok(handle.try_join()? + 1)
}

#[test]
fn try_join_names_who_panicked_and_gives_the_payload() {
    silence();
    support::each(|_| {
        assert_eq!(fails(go!(|| 1)).unwrap(), 2);

        let named = Builder::new().name("clerk".into());
        let handle = named.spawn(|| panic!("deliberate: no ink")).unwrap();
        let (id, site) = (
            handle.goroutine().id(),
            handle.goroutine().spawned_at().unwrap(),
        );
        assert_eq!((site.file(), site.line()), (file!(), line!() - 5));
        let error = fails(handle).unwrap_err();
        let text =
            format!("goroutine {id} \"clerk\", spawned at {site}, panicked: deliberate: no ink");
        assert_eq!(error.to_string(), text);

        let error = error.downcast::<JoinError>().unwrap();
        assert!(error.is_panic() && error.goroutine().id() == id);
        assert_eq!(
            error.into_panic().downcast_ref(),
            Some(&"deliberate: no ink")
        );
    });
}

#[test]
fn try_join_tells_panics_of_other_types_and_goexit() {
    silence();
    support::each(|_| {
        let error = go!(|| std::panic::resume_unwind(Box::new(7_u8)))
            .try_join()
            .unwrap_err();
        assert!(error.to_string().ends_with("panicked: Box<dyn Any>"));
        assert_eq!(error.try_into_panic().unwrap().downcast_ref(), Some(&7_u8));

        let error = go!(|| goexit()).try_join().unwrap_err();
        assert!(!error.is_panic());
        let error = error.try_into_panic().unwrap_err();
        assert!(error.to_string().ends_with("called goexit"), "{error}");
    });
}

#[test]
fn try_join_tells_of_a_goroutine_that_never_started() {
    let runtime = support::runtime(1);
    let (tx, rx) = mpsc::channel();
    let over = Arc::new(AtomicBool::new(false));
    let is_over = Arc::clone(&over);
    runtime.spawn(move || {
        // It may start in this home only, which this goroutine keeps until the runtime is gone.
        tx.send(gort::spawn_local(|| ())).unwrap();
        while !is_over.load(Relaxed) {
            thread::sleep(Duration::from_millis(1));
        }
    });
    let late = rx.recv().unwrap();
    drop(runtime);
    over.store(true, Relaxed);
    let error = late.try_join().unwrap_err();
    let text = error.to_string();
    assert!(
        text.ends_with("never started: its runtime shut down"),
        "{text}"
    );
    assert!(!error.is_panic());
}

#[test]
fn scoped_handles_have_it_too() {
    silence();
    support::each(|_| {
        let text = String::from("deliberate: borrowed");
        let (panicked, left) = gort::scope(|s| {
            let panicked: Result<(), JoinError> = s.spawn(|| panic!("{text}")).try_join();
            let left: Result<(), JoinError> = s.spawn(|| goexit()).try_join();
            (panicked, left)
        });
        let error = panicked.unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("panicked: deliberate: borrowed")
        );
        assert!(error.is_panic() && !left.unwrap_err().is_panic());
    });
}

#[test]
fn wait_all_tells_of_the_panic_of_a_goroutine_once() {
    silence();
    support::each(|_| {
        let group = WaitGroup::new();
        assert!(group.wait_all().is_ok());
        group.go(|| ());
        group.go(|| goexit());
        assert!(group.wait_all().is_ok());

        let ids = [0, 1, 2].map(|n| {
            let handle = group.go(move || {
                gort::yield_now();
                assert!(n == 0, "deliberate: {n}");
            });
            handle.goroutine().id()
        });
        let error: PanicError = group.wait_all().unwrap_err();
        let culprit = ids.iter().position(|id| *id == error.goroutine().id());
        let culprit = culprit.expect("one of them");
        assert_eq!(error.message(), format!("deliberate: {culprit}"));
        let site = error.goroutine().spawned_at().unwrap();
        let id = ids[culprit];
        assert_eq!(
            error.to_string(),
            format!("goroutine {id}, spawned at {site}, panicked: deliberate: {culprit}")
        );
        assert!(group.wait_all().is_ok(), "told twice");
        // Nor does `wait` care, and the payload is the handle's.
        let handle = group.go(|| panic!("deliberate"));
        group.wait();
        assert_eq!(
            handle.join().unwrap_err().downcast_ref(),
            Some(&"deliberate")
        );
    });
}

/// Waits for the end of a goroutine without joining it.
fn end<T>(handle: &gort::JoinHandle<T>) {
    while !handle.is_finished() {
        thread::sleep(Duration::from_micros(100));
        gort::yield_now();
    }
}

#[gort::test(workers = 2)]
#[should_panic(expected = "panicked in this test, and nobody joined it")]
fn a_test_fails_when_a_detached_goroutine_panicked() {
    silence();
    let handle = go!(|| panic!("deliberate"));
    end(&handle);
}

#[gort::test(workers = 1)]
#[should_panic(expected = "\"clerk\", spawned at tests/rt_who_panicked.rs:")]
fn it_names_the_goroutine() {
    silence();
    let group = WaitGroup::new();
    group.add(1);
    let theirs = group.clone();
    let clerk = Builder::new().name("clerk".into()).spawn(move || {
        theirs.wait();
        panic!("deliberate")
    });
    let clerk = clerk.unwrap();
    group.done();
    end(&clerk);
}

#[gort::test(workers = 2)]
fn a_test_passes_when_its_panics_were_joined() {
    silence();
    assert!(go!(|| panic!("deliberate")).join().is_err());
    assert!(go!(|| panic!("deliberate")).try_join().is_err());
    let elsewhere = go!(|| panic!("deliberate"));
    let joiner = thread::spawn(move || elsewhere.join().is_err());
    assert!(gort::runtime::blocking(move || joiner.join().unwrap()));
}

#[gort::test(panic = "isolate")]
fn a_test_that_says_isolate_passes() {
    silence();
    end(&go!(|| panic!("deliberate")));
}

#[gort::test]
#[should_panic(expected = "the test itself")]
fn the_panic_of_the_test_itself_comes_first() {
    silence();
    end(&go!(|| panic!("deliberate")));
    panic!("deliberate: the test itself");
}
