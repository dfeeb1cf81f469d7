//! The clock that deadlines are measured by.

use crate::runtime::prims::Instant;

/// Now, by the clock that this crate's deadlines are measured by. Does not park.
///
/// That is [`Instant::now`]. A test's clock may stand in for it, though; so code that computes deadlines had better ask here.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// let deadline = gort::time::now() + Duration::from_millis(2);
/// gort::time::sleep_until(deadline);
/// assert!(gort::time::now() >= deadline);
/// ```
#[doc(alias = "Now")]
#[inline]
pub fn now() -> Instant {
    Instant::now()
}
