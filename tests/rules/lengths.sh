#!/bin/sh
# A file has at most 600 lines, a function at most 80, from its opening brace
# to the closing one.
. "$(dirname "$0")/common.sh"

c_files src include | xargs awk '
    FNR == 1 {
        if (NR > 1 && lines > 600)
            print file ":" lines ": the file has " lines " lines, above 600"
        open = 0
        file = FILENAME
    }
    { lines = FNR }
    /^\{/ { open = FNR }
    /^\}/ {
        if (open && FNR - open + 1 > 80)
            print FILENAME ":" open ": the function has " FNR - open + 1 \
                " lines, above 80"
        open = 0
    }
    END {
        if (lines > 600)
            print file ":" lines ": the file has " lines " lines, above 600"
    }' | verdict
