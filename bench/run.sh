#!/bin/sh
# usage: ./dev bench [OPTION...] [QUESTION...]
#    or: run.sh FOLDER [OPTION...] [QUESTION...]
#
# Asks the questions (all: see FOLDER/questions.txt) of crew, its peers and the
# hand-written floor, in rounds. FOLDER: where the benches were built. "scale"
# and "sizes" are answered without a table, when they are asked for.
#
#   --rounds N       rounds of each question (9)
#   --cpus LIST      the CPUs to run on (two cores under one cache)
#   --out FILE       the results, Google Benchmark's JSON (FOLDER/last.json)
#   --against FILE   compares with the results of an earlier run
#   --show FILE      runs nothing, shows the table of these results
#   --trace          after the rounds, runs each row of crew once more, with its
#                    pool traced into a file beside the results: where its time
#                    goes (a trace viewer; the beginning of the run)
#
# In a round each program of a question runs once; inside a program the library
# mixes the order of its benchmarks. Programs take turns within a round, and
# the order of every second round is reversed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

usage()
{
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
}

fail()
{
    echo "$*" >&2
    exit 2
}

# Two CPUs of different cores under one last-level cache, of those that may be
# used; fewer where there are fewer.
choose_cpus()
{
    taskset -pc $$ | sed 's/.*: //' | tr ',' '\n' |
        awk -F- '{ for (i = $1; i <= $NF; i++) print "may", i }' >"$work/may"
    lscpu -p=CPU,CORE,CACHE | grep -v '^#' | sed 's/,/ /g' |
        awk 'FILENAME != "-" { may[$2] = 1; next }
            !($1 in may) { next }
            {
                cache = $3
                sub(/.*:/, "", cache)
                if (first == "") {
                    first = $1; core = $2; under = cache
                } else if ($2 != core && (second == "" ||
                           (cache == under && !same))) {
                    second = $1
                    same = cache == under
                }
            }
            END { print first (second == "" ? "" : "," second) }' \
            "$work/may" -
}

# How much of all CPUs was in use in a moment in which nothing of ours ran.
busy_percent()
{
    {
        grep '^cpu ' /proc/stat
        sleep 0.3
        grep '^cpu ' /proc/stat
    } | awk '
        { sum = 0; for (i = 2; i <= 9; i++) sum += $i; idle = $5 + $6 }
        NR == 1 { sum0 = sum; idle0 = idle }
        END {
            sum -= sum0
            printf "%.0f\n", (sum ? 100 * (sum - idle + idle0) / sum : 0)
        }'
}

describe()
{
    echo "CPU: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
    echo "usable CPUs: $(nproc), benches on $cpus"
    echo "kernel: $(uname -srm)"
    echo "load: $(cut -d' ' -f1-3 /proc/loadavg)"
    taskset -c "$cpus" "$folder/bench_context"
    sed 's/ /: /' "$folder/versions.txt"
}

# ask QUESTION PROGRAM...
ask()
{
    question=$1
    shift
    busy=$(busy_percent)
    if [ "$busy" -gt 10 ]; then
        echo "WARNING: other programs use $busy % of the CPUs before" \
            "$question: its figures are not to be trusted" | tee -a "$work/busy"
    fi
    backward=
    for program; do backward="$program $backward"; done
    forward=$*
    round=0
    while [ $((round += 1)) -le "$rounds" ]; do
        printf '\r%s: round %d of %d ' "$question" "$round" "$rounds" >&2
        order=$forward
        [ $((round % 2)) -eq 1 ] || order=$backward
        for program in $order; do
            taskset -c "$cpus" "$folder/$program" \
                --benchmark_enable_random_interleaving=true \
                --benchmark_out_format=json \
                --benchmark_out="$work/$round.$program.json" \
                >"$work/log" 2>&1 ||
                echo "$program ended with $?: $(tail -n 1 "$work/log")" >&2
        done
    done
    echo >&2
}

# trace QUESTION PROGRAM...
trace()
{
    shift
    for program; do
        for row in $("$folder/$program" --benchmark_list_tests |
            sed -n 's,^\([^/]*/[^/]*/crew[^/]*\)/.*,\1,p'); do
            file=${out%.json}.$(echo "$row" | tr / .).trace.json
            rm -f "$file"
            BENCH_TRACE=$file taskset -c "$cpus" "$folder/$program" \
                --benchmark_filter="^$row/" >"$work/log" 2>&1 ||
                echo "$row ended with $?: $(tail -n 1 "$work/log")" >&2
            [ ! -e "$file" ] || echo "trace: $file"
        done
    done
}

measure()
{
    : >"$work/busy"
    describe | tee "$work/context"
    for question in $questions; do
        # shellcheck disable=SC2046 # a list of words
        set -- $(grep "^$question " "$folder/questions.txt")
        ask "$@"
        [ -z "$traced" ] || trace "$@"
    done
    [ ! -s "$work/busy" ] ||
        echo "busy: $(wc -l <"$work/busy") questions met a busy machine" \
            >>"$work/context"
    awk -v rounds="$rounds" -f "$here/merge.awk" "$work/context" \
        "$work"/*.json >"$work/merged"
    mv "$work/merged" "$out"
}

show()
{
    awk -f "$here/rows.awk" "$out" >"$work/new"
    set -- "$here/rows.txt" "$work/new"
    if [ -n "$against" ]; then
        awk -f "$here/rows.awk" "$against" >"$work/old"
        set -- "$@" "$work/old"
    fi
    echo
    awk -f "$here/table.awk" "$@"
    [ -z "$began" ] || echo "took $(($(date +%s) - began)) s"
    if [ -s "$work/busy" ]; then
        echo
        cat "$work/busy"
    fi
}

[ $# -gt 0 ] || { usage; exit 2; }
folder=$1
shift
rounds=9
cpus=
out=$folder/last.json
against=
only_show=
traced=
questions=
alone=
while [ $# -gt 0 ]; do
    case $1 in
    --rounds | --cpus | --out | --against | --show)
        [ $# -gt 1 ] || fail "$1 wants a value"
        ;;
    esac
    case $1 in
    --rounds) rounds=$2; shift ;;
    --cpus) cpus=$2; shift ;;
    --out) out=$2; shift ;;
    --against) against=$2; shift ;;
    --show) out=$2; only_show=1; shift ;;
    --trace) traced=1 ;;
    --help | -h) usage; exit 0 ;;
    -*) fail "no such option: $1" ;;
    scale | sizes) alone="$alone $1" ;;
    *)
        grep -q "^$1 " "$folder/questions.txt" || fail "no such question: $1"
        questions="$questions $1"
        ;;
    esac
    shift
done
[ -z "$against" ] || [ -r "$against" ] || fail "cannot read $against"
for question in $alone; do
    "$folder/bench_$question"
done
[ -z "$alone" ] || [ -n "$questions" ] || exit 0
[ -n "$questions" ] || questions=$(cut -d' ' -f1 "$folder/questions.txt")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
began=
if [ -z "$only_show" ]; then
    began=$(date +%s)
    [ -n "$cpus" ] || cpus=$(choose_cpus)
    measure
fi
show
[ -n "$only_show" ] || echo "results: $out"
