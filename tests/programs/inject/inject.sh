#!/bin/sh
# inject.sh PROGRAM SYSCALL ERROR: makes the n-th such system call of PROGRAM
# fail, for n from the first that PROGRAM itself makes to the last, and expects
# PROGRAM to come through each time. So no call goes round the fault points of
# the testing build unnoticed: this is the shipped library, seen from outside.
set -u
program=$1 call=$2 error=$3

if ! strace -o /dev/null true 2>/dev/null; then
    echo "skipped: strace is missing or may not trace here"
    exit 77
fi
calls() {
    strace -f -qq -e trace="$call" -e signal=none -o /dev/stdout "$@" |
        grep -c "$call("
}
first=$(($(calls "$program" --nothing) + 1))
last=$(calls "$program")
n=$first
while [ "$n" -le "$last" ]; do
    strace -f -qq -e trace="$call" -e signal=none -o /dev/null \
        -e inject="$call:error=$error:when=$n" "$program"
    status=$?
    if [ "$status" -ne 0 ]; then
        echo "status $status where $call number $n fails with $error;" \
            "again: $0 $program $call $error"
        exit 1
    fi
    n=$((n + 1))
done
echo "$call: numbers $first to $last failed with $error in turn"
[ "$last" -ge "$first" ]
