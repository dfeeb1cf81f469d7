#!/bin/sh
# Runs random programs for a given time and checks that each ends and nothing is lost or doubled;
# half of the time in debug, half in release, then a little without lent homes.
#
#   ci/soak.sh 10             for 10 minutes
#   ci/soak.sh 10 --seed 500  beginning with this seed
set -eu
cd "$(dirname "$0")/soak"

minutes=${1:?how many minutes?}
shift
half=$(awk "BEGIN { print $minutes * 0.45 }")
tenth=$(awk "BEGIN { print $minutes * 0.1 }")

cargo run --quiet -- "$half" "$@"
cargo run --quiet --release -- "$half" "$@"
GORT_LEND=off cargo run --quiet --release -- "$tenth" "$@"
