//! The contract of `mod.rs` as tests; they run on whichever backend is built.

use super::{Context, Entry, STACK_ALIGN, StackBounds};
use std::{
    backtrace::Backtrace,
    cell::Cell,
    hint::black_box,
    panic::{self, AssertUnwindSafe},
    ptr, thread,
};

/// Enough for a backtrace with symbols in a debug build.
const LARGE: usize = 1 << 20;
/// Enough for code that does not panic.
const SMALL: usize = 16 << 10;

/// A stack on the heap, without a guard: tests know how deep they go.
struct HeapStack(Box<[u128]>);

impl HeapStack {
    fn new(bytes: usize) -> HeapStack {
        HeapStack(vec![0; bytes / 16].into_boxed_slice())
    }

    fn bounds(&mut self) -> StackBounds {
        let range = self.0.as_mut_ptr_range();
        StackBounds {
            base: range.start as usize,
            top: range.end as usize,
        }
    }
}

/// A coroutine that runs a closure, which is given the context to leave through.
struct Coroutine {
    context: Box<Context>,
    body: Option<Box<dyn FnOnce(Inside)>>,
    finished: Cell<bool>,
    stack: HeapStack,
}

/// The handle for leaving.
#[derive(Clone, Copy)]
struct Inside(*mut Context);

impl Inside {
    #[inline(never)]
    fn leave(self) {
        // SAFETY: only the body has this handle, and it runs inside.
        unsafe { Context::leave(self.0) }
    }
}

unsafe extern "C" fn run_body(arg: *mut ()) {
    let this = arg.cast::<Coroutine>();
    // SAFETY: `Coroutine::new` passed its own box, which outlives the run; the enterer does not touch these fields meanwhile.
    let (body, inside) = unsafe { ((*this).body.take(), Inside(&raw mut *(*this).context)) };
    body.expect("a body")(inside);
    // SAFETY: as above.
    unsafe { (*this).finished.set(true) };
}

impl Coroutine {
    fn new(bytes: usize, body: impl FnOnce(Inside) + 'static) -> Box<Coroutine> {
        Self::on(HeapStack::new(bytes), body)
    }

    fn on(stack: HeapStack, body: impl FnOnce(Inside) + 'static) -> Box<Coroutine> {
        let mut this = Box::new(Coroutine {
            context: Box::new(Context::vacant()),
            body: Some(Box::new(body)),
            finished: Cell::new(false),
            stack,
        });
        let arg = (&raw mut *this).cast();
        let bounds = this.stack.bounds();
        // SAFETY: context and stack live in this box and are used by nobody else.
        unsafe { Context::create(&mut *this.context, bounds, run_body, arg) };
        this
    }

    fn enter(&mut self) {
        assert!(!self.finished.get());
        // SAFETY: created in `new`, not finished; `&mut` excludes a second enterer.
        unsafe { Context::enter(&mut *self.context) }
    }
}

impl Drop for Coroutine {
    fn drop(&mut self) {
        assert!(
            self.finished.get() || thread::panicking(),
            "dropped with frames on its stack"
        );
    }
}

#[test]
fn enter_returns_at_each_leave_and_at_the_end() {
    use std::{cell::RefCell, rc::Rc};
    let log = Rc::new(RefCell::new(Vec::new()));
    let inner = Rc::clone(&log);
    let mut c = Coroutine::new(LARGE, move |inside| {
        inner.borrow_mut().push("in 1");
        inside.leave();
        inner.borrow_mut().push("in 2");
        inside.leave();
        inner.borrow_mut().push("in 3");
    });
    for out in ["out 1", "out 2", "out 3"] {
        c.enter();
        log.borrow_mut().push(out);
    }
    assert!(c.finished.get());
    assert_eq!(
        *log.borrow(),
        ["in 1", "out 1", "in 2", "out 2", "in 3", "out 3"]
    );
}
