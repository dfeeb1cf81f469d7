#!/usr/bin/env bash
# Checks the models of the lock-free protocols under loom: every interleaving with at most
# LOOM_MAX_PREEMPTIONS pre-emptions. Has a target folder of its own, because the flag rebuilds
# everything. Arguments go to the test program: `ci/loom.sh waking`.
set -euo pipefail
cd "$(dirname "$0")/.."

export RUSTFLAGS="--cfg loom ${RUSTFLAGS:-}"
# Without link-time optimisation: the models run for seconds, a link with it takes a minute.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
export LOOM_MAX_PREEMPTIONS=${LOOM_MAX_PREEMPTIONS:-2}

cargo test --release --lib --target-dir "${CARGO_TARGET_DIR:-target}/loom" -- "${@:-models}"
