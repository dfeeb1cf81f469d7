//! The contract of `mod.rs` as tests; they run on whichever backend is built.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod callee_saved;
mod look;

use crate::runtime::switch::{Entry, StackBounds, SwitchContext, abi::STACK_ALIGN};
use std::{
    backtrace::Backtrace,
    cell::{Cell, RefCell},
    hint::black_box,
    panic::{self, AssertUnwindSafe},
    ptr::NonNull,
    rc::Rc,
    thread,
};

/// Enough for panics and backtraces with symbols in a debug build.
const LARGE: usize = 1 << 20;
/// Enough for code that neither panics nor formats.
const SMALL: usize = 16 << 10;

/// A stack on the heap, without a guard: each test knows how deep it goes.
struct HeapStack(Box<[u128]>);

impl HeapStack {
    fn new(bytes: usize) -> HeapStack {
        HeapStack(vec![0; bytes / STACK_ALIGN].into_boxed_slice())
    }

    fn bounds(&mut self) -> StackBounds {
        let range = self.0.as_mut_ptr_range();
        StackBounds {
            base: range.start as usize,
            top: range.end as usize,
        }
    }
}

/// The handle through which a body leaves.
#[derive(Clone, Copy)]
struct Inside(*mut SwitchContext);

impl Inside {
    #[inline(never)]
    fn leave(self) {
        // SAFETY: only the body has this handle, and it runs inside.
        unsafe { SwitchContext::leave(self.0) }
    }
}

/// What both sides of a coroutine share, behind raw pointers only.
struct Parts {
    context: SwitchContext,
    stack: HeapStack,
    body: Option<Box<dyn FnOnce(Inside)>>,
    finished: bool,
}

/// A coroutine that runs a closure.
struct Coroutine(NonNull<Parts>);

unsafe extern "C" fn run_body(arg: *mut ()) {
    let parts = arg.cast::<Parts>();
    // SAFETY: `Coroutine::new` passed its own parts, which outlive the run; the enterer is not
    // running.
    let body = unsafe { (*parts).body.take() }.expect("a body");
    // SAFETY: as above.
    body(Inside(unsafe { &raw mut (*parts).context }));
    // SAFETY: as above.
    unsafe { (*parts).finished = true };
}

impl Coroutine {
    fn new(bytes: usize, body: impl FnOnce(Inside) + 'static) -> Coroutine {
        let parts = Box::leak(Box::new(Parts {
            context: SwitchContext::vacant(),
            stack: HeapStack::new(bytes),
            body: Some(Box::new(body)),
            finished: false,
        }));
        let bounds = parts.stack.bounds();
        let parts = NonNull::from(parts);
        // SAFETY: the parts stay in place until `drop`, and nobody else uses this context and
        // stack.
        unsafe {
            SwitchContext::create(
                &raw mut (*parts.as_ptr()).context,
                bounds,
                run_body,
                parts.as_ptr().cast(),
            );
        }
        Coroutine(parts)
    }

    fn enter(&self) {
        assert!(!self.is_finished());
        // SAFETY: created in `new`, not finished, and this handle is not Sync: nobody is inside.
        unsafe { SwitchContext::enter(&raw mut (*self.0.as_ptr()).context) }
    }

    fn is_finished(&self) -> bool {
        // SAFETY: the parts live, and the coroutine is not running.
        unsafe { (*self.0.as_ptr()).finished }
    }

    /// Enters a coroutine that is expected to finish then.
    fn finish(self) {
        self.enter();
        assert!(self.is_finished());
    }
}

impl Drop for Coroutine {
    fn drop(&mut self) {
        // Frames still on the stack: a failed test. They may be referred to, so the stack must
        // stay.
        if self.is_finished() {
            // SAFETY: leaked in `new`; finished, so nothing refers to the parts any more.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        } else {
            assert!(thread::panicking(), "dropped before it has finished");
        }
    }
}

#[test]
fn enter_returns_at_each_leave_and_at_the_end() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let inner = Rc::clone(&log);
    let c = Coroutine::new(SMALL, move |inside| {
        inner.borrow_mut().push("in 1");
        inside.leave();
        inner.borrow_mut().push("in 2");
        inside.leave();
        inner.borrow_mut().push("in 3");
    });
    for out in ["out 1", "out 2", "out 3"] {
        assert!(!c.is_finished());
        c.enter();
        log.borrow_mut().push(out);
    }
    assert!(c.is_finished());
    assert_eq!(
        *log.borrow(),
        ["in 1", "out 1", "in 2", "out 2", "in 3", "out 3"]
    );
}

