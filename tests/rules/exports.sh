#!/bin/sh
# The shared library exports what include/crew declares with CREW_API, no more
# and no less, and calls no other library by a private name.
. "$(dirname "$0")/common.sh"

library=${1:?usage: exports.sh ROOT LIBRARY}
lists=$(mktemp -d)
trap 'rm -rf "$lists"' EXIT

# A declaration reaches from CREW_API to its semicolon; the first name that a
# parenthesis follows is the function's.
c_files include | xargs awk -f "$here/code.awk" |
    grep -Ev '^ *#' | tr '\n' ' ' | tr ';' '\n' |
    sed -nE 's/.*CREW_API [^(]*[ *](crew_[a-z0-9_]+) *\(.*/\1/p' |
    LC_ALL=C sort >"$lists/declared"

nm -D --defined-only "$library" |
    awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
    LC_ALL=C sort >"$lists/exported"

if ! [ -s "$lists/declared" ] || ! [ -s "$lists/exported" ]; then
    echo "no declarations, or no symbols in $library" >&2
    exit 2
fi

{
    LC_ALL=C comm -23 "$lists/declared" "$lists/exported" |
        sed 's/$/: is declared and not exported/'
    LC_ALL=C comm -13 "$lists/declared" "$lists/exported" |
        sed 's/$/: is exported and not declared/'
} | verdict
