#!/bin/sh
# cost.sh PROGRAM: instructions per task, counted by callgrind, against the
# figures below; a tenth more fails. They depend on compiler and processor, so
# elsewhere they are printed and not judged.
set -eu
program=$1
command -v valgrind >/dev/null || {
    echo 'skipped: valgrind is missing'
    exit 77
}
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# count FUNCTION COUNT: instructions inside it, those that it calls included.
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        --toggle-collect="$1" "$program" "$2" >"$out" 2>&1 || {
        cat "$out"
        exit 1
    }
    awk '/Collected/ { print $NF }' "$out"
}

judged=no
case "$(uname -m) ${CREW_COMPILER:-}" in
    'x86_64 GNU 12'*) judged=yes ;;
esac

failed=0
# cost WHAT FUNCTION TASKS FIGURE: TASKS of the 4000 that one run has more than
# the other go through FUNCTION.
cost() {
    few=$(count "$2" 1000)
    many=$(count "$2" 5000)
    each=$(((many - few) / $3))
    echo "$1: $each instructions a task, $4 expected"
    [ "$each" -gt 0 ] || failed=1
    if [ $judged = yes ] && [ $((each * 10)) -gt $(($4 * 11)) ]; then
        echo "FAILED: more than a tenth above"
        failed=1
    fi
}

cost submit crew_submit 2000 160
cost submit_many crew_submit_many 2000 77
cost 'run and completion' crew__run_task 4000 203
cost dispatch crew_inbox_dispatch 4000 57
exit $failed
