# One JSON out of those of all rounds: merge.awk CONTEXT FILE..., the rounds'
# files called .../ROUND.PROGRAM.json. Each becomes a repetition of one run;
# CONTEXT's lines "key: value" are added to the context.

FNR == 1 {
    file++
    part = file == 1 ? "extra" : "head"
    round = FILENAME
    sub(/.*\//, "", round)
    sub(/\..*/, "", round)
}

part == "extra" {
    colon = index($0, ": ")
    if (colon) {
        value = substr($0, colon + 2)
        gsub(/[\\"]/, "", value)
        extra = extra sprintf("    \"%s\": \"%s\",\n",
            substr($0, 1, colon - 1), value)
    }
    next
}

/^ *"benchmarks": *\[/ {
    if (file == 2)
        print
    part = "results"
    next
}
part == "head" {
    if (file == 2) {
        print
        if ($0 ~ /^ *"context": *\{/)
            printf "%s", extra
    }
    next
}

# The list's end, and the file's.
/^ *\]/ { part = "tail"; next }
part != "results" { next }

/^ *\{/ { if (results++) print "    ," }
/^ *\},?$/ { print "    }"; next }
/^ *"repetitions": / { sub(/[0-9]+/, rounds) }
/^ *"repetition_index": / { sub(/[0-9]+/, round - 1) }
{ print }

END {
    print "  ]"
    print "}"
}
