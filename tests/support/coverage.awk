# Sums what `gcov -n` says: a line for each .c file, the total, and 1 where
# that is below `least` percent. Inline functions of headers are not counted:
# gcov tells of them once for each file that includes them.

/^File '/ {
    file = $2
    gsub(/'/, "", file)
}

/^Lines executed:/ && file ~ /\.c$/ {
    percent = $2
    sub(/executed:/, "", percent)
    sub(/%/, "", percent)
    printf "%6.1f %% of %4d  %s\n", percent, $4, file
    reached += percent * $4 / 100
    all += $4
    file = "" # its own sum for all files follows the last one
}

END {
    total = all ? 100 * reached / all : 0
    printf "%6.1f %% of %4d lines of src are reached, at least %d %% are due\n",
        total, all, least
    exit total < least
}
