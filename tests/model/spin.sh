#!/bin/sh
# spin.sh SPIN MODEL DIRECTORY pass|fail [-DNAME...]
#
# Verifies a Spin model: it must pass, or, with something left out, must fail.
# Skips (77) where there is no Spin.
set -eu

spin=$1
model=$2
directory=$3
wanted=$4
shift 4

if ! command -v "$spin" >/dev/null 2>&1; then
    echo "skipped: spin is not installed (apt-get install spin)"
    exit 77
fi
rm -rf "$directory"
mkdir -p "$directory"
cd "$directory"
"$spin" "$@" -a "$model" >spin.out 2>&1 || { cat spin.out; exit 1; }
${CC:-cc} -w -O2 -DSAFETY -DVECTORSZ=2048 -o pan pan.c
./pan -m200000 >pan.out 2>&1 || true
tell='errors:|states, stored|assertion violated|invalid end state'
grep -E "$tell" pan.out || true

errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.out)
cut='search depth too small|out of memory|Search not completed'
if [ "$errors" = 0 ] && grep -qE "$cut" pan.out; then
    echo "not all states were searched"
    exit 1
fi
case $wanted in
pass) [ "$errors" = 0 ] && exit 0 ;;
fail) [ -n "$errors" ] && [ "$errors" != 0 ] && exit 0 ;;
esac
echo "$model $*: expected to $wanted"
if [ "$errors" != 0 ]; then
    "$spin" "$@" -t -p -k ./*.trail "$model" 2>&1 | tail -80 || true
fi
exit 1