#[test]
fn a_thousand_coroutines_interleave() {
    const ROUNDS: u64 = 20;
    let sum = Rc::new(Cell::new(0));
    let all: Vec<Coroutine> = (0..1_000u64)
        .map(|number| {
            let sum = Rc::clone(&sum);
            Coroutine::new(SMALL, move |inside| {
                for round in 0..ROUNDS {
                    sum.set(sum.get() + number * ROUNDS + round);
                    inside.leave();
                }
            })
        })
        .collect();
    for _ in 0..ROUNDS {
        all.iter().for_each(Coroutine::enter);
        all.iter().for_each(|c| assert!(!c.is_finished()));
    }
    all.into_iter().for_each(Coroutine::finish);
    let steps = 1_000 * ROUNDS;
    assert_eq!(sum.get(), steps * (steps - 1) / 2);
}

#[test]
fn a_created_coroutine_need_not_run() {
    let mut stack = HeapStack::new(SMALL);
    let mut context = SwitchContext::vacant();
    for _ in 0..2 {
        // SAFETY: it is never entered.
        unsafe {
            SwitchContext::create(&mut context, stack.bounds(), run_body, std::ptr::null_mut())
        };
    }
}

#[test]
fn floating_point_values_survive_on_both_sides() {
    /// Enough values that the compiler keeps some of them in registers.
    fn mix(mut values: [f64; 8], mut cross: impl FnMut()) -> f64 {
        for _ in 0..100 {
            for value in &mut values {
                *value = *value * 0.999 + 0.5;
            }
            cross();
        }
        values.iter().sum()
    }
    let start =
        |seed: f64| black_box([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0].map(|v: f64| v * seed));
    let expected = (mix(start(1.0), || ()), mix(start(-3.0), || ()));

    let inner = Rc::new(Cell::new(0.0));
    let result = Rc::clone(&inner);
    let c = Coroutine::new(SMALL, move |inside| {
        result.set(mix(start(-3.0), || inside.leave()))
    });
    let outer = mix(start(1.0), || c.enter());
    c.finish();
    assert_eq!((outer, inner.get()), expected);
}

/// Stores its stack pointer, as it is at the first instruction, where the argument points.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "C" fn record_sp(arg: *mut ()) {
    // The call has just pushed the return address.
    core::arch::naked_asm!("lea rax, [rsp + 8]", "mov [rdi], rax", "ret")
}

/// Stores its stack pointer, as it is at the first instruction, where the argument points.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
unsafe extern "C" fn record_sp(arg: *mut ()) {
    core::arch::naked_asm!("mov x1, sp", "str x1, [x0]", "ret")
}

#[test]
fn the_stack_is_aligned_and_empty_at_entry() {
    let mut stack = HeapStack::new(SMALL);
    let bounds = stack.bounds();
    let mut context = SwitchContext::vacant();
    let mut sp = 0_usize;
    // SAFETY: context and stack are ours; `record_sp` returns without leaving.
    unsafe {
        SwitchContext::create(
            &mut context,
            bounds,
            record_sp as Entry,
            (&raw mut sp).cast(),
        );
        SwitchContext::enter(&mut context);
    }
    assert_eq!(sp % STACK_ALIGN, 0);
    assert!(sp > bounds.base && sp <= bounds.top);
    // corosensei's own frames, unoptimised, come first.
    let most = if cfg!(gort_switch = "portable") {
        2_048
    } else {
        16
    };
    assert!(
        bounds.top - sp <= most,
        "{} bytes used before the entry",
        bounds.top - sp
    );
}

#[test]
fn a_panic_is_caught_inside() {
    let dropped = Rc::new(Cell::new(0));
    struct CountDrop(Rc<Cell<u32>>);
    impl Drop for CountDrop {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let counter = Rc::clone(&dropped);
    let c = Coroutine::new(LARGE, move |inside| {
        for n in 0..3 {
            let caught = panic::catch_unwind(AssertUnwindSafe(|| {
                let _first = CountDrop(Rc::clone(&counter));
                inside.leave();
                let _second = CountDrop(Rc::clone(&counter));
                panic!("expected by the test: {n}");
            }));
            let message = caught.expect_err("it panicked");
            assert_eq!(
                message.downcast_ref(),
                Some(&format!("expected by the test: {n}"))
            );
        }
    });
    c.enter();
    for n in 1..3 {
        c.enter();
        assert_eq!(dropped.get(), 2 * n);
        assert!(!thread::panicking());
    }
    c.finish();
    assert_eq!(dropped.get(), 6);
}

#[inline(never)]
fn backtrace_leaf() -> String {
    Backtrace::force_capture().to_string()
}

#[inline(never)]
fn backtrace_middle() -> String {
    black_box(backtrace_leaf())
}

/// The function names of a printed backtrace, innermost first.
fn frames(backtrace: &str) -> Vec<&str> {
    let frame = |line: &'_ str| -> Option<usize> {
        let (number, _) = line.trim_start().split_once(": ")?;
        number.parse().ok()
    };
    let numbered = backtrace.lines().filter(|line| frame(line).is_some());
    numbered
        .filter_map(|line| Some(line.split_once(": ")?.1))
        .collect()
}

