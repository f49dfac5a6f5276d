# Prints C files without their comments and the text of their literals; the
# lines stay where they are. With -v names=1 each line begins with "FILE:LINE:".

FNR == 1 { state = "code" }

{
    out = ""
    n = length($0)
    for (i = 1; i <= n; i++) {
        c = substr($0, i, 1)
        two = substr($0, i, 2)
        if (state == "comment") {
            if (two == "*/") {
                state = "code"
                i++
            }
        } else if (state != "code") {
            if (c == "\\")
                i++
            else if (c == state) {
                out = out c
                state = "code"
            }
        } else if (two == "/*") {
            state = "comment"
            out = out " "
            i++
        } else if (two == "//") {
            break
        } else {
            out = out c
            if (c == "\"" || c == "'")
                state = c
        }
    }
    # A header's name is no literal.
    if (state != "comment" && $0 ~ /^[ \t]*#[ \t]*include/) {
        out = $0
        sub(/[ \t]*\/\*.*$/, "", out)
        state = $0 ~ /\/\*/ && $0 !~ /\*\// ? "comment" : "code"
    } else if (state != "comment")
        state = "code"
    if (names)
        print FILENAME ":" FNR ":" out
    else
        print out
}
