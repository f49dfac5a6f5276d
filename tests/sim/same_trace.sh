#!/bin/sh
# A seed means the same run in every build: this build and another, unoptimized
# and by another compiler where there is one, tell the same traces.
#   same_trace.sh CREW_SIM_TESTS CREW_SIM_TWIN SEEDS
set -eu
ours=$(mktemp)
theirs=$(mktemp)
trap 'rm -f "$ours" "$theirs"' EXIT
"$1" --traces --seeds "$3" >"$ours"
"$2" --traces --seeds "$3" >"$theirs"
if ! cmp -s "$ours" "$theirs"; then
    echo "scenario, seeds, trace here and in the other build:" >&2
    join "$ours" "$theirs" | awk '$3 != $5' >&2
    exit 1
fi
[ -s "$ours" ]
