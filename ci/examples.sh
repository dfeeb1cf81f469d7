#!/usr/bin/env bash
# Runs every example once, with small inputs. It must end with exit code 0 (deadlock: 2) before LIMIT seconds are over, and print what stands in
# examples/expected/NAME.txt, where there is such a file. Programs with arguments must also refuse bad ones, with the right code.
# A failure does not stop the others. What an example prints is shown only if it failed. An example of one file has 80 lines at most, and
# one without arguments has its output in examples/expected.
set -euo pipefail
cd "$(dirname "$0")/.."

LIMIT=${LIMIT:-60}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
missing=$scratch/no/such/file

passed=0
failed=0

ok() {
    echo "ok: $*"
    passed=$((passed + 1))
}

# failure REASON WHAT..: and what the run printed.
failure() {
    local reason=$1
    shift
    echo "FAILED ($reason): $*" >&2
    sed 's/^/    /' "$scratch/out" "$scratch/err" >&2
    failed=$((failed + 1))
}

broken() {
    echo "FAILED: $*" >&2
    failed=$((failed + 1))
}

# Built first, outside the time limits, and then run directly: cargo between us and them would print too.
programs=$(dirname "$(cargo build --release --examples --message-format=json-render-diagnostics |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)")

# expect CODE NAME ARGUMENTS..: runs it, and says whether it ended with that code and printed what it should.
expect() {
    local expected=$1 name=$2 code=0
    shift 2
    timeout --kill-after=5 "$LIMIT" "$programs/$name" "$@" \
        </dev/null >"$scratch/out" 2>"$scratch/err" || code=$?
    if [ "$code" -eq 124 ] && [ "$expected" -ne 124 ]; then
        failure "not done after $LIMIT s" "$name $*"
    elif [ "$code" -ne "$expected" ]; then
        failure "exit code $code, not $expected" "$name $*"
    elif [ "$#" -eq 0 ] && [ -e "examples/expected/$name.txt" ] &&
        ! diff -u "examples/expected/$name.txt" "$scratch/out" >"$scratch/difference"; then
        mv "$scratch/difference" "$scratch/out"
        failure "other output" "$name $*"
    else
        ok "$name $*" "$([ "$code" -eq 0 ] || echo "(exit code $code)")"
    fi
}

# interrupted NAME: starts it, sends it SIGINT when it has printed something, and says whether it printed the rest, too.
interrupted() {
    local name=$1 code=0 tenths=$((LIMIT * 10)) pid
    : >"$scratch/out" # what is in it from now on is this program's
    "$programs/$name" </dev/null >"$scratch/out" 2>"$scratch/err" &
    pid=$!
    while ! [ -s "$scratch/out" ] && kill -0 "$pid" 2>/dev/null && [ $((tenths -= 1)) -gt 0 ]; do
        sleep 0.1
    done
    kill -INT "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null && [ $((tenths -= 1)) -gt 0 ]; do
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" || code=$?
    if [ "$code" -ne 0 ]; then
        failure "exit code $code, not 0" "$name, interrupted"
    elif ! diff -u "examples/expected/$name.txt" "$scratch/out" >"$scratch/difference"; then
        mv "$scratch/difference" "$scratch/out"
        failure "other output" "$name, interrupted"
    else
        ok "$name, interrupted"
    fi
}

# server NAME ARGUMENTS..: starts it on a port that the system chooses, connects to it where its first line says, sends it SIGINT,
# and says whether it ended well.
server() {
    local name=$1 code=0 tenths=$((LIMIT * 10)) pid line='' port
    shift
    : >"$scratch/out"
    "$programs/$name" "$@" 127.0.0.1:0 </dev/null >"$scratch/out" 2>"$scratch/err" &
    pid=$!
    while ! grep -q . "$scratch/out" && kill -0 "$pid" 2>/dev/null && [ $((tenths -= 1)) -gt 0 ]; do
        sleep 0.1
    done
    line=$(head -n 1 "$scratch/out")
    port=${line##*:}
    case $line in
        "listening on 127.0.0.1:"*) (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>>"$scratch/err" || line='' ;;
        *) line='' ;;
    esac
    kill -INT "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null && [ $((tenths -= 1)) -gt 0 ]; do
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" || code=$?
    if [ "$code" -ne 0 ]; then
        failure "exit code $code, not 0" "$name $*, interrupted"
    elif [ -z "$line" ]; then
        failure "nobody listens where its first line says" "$name $*"
    else
        ok "$name $*, a server"
    fi
}

for file in examples/*.rs examples/*/main.rs; do
    name=${file#examples/}
    name=${name%/main.rs}
    name=${name%.rs}
    if [ "$file" = "examples/$name.rs" ]; then
        [ "$(wc -l <"$file")" -le 80 ] || broken "$file has more than 80 lines"
        grep -q "\`$name\`" docs/from_go.md || broken "$name is not in docs/from_go.md"
    fi
    grep -q "^| .\`$name\`" examples/README.md || broken "$name is not in examples/README.md"
    case $name in
        million) expect 0 "$name" --n 20000 ;;
        word_count) expect 0 "$name" README.md HACKING.md ;;
        copy_files) expect 0 "$name" lib.rs sync "$scratch/copy" ;;
        gzip_files) expect 0 "$name" --force --out "$scratch/gz" lib.rs README.md ;;
        ctrl_c) interrupted "$name" ;;
        send_mail) server "$name" --serve ;;
        chat | echo | http_server | kv | proxy) server "$name" ;;
        deadlock) expect 2 "$name" ;;
        *)
            expect 0 "$name"
            [ -e "examples/expected/$name.txt" ] || broken "$name has no examples/expected/$name.txt"
            ;;
    esac
done

for file in lib.rs README.md; do
    if gzip -dc "$scratch/gz/$file.gz" 2>"$scratch/err" | cmp - "$file" >"$scratch/out" 2>&1; then
        ok "$file.gz holds $file"
    else
        failure "other content" "$file.gz"
    fi
done

if cmp lib.rs "$scratch/copy/lib.rs" >"$scratch/out" 2>"$scratch/err" &&
    diff -r sync "$scratch/copy/sync" >"$scratch/out" 2>"$scratch/err"; then
    ok "copy_files has copied all"
else
    failure "other content" copy_files
fi

# 1: something could not be done; 2: wrong arguments.
expect 1 word_count "$missing"
expect 1 gzip_files --out "$scratch/gz" "$missing"
expect 1 copy_files "$missing" lib.rs "$scratch/copy2"
expect 2 million --n abc
expect 2 word_count
expect 2 http_server --nonsense
expect 2 send_mail
expect 2 gzip_files
expect 2 proxy 127.0.0.1:0 127.0.0.1:1 more
expect 1 echo nonsense
expect 2 copy_files lib.rs

for file in examples/expected/*.txt; do
    name=$(basename "$file" .txt)
    if ! [ -e "examples/$name.rs" ] && ! [ -e "examples/$name/main.rs" ]; then
        broken "$file belongs to no example"
    fi
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
