#!/bin/sh
# Public headers: a guard, no anonymous enum, struct or union, no static
# inline, no _Atomic, no bit of C that C++ lacks; a comment for every function,
# its lines in the fixed order, ended by "Since:". Man pages are made of it.
. "$(dirname "$0")/common.sh"

{
    # The fork-join fast path and the adapters are allowed inline code.
    c_files include | grep -Ev '/(adapters/.*|parallel\.h)$' |
        xargs awk -v names=1 -f "$here/code.awk" |
        sed -nE '
        s/^([^:]*:[0-9]+):.*(enum|struct|union) *\{.*/\1: an anonymous \2/p
        s/^([^:]*:[0-9]+):.*(enum|struct|union) *$/\1: an anonymous \2/p
        s/^([^:]*:[0-9]+):.*(static|inline|_Atomic|restrict) .*/\1: \2 in a public header/p'

    c_files include | xargs awk '
    BEGIN {
        order["Threads"] = 1
        order["Blocks"] = 2
        order["Owns"] = 3
        order["Calls"] = 4
        order["Errors"] = 5
        order["Since"] = 6
    }
    FNR == 1 {
        since = 0
        guard = ""
    }
    /^#ifndef CREW_[A-Z_]+_H$/ && guard == "" { guard = $2 }
    /^\/\*/ {
        since = 0
        last = 0
        comment = FNR
    }
    /^ \* [A-Z][a-z]+: / {
        word = $2
        sub(/:/, "", word)
        if (word in order) {
            if (order[word] <= last)
                print FILENAME ":" FNR ": " word " stands too late"
            last = order[word]
            since = word == "Since"
        }
    }
    # Functions that one comment describes stand below each other.
    /^static inline [^(]*[ *]crew_[a-z]/ ||
    (/^CREW_API / && $0 !~ /^CREW_API.*crew_[a-z_]+;/) {
        if (!since)
            print FILENAME ":" FNR ": no comment that ends with Since:"
        if (guard == "")
            print FILENAME ":" FNR ": no guard"
    }
    /^$/ { since = 0 }'
} | verdict
