# Google Benchmark's JSON, of one run or merged, as lines
#   ROUND ROW CONTENDER FIGURE VALUE
# Its writer puts one key on a line. A round without a result has VALUE
# "error".

function field(line)
{
    sub(/^[^:]*: */, "", line)
    gsub(/^"|",?$|,$/, "", line)
    return line
}

/^ *"benchmarks": *\[/ { inside = 1 }
!inside { next }

/^ *"name": / {
    # The settings stand behind the name: /iterations:1/manual_time.
    name = field($0)
    gsub(/\/(iterations|repeats|min_time|min_warmup_time):[^\/]*/, "", name)
    gsub(/\/(manual_time|real_time|process_time)/, "", name)
    row = who = name
    sub(/\/[^\/]*$/, "", row)
    sub(/.*\//, "", who)
    next
}
/^ *"repetition_index": / { round = field($0) + 0; next }
/^ *"error_occurred": true/ { print round, row, who, "error", "error" }
/^ *"(family_index|per_family_instance_index|repetitions)": / { next }
/^ *"(threads|iterations)": / { next }
/^ *"[A-Za-z0-9_.]+": [-+0-9.e]+,?$/ {
    figure = $1
    gsub(/[":]/, "", figure)
    print round, row, who, figure, field($0)
}
