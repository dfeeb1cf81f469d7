//! Tests of the arenas: what they map, carve, and give back.

use super::*;
use std::collections::HashSet;

fn stacks(n: usize) -> (Arena, Vec<Stack>) {
    let class = SizeClass::for_bytes(65_536).unwrap();
    let mut arena = Arena::map(7, class, n).unwrap();
    let mut carved = arena.reserve(n).unwrap().guard();
    let stacks = std::mem::take(&mut carved.stacks);
    arena.settle(carved);
    (arena, stacks)
}

#[test]
fn slots_are_disjoint_and_all_usable() {
    let (mut arena, stacks) = stacks(100);
    assert_eq!((stacks.len(), arena.outside()), (100, 100));
    let mut ranges: Vec<_> = stacks.iter().map(|s| (s.guard(), s.range())).collect();
    ranges.sort_by_key(|(g, _)| g.start);
    for pair in ranges.windows(2) {
        assert!(pair[0].1.end <= pair[1].0.start);
    }
    for stack in &stacks {
        let len = stack.top().addr().get() - stack.base().addr().get();
        assert!(len > stack.class().usable() - 1024);
        // SAFETY: the stack is the test's, and nobody is on it.
        unsafe { stack.base().write_bytes(0x5a, len) };
    }
    for stack in stacks {
        arena.put_cold(stack);
    }
    assert!(arena.is_free());
    arena.unmap();
}

#[test]
fn tops_are_coloured_and_aligned() {
    let (_arena, stacks) = stacks(64);
    let mut lines = HashSet::new();
    for stack in &stacks {
        let top = stack.top().addr().get();
        assert_eq!(top % COLOUR_BYTES, 0);
        let below = stack.range().end - top;
        assert!(below < COLOURS * COLOUR_BYTES);
        lines.insert(below);
    }
    assert_eq!(lines.len(), COLOURS);
}

#[test]
fn discarded_stacks_read_as_zeroes_and_keep_their_guards() {
    let (_arena, mut stacks) = stacks(40);
    drop(stacks.swap_remove(20));
    stacks.iter_mut().for_each(|s| s.write_both_ends(1));
    assert_eq!(discard(&mut stacks), 39);
    for stack in &stacks {
        assert_eq!(stack.read_both_ends(), (0, 0));
        #[cfg(target_os = "linux")]
        // SAFETY: the guard's pages are mapped and hold nothing.
        assert!(!unsafe { guard::writable(stack.base().sub(guard::page_size())) });
    }
}

#[test]
#[should_panic(expected = "stacks outside")]
fn an_arena_in_use_is_not_unmapped() {
    let (arena, _stacks) = stacks(2);
    arena.unmap();
}
