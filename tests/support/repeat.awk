# The line that repeats each red test, with its seed where it printed one.
#   awk -v preset=P -f repeat.awk LastTestsFailed.log LastTest.log

FNR == NR {
    sub(/^[0-9]*:/, "")
    failed[$0] = ""
    next
}

/ Test(ing)?: / { name = $NF }

/^seed [0-9]/ && (name in failed) { failed[name] = "CREW_SEED=" $2 " " }

END {
    for (name in failed)
        print "To repeat it: " failed[name] "./dev test " preset " '^" name "$'"
}
