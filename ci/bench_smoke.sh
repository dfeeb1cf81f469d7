#!/usr/bin/env bash
# Runs every benchmark scenario once, with a tiny n, under 1 and 2 workers, so that none of them rots.
# Any failure, or a scenario that has not ended after LIMIT seconds, fails the script; the others still run.
set -euo pipefail
cd "$(dirname "$0")/.."

N=${N:-200}
LIMIT=${LIMIT:-60}

# Built first, outside any time limit, and then run directly: cargo between us and it would hide its exit code.
program=$(cargo bench --bench scenarios --no-run --message-format=json |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
[ -x "$program" ]
names=$("$program" --list | awk '{print $1}')

passed=0
failed=0
for workers in 1 2; do
    for name in $names; do
        if timeout --kill-after=5 "$LIMIT" \
            "$program" "$name" --n "$N" --workers "$workers" --rounds 2 --json; then
            passed=$((passed + 1))
        else
            echo "FAILED (exit $?): $name, $workers workers, n $N" >&2
            failed=$((failed + 1))
        fi
    done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
