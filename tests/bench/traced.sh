#!/bin/sh
# traced.sh BENCH FOLDER CHECK: run.sh --trace leaves a whole trace of each row
# of crew beside the results, and no row without it is called traced.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sh "$1/run.sh" "$2" --rounds 1 --trace --out "$work/r.json" timed memory \
    >"$work/said"
for row in timed.run.crew timed.run.crew.plain; do
    grep -q "^trace: $work/r.$row.trace.json$" "$work/said"
    "$3" "$work/r.$row.trace.json" task 'submit task'
done
[ "$(grep -c '^trace: ' "$work/said")" -eq 2 ]
