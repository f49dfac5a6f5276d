#!/bin/sh
# Includes run one way: a file includes its own layer or one below, os and
# lockfree do not know each other, nor do pool and port; include/crew includes
# itself and three headers of C; adapters and examples the public headers.
. "$(dirname "$0")/common.sh"

c_files src include docs/examples | xargs awk '
    BEGIN {
        # A layer and what it may include. <crew/...> is open to all.
        allow["base"] = " base "
        allow["os"] = " base os "
        allow["lockfree"] = " base lockfree "
        allow["runtime"] = " base os lockfree runtime "
        allow["pool"] = allow["runtime"] "pool "
        allow["port"] = allow["runtime"] "port "
        allow["process"] = allow["pool"] "port process "
        allow["worker"] = allow["process"] "worker "
        allow["call"] = allow["process"] "call "
        allow["cluster"] = allow["worker"] "call cluster "
    }
    function told(text) {
        print FILENAME ":" FNR ": " text
    }
    function private_include(path, layer) {
        layer = path
        sub(/\/.*/, "", layer)
        if (path ~ /^\.\.\// || path ~ /\/\.\.\//)
            told("includes " path " by a way up")
        else if (path !~ /\//)
            told(path " is not named by its layer")
        else if (index(allow[own], " " layer " ") == 0)
            told(own " may not include " path)
    }
    function public_include(path) {
        if (path == "sys/types.h" && FILENAME ~ /\/process\.h$/)
            return
        if (path !~ /^(crew\/[a-z_]+|stddef|stdint|stdbool)\.h$/)
            told("a public header includes only the library and stddef, " \
                "stdint, stdbool")
    }
    function foreign_include(path) {
        if (path ~ /^(\.\.|src|base|os|lockfree|runtime|pool|port|call)\//)
            told("adapters and examples know public headers alone")
    }
    FNR == 1 {
        own = FILENAME
        sub(/^src\//, "", own)
        sub(/\/.*/, "", own)
        if (FILENAME ~ /^src\// && !(own in allow))
            told("no layer is called " own)
    }
    /^ *# *include *["<]/ {
        path = $0
        sub(/^[^"<]*["<]/, "", path)
        sub(/[">].*/, "", path)
        if (FILENAME ~ /^src\// && $0 ~ /"/)
            private_include(path)
        else if (FILENAME ~ /^(include\/crew\/adapters|docs\/examples)\//)
            foreign_include(path)
        else if (FILENAME ~ /^include\//)
            public_include(path)
    }' | verdict
