#!/bin/sh
# CMake reads the names of the cases from the sources: what it would miss is
# no test.
. "$(dirname "$0")/common.sh"

c_files tests | grep -v '^tests/support/support\.h$' |
    xargs awk -v names=1 -f "$here/code.awk" |
    grep -E '(^|[^A-Za-z0-9_])CREW_TEST(_LIMIT)?($|[^A-Za-z0-9_])' |
    grep -Ev '^[^:]*_test\.c:[0-9]+:CREW_TEST(_LIMIT)?\([a-zA-Z0-9_]+(, *[0-9]+)?\)' |
    grep -Ev '^tests/regress/[^/]*\.c:[0-9]+:CREW_TEST(_LIMIT)?\([a-zA-Z0-9_]+(, *[0-9]+)?\)' |
    sed -E 's/^([^:]*:[0-9]+):.*/\1: CMake cannot see this case/' | verdict
