#!/bin/sh
# Runs the tests of a goroutine's identity at full size: 1,000 goroutines that park 10,000 times
# each, on 2, 3 and 8 workers with 1, 4 and 64 homes, in debug and in release, under a profiler's
# signal.  Then in small where homes are not lent.
#
#   ci/identity.sh            1,000 goroutines, 10,000 parks each
#   ci/identity.sh 100 2000   as many as that
set -eu
cd "$(dirname "$0")/.."

small() {
    cargo test "$@" --test rt_identity --test rt_homing
}

large() {
    GORT_TEST_GOROUTINES=$goroutines GORT_TEST_PARKS=$parks \
        cargo test "$@" --test rt_identity what_a_thread_has_stays_with_the_goroutine -- --nocapture
}

goroutines=${1:-1000}
parks=${2:-10000}

small
large
large --release
GORT_LEND=off small
