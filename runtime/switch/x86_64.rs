//! The switch on x86_64, System V ABI (every Unix).
//!
//! # What is exchanged
//!
//! A [`Context`] holds the four registers of the side that is *not* running; a switch exchanges them with the running
//! side's.  Entering and leaving are therefore one and the same routine, [`Context::exchange`].
//!
//! ```text
//! register                          who keeps it across a switch
//! rip, rsp                          the exchange: they are the switch
//! rbx, rbp                          the exchange: LLVM reserves both, so asm! may not declare them clobbered
//! r12-r15                           the compiler: declared clobbered, it spills those that are live at the call site
//! rax rcx rdx rsi rdi r8-r11,       the compiler, as around any call (clobber_abi)
//!   xmm/ymm/zmm, k, x87/mmx, flags
//! mxcsr, x87 control word           nobody: they belong to the thread (see the contract in mod.rs)
//! fs base (thread pointer)          nobody: it is the thread
//! ```
//!
//! The context holds the registers, not the stack, for two reasons.  The four loads hang on one address, known before
//! the switch, while popping them off the other stack would first have to wait for the new `rsp`.  And `create` writes one
//! cache line that its caller has just touched; a fresh stack stays untouched (and uncommitted) until it is run.
//!
//! # Stacks, highest address first
//!
//! ```text
//!        created                 running, or suspended                 running the entry's last return
//!
//! top -> |  ...   | <- ctx.sp    top -> |             |                top -> |             |
//!        |untouched|                    | this        |                       | this        | <- rsp
//!                                       | (alignment) |                       | (alignment) |
//!  ctx.pc = root                        | ret to root |
//!  ctx.bx = arg                         | rbp = 0     | end of the frame-pointer chain
//!  ctx.bp = entry                       | entry's     |
//!                                       |   frames    | <- ctx.sp if suspended; ctx.pc = after the exchange
//! ```
//!
//! While the coroutine runs, the context holds the enterer's registers, and its stack ends at that saved `sp`.
//!
//! # Return prediction
//!
//! Both directions go by `jmp` through a register, never by `call` and `ret`.  A matched pair would predict the
//! bare loop of enter and leave just as well, but goroutines park a few calls deep: on being entered they return from
//! those calls, and before they leave they make others.  A `call` that enters puts its return address *on top of* the
//! ones that the last goroutine left in the predictor; the returns that follow are then all off by one, and so is the `ret` that
//! leaves.  With jumps the predictor sees ordinary calls and returns only, and a goroutine that parks where the last one
//! did finds the right addresses.  `benches/switch.rs` measures both situations.
//!
//! # Safety of this file
//!
//! Everything rests on the contract in `mod.rs`: `this` is valid and at a fixed address, one side runs at a time, and
//! whoever suspended finds its stack as it left it.  Given these, an exchange looks to the compiler like a call to an
//! unknown function that preserves `rsp`, `rbx` and `rbp`, may read and write all reachable memory, and clobbers the rest.
//!
//! Between the load of `rsp` and the jump, the unwind tables describe the wrong stack.  Only a profiler or a debugger that
//! interrupts those two instructions can see it; a panic cannot start there.

use super::abi::{Entry, StackBounds};
use core::{
    arch::{asm, naked_asm},
    mem::offset_of,
    ptr,
};

/// The registers of the side that is not running; see the drawing above.
///
/// Not `Send`, through its pointers: whoever moves a suspended coroutine to another thread vouches for its stack.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Context {
    /// Where that side goes on.  Null when vacant or finished, so that entering by mistake faults at address 0.
    pc: *const (),
    sp: usize,
    /// rbp; before the first entry, the entry function.
    bp: usize,
    /// rbx; before the first entry, its argument.
    bx: *mut (),
}

// The assembly names the fields by number.
const PC: usize = 0;
const SP: usize = 8;
const BP: usize = 16;
const BX: usize = 24;
const _: () = {
    assert!(offset_of!(Context, pc) == PC);
    assert!(offset_of!(Context, sp) == SP);
    assert!(offset_of!(Context, bp) == BP);
    assert!(offset_of!(Context, bx) == BX);
    assert!(size_of::<Context>() == 32);
    // The root keeps `this` in one word and pads with another.
    assert!(super::abi::STACK_ALIGN == 16);
};

impl Context {
    /// A context that nothing has been created in: it must not be entered.
    pub(crate) const fn vacant() -> Context {
        Context {
            pc: ptr::null(),
            sp: 0,
            bp: 0,
            bx: ptr::null_mut(),
        }
    }

    /// Prepares to run `entry(arg)` on `stack`.  Four stores; the stack itself is not touched.
    ///
    /// # Safety
    /// * `this` is valid for writes, holds no suspended coroutine, and stays in place until the new one has finished.
    /// * `stack` is writable, `top` is a multiple of 16, and nothing else uses it until the coroutine has finished.
    /// * `entry` may be called with `arg`, on the thread that enters first.
    #[inline(always)]
    pub(crate) unsafe fn create(
        this: *mut Context,
        stack: StackBounds,
        entry: Entry,
        arg: *mut (),
    ) {
        debug_assert!(stack.top.is_multiple_of(super::abi::STACK_ALIGN) && stack.base < stack.top);
        let fresh = Context {
            pc: root as *const (),
            sp: stack.top,
            bp: entry as usize,
            bx: arg,
        };
        // SAFETY: valid for writes, by the first item above.
        unsafe { this.write(fresh) };
    }

