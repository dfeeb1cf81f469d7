//! Tests of what is told of a stuck goroutine.

use super::*;
use std::{num::NonZeroU64, thread};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

fn stuck(name: Option<&str>, site: Option<&'static Location<'static>>, waiting: usize) -> Stuck {
    Stuck {
        goroutine: GoroutineId::new(NonZeroU64::new(18).unwrap()),
        name: name.map(Arc::from),
        site,
        ran_for: Duration::from_millis(1234),
        waiting,
        doing: Some("in the system call futex".to_owned()),
    }
}

#[test]
fn the_line_has_all_that_is_known() {
    let site = Location::caller();
    let text = stuck(Some("mailer"), Some(site), 3).to_string();
    let start = format!(
        "goroutine 18 \"mailer\", spawned at {site}, has kept its thread for 1234 ms \
         while at least 3 others wait; it is in the system call futex. usual causes: "
    );
    assert!(text.starts_with(&start), "{text}");
    for cause in ["parking_lot lock", "blocking", "yield_if_due"] {
        assert!(text.contains(cause), "{text}");
    }
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn the_line_leaves_out_what_is_not_known() {
    let text = Stuck {
        doing: None,
        ..stuck(None, None, 1)
    }
    .to_string();
    let start = "goroutine 18 has kept its thread for 1234 ms while at least 1 other waits; \
         it is running. usual causes: ";
    assert!(text.starts_with(start), "{text}");
}

#[test]
fn the_programs_function_is_told_all() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hook = {
        let told = Arc::clone(&told);
        StuckHook::new(move |stuck| told.lock().unwrap().push(stuck.clone()))
    };
    let site = Location::caller();
    hook.report(&stuck(Some("mailer"), Some(site), 3));
    hook.clone().report(&stuck(None, None, 1));
    let told = told.lock().unwrap();
    let [first, second] = &told[..] else {
        panic!("told {} times", told.len());
    };
    assert_eq!(first.goroutine().as_u64(), 18);
    assert_eq!((first.name(), second.name()), (Some("mailer"), None));
    assert_eq!((first.site(), second.site()), (Some(site), None));
    assert_eq!((first.waiting(), second.waiting()), (3, 1));
    assert_eq!(first.ran_for(), Duration::from_millis(1234));
    assert_eq!(first.doing(), "in the system call futex");
}

#[test]
fn ten_lines_are_said_in_a_second_and_the_last_one_says_so() {
    let mut lines = Lines::new();
    let start = Instant::now();
    let mut say_after = |ms| lines.next(start + Duration::from_millis(ms));
    for second in [0, 1000, 5000] {
        for at in 0..9 {
            assert_eq!(say_after(second + at), Say::Line);
        }
        assert_eq!(say_after(second + 500), Say::LastLine);
        assert_eq!(say_after(second + 600), Say::Nothing);
        assert_eq!(say_after(second + 999), Say::Nothing);
    }
}

/// A payload that must not be dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("deliberate: the payload's destructor");
    }
}

#[test]
fn a_panic_of_the_programs_function_ends_there() {
    let hook = StuckHook::new(|_| panic::panic_any(Bomb));
    hook.report(&stuck(None, None, 1));
    assert!(!thread::panicking());
}

#[test]
fn hooks_are_equal_if_they_call_the_same_function() {
    let one = StuckHook::new(|_| ());
    let other = StuckHook::new(|_| ());
    assert_eq!(StuckHook::default(), StuckHook::default());
    assert_eq!(one, one.clone());
    assert_ne!(one, other);
    assert_ne!(one, StuckHook::default());
}

/// Keeps the fields of events, as `name=value`.
struct Listener(Arc<Mutex<Vec<String>>>);

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        struct Fields(Vec<String>);
        impl Visit for Fields {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                self.0.push(format!("{field}={value:?}"));
            }
        }
        assert_eq!(event.metadata().target(), "gort");
        let mut fields = Fields(Vec::new());
        event.record(&mut fields);
        self.0.lock().unwrap().extend(fields.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[test]
fn who_listens_to_events_is_told_all() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let site = Location::caller();
    tracing::subscriber::with_default(Listener(Arc::clone(&heard)), || {
        StuckHook::default().report(&stuck(Some("mailer"), Some(site), 3));
    });
    let heard = heard.lock().unwrap();
    let expected = [
        "goroutine=18".to_owned(),
        "name=\"mailer\"".to_owned(),
        format!("site={site}"),
        "stuck_for_ms=1234".to_owned(),
        "waiting=3".to_owned(),
        "doing=\"in the system call futex\"".to_owned(),
    ];
    for field in &expected {
        assert!(heard.contains(field), "{field} in {heard:?}");
    }
}
