//! Whether identities can be lent in this process: gathers the facts, once.

use crate::runtime::switch::identity::{
    facts::{Facts, Register, Registration, Trial, Unsupported, support_of},
    isa,
};
use std::{env, sync::OnceLock};

#[cfg(all(
    target_os = "linux",
    any(target_arch = "aarch64", target_arch = "x86_64"),
    target_pointer_width = "64"
))]
use crate::runtime::switch::identity::{rseq, trial};

/// Whether identities can be lent in this process, and if not, why. Decided by the first call; what
/// is loaded later (`dlopen`) is not looked at.
pub(crate) fn support() -> Result<(), &'static Unsupported> {
    static ANSWER: OnceLock<Result<(), Unsupported>> = OnceLock::new();
    let answer = ANSWER.get_or_init(|| support_of(&gather()));
    answer.as_ref().copied()
}

/// Nothing is tried or searched once the answer is known to be no.
fn gather() -> Facts {
    let mut facts = Facts {
        register: isa::register(),
        trial: Trial::NotMade,
        registration: Registration::Nobody,
        sequences_in: None,
    };
    if facts.register == Register::Switchable {
        // For tools that do not know of lent identities, and to test what is done without.
        if env::var_os("GORT_LEND").is_some_and(|value| value == "off") {
            facts.register = Register::Declined;
        } else {
            look_closer(&mut facts);
        }
    }
    facts
}

#[cfg(all(
    target_os = "linux",
    any(target_arch = "aarch64", target_arch = "x86_64"),
    target_pointer_width = "64"
))]
fn look_closer(facts: &mut Facts) {
    // Valgrind loads a part of itself into each program that it interprets.
    if rseq::is_loaded("vgpreload") {
        facts.register = Register::Emulated;
        return;
    }
    facts.registration = rseq::registration();
    facts.sequences_in = rseq::sequences_in();
    facts.trial = trial::lend_once();
}

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "aarch64", target_arch = "x86_64"),
    target_pointer_width = "64"
)))]
fn look_closer(_: &mut Facts) {}