    /// From outside: runs the coroutine until it leaves or its entry returns.
    ///
    /// # Safety
    /// * `this` was created and has not finished; no one is inside it.
    /// * Its stack is as its last switch left it, and may go on on this thread.
    #[inline(always)]
    pub(crate) unsafe fn enter(this: *mut Context) {
        // SAFETY: it holds the coroutine's registers, as `create` or its own last exchange stored them.
        unsafe { Self::exchange(this) };
    }

    /// From inside: suspends; returns when the coroutine is entered again, perhaps on another thread.
    ///
    /// # Safety
    /// The caller runs inside the coroutine of `this`, on its stack.
    #[inline(always)]
    pub(crate) unsafe fn leave(this: *mut Context) {
        // SAFETY: it holds the enterer's registers, stored by the exchange in `enter`.
        unsafe { Self::exchange(this) };
    }

    /// Exchanges the running side with the one stored in `this`.
    ///
    /// Always inlined: the compiler then spills only what is live at the call site.
    ///
    /// # Safety
    /// `this` holds the registers of a side that is not running and whose stack is as it left it.
    #[inline(always)]
    unsafe fn exchange(this: *mut Context) {
        // SAFETY: see the file header.  No `options`: memory is clobbered, the red zone is left alone, and rsp is a
        // multiple of 16 here, as it must be for a call.
        unsafe {
            debug_assert!(
                !(*this).pc.is_null(),
                "entered a vacant or finished context"
            );
            asm!(
                // Entry: rdi = this.  All other registers are ours to use.
                //
                // Fetch the other side, rsp first: most of what it does next waits for that.
                "mov rdx, [rdi + {SP}]",
                "mov rcx, [rdi + {PC}]",
                "mov r8, [rdi + {BP}]",
                "mov r9, [rdi + {BX}]",
                // Store this side.  It goes on at the label, with nothing left to restore there.
                "lea rax, [rip + 2f]",
                "mov [rdi + {PC}], rax",
                "mov [rdi + {SP}], rsp",
                "mov [rdi + {BP}], rbp",
                "mov [rdi + {BX}], rbx",
                // Become the other side.  rsp last, next to the jump, so that interrupted profilers are misled for two
                // instructions at most.  rdi still holds `this`: a first entry needs it (see `root`).
                "mov rbp, r8",
                "mov rbx, r9",
                "mov rsp, rdx",
                "jmp rcx",
                // Reached by the other side's jump, with rsp, rbp and rbx restored by it.
                "2:",
                PC = const PC,
                SP = const SP,
                BP = const BP,
                BX = const BX,
                inout("rdi") this => _,
                // clobber_abi leaves out what a callee must preserve; the other side preserves nothing.
                lateout("r12") _, lateout("r13") _, lateout("r14") _, lateout("r15") _,
                clobber_abi("sysv64"),
            );
        }
    }
}

/// The outermost frame of every coroutine: calls the entry, then goes back to the enterer for good.
///
/// Reached by the jump in `exchange`, not called.  Register contents at entry:
/// rdi = this, rbp = entry, rbx = arg, rsp = top of the stack (a multiple of 16).
#[unsafe(naked)]
unsafe extern "C" fn root() {
    naked_asm!(
        ".cfi_startproc",
        // The stack ends here.  The frame lies below the top and, having no return address, ends every backtrace:
        // unwinders stop at a frame whose rip is undefined.  rbp is no caller's either.
        ".cfi_def_cfa rsp, 0",
        ".cfi_undefined rip",
        ".cfi_undefined rbp",
        // Keep `this` where no callee can lose it, and 16 bytes in all so that rsp stays aligned for the call.
        "push rdi",
        ".cfi_adjust_cfa_offset 8",
        "sub rsp, 8",
        ".cfi_adjust_cfa_offset 8",
        // entry(arg).  A zero rbp ends the chain for unwinders that follow frame pointers instead of tables.
        "mov rdi, rbx",
        "mov rax, rbp",
        "xor ebp, ebp",
        "call rax",
        // Finished: as in `exchange`, but there is no side to store.  A null pc marks the context finished.
        "mov rdi, [rsp + 8]",
        "mov rdx, [rdi + {SP}]",
        "mov rcx, [rdi + {PC}]",
        "mov rbp, [rdi + {BP}]",
        "mov rbx, [rdi + {BX}]",
        "mov qword ptr [rdi + {PC}], 0",
        "mov rsp, rdx",
        "jmp rcx",
        ".cfi_endproc",
        PC = const PC,
        SP = const SP,
        BP = const BP,
        BX = const BX,
    )
}
