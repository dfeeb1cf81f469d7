//! The clock that deadlines are measured by.

use crate::runtime::prims::Instant;

/// Now. All that waits asks here, so that a test's clock can stand in.
#[inline]
pub(crate) fn now() -> Instant {
    Instant::now()
}
