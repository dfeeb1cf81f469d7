#!/usr/bin/env bash
# Runs well-known crates inside goroutines: each line of docs/inside.md is a test. They are a
# crate of their own, tests/crates, so that building them does not slow down `cargo test`.
# Arguments go to cargo: `ci/crates.sh --release`.
set -euo pipefail
cd "$(dirname "$0")/../tests/crates"

cargo test "$@"
