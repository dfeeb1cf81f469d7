//! What the macros promise: when each operand of `go!` is evaluated, what it accepts, and that
//! `test` keeps a test a test.

use gort::{JoinHandle, go, runtime, sync::channel::bounded};
use std::{
    error::Error,
    num::ParseIntError,
    process::Termination,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

fn add(a: i32, b: i32) -> i32 {
    a + b
}

#[derive(Default)]
struct Counter {
    n: i32,
}

impl Counter {
    fn bump(&mut self, by: i32) -> i32 {
        self.n += by;
        self.n
    }

    fn shared(self: Arc<Self>) -> i32 {
        self.n
    }
}

/// What a goroutine returned.
fn joined<T>(handle: JoinHandle<T>) -> T {
    handle.join().expect("the goroutine does not panic")
}

#[gort::test(workers = 1)]
fn a_call_runs_in_the_goroutine_and_its_operands_before() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |n: i32| {
        order.lock().unwrap().push(n);
        n
    };
    let last = Arc::clone(&order);
    let callee = |_: i32, _: i32| move |_: i32| last.lock().unwrap().push(4);
    let handle = go!(callee(note(1), note(2))(note(3)));
    assert_eq!(order.lock().unwrap().as_slice(), [1, 2, 3]);
    joined(handle);
    assert_eq!(order.lock().unwrap().as_slice(), [1, 2, 3, 4]);
}

#[gort::test]
fn temporaries_of_operands_end_before_the_spawn() {
    let lock = Mutex::new(1);
    let handle = go!(add(*lock.lock().unwrap(), 1));
    assert!(lock.try_lock().is_ok());
    assert_eq!(joined(handle), 2);
}

#[gort::test]
fn calls_take_any_callee() {
    fn zero<T: Default>(_: T) -> T {
        T::default()
    }
    struct Tuple(i32);
    struct Field {
        f: fn(i32, i32) -> i32,
    }
    assert_eq!(joined(go!(zero::<u8>(7))), 0);
    assert_eq!(joined(go!(Tuple(7))).0, 7);
    let field = Field { f: add };
    assert_eq!(joined(go!((field.f)(1, 2))), 3);
    let table: [fn(i32, i32) -> i32; 1] = [add];
    assert_eq!(joined(go!(table[0](1, 2))), 3);
    let mut calls = 0;
    let count = move || {
        calls += 1;
        calls
    };
    let boxes: Vec<Box<dyn FnMut() -> i32 + Send>> = vec![Box::new(count)];
    assert_eq!(joined(go!(boxes.into_iter().next().unwrap()())), 1);
}

#[gort::test]
fn arguments_are_coerced_and_inferred_as_in_a_plain_call() {
    fn length(of: &'static [u64]) -> usize {
        of.len()
    }
    fn apply(f: impl Fn(&str) -> usize) -> usize {
        f("abc")
    }
    fn boxed(f: Box<dyn Fn() -> i32 + Send>) -> i32 {
        f()
    }
    assert_eq!(joined(go!(length(&[1, 2, 3]))), 3);
    assert_eq!(joined(go!(apply(|s| s.len()))), 3);
    assert_eq!(joined(go!(boxed(Box::new(|| 4)))), 4);
    assert_eq!(joined(go!(add("5".parse().unwrap(), -1))), 4);
}

#[gort::test]
fn methods_move_their_receiver() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let mut counter = Counter::default();
    assert_eq!(joined(go!(counter.bump(2))), 2);
    assert_eq!(joined(go!(Counter { n: 1 }.bump(2))), 3);
    let shared = Arc::new(Counter { n: 9 });
    assert_eq!(joined(go!(Arc::clone(&shared).shared())), 9);
    assert_eq!(joined(go!(shared.shared())), 9);
    joined(go!(CALLS.fetch_add(5, Ordering::Relaxed)));
    assert_eq!(CALLS.load(Ordering::Relaxed), 5);
}

#[gort::test]
fn values_are_spawned_as_they_are() {
    fn make() -> impl FnOnce() -> i32 + Send {
        || 6
    }
    let value = make();
    assert_eq!(joined(go!(value)), 6);
    assert_eq!(joined(go!(make()())), 6);
    let text = String::from("here");
    assert_eq!(joined(go!(move || text.len())), 4);
    assert_eq!(joined(go!(|| 1)), 1);
}

#[gort::test]
fn blocks_run_whole_in_the_goroutine() {
    let (tx, rx) = bounded(0);
    let sum = go!({
        let mut sum = 0;
        for v in &rx {
            sum += v;
        }
        sum
    });
    go! {
        tx.send(1).unwrap();
        tx.send(2).unwrap();
    };
    assert_eq!(joined(sum), 3);
    let i = 3;
    joined(go!(println!("{i}")));
    let (tx, rx) = bounded(1);
    go!(for v in 0..3 {
        tx.send(v).unwrap();
    });
    assert_eq!(rx.iter().collect::<Vec<_>>(), [0, 1, 2]);
}

#[gort::test]
fn return_and_question_mark_end_the_block_only() {
    let parse = |text: &'static str| {
        go!({
            let n: i32 = text.parse()?;
            if n > 3 {
                return Ok(3);
            }
            Ok::<_, ParseIntError>(n)
        })
    };
    assert_eq!(joined(parse("9")), Ok(3));
    assert_eq!(joined(parse("1")), Ok(1));
    assert!(joined(parse("x")).is_err());
}

#[gort::test]
fn names_do_not_clash() {
    let operand0 = 3;
    assert_eq!(joined(go!(add(operand0 + 1, operand0))), 7);
    macro_rules! forward {
        ($e:expr) => {
            go!($e)
        };
    }
    assert_eq!(joined(forward!(add(3, 4))), 7);
    assert_eq!(joined(forward!(move || 4)), 4);
}

#[gort::test]
fn the_spawn_site_is_the_users_line() {
    let (tx, rx) = bounded::<()>(0);
    let (line, handle) = (line!(), go!(rx.recv()));
    while !runtime::dump().contains(&format!("{}:{line}", file!())) {
        gort::yield_now();
    }
    drop(tx);
    assert!(joined(handle).is_err());
}

const STACK: usize = 1 << 18;

#[runtime::test(workers = 2, homes = 5, stack_size = STACK * 2, panic = "isolate", deadlock = "exit")]
fn a_test_runs_with_its_options() {
    assert_eq!(runtime::workers(), 2);
}

#[gort::test]
#[should_panic(expected = "as asked: 1")]
fn a_test_that_should_panic_panics() {
    panic!("as asked: {}", 1);
}

#[gort::test]
#[ignore = "it would fail: that it is not run is the test"]
fn an_ignored_test_is_ignored() {
    unreachable!();
}

#[gort::test]
fn a_test_returns_a_result_that_is_not_send() -> Result<(), Box<dyn Error>> {
    let n: i32 = "3".parse()?;
    assert_eq!(n, 3);
    Ok(())
}

#[gort::test]
fn a_test_returns_any_termination() -> impl Termination {
    std::process::ExitCode::SUCCESS
}
