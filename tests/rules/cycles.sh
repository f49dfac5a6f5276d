#!/bin/sh
# No header includes itself, by whatever way.
. "$(dirname "$0")/common.sh"

# tsort names the files of each circle below one headline.
c_files src include | xargs awk '
    /^ *# *include *("|<crew\/)/ {
        path = $0
        sub(/^[^"<]*["<]/, "", path)
        sub(/[">].*/, "", path)
        print FILENAME, (path ~ /^crew\// ? "include/" : "src/") path
    }' | tsort 2>&1 >/dev/null |
    sed -n "s/^tsort: \([^-].*\)/\1:1: is in a circle of includes/p" | verdict
