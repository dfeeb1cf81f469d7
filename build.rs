//! Answers three questions. Which context switch does this build use?
//!
//! * `gort_switch = "x86_64"` or `"aarch64"`: our own, on Unix targets of those architectures;
//! * `gort_switch = "portable"`: corosensei, everywhere else, or anywhere when
//!   `GORT_SWITCH=portable` is set at build time.
//!
//! How does it wait for descriptors? `gort_poller = "epoll"` on Linux and Android; `"none"`
//! elsewhere, or with `GORT_POLLER=none`: by calls of `poll` on blocking threads.
//!
//! And is AddressSanitizer told of each switch? `gort_asan`, with `GORT_ASAN=1`; see
//! `ci/sanitizers.sh`.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=GORT_SWITCH");
    println!(
        "cargo::rustc-check-cfg=cfg(gort_switch, values(\"x86_64\", \"aarch64\", \"portable\"))"
    );
    println!("cargo::rustc-cfg=gort_switch=\"{}\"", choose());
    println!("cargo::rerun-if-env-changed=GORT_POLLER");
    println!("cargo::rustc-check-cfg=cfg(gort_poller, values(\"epoll\", \"none\"))");
    println!("cargo::rustc-cfg=gort_poller=\"{}\"", choose_poller());
    println!("cargo::rerun-if-env-changed=GORT_ASAN");
    println!("cargo::rustc-check-cfg=cfg(gort_asan)");
    if env::var("GORT_ASAN").is_ok_and(|value| value == "1") {
        println!("cargo::rustc-cfg=gort_asan");
    }
}

fn choose() -> &'static str {
    match env::var("GORT_SWITCH").as_deref() {
        Ok("portable") => return "portable",
        Ok("native" | "") | Err(_) => {}
        Ok(other) => {
            panic!("GORT_SWITCH is {other:?}: it must be \"native\" (the default) or \"portable\"")
        }
    }
    // x32 and the like have these architectures' instructions, but other pointers.
    let unix = env::var_os("CARGO_CFG_UNIX").is_some()
        && env::var("CARGO_CFG_TARGET_POINTER_WIDTH").is_ok_and(|bits| bits == "64");
    match env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("x86_64") if unix => "x86_64",
        Ok("aarch64") if unix => "aarch64",
        _ => "portable",
    }
}

fn choose_poller() -> &'static str {
    match env::var("GORT_POLLER").as_deref() {
        Ok("none") => return "none",
        Ok("native" | "") | Err(_) => {}
        Ok(other) => {
            panic!("GORT_POLLER is {other:?}: it must be \"native\" (the default) or \"none\"")
        }
    }
    match env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("linux" | "android") => "epoll",
        _ => "none",
    }
}
