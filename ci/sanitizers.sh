#!/bin/sh
# Runs suites under AddressSanitizer, which is told of each switch of stacks (runtime/os/sanitizer.rs),
# first on our own switch, then on the reference switch. Leaks are not reported: a runtime that is
# dropped leaves its scheduler, and the stacks of goroutines that were parked. Nor are uses of a frame
# after its return: for that the sanitizer keeps frames beside the stack, and throws those away that
# a thread seems to have left, which an owner that lends its identity has not.
#
# The sanitizer's runtime comes with the toolchain; RUSTC_BOOTSTRAP lets a stable compiler use it.
#
#   ci/sanitizers.sh                    the suites below
#   ci/sanitizers.sh rt_panic rt_local  these
set -eu
cd "$(dirname "$0")/.."

suites=${*:-rt_spawn rt_park rt_panic rt_local rt_join rt_scope rt_grow rt_shutdown rt_identity
    chan_basic chan_table chan_select chan_close chan_torture sync_rules sync_mixed context errgroup explore}
target=$(rustc -vV | sed -n 's/^host: //p')
tests=
for suite in $suites; do
    tests="$tests --test $suite"
done

export RUSTC_BOOTSTRAP=1 GORT_ASAN=1 ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0
export RUSTFLAGS="-Zsanitizer=address ${RUSTFLAGS:-}"
# Unquoted: a list of words.
cargo test --target "$target" --target-dir target/asan --no-fail-fast $tests
GORT_SWITCH=portable cargo test --target "$target" --target-dir target/asan-portable --no-fail-fast $tests
