# The table: table.awk rows.txt VALUES [OLD VALUES], values as rows.awk gives
# them. Medians over rounds; a ratio is the median of the rounds' ratios.

function sort(list, n, i, j, x)
{
    for (i = 2; i <= n; i++) {
        x = list[i]
        for (j = i - 1; j >= 1 && list[j] > x; j--)
            list[j + 1] = list[j]
        list[j + 1] = x
    }
}

function middle(list, n)
{
    sort(list, n)
    return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}

function short(x)
{
    if (x >= 99.95 || x <= -99.95)
        return sprintf("%.0f", x)
    return sprintf("%.3g", x)
}

# With one digit more where that decides.
function near(is, limit)
{
    if (is != limit && is > 0.99 * limit && is < 1.01 * limit)
        return sprintf("%.4g", is)
    return short(is)
}

# Sets `median`, `least`, `most`; false where it was not measured.
function measure(of, row, who, figure, r, n, key)
{
    split("", list)
    n = 0
    for (r = 0; r <= last_round; r++) {
        key = of SUBSEP row SUBSEP who SUBSEP figure SUBSEP r
        if (key in value)
            list[++n] = value[key]
    }
    if (!n)
        return 0
    median = middle(list, n)
    least = list[1]
    most = list[n]
    return n
}

# The median of the rounds' crew / who, or crew - who.
function compared(row, figure, who, minus, r, n, a, b)
{
    split("", list)
    n = 0
    for (r = 0; r <= last_round; r++) {
        a = "new" SUBSEP row SUBSEP "crew" SUBSEP figure SUBSEP r
        b = "new" SUBSEP row SUBSEP who SUBSEP figure SUBSEP r
        if (!(a in value) || !(b in value))
            continue
        if (minus)
            list[++n] = value[a] - value[b]
        else if (value[b] != 0)
            list[++n] = value[a] / value[b]
    }
    return n ? middle(list, n) : "none"
}

function is_peer(who) { return who !~ /^(crew|floor|work)($|\.)/ }

function best_peer(row, figure, better, i, who, best, at)
{
    best = ""
    for (i = 1; i <= contenders[row]; i++) {
        who = contender[row, i]
        if (!is_peer(who) || !measure("new", row, who, figure))
            continue
        if (best == "" || (better == "more" ? median > at : median < at)) {
            best = who
            at = median
        }
    }
    return best
}

# Judges one aim; sets `told`; 1 reached, 0 not, -1 not to be judged.
function judge(row, figure, aim, sign, rest, is, limit, who, parts)
{
    sign = substr(aim, 1, 2)
    rest = substr(aim, 3)
    if (rest ~ /^[0-9.]+$/) {
        limit = rest + 0
        is = measure("new", row, "crew", figure) ? median : "none"
        who = ""
    } else if (split(rest, parts, "*") == 2) {
        limit = parts[1] + 0
        who = " x " parts[2]
        is = compared(row, figure, parts[2], 0)
    } else {
        split(rest, parts, "+")
        limit = parts[2] + 0
        who = " above " parts[1]
        is = compared(row, figure, parts[1], 1)
    }
    if (is == "none") {
        told = sign " " limit who ": not measured"
        return -1
    }
    told = near(is, limit) who " (" sign " " limit ")"
    return sign == ">=" ? is >= limit : is <= limit
}

function show_others(row, figure, i, who, text, n)
{
    text = ""
    for (i = 1; i <= contenders[row]; i++) {
        who = contender[row, i]
        if (who == "crew" || !(n = measure("new", row, who, figure)))
            continue
        text = text sprintf("%s%s %s (%s-%s)", text == "" ? "" : ", ", who,
            short(median), short(least), short(most))
    }
    if (text != "")
        print "    " text
}

# "name (ratio)" of the floor or of the best peer.
function ratio_to(row, figure, who, is)
{
    is = who == "" ? "none" : compared(row, figure, who, 0)
    return is == "none" ? "-" : short(is)
}

function show_row(row, figure, unit, better, aims, count, i, reached, why,
                  best, aim, is, crew)
{
    if (!measure("new", row, "crew", figure)) {
        if (contenders[row])
            printf "%-22s %-8s not measured\n", row, unit
        return
    }
    crew = sprintf("%s (%s-%s)", short(median), short(least), short(most))
    best = best_peer(row, figure, better)
    reached = "yes"
    why = ""
    for (i = 1; i <= count; i++) {
        aim = aims[i]
        is = judge(row, figure, aim ~ /^~/ ? substr(aim, 2) : aim)
        if (aim ~ /^~/)
            told = "stretch " told
        else if (is == 0)
            reached = "NO"
        else if (is < 0 && reached == "yes")
            reached = "?"
        why = why (why == "" ? "" : ", ") told
    }
    if (best != "") {
        is = judge(row, figure, (better == "more" ? ">=1*" : "<=1*") best)
        if (is == 0) {
            reached = "NO"
            if (index(why, told) == 0)
                why = why (why == "" ? "" : ", ") told
        }
    }
    if (count == 0 && best == "")
        reached = "-"
    printf "%-22s %-8s %-24s %-12s %8s %8s  %-4s %s\n", row, unit, crew,
        best == "" ? "-" : best, ratio_to(row, figure, best),
        ratio_to(row, figure, "floor"), reached, why
    total++
    counted[reached]++
    show_others(row, figure)
    show_old(row, figure, better)
}

function show_old(row, figure, better, now, low, high, verdict)
{
    if (!old || !measure("new", row, "crew", figure))
        return
    now = median
    low = least
    high = most
    if (!measure("old", row, "crew", figure)) {
        print "    before: not measured"
        return
    }
    if (low <= most && high >= least)
        verdict = "the ranges overlap"
    else
        verdict = (now > median) == (better == "more") ? "better" : "WORSE"
    printf "    before: %s (%s-%s), now %s times that: %s\n", short(median),
        short(least), short(most), (median ? short(now / median) : "?"),
        verdict
}

FNR == 1 { file++ }
/^#/ || NF == 0 { next }

file == 1 {
    rows++
    spec[rows] = $0
    next
}
{
    of = file == 2 ? "new" : "old"
    old = old || of == "old"
    if ($5 == "error") {
        failed[$2 "/" $3]++
        next
    }
    value[of, $2, $3, $4, $1] = $5 + 0
    if ($1 > last_round)
        last_round = $1
    if (of == "new" && !(($2, $3) in seen)) {
        seen[$2, $3] = 1
        contender[$2, ++contenders[$2]] = $3
    }
}

END {
    printf "%-22s %-8s %-24s %-12s %8s %8s  %s\n", "question", "unit",
        "crew: median (range)", "best peer", "x best", "x floor", "reached"
    for (i = 1; i <= rows; i++) {
        n = split(spec[i], words, /[ \t]+/)
        split("", aims)
        for (j = 5; j <= n; j++)
            aims[j - 4] = words[j]
        show_row(words[1], words[2], words[3], words[4], aims, n - 4)
    }
    for (name in failed)
        printf "%s failed in %d rounds\n", name, failed[name]
    printf "%d of %d rows reached\n", counted["yes"], total - counted["-"]
}
