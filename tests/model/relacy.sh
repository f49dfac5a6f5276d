#!/bin/sh
# relacy.sh SOURCE_DIRECTORY DIRECTORY
#
# The second opinion of relacy on src/lockfree. Skips (77) where there is no
# relacy or no C++ compiler.
set -eu

model=$(cd "$(dirname "$0")" && pwd)
source=$1
directory=$2

if ! command -v "${CXX:-g++}" >/dev/null 2>&1; then
    echo "skipped: no C++ compiler"
    exit 77
fi
mkdir -p "$directory"
echo '#include <relacy/relacy.hpp>' >"$directory/probe.cpp"
if ! "${CXX:-g++}" -std=c++17 -fpermissive -w -fsyntax-only \
    "$directory/probe.cpp" 2>/dev/null; then
    echo "skipped: relacy is not installed (apt-get install relacy-dev)"
    exit 77
fi
"${CXX:-g++}" -std=c++17 -O2 -fpermissive -w -DCREW_MODEL \
    -I"$model/relacy" -I"$source" \
    -o "$directory/second" "$model/relacy/second.cpp"
"$directory/second"
