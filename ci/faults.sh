#!/bin/sh
# Makes the k-th call of a system function fail, for one k after the other, under ten programs that
# check themselves (ci/faults/src/programs.rs): each must end with the right result or with words,
# and never hang, die of a bare signal, or lose something in silence.
#
#   ci/faults.sh                     all functions, all programs, up to 60 values of k
#   ci/faults.sh 20                  up to 20 values of k: the first ones, and some later ones
#   ci/faults.sh 60 mmap big_stack   only these functions and programs
#
# Each k twice: that call alone fails, and all calls from it on. Prints a table, and all about each
# fault; ends with 1 if there was one. Needs a C compiler and Linux with glibc.
set -eu
cd "$(dirname "$0")/faults"

samples=60
case ${1-} in
[0-9]*)
    samples=$1
    shift
    ;;
esac
target=${CARGO_TARGET_DIR:-$PWD/target}
cargo build --quiet
cc -O1 -Wall -Wextra -shared -fPIC -o "$target/libfail.so" fail.c -ldl -lpthread
exec "$target/debug/gort-faults" "$target/libfail.so" "$samples" "$@"
