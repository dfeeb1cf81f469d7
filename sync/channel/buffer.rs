//! Where a channel keeps its values: a ring for a bounded one, a chain of segments for an unbounded one.
//!
//! Every method runs under the channel's lock, so none allocates, frees or drops a value: a full chain is handed a [`Segment`]
//! that the sender allocated outside the lock ([`Buffer::supply`]), and a used-up one is handed out for the receiver to free.
//! The number of values is the hub's `len`; it is passed in where it matters.

use std::{mem::MaybeUninit, ptr};

/// Values of one segment. A guess: allocation is then a small part of the cost of a send.
const SEGMENT: usize = 32;

/// A channel's values.
pub(crate) enum Buffer<T> {
    /// At most a fixed number of them.
    Ring(Ring<T>),
    /// Any number.
    Chain(Chain<T>),
}

impl<T> Buffer<T> {
    pub(crate) fn ring(capacity: usize) -> Self {
        Self::Ring(Ring { slots: Box::new_uninit_slice(capacity), head: 0 })
    }

    pub(crate) fn chain() -> Self {
        Self::Chain(Chain {
            head: ptr::null_mut(),
            tail: ptr::null_mut(),
            head_at: 0,
            tail_at: 0,
            spare: None,
        })
    }

    /// Whether a push needs [`supply`](Self::supply) first.
    #[inline]
    pub(crate) fn is_starved(&self) -> bool {
        match self {
            Self::Ring(_) => false,
            Self::Chain(chain) => chain.is_starved(),
        }
    }

    /// Gives a segment for a coming push; comes back if one is there already.
    pub(crate) fn supply(&mut self, segment: Box<Segment<T>>) -> Option<Box<Segment<T>>> {
        match self {
            Self::Chain(chain) if chain.spare.is_none() => {
                chain.spare = Some(segment);
                None
            }
            _ => Some(segment),
        }
    }

    /// Appends a value.
    ///
    /// # Safety
    /// There are `len` values, that is less than the ring's capacity; a chain is not starved.
    #[inline]
    pub(crate) unsafe fn push(&mut self, len: usize, value: T) {
        match self {
            Self::Ring(ring) => ring.push(len, value),
            // SAFETY: passed on.
            Self::Chain(chain) => unsafe { chain.push(value) },
        }
    }

    /// Takes the oldest value, and perhaps a segment to be freed outside the lock.
    ///
    /// # Safety
    /// There is a value.
    #[inline]
    pub(crate) unsafe fn pop(&mut self) -> (T, Option<Box<Segment<T>>>) {
        match self {
            // SAFETY: passed on.
            Self::Ring(ring) => (unsafe { ring.pop() }, None),
            // SAFETY: passed on.
            Self::Chain(chain) => unsafe { chain.pop() },
        }
    }
}

/// A ring of `slots.len()` places; the values start at `head`.
pub(crate) struct Ring<T> {
    slots: Box<[MaybeUninit<T>]>,
    head: usize,
}

impl<T> Ring<T> {
    #[inline]
    fn push(&mut self, len: usize, value: T) {
        // `head + len` could overflow: a ring of a zero-sized type may have usize::MAX places.
        let ahead = self.slots.len() - self.head;
        let at = if len < ahead { self.head + len } else { len - ahead };
        self.slots[at].write(value);
    }

    /// # Safety
    /// There is a value.
    #[inline]
    unsafe fn pop(&mut self) -> T {
        // SAFETY: the place at `head` is filled, by the caller's promise, and is not read again before it is refilled.
        let value = unsafe { self.slots[self.head].assume_init_read() };
        self.head += 1;
        if self.head == self.slots.len() {
            self.head = 0;
        }
        value
    }
}

/// A piece of a chain.
pub(crate) struct Segment<T> {
    next: *mut Segment<T>,
    slots: [MaybeUninit<T>; SEGMENT],
}

impl<T> Segment<T> {
    /// A fresh segment, built in place (a large `T` must not pass over the stack).
    pub(crate) fn allocate() -> Box<Self> {
        let mut segment = Box::<Self>::new_uninit();
        // SAFETY: `next` is the only field that needs a value; the slots are `MaybeUninit`.
        unsafe {
            (&raw mut (*segment.as_mut_ptr()).next).write(ptr::null_mut());
            segment.assume_init()
        }
    }
}

/// A linked list of segments: values from `head[head_at]` to `tail[tail_at]`, exclusive. Before the first push both are null.
pub(crate) struct Chain<T> {
    head: *mut Segment<T>,
    tail: *mut Segment<T>,
    head_at: usize,
    tail_at: usize,
    /// The next segment, so that a channel that runs half full neither allocates nor frees.
    spare: Option<Box<Segment<T>>>,
}

impl<T> Chain<T> {
    #[inline]
    fn is_starved(&self) -> bool {
        (self.tail.is_null() || self.tail_at == SEGMENT) && self.spare.is_none()
    }

    /// # Safety
    /// The chain is not starved.
    #[inline]
    unsafe fn push(&mut self, value: T) {
        if self.tail.is_null() || self.tail_at == SEGMENT {
            self.extend();
        }
        // SAFETY: there is a tail now, owned by the chain, with a free place at `tail_at`.
        unsafe { (*self.tail).slots[self.tail_at].write(value) };
        self.tail_at += 1;
    }

    fn extend(&mut self) {
        let segment = Box::into_raw(self.spare.take().expect("a starved chain was pushed to"));
        // SAFETY: the segment is ours; the old tail, if any, is too.
        unsafe {
            (*segment).next = ptr::null_mut();
            if self.tail.is_null() {
                self.head = segment;
            } else {
                (*self.tail).next = segment;
            }
        }
        self.tail = segment;
        self.tail_at = 0;
    }

    /// # Safety
    /// There is a value.
    #[inline]
    unsafe fn pop(&mut self) -> (T, Option<Box<Segment<T>>>) {
        // SAFETY: there is a value, so there is a head, and its place `head_at` is filled; it is not read again.
        let value = unsafe { (*self.head).slots[self.head_at].assume_init_read() };
        self.head_at += 1;
        let mut used_up = None;
        if self.head == self.tail {
            if self.head_at == self.tail_at {
                // Empty: start over in the same, warm segment.
                (self.head_at, self.tail_at) = (0, 0);
            }
        } else if self.head_at == SEGMENT {
            // SAFETY: the head came from `Box::into_raw`, has a successor, and is left for good.
            let old = unsafe { Box::from_raw(self.head) };
            self.head = old.next;
            self.head_at = 0;
            used_up = self.spare.replace(old);
        }
        (value, used_up)
    }
}

impl<T> Drop for Chain<T> {
    /// Frees the segments; values still in them are the business of [`Leftovers`].
    fn drop(&mut self) {
        let mut segment = self.head;
        while !segment.is_null() {
            // SAFETY: every linked segment came from `Box::into_raw` and is freed once.
            segment = unsafe { Box::from_raw(segment) }.next;
        }
    }
}

/// The values of a channel that nobody will receive: dropping this drops them. Never under a lock.
pub(crate) struct Leftovers<T> {
    pub(crate) buffer: Buffer<T>,
    pub(crate) len: usize,
}

impl<T> Drop for Leftovers<T> {
    fn drop(&mut self) {
        while self.len > 0 {
            // Counted down first: when a value's destructor panics the rest leaks, and nothing is dropped twice.
            self.len -= 1;
            // SAFETY: there was a value left.
            drop(unsafe { self.buffer.pop() });
        }
    }
}
