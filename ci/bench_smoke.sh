#!/usr/bin/env bash
# Runs every benchmark scenario with a tiny n, under 1 and 2 workers, and one round of the switch benchmark, so that none of them
# rots. Any failure, or one that has not ended after LIMIT seconds, fails the script; the others still run. It measures nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

N=${N:-200}
LIMIT=${LIMIT:-60}

# Built first, outside any time limit, and then run directly: cargo between us and it would hide its exit code.
built=$(cargo bench --bench scenarios --bench switch --no-run --message-format=json-render-diagnostics)

# program NAME: the path of that benchmark's executable.
program() {
    sed -n 's/.*"name":"'"$1"'".*"executable":"\([^"]*\)".*/\1/p' <<<"$built" | tail -n 1
}

scenarios=$(program scenarios)
switch=$(program switch)
names=$("$scenarios" --list | awk '{print $1}')
[ -n "$names" ]

passed=0
failed=0

# run PROGRAM ARGUMENTS..
run() {
    local code=0 program=$1
    timeout --kill-after=5 "$LIMIT" "$@" </dev/null || code=$?
    if [ "$code" -eq 0 ]; then
        passed=$((passed + 1))
    else
        shift
        echo "FAILED (exit code $code; 124 is: not done after $LIMIT s): $(basename "$program") $*" >&2
        failed=$((failed + 1))
    fi
}

for workers in 1 2; do
    for name in $names; do
        run "$scenarios" "$name" --n "$N" --workers "$workers" --rounds 2 --json
    done
done
run "$switch" --rounds 1 --json

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
