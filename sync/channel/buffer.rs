//! Where a channel keeps its values: a ring for a bounded one, a chain of segments for an unbounded
//! one.
//!
//! Every method runs under the channel's lock, so none allocates, frees or drops a value: a full
//! chain is handed a [`Segment`] that the sender allocated outside the lock ([`Buffer::supply`]),
//! and a used-up one is handed out for the receiver to free. The number of values is the core's
//! `len`; it is passed in where it matters.

use std::{mem::MaybeUninit, ptr};

/// Values of one segment. A guess: allocation is then a small part of the cost of a send.
const SEGMENT: usize = 32;

/// So many operations in a row that find no reason to park may pass until the next look at whether
/// others should have a turn. A guess.
const LAP: usize = 64;

/// A channel's values.
pub(crate) enum Buffer<T> {
    /// At most a fixed number of them.
    Ring(Ring<T>),
    /// Any number.
    Chain(Chain<T>),
}

impl<T> Buffer<T> {
    pub(crate) fn ring(capacity: usize) -> Self {
        Self::Ring(Ring {
            slots: Box::new_uninit_slice(capacity),
            head: 0,
        })
    }

    pub(crate) fn chain() -> Self {
        Self::Chain(Chain {
            head: ptr::null_mut(),
            tail: ptr::null_mut(),
            head_at: 0,
            tail_at: 0,
            _tag: RoomForTag::Chain,
            spare: None,
        })
    }

    /// Where the next value goes, after `len` others; none if a chain is starved. The caller fills
    /// it. There is room.
    #[inline(always)]
    pub(crate) fn place(&mut self, len: usize) -> Option<Place<T>> {
        match self {
            Self::Ring(ring) => Some(Place {
                is_lap: ring.head.wrapping_add(len) % LAP == 0,
                at: ring.end(len),
            }),
            Self::Chain(chain) if chain.is_starved() => None,
            // A push to a chain never parks, and so never yields either.
            Self::Chain(chain) => Some(Place {
                is_lap: false,
                at: chain.end(),
            }),
        }
    }

    /// Whether a pop is one of those before which a receiver lets others run.
    #[inline]
    pub(crate) fn pop_is_lap(&self) -> bool {
        match self {
            Self::Ring(ring) => ring.head % LAP == 0,
            Self::Chain(chain) => chain.head_at == 0,
        }
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

    /// Moves a value in, to the end.
    ///
    /// # Safety
    /// There are `len` values, that is less than the ring's capacity; a chain is not starved.
    /// `from` holds a value, which is gone then.
    #[inline]
    pub(crate) unsafe fn push(&mut self, len: usize, from: *const T) {
        let place = self.place(len).expect("a starved chain was pushed to");
        // SAFETY: the place is the buffer's own and free, and `from` holds a value.
        unsafe { place.at.copy_from_nonoverlapping(from, 1) };
    }

    /// Moves the oldest value out; perhaps returns a segment to be freed outside the lock.
    ///
    /// # Safety
    /// There is a value. `to` is free for one.
    #[inline]
    pub(crate) unsafe fn pop(&mut self, to: *mut T) -> Option<Box<Segment<T>>> {
        match self {
            Self::Ring(ring) => {
                // SAFETY: the place at `head` is filled, and is not read again before it is
                // refilled.
                unsafe { to.copy_from_nonoverlapping(ring.start(), 1) };
                None
            }
            Self::Chain(chain) => {
                // SAFETY: there is a value, so there is a head whose place `head_at` is filled; it
                // is not read again.
                unsafe {
                    to.copy_from_nonoverlapping(chain.start(), 1);
                    chain.advance()
                }
            }
        }
    }
}

/// A free place of a buffer.
pub(crate) struct Place<T> {
    pub(crate) at: *mut T,
    /// Whether a sender that has filled it lets others run.
    pub(crate) is_lap: bool,
}

/// A ring of `slots.len()` places; the values start at `head`.
pub(crate) struct Ring<T> {
    slots: Box<[MaybeUninit<T>]>,
    head: usize,
}

impl<T> Ring<T> {
    /// The free place after `len` values.
    #[inline]
    fn end(&mut self, len: usize) -> *mut T {
        // `head + len` could overflow: a ring of a zero-sized type may have usize::MAX places.
        let ahead = self.slots.len() - self.head;
        let at = if len < ahead {
            self.head + len
        } else {
            len - ahead
        };
        self.slots[at].as_mut_ptr()
    }

