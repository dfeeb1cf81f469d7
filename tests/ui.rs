//! Programs that must not compile, and what the compiler must say of them.
//!
//! `TRYBUILD=overwrite cargo test --test ui` writes the expected messages anew; read the difference
//! before committing it.

/// Mistakes that the macros themselves report.
#[test]
fn misused_macros_say_what_is_allowed() {
    trybuild::TestCases::new().compile_fail("tests/ui/macros/*.rs");
}

/// Mistakes that the compiler reports, through the bounds of `spawn` and of the entry: the message
/// must point at the user's code.
#[test]
fn goroutines_cannot_borrow_nor_take_what_is_not_send() {
    trybuild::TestCases::new().compile_fail("tests/ui/captures/*.rs");
}
