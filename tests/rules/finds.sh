#!/bin/sh
# Shows that a rule can fail: it must find what is planted, and only that.
#   finds.sh RULE PLANTED [LIBRARY]
rule=$1
planted=$2
expected=$(cat "$planted/expected") || exit 2

shift 2
found=$(sh "$(dirname "$0")/$rule.sh" "$planted" "$@")
status=$?
printf '%s\n' "$found"
if [ "$status" -ne 1 ]; then
    echo "the rule ended with $status, not 1"
    exit 1
fi
case $found in
*"$expected"*) exit 0 ;;
esac
echo "it did not find: $expected"
exit 1
