# shellcheck shell=sh
# What the rules share: `root` is the tree to look at, `here` this folder.
# Each rule prints FILE:LINE: TEXT for what breaks it and ends with 1.

# shellcheck disable=SC2034 # both are read by the rules
here=$(dirname "$0")
if [ $# -lt 1 ]; then
    echo "usage: $0 ROOT ..." >&2
    exit 2
fi
cd "$1" || exit 2
here=$(cd "$OLDPWD" && cd "$here" && pwd)
shift

# The C files below the folders that are there.
c_files()
{
    for folder; do
        if [ -d "$folder" ]; then
            find "$folder" -name '*.[ch]' ! -path '*/planted/*'
        fi
    done | LC_ALL=C sort
}

# Ends the rule: 1 when standard input says anything.
verdict()
{
    found=$(LC_ALL=C sort -t: -k1,1 -k2,2n -u)
    if [ -n "$found" ]; then
        printf '%s\n' "$found"
        exit 1
    fi
    exit 0
}
