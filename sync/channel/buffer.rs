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

/// After how many operations that found no reason to park the goroutine looks whether it has run
/// for so long that others should have the worker. A guess.
const LAP: usize = 64;

/// A channel's values.
pub(crate) enum Buffer<T> {
    /// At most a fixed number of them.
    Ring(ValueRing<T>),
    /// Any number.
    Chain(ValueChain<T>),
}

impl<T> Buffer<T> {
    pub(crate) fn ring(capacity: usize) -> Self {
        Self::Ring(ValueRing {
            slots: Box::new_uninit_slice(capacity),
            head: 0,
        })
    }

    pub(crate) fn chain() -> Self {
        Self::Chain(ValueChain {
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
    pub(crate) fn place(&mut self, len: usize) -> Option<FreePlace<T>> {
        match self {
            Self::Ring(ring) => Some(FreePlace {
                is_lap: ring.head.wrapping_add(len) % LAP == 0,
                at: ring.end(len),
            }),
            Self::Chain(chain) if chain.is_starved() => None,
            // A push to a chain never parks, and so never yields either.
            Self::Chain(chain) => Some(FreePlace {
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
pub(crate) struct FreePlace<T> {
    /// Where the value goes.
    pub(crate) at: *mut T,
    /// Whether a sender that has filled it lets others run.
    pub(crate) is_lap: bool,
}

/// A ring of `slots.len()` places. Its fields are written under the channel's lock only.
pub(crate) struct ValueRing<T> {
    /// The places. From `head` on, around the end, `len` of them are filled.
    slots: Box<[MaybeUninit<T>]>,
    /// The place of the oldest value. A receive moves it on.
    head: usize,
}

impl<T> ValueRing<T> {
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
    /// The segment that was filled after this one; null in the chain's last.
    next: *mut Segment<T>,
    /// The places, filled and emptied from the first to the last.
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

/// A linked list of segments: values from `head[head_at]` to `tail[tail_at]`, exclusive. Its fields
/// are written under the channel's lock only.
pub(crate) struct ValueChain<T> {
    /// The segment of the oldest value, which receives empty; null before the first push.
    head: *mut Segment<T>,
    /// The segment that sends fill; null before the first push.
    tail: *mut Segment<T>,
    /// The place of the oldest value in `head`. A small number, at most [`SEGMENT`], as `tail_at`
    /// is, so that all of a channel but its values fits into two lines of the cache.
    head_at: u16,
    /// The next free place in `tail`; `SEGMENT` if there is none.
    tail_at: u16,
    _tag: RoomForTag,
    /// An empty segment for `tail` to be followed by. A sender brings it, or a receiver that has
    /// emptied one leaves it, so that a channel whose length stays about the same neither allocates
    /// nor frees.
    spare: Option<Box<Segment<T>>>,
}

impl<T> ValueChain<T> {
    /// Whether there is no place for another value, and no segment to be added.
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

    /// Makes the spare segment the last one.
    #[cold]
    fn extend(&mut self) {
        let segment = Box::into_raw(self.spare.take().expect("a starved chain was pushed to"));
        // SAFETY: the segment is ours; the old tail, if any, is too.
        unsafe {
            (*segment).next = ptr::null_mut();
            // The first segment of all is where receives begin, too.
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
        // The last segment is never given up: sends go on in it.
        if self.head == self.tail {
            if self.head_at == self.tail_at {
                // Empty: start over in the same segment, which is in the cache.
                (self.head_at, self.tail_at) = (0, 0);
            }
            return None;
        }
        // There are more values in this segment.
        if usize::from(self.head_at) < SEGMENT {
            return None;
        }
        // It is empty: keep it for the next extension. If one is kept already, that goes back to
        // the caller, to be freed.
        // SAFETY: the head came from `Box::into_raw`, has a successor, and is left for good.
        let old = unsafe { Box::from_raw(self.head) };
        self.head = old.next;
        self.head_at = 0;
        self.spare.replace(old)
    }
}

impl<T> Drop for ValueChain<T> {
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
    /// The channel's buffer, which nobody else has any more.
    pub(crate) buffer: Buffer<T>,
    /// How many values are left in it.
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
