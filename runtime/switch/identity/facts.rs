//! What is known of this process, and whether identities can be lent in it.

use std::{fmt, path::PathBuf};

/// Whether programs may change the register that thread-locals are found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    /// We do not know how on this target.
    #[cfg_attr(
        all(
            target_os = "linux",
            any(target_arch = "aarch64", target_arch = "x86_64"),
            target_pointer_width = "64"
        ),
        allow(dead_code, reason = "gathered on other targets")
    )]
    Fixed,
    /// There is an instruction, but this kernel or processor does not let programs use it.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        allow(dead_code, reason = "elsewhere programs always may")
    )]
    Forbidden,
    /// The environment says that identities are not to be lent.
    Declined,
    /// The program runs under valgrind, which does not know the instruction.
    Emulated,
    Switchable,
}

/// What came of lending an identity for a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trial {
    /// There is no instruction to try.
    NotMade,
    /// There was no thread to be had for it.
    NoThread,
    /// The borrower found other thread-locals than the owner's, or did not get its own back.
    Failed,
    Passed,
}

/// Who has registered an area for restartable sequences (rseq) with the kernel, for each thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Registration {
    Nobody,
    /// The C library, which uses it to ask for the processor's number only.
    Libc,
    /// Somebody who will want to use it.
    Foreign,
}

/// What is known of this process.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) register: Register,
    pub(crate) trial: Trial,
    pub(crate) registration: Registration,
    /// A loaded file that has restartable sequences in its code.
    pub(crate) sequences_in: Option<PathBuf>,
}

/// Why identities cannot be lent in this process. Its text follows "because".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unsupported {
    Target,
    Instruction,
    Declined,
    Valgrind,
    Thread,
    TrialFailed,
    ForeignRegistration,
    Sequences(PathBuf),
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target => f.write_str("this target's thread identity cannot be switched"),
            Self::Instruction => f.write_str(
                "the kernel or the processor does not let programs set their thread pointer (FSGSBASE; Linux 5.9 and later)",
            ),
            Self::Declined => f.write_str("the environment variable GORT_LEND says \"off\""),
            Self::Valgrind => f.write_str(
                "valgrind does not let programs set their thread pointer (FSGSBASE)",
            ),
            Self::Thread => f.write_str("no thread could be started to try it out"),
            Self::TrialFailed => f.write_str(
                "a trial found wrong thread-locals, as may happen under an emulator",
            ),
            Self::ForeignRegistration => f.write_str(
                "something other than the C library uses restartable sequences (rseq), such as tcmalloc's per-CPU mode",
            ),
            Self::Sequences(path) => write!(
                f,
                "{} contains restartable sequences (rseq), such as those of tcmalloc's per-CPU mode",
                path.display()
            ),
        }
    }
}

impl std::error::Error for Unsupported {}

/// Decides whether identities can be lent.
///
/// A restartable sequence runs in an area that is found by the thread pointer, while the kernel
/// watches the area of the OS thread. Under a lent identity the two differ: the sequence would not
/// be restarted when it must be. Reading the processor's number from the area is harmless: it may
/// be out of date anyway.
pub(crate) fn support_of(facts: &Facts) -> Result<(), Unsupported> {
    match facts.register {
        Register::Fixed => return Err(Unsupported::Target),
        Register::Forbidden => return Err(Unsupported::Instruction),
        Register::Declined => return Err(Unsupported::Declined),
        Register::Emulated => return Err(Unsupported::Valgrind),
        Register::Switchable => {}
    }
    if facts.registration == Registration::Foreign {
        return Err(Unsupported::ForeignRegistration);
    }
    if let Some(path) = &facts.sequences_in {
        return Err(Unsupported::Sequences(path.clone()));
    }
    match facts.trial {
        Trial::NoThread => Err(Unsupported::Thread),
        Trial::NotMade | Trial::Failed => Err(Unsupported::TrialFailed),
        Trial::Passed => Ok(()),
    }
}
