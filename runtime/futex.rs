//! tmp
use crate::runtime::prims::AtomicU32;
use std::time::Duration;
pub(crate) fn wait(word: &AtomicU32, value: u32, limit: Option<Duration>) {
    let ts = limit.map(|d| libc::timespec {
        tv_sec: d.as_secs() as _,
        tv_nsec: d.subsec_nanos() as _,
    });
    let p = ts.as_ref().map_or(std::ptr::null(), |t| t as *const _);
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            value,
            p,
        )
    };
}
pub(crate) fn wake_one(word: &AtomicU32) {
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
            1,
        )
    };
}
