//! Spans of `tracing` belong to the goroutine that has entered them: with the subscriber of
//! `tracing-subscriber`, whatever a goroutine parks in and whoever runs in its home meanwhile.

mod support;

use gort::{
    runtime::{Runtime, block_on, blocking},
    select, spawn,
    sync::{
        Mutex, WaitGroup,
        channel::{bounded, unbounded},
    },
};
use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex as StdMutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};
use tracing::{Id, Subscriber, info, info_span};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

/// What has been written.
static LINES: StdMutex<Vec<u8>> = StdMutex::new(Vec::new());
/// Of each span that is not closed, how often it was entered and left.
static ENTERED: StdMutex<Option<HashMap<u64, (usize, usize)>>> = StdMutex::new(None);
/// Whether the layer misbehaves.
static RUDE: AtomicBool = AtomicBool::new(false);

fn lock<T>(mutex: &StdMutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Lines;

impl io::Write for Lines {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        lock(&LINES).extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts, and parks and panics if it is told to.
struct Watcher;

impl Watcher {
    fn count(id: &Id, add: fn(&mut (usize, usize))) {
        let mut entered = lock(&ENTERED);
        add(entered
            .get_or_insert_default()
            .entry(id.into_u64())
            .or_default());
        drop(entered);
        if RUDE.load(SeqCst) {
            gort::sleep(Duration::from_micros(50));
            panic!("deliberate: a layer");
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Watcher {
    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        Self::count(id, |counts| counts.0 += 1);
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        Self::count(id, |counts| counts.1 += 1);
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        let counts = lock(&ENTERED)
            .get_or_insert_default()
            .remove(&id.into_u64());
        let (entered, left) = counts.unwrap_or_default();
        assert_eq!(
            entered, left,
            "a span that is closed was left as often as entered"
        );
    }
}

/// One test at a time listens, from an empty page.
fn listen() -> MutexGuard<'static, ()> {
    static SUBSCRIBER: OnceLock<()> = OnceLock::new();
    let alone = support::alone();
    SUBSCRIBER.get_or_init(|| {
        let format = tracing_subscriber::fmt::layer()
            .with_writer(|| Lines)
            .with_ansi(false)
            .without_time()
            .with_target(false);
        let subscriber = tracing_subscriber::registry().with(Watcher).with(format);
        let info = tracing_subscriber::filter::LevelFilter::INFO;
        tracing::subscriber::set_global_default(subscriber.with(info)).unwrap();
    });
    lock(&LINES).clear();
    alone
}

/// Each line says at its end which spans it should stand in; the number of lines.
#[track_caller]
fn check_lines() -> usize {
    let text = String::from_utf8(std::mem::take(&mut *lock(&LINES))).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| line.contains("wants")).collect();
    for line in &lines {
        let (before, wants) = line.split_once("wants ").unwrap();
        let (_, spans) = before.trim().split_once("INFO ").unwrap_or(("", ""));
        let spans = spans.trim().trim_end_matches(':');
        assert_eq!(spans, wants.trim_end_matches('-'), "{line}\n{text}");
    }
    lines.len()
}

/// Does everything that gives the processor away, and after each says where it is.
fn give_the_processor_away(say: impl Fn(), mutex: &Mutex<u32>) {
    gort::yield_now();
    say();
    gort::sleep(Duration::from_micros(200));
    say();
    let (tx, rx) = bounded::<u32>(0);
    let other = spawn(move || {
        info!("wants -");
        let got = rx.recv();
        info!("wants -");
        got
    });
    say();
    tx.send(1).unwrap();
    say();
    other.join().unwrap().unwrap();
    say();
    let (tx, rx) = unbounded::<u32>();
    let late = spawn(move || {
        gort::yield_now();
        tx.send(2).unwrap();
    });
    select! {
        recv(rx) -> got => assert_eq!(got, Ok(2)),
    }
    say();
    assert!(rx.recv_timeout(Duration::from_micros(100)).is_err());
    say();
    late.join().unwrap();
    {
        let mut guard = mutex.lock();
        gort::yield_now();
        *guard += 1;
        say();
    }
    blocking(|| std::thread::sleep(Duration::from_micros(100)));
    say();
    block_on(async { spawn(gort::yield_now).await }).unwrap();
    say();
}

fn many_requests(_: &Runtime) {
    let mutex = Arc::new(Mutex::new(0));
    let group = WaitGroup::new();
    for id in 0..8 {
        let mutex = Arc::clone(&mutex);
        group.go(move || {
            info!("wants -");
            let request = info_span!("request", id).entered();
            give_the_processor_away(|| info!("wants request{{id={id}}}"), &mutex);
            {
                let _query = info_span!("query", row = id * 10).entered();
                let spans = format!("request{{id={id}}}:query{{row={}}}", id * 10);
                give_the_processor_away(|| info!("wants {spans}"), &mutex);
            }
            info!("wants request{{id={id}}}");
            drop(request);
            gort::yield_now();
            info!("wants -");
        });
    }
    group.wait();
}

#[test]
fn lines_of_goroutines_in_one_home_stand_in_their_own_spans() {
    let _alone = listen();
    support::with_homes(&[1], 1, many_requests);
    assert!(check_lines() >= 8 * 20);
}

#[test]
fn lines_stand_in_their_own_spans_with_any_number_of_workers() {
    let _alone = listen();
    support::each(many_requests);
    assert!(check_lines() >= 4 * 8 * 20);
}

/// In its shortest form: one waits inside of a span, another one writes a line.
#[test]
fn a_goroutine_that_parks_leaves_no_span_to_the_next() {
    let _alone = listen();
    support::with_homes(&[1], 1, |_| {
        let (tx, rx) = bounded::<()>(0);
        let waits = spawn(move || {
            let _span = info_span!("mine").entered();
            rx.recv().unwrap();
            info!("wants mine");
        });
        gort::yield_now();
        info!("wants -");
        tx.send(()).unwrap();
        waits.join().unwrap();
        info!("wants -");
    });
    assert_eq!(check_lines(), 3);
}

/// Spans may be entered twice, and end in another order than they began.
#[test]
fn spans_that_are_entered_twice_or_crosswise_come_back() {
    let _alone = listen();
    support::with_homes(&[1], 1, |_| {
        let two = [(); 2].map(|()| {
            spawn(|| {
                let (one, other) = (info_span!("one"), info_span!("other"));
                let outer = one.enter();
                let inner = other.enter();
                let again = one.enter();
                gort::yield_now();
                // A line stands in the innermost span, and that one's parents: it has none.
                info!("wants other");
                drop(outer);
                gort::yield_now();
                info!("wants other");
                drop(again);
                gort::yield_now();
                info!("wants other");
                let crosswise = one.enter();
                drop(inner);
                gort::yield_now();
                info!("wants one");
                drop(crosswise);
                gort::yield_now();
                info!("wants -");
            })
        });
        two.into_iter().for_each(|g| g.join().unwrap());
    });
    assert_eq!(check_lines(), 10);
    assert!(
        lock(&ENTERED).as_ref().is_none_or(HashMap::is_empty),
        "all are closed"
    );
}

/// They run while a park has begun, and must not take its wake-up.
#[test]
fn layers_that_park_and_panic_harm_nobody() {
    support::silence();
    let _alone = listen();
    support::each(|_| {
        let (tx, rx) = bounded(0);
        let waits = spawn(move || {
            let span = info_span!("mine").entered();
            RUDE.store(true, SeqCst);
            let sum: u32 = rx.iter().sum();
            RUDE.store(false, SeqCst);
            info!("wants mine");
            drop(span);
            sum
        });
        for n in 0..20 {
            tx.send(n).unwrap();
        }
        drop(tx);
        assert_eq!(waits.join().unwrap(), 190);
    });
    assert_eq!(check_lines(), 4);
}
