//! tmp
use crate::runtime::prims::{AtomicUsize, Ordering};
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Identity {
    tp: AtomicUsize,
}
pub(crate) type Visit =
    unsafe extern "C" fn(arg: *mut (), at: *mut Identity, left: *mut Identity) -> *mut Identity;
impl Identity {
    pub(crate) fn new() -> Self {
        Self {
            tp: AtomicUsize::new(0),
        }
    }
    pub(crate) fn adopt_calling_thread(&self) {
        let v: usize;
        unsafe { std::arch::asm!("rdfsbase {}", out(reg) v) };
        self.tp.store(v, Ordering::Relaxed);
    }
}
pub(crate) fn support() -> Result<(), &'static str> {
    if std::env::var_os("GORT_FIXED").is_some() {
        Err("asked")
    } else {
        Ok(())
    }
}
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn tour_raw(
    first: *mut Identity,
    visit: Visit,
    arg: *mut (),
) -> *mut Identity {
    std::arch::naked_asm!(
        ".cfi_startproc",
        "push rbp",
        ".cfi_adjust_cfa_offset 8",
        ".cfi_offset rbp, -16",
        "push rbx",
        ".cfi_adjust_cfa_offset 8",
        ".cfi_offset rbx, -24",
        "push r12",
        ".cfi_adjust_cfa_offset 8",
        ".cfi_offset r12, -32",
        "push r13",
        ".cfi_adjust_cfa_offset 8",
        ".cfi_offset r13, -40",
        "push r14",
        ".cfi_adjust_cfa_offset 8",
        ".cfi_offset r14, -48",
        "rdfsbase r14",
        "mov rbx, rdi",
        "mov r12, rsi",
        "mov r13, rdx",
        "xor ebp, ebp",
        "2:",
        "mov rax, [rbx]",
        "wrfsbase rax",
        "mov rdi, r13",
        "mov rsi, rbx",
        "mov rdx, rbp",
        "call r12",
        "test rax, rax",
        "je 3f",
        "mov rbp, rbx",
        "mov rbx, rax",
        "jmp 2b",
        "3:",
        "wrfsbase r14",
        "mov rax, rbx",
        "pop r14",
        ".cfi_adjust_cfa_offset -8",
        "pop r13",
        ".cfi_adjust_cfa_offset -8",
        "pop r12",
        ".cfi_adjust_cfa_offset -8",
        "pop rbx",
        ".cfi_adjust_cfa_offset -8",
        "pop rbp",
        ".cfi_adjust_cfa_offset -8",
        "ret",
        ".cfi_endproc"
    )
}
pub(crate) unsafe fn tour(first: *mut Identity, visit: Visit, arg: *mut ()) -> *mut Identity {
    unsafe { tour_raw(first, visit, arg) }
}
pub(crate) unsafe fn tour_in_place(
    first: *mut Identity,
    visit: Visit,
    arg: *mut (),
) -> *mut Identity {
    let (mut at, mut left) = (first, std::ptr::null_mut());
    loop {
        let next = unsafe { visit(arg, at, left) };
        if next.is_null() {
            return at;
        }
        left = at;
        at = next;
    }
}
