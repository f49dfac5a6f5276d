#!/bin/sh
# replay.sh PROGRAM MODEL [WEAKER]
#
# Runs a model that fails, and then the schedule that it printed: the same error
# must come again, and not without the schedule's choices.
set -eu

program=$1
model=$2
shift 2
[ $# -eq 0 ] || set -- --weaker "$1"

first=$("$program" "$model" "$@") || true
schedule=$(printf '%s\n' "$first" | sed -n "s/.*--replay '\([^']*\)'.*/\1/p")
error=$(printf '%s\n' "$first" | sed -n '2s/^ *//p')
echo "'$schedule': $error"
[ -n "$schedule" ] && [ -n "$error" ]

if again=$("$program" "$model" "$@" --replay "$schedule"); then
    echo "the schedule fails no more"
    exit 1
fi
printf '%s\n' "$again"
printf '%s\n' "$again" | grep -qxF "  error: $error"

"$program" "$model" "$@" --replay '/' >/dev/null
