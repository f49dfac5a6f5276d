#!/bin/sh
# The table over made-up results: table.sh BENCH. Medians, ratios by rounds,
# aims reached and not, peers that are behind and ahead, an earlier run.
bench=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# result ROW CONTENDER VALUE: what Google Benchmark writes for it.
result()
{
    cat <<JSON
    {
      "name": "$1/$2/iterations:1/manual_time",
      "family_index": 0,
      "run_name": "$1/$2/iterations:1/manual_time",
      "run_type": "iteration",
      "repetitions": 1,
      "repetition_index": 0,
      "threads": 1,
      "iterations": 1,
      "real_time": 1.0000000000000000e+00,
      "cpu_time": 1.0000000000000000e+00,
      "time_unit": "ns",
      "figure": $3
    },
JSON
}

# round NUMBER CREW PEER FLOOR
round()
{
    {
        printf '{\n  "context": {\n    "num_cpus": 2\n  },\n  "benchmarks": [\n'
        result q/more crew "$2"
        result q/more peer "$3"
        result q/more floor "$4"
        result q/less crew "$2" | sed '$s/,//'
        printf '  ]\n}\n'
    } >"$work/$1.program.json"
}

cat >"$work/rows.txt" <<'ROWS'
# row figure unit better aims
q/more figure Mtask/s more >=2*peer >=0.5*floor ~>=9*peer
q/less figure us less <=25 <=1*nobody
ROWS
echo "CPU: made up" >"$work/context"

round 1 2.0e+01 1.0e+01 3.0e+01
round 2 3.0e+01 1.0e+01 4.0e+01
round 3 1.0e+01 2.0e+01 1.0e+01
awk -v rounds=3 -f "$bench/merge.awk" "$work/context" "$work"/*.json \
    >"$work/merged"
awk -f "$bench/rows.awk" "$work/merged" >"$work/new"
sed 's/e+01/e+02/' "$work/merged" | awk -f "$bench/rows.awk" >"$work/old"
awk -f "$bench/table.awk" "$work/rows.txt" "$work/new" "$work/old" |
    tee "$work/table"

status=0
expect()
{
    grep -Eq "$1" "$work/table" || {
        echo "missing: $1"
        status=1
    }
}
# The ratios to the peer are 2, 3, 0.5; to the floor 0.67, 0.75, 1.
expect '^q/more +Mtask/s +20 \(10-30\) +peer +2 +0\.75 +yes +2 x peer \(>= 2\)'
expect 'stretch 2 x peer \(>= 9\)'
expect 'peer 10 \(10-20\), floor 30 \(10-40\)'
expect 'before: 200 \(100-300\), now 0\.1 times that: WORSE'
expect '^q/less +us +20 \(10-30\) +- +- +- +\? +20 \(<= 25\)'
expect 'now 0\.1 times that: better'
expect '<= 1 x nobody: not measured'
expect '^1 of 2 rows reached$'
grep -q '"CPU": "made up"' "$work/merged" || status=1
grep -q '"repetition_index": 2' "$work/merged" || status=1
exit $status
