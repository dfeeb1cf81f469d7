//! The clock that deadlines are measured by.

#[cfg(not(loom))]
use crate::runtime::fake_clock;
use crate::runtime::prims::Instant;

/// Now, by the clock that this crate's deadlines are measured by. Does not park.
///
/// That is [`Instant::now`], but in a [bubble](crate::testing::bubble) its fake clock; so code that
/// computes deadlines had better ask here.
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
    #[cfg(not(loom))]
    if let Some(fake) = fake_clock::now() {
        return fake;
    }
    Instant::now()
}
