#!/bin/sh
# Every release and acquire is one end of a named edge. At the operation, on
# its line, on the line above it or on one of the two below:
#
#   crew__store_release(&word, 1); /* edge:NAME, release */
#
# In the comment of some file, below a line "Edges" or after the word "edge", a
# row that tells from where to where, and what it guards:
#
#   NAME   put -> take   The fields of the item are seen.
#
# An edge has both ends and a row; an end stands at an operation that is at
# least so strong; and no acquire, release or acq_rel stands without an edge.
. "$(dirname "$0")/common.sh"

code=$(mktemp)
trap 'rm -f "$code"' EXIT
files=$(c_files src | grep -Ev '^src/(base/atomic\.h|os/sim[^/]*)$')
# shellcheck disable=SC2086 # a list of names without spaces
awk -v names=1 -f "$here/code.awk" $files >"$code"

# shellcheck disable=SC2086
awk -v code="$code" -f "$here/edges.awk" $files | verdict
