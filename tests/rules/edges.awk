# See edges.sh. `code` is the output of code.awk over the same files.

BEGIN {
    operation = "crew__(load|store|exchange|add|sub|or|and|xor|cas|cas_weak)_"
    while ((getline text < code) > 0) {
        match(text, /^[^:]*:[0-9]+:/)
        place = substr(text, 1, RLENGTH - 1)
        text = substr(text, RLENGTH + 1)
        if (text ~ (operation "(release|acq_rel|seq_cst) *\\("))
            releases[place] = 1
        if (text ~ (operation "(acquire|acq_rel|seq_cst) *\\("))
            acquires[place] = 1
        if (text ~ (operation "(acquire|release|acq_rel) *\\("))
            needs[++needed] = place
    }
}

FNR == 1 { table = 0 }

# A line may carry both ends of an edge, or of two.
/edge:/ {
    rest = $0
    while (match(rest, /edge:[a-z0-9-]*(, *[a-z]*)?/)) {
        end = substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
        if (end !~ /^edge:[a-z0-9-]+, (release|acquire)$/) {
            print FILENAME ":" FNR ": an edge is written edge:NAME, release " \
                "or acquire"
            continue
        }
        name = end
        sub(/^edge:/, "", name)
        kind = name
        sub(/,.*/, "", name)
        sub(/.*, /, "", kind)
        used[name] = used[name] ? used[name] : FILENAME ":" FNR
        marked[FILENAME ":" FNR] = 1
        if (kind == "release") {
            released[name] = 1
            if (!near(releases, FILENAME, FNR))
                print FILENAME ":" FNR ": edge " name \
                    " is not at an operation that releases"
        } else {
            acquired[name] = 1
            if (!near(acquires, FILENAME, FNR))
                print FILENAME ":" FNR ": edge " name \
                    " is not at an operation that acquires"
        }
    }
}

# Rows of tables. A table ends with its comment.
/^ \* Edges/ { table = 1 }
/\*\// { table = 0 }
/^ \* +edge [a-z0-9-]+  / || (table && /^ \*   [a-z][a-z0-9-]*  /) {
    name = $2 == "edge" ? $3 : $2
    row[name] = row[name] ? row[name] : FILENAME ":" FNR
    if ($0 ~ / -> /)
        told[name] = 1
}

function near(places, file, line, i)
{
    for (i = line - 3; i <= line + 2; i++)
        if ((file ":" i) in places)
            return 1
    return 0
}

function has_edge(place, file, line, i)
{
    file = place
    sub(/:.*/, "", file)
    line = place
    sub(/.*:/, "", line)
    for (i = line - 2; i <= line + 3; i++)
        if ((file ":" i) in marked)
            return 1
    return 0
}

END {
    for (name in used) {
        if (!(name in released))
            print used[name] ": edge " name " has no releasing end"
        if (!(name in acquired))
            print used[name] ": edge " name " has no acquiring end"
        if (!(name in told))
            print used[name] ": edge " name \
                " stands in no table (NAME  from -> to  what it guards)"
    }
    for (name in row)
        if (!(name in used))
            print row[name] ": edge " name " stands at no operation"
    for (i = 1; i <= needed; i++)
        if (!has_edge(needs[i]))
            print needs[i] ": an order without the name of its edge"
}
