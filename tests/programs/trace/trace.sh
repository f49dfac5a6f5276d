#!/bin/sh
# trace.sh CASE PROGRAM CHECK [MAKE]: one case, in a directory of its own.
set -eu
case=$1
program=$2
check=$3
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"

fail() {
    echo "FAILED: $*"
    exit 1
}

# Slices are nested, arrows whole, and names what they were or, where that is
# no JSON, something near.
whole() {
    "$program" t.json || fail "exit $?"
    "$check" t.json task plain 'done plain' 'submit plain' member 'fan out' \
        leader follower 'submit follower' \
        'quote " and \ back' 'line
break' 'grüß' 'not UTF-8: ??' 'much longer than the 23' asleep
}

# A full trace says how much it left out, and is bounded.
full() {
    "$program" t.json full || fail "exit $?"
    "$check" t.json plain
    grep -q 'the trace was full: [1-9][0-9]* events dropped' t.json ||
        fail 'it does not say what was dropped'
    [ "$(wc -c <t.json)" -lt 80000000 ] || fail 'it is too large'
}

thumbs() {
    mkdir in out
    for i in 1 2 3 4; do
        "$make" "in/$i.jpg" jpeg 800 600 photo
    done
    "$program" -o out --trace t.json in >said || fail "exit $?"
    "$check" t.json scan probe plan decode encode sheet 'done decode'
    if "$program" -o out --trace nowhere/t.json in >said 2>err; then
        fail 'a file that cannot be made is no error'
    fi
    grep -q 'nowhere/t.json' err || fail 'the error does not name the file'
    if "$program" -o out --inline --trace t.json in >said 2>err; then
        fail '--inline --trace is no error'
    fi
}

make=${4-}
"$case"
