#!/bin/sh
# Runs the whole test suite for aarch64 under user-mode emulation, on a Debian or Ubuntu machine of another architecture.
#
#   ci/aarch64.sh                        all tests
#   ci/aarch64.sh --lib runtime::switch  what follows is passed to `cargo test`
#
# Installs what it needs through apt (as root or through sudo).  The compiler and its aarch64 std come from the distribution
# (packages rustc-web and libstd-rust-web-dev); cargo is the one already installed.
#
# The emulator finds wrong assembly, ABI, page-size and atomic-width errors.  It does not reorder memory accesses as the
# hardware may, and it takes MADV_GUARD_INSTALL without installing a guard.
set -eu
cd "$(dirname "$0")/.."

root=""
[ "$(id -u)" = 0 ] || root=sudo

needed="rustc-web libstd-rust-web-dev:arm64 libc6:arm64 gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
# shellcheck disable=SC2086 # one package a word
if ! dpkg-query -W $needed >/dev/null 2>&1; then
    $root dpkg --add-architecture arm64
    $root apt-get update -qq
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $needed
fi

target=aarch64-unknown-linux-gnu
export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
# No `-L /usr/aarch64-linux-gnu`: the loader would come from the cross package and libc from libc6:arm64, and two
# versions of these two together hang in pthread_create.
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=qemu-aarch64
# Another compiler than usual: its build files are kept apart.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/$target-web"

[ $# -gt 0 ] || set -- --workspace
exec cargo test --target "$target" "$@"
