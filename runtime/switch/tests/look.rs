//! An unwinder walks the frames of a suspended coroutine from outside.

use super::{Coroutine, Inside, LARGE, SMALL, SwitchContext};
use std::{hint::black_box, ptr};

/// What an unwinder finds from inside `SwitchContext::look`: addresses, innermost first; and the
/// one that it was told.
fn look_into(c: &Coroutine) -> Option<(Vec<usize>, usize)> {
    let mut seen = (Vec::new(), 0);
    // SAFETY: suspended, and nobody enters it meanwhile. Unwinding does not panic.
    let looked = unsafe {
        SwitchContext::look(&raw const (*c.0.as_ptr()).context, |pc| {
            seen.1 = pc;
            backtrace::trace(|frame| {
                seen.0.push(frame.ip().addr());
                true
            });
        })
    };
    looked.then_some(seen)
}

#[inline(never)]
fn leave_below(inside: Inside, n: usize) -> usize {
    let frame = [n; 20];
    if n == 0 {
        inside.leave();
    } else {
        black_box(leave_below(inside, n - 1));
    }
    black_box(&frame).iter().sum()
}

#[test]
fn a_look_finds_the_frames_of_a_suspended_coroutine() {
    let c = Coroutine::new(LARGE, |inside| {
        for round in 1..4 {
            assert_eq!(leave_below(inside, round), 20 * round);
        }
    });
    for round in 1..4 {
        c.enter();
        let looked = look_into(&c);
        assert_eq!(looked.is_none(), cfg!(gort_switch = "portable"));
        let Some((addresses, pc)) = looked else {
            continue;
        };
        let first = addresses.iter().position(|&ip| ip == pc);
        let first = first.unwrap_or_else(|| panic!("{pc:x} is not in {addresses:x?}"));
        let mut names = Vec::new();
        for &ip in &addresses[first..] {
            backtrace::resolve(ptr::without_provenance_mut(ip), |symbol| {
                names.push(symbol.name().map(|n| n.to_string()).unwrap_or_default());
            });
        }
        let count = |part: &str| names.iter().filter(|n| n.contains(part)).count();
        assert_eq!(count("leave_below"), round + 1, "{names:#?}");
        assert_eq!(count("run_body"), 1, "{names:#?}");
        assert!(names.last().unwrap().contains("isa::root"), "{names:#?}");
        assert_eq!(count("look_into"), 0, "{names:#?}");
    }
    c.finish();
}

#[test]
fn a_look_leaves_the_stack_as_it_is() {
    let c = Coroutine::new(SMALL, |inside| {
        leave_below(inside, 3);
    });
    c.enter();
    // SAFETY: suspended: nobody writes to its stack.
    let copy = || unsafe { (*c.0.as_ptr()).stack.0.to_vec() };
    let before = copy();
    let _ = look_into(&c);
    assert!(before == copy());
    c.finish();
}
