#!/bin/sh
# Runs the whole test suite for aarch64 under user-mode emulation, on a Debian or Ubuntu machine of
# another architecture.
#
#   ci/aarch64.sh                        all tests
#   ci/aarch64.sh --lib runtime::switch  what follows is passed to `cargo test`
#
# It needs a std for aarch64: that of the compiler in use (`rustup target add
# aarch64-unknown-linux-gnu`), or else that of the distribution (rustc-web), if that compiler is new
# enough. The rest is installed through apt (as root or through sudo): a linker, a C library for
# aarch64, and the emulator.
#
# Tests that run themselves as children start them through the emulator, too (GORT_TEST_RUNNER), so
# binfmt_misc is not needed. All that waits is more patient (GORT_TEST_SCALE).
#
# The emulator finds wrong assembly, ABI, page-size and atomic-width errors. It does not reorder
# memory accesses as the hardware may, and it takes MADV_GUARD_INSTALL without installing a guard:
# stacks are guarded with mprotect there.
set -eu
cd "$(dirname "$0")/.."

root=""
[ "$(id -u)" = 0 ] || root=sudo

# install PACKAGE..
install() {
    # shellcheck disable=SC2086 # one package a word
    if ! dpkg-query -W $* >/dev/null 2>&1; then
        $root apt-get update -qq
        $root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $*
    fi
}

target=aarch64-unknown-linux-gnu
folder=$target
if [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then
    install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
    # Loader and libc both from the cross package.
    export QEMU_LD_PREFIX=/usr/aarch64-linux-gnu
else
    $root dpkg --add-architecture arm64
    install rustc-web libstd-rust-web-dev:arm64 libc6:arm64 gcc-aarch64-linux-gnu \
        libc6-dev-arm64-cross qemu-user
    # No QEMU_LD_PREFIX: the loader would come from the cross package and libc from libc6:arm64, and
    # two versions of these two together hang in pthread_create.
    export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc
    # Another compiler than usual: its build files are kept apart.
    folder=$target-web
fi
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/$folder"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=qemu-aarch64
export GORT_TEST_RUNNER=qemu-aarch64
export GORT_TEST_SCALE="${GORT_TEST_SCALE:-10}"

[ $# -gt 0 ] || set -- --workspace --no-fail-fast
exec cargo test --target "$target" "$@"
