#!/usr/bin/env bash
# Runs every example once, with small inputs, and fails if one exits with anything but 0, or has not ended after LIMIT seconds; the
# others still run. What an example prints is shown only if it failed.
set -euo pipefail
cd "$(dirname "$0")/.."

LIMIT=${LIMIT:-60}

# Arguments of those that need some, or take too long without.
declare -A arguments=(
    [million]="--n 20000"
    [word_count]="lib.rs"
)

output=$(mktemp)
trap 'rm -f "$output"' EXIT

# Built first, outside the time limits.
cargo build --examples

failed=0
for file in examples/*.rs examples/*/main.rs; do
    [ -e "$file" ] || continue
    name=${file#examples/}
    name=${name%/main.rs}
    name=${name%.rs}
    read -r -a given <<<"${arguments[$name]:-}"
    code=0
    timeout --kill-after=5 "$LIMIT" \
        cargo run --quiet --example "$name" -- "${given[@]}" </dev/null >"$output" 2>&1 || code=$?
    if [ "$code" -eq 0 ]; then
        echo "ok: $name ${given[*]}"
    else
        echo "FAILED (exit $code): $name ${given[*]}" >&2
        sed 's/^/    /' "$output" >&2
        failed=$((failed + 1))
    fi
done
[ "$failed" -eq 0 ]
