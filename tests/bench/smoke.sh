#!/bin/sh
# Runs the programs of a question for a moment: smoke.sh BENCH QUESTION
# PROGRAM... Each benchmark must end without an error and supply what the table
# compares: each row of rows.txt has crew's figure in one of them.
bench=$1
question=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for program; do
    "$program" --benchmark_enable_random_interleaving=true \
        --benchmark_out_format=json --benchmark_out="$work/json" || exit 1
    awk -f "$bench/rows.awk" "$work/json" >>"$work/values"
done
! grep ' error error$' "$work/values" || exit 1
awk -v question="$question" '
    NR == FNR { seen[$2, $3, $4] = 1; next }
    /^#/ || index($1, question "/") != 1 { next }
    { rows++ }
    !(($1, "crew", $2) in seen) {
        print $1 ": no figure " $2 " of crew"
        missing = 1
    }
    END { exit missing || !rows }' "$work/values" "$bench/rows.txt"
