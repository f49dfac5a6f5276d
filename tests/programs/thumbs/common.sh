# What the tests of crew-thumbs share. Sourced by thumbs.sh, which has set
# $tools and $program; runs in a directory of its own.
# shellcheck shell=sh disable=SC2154

say() {
    printf '%s\n' "$*"
}

fail() {
    say "FAILED: $*"
    for f in out err; do
        [ -s "$f" ] && { say "--- $f"; head -n 40 "$f"; }
    done
    exit 1
}

skip() {
    say "skipped: $*"
    exit 77
}

# make FILE KIND WIDTH HEIGHT [photo]
make() {
    "$tools/make-image" "$@" || fail "cannot make $1"
}

# check FILE WIDTH HEIGHT [KIND]
check() {
    "$tools/check-image" "$@" || fail "wrong thumbnail"
}

# run CODE ARGUMENTS...: runs the program, which is to exit with CODE; its
# output is in out, its messages are in err.
run() {
    want=$1
    shift
    code=0
    "$program" "$@" >out 2>err || code=$?
    [ "$code" = "$want" ] || fail "exit $code, not $want: crew-thumbs $*"
}

says() {
    grep -q -- "$2" "$1" || fail "$1 does not say: $2"
}

says_not() {
    ! grep -q -- "$2" "$1" || fail "$1 says: $2"
}

# Nothing but thumbnails is in a directory.
no_remains() {
    remains=$(find "$1" -name '.*' ! -path "$1" -print)
    [ -z "$remains" ] || fail "left behind: $remains"
}

is_sanitized() {
    "$tools/make-image" --sanitized
}

# as_nobody COMMAND...: runs it without root's rights; 77 where that cannot be.
as_nobody() {
    if [ "$(id -u)" != 0 ]; then
        "$@"
    elif command -v setpriv >/dev/null &&
        setpriv --reuid=65534 --clear-groups test -x "$program" 2>/dev/null
    then
        setpriv --reuid=65534 --clear-groups "$@"
    else
        return 77
    fi
}

now_ms() {
    echo $(($(date +%s%N) / 1000000))
}