#[test]
fn a_backtrace_ends_at_the_root() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let inner = Rc::clone(&seen);
    let c = Coroutine::new(LARGE, move |inside| {
        inner.borrow_mut().push(backtrace_middle());
        inside.leave();
        inner.borrow_mut().push(backtrace_middle());
    });
    c.enter();
    c.finish();
    for text in seen.borrow().iter() {
        let frames = frames(text);
        for name in ["backtrace_leaf", "backtrace_middle", "run_body"] {
            assert!(
                frames.iter().any(|frame| frame.contains(name)),
                "no {name}:\n{text}"
            );
        }
        assert!(frames.len() < 100, "{text}");
        // corosensei's goes on into the enterer's stack, down to frames of the C library that may
        // have no names.
        if cfg!(not(gort_switch = "portable")) {
            let last = frames.last().expect("frames");
            assert!(last.contains("switch::isa::root"), "{text}");
            assert!(!text.contains("unknown"), "{text}");
        }
    }
}

/// Takes a suspended coroutine to another thread.
struct Moving(Coroutine);
// SAFETY: the bodies below keep nothing that is tied to a thread alive while they are suspended.
unsafe impl Send for Moving {}

#[test]
fn a_suspended_coroutine_goes_on_on_another_thread() {
    let sum = Box::leak(Box::new(Cell::new(0_usize)));
    let address = &raw mut *sum as usize;
    let c = Coroutine::new(SMALL, move |inside| {
        for n in 1..=100 {
            // SAFETY: the cell is leaked, and the threads take turns.
            let sum = unsafe { &*(address as *const Cell<usize>) };
            sum.set(sum.get() + n);
            inside.leave();
        }
    });
    let mut moving = Moving(c);
    for _ in 0..100 {
        moving = thread::spawn(move || {
            let moving = moving;
            moving.0.enter();
            moving
        })
        .join()
        .expect("no panic");
    }
    moving.0.finish();
    assert_eq!(sum.get(), 5_050);
}

#[test]
fn enters_nest() {
    fn nest(depth: u32, log: Rc<RefCell<Vec<u32>>>, inside: Inside) {
        log.borrow_mut().push(depth);
        if depth > 0 {
            let inner = Rc::clone(&log);
            let c = Coroutine::new(SMALL, move |inside| nest(depth - 1, inner, inside));
            while !c.is_finished() {
                c.enter();
                // To our own enterer, with the inner coroutine suspended or finished.
                inside.leave();
            }
        }
        log.borrow_mut().push(depth);
    }
    let log = Rc::new(RefCell::new(Vec::new()));
    let inner = Rc::clone(&log);
    let c = Coroutine::new(SMALL, move |inside| nest(5, inner, inside));
    let mut entered = 0;
    while !c.is_finished() {
        c.enter();
        entered += 1;
    }
    // A coroutine of depth d is entered once more than the one inside it.
    assert_eq!(entered, 6);
    assert_eq!(*log.borrow(), [5, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4, 5]);
}

#[test]
fn deep_recursion_stays_on_its_stack() {
    #[inline(never)]
    fn deepen(levels: usize, inside: Inside) -> usize {
        let frame = black_box([levels; 128]);
        let below = if levels > 0 {
            deepen(levels - 1, inside)
        } else {
            0
        };
        if levels.is_multiple_of(25) {
            inside.leave();
        }
        assert_eq!(frame, [levels; 128]);
        below + frame.len() * size_of::<usize>()
    }
    let c = Coroutine::new(LARGE, |inside| assert!(deepen(100, inside) > 100 << 10));
    for _ in 0..5 {
        c.enter();
    }
    c.finish();
}

unsafe extern "C" fn add_one(arg: *mut ()) {
    // SAFETY: the test passes its counter.
    unsafe { *arg.cast::<u64>() += 1 };
}

#[test]
fn a_stack_is_reused_a_million_times() {
    let mut stack = HeapStack::new(SMALL);
    let bounds = stack.bounds();
    let mut context = SwitchContext::vacant();
    let mut runs = 0_u64;
    for _ in 0..1_000_000 {
        // SAFETY: context and stack are ours; the last coroutine has finished.
        unsafe {
            SwitchContext::create(&mut context, bounds, add_one, (&raw mut runs).cast());
            SwitchContext::enter(&mut context);
        }
    }
    assert_eq!(runs, 1_000_000);
}

#[test]
fn a_context_is_not_send() {
    /// `IS_SEND` is the inherent constant if `T: Send`, else the trait's.
    trait NotSend {
        const IS_SEND: bool = false;
    }
    struct Probe<T>(std::marker::PhantomData<T>);
    impl<T> NotSend for Probe<T> {}
    #[allow(dead_code)]
    impl<T: Send> Probe<T> {
        const IS_SEND: bool = true;
    }
    const { assert!(Probe::<u8>::IS_SEND && !Probe::<SwitchContext>::IS_SEND) };
}
