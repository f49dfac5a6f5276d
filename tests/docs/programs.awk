# Writes each whole program of a Markdown file to folder/<n>.c and prints n.
# Its lines keep their numbers, so that a compiler names the document's.

/^ *```/ {
    if (inside) {
        if (whole) {
            path = folder "/" ++count ".c"
            printf "#line %d \"%s\"\n%s", first, FILENAME, text > path
            close(path)
            print count
        }
        inside = 0
    } else {
        inside = 1
        is_c = $0 ~ /^ *```c *$/
        whole = 0
        text = ""
        first = FNR + 1
    }
    next
}

inside && is_c {
    text = text $0 "\n"
    if ($0 ~ /(^|[^A-Za-z0-9_])main\(/ && $0 ~ /^int /)
        whole = 1
}