    /// The place of the oldest value, which is then given up.
    #[inline]
    fn start(&mut self) -> *const T {
        let at = self.head;
        self.head += 1;
        if self.head == self.slots.len() {
            self.head = 0;
        }
        self.slots[at].as_ptr()
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

/// Where a [`Buffer`] keeps which of the two it is, so that it needs no word of its own for that.
#[derive(Clone, Copy)]
#[repr(u8)]
enum RoomForTag {
    Chain,
}

/// A linked list of segments: values from `head[head_at]` to `tail[tail_at]`, exclusive. Before the
/// first push both are null.
pub(crate) struct Chain<T> {
    head: *mut Segment<T>,
    tail: *mut Segment<T>,
    /// At most [`SEGMENT`], as `tail_at`. Small, so that all of a channel but its values fits into
    /// two lines of the cache.
    head_at: u16,
    tail_at: u16,
    _tag: RoomForTag,
    /// The next segment, so that a channel that runs half full neither allocates nor frees.
    spare: Option<Box<Segment<T>>>,
}

impl<T> Chain<T> {
    #[inline]
    fn is_starved(&self) -> bool {
        (self.tail.is_null() || usize::from(self.tail_at) == SEGMENT) && self.spare.is_none()
    }

    /// The next free place; the chain is not starved.
    #[inline]
    fn end(&mut self) -> *mut T {
        if self.tail.is_null() || usize::from(self.tail_at) == SEGMENT {
            self.extend();
        }
        let at = usize::from(self.tail_at);
        self.tail_at += 1;
        // SAFETY: there is a tail now, owned by the chain.
        unsafe { (&mut (*self.tail).slots)[at].as_mut_ptr() }
    }

    #[cold]
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

    /// The place of the oldest value.
    ///
    /// # Safety
    /// There is a value.
    #[inline]
    unsafe fn start(&self) -> *const T {
        // SAFETY: there is a value, so there is a head, owned by the chain.
        unsafe { (&(*self.head).slots)[usize::from(self.head_at)].as_ptr() }
    }

    /// Gives up the place of the oldest value, which has been moved out.
    ///
    /// # Safety
    /// There was a value.
    #[inline]
    unsafe fn advance(&mut self) -> Option<Box<Segment<T>>> {
        self.head_at += 1;
        if self.head == self.tail {
            if self.head_at == self.tail_at {
                // Empty: start over in the same, warm segment.
                (self.head_at, self.tail_at) = (0, 0);
            }
            return None;
        }
        if usize::from(self.head_at) < SEGMENT {
            return None;
        }
        // SAFETY: the head came from `Box::into_raw`, has a successor, and is left for good.
        let old = unsafe { Box::from_raw(self.head) };
        self.head = old.next;
        self.head_at = 0;
        self.spare.replace(old)
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
///
/// If the destructor of one panics, those after it are leaked, as `crossbeam_channel` does: to drop
/// them while the panic unwinds would end the process if one more of them panics.
pub(crate) struct Leftovers<T> {
    pub(crate) buffer: Buffer<T>,
    pub(crate) len: usize,
}

impl<T> Drop for Leftovers<T> {
    fn drop(&mut self) {
        while self.len > 0 {
            self.len -= 1;
            let mut value = MaybeUninit::<T>::uninit();
            // SAFETY: there was a value left, which is now in `value`, and counted as gone.
            drop(unsafe { self.buffer.pop(value.as_mut_ptr()) });
            // SAFETY: `value` is filled, and is dropped once.
            unsafe { value.assume_init_drop() };
        }
    }
}
