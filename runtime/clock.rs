//! The clock that deadlines are measured by.

#[cfg(not(loom))]
use crate::runtime::fake_clock;
use crate::runtime::prims::Instant;

/// Now. All that waits asks here, so that a test's clock can stand in.
#[inline]
pub fn now() -> Instant {
    #[cfg(not(loom))]
    if let Some(fake) = fake_clock::now() {
        return fake;
    }
    Instant::now()
}
