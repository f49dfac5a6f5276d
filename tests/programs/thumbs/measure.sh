#!/bin/sh
# measure.sh PROGRAM TOOLS [DIRECTORY [ROUNDS]]: how fast crew-thumbs is, and
# how late its main loop, beside vipsthumbnail over the same files and a bare
# ticker. The rounds are interleaved; for each figure the median and the range
# are printed. Wants an idle machine.
set -eu

program=$1
tools=$2
photos=${3:-/usr/share/backgrounds/mate}
rounds=${4:-5}
out=$(mktemp -d "${TMPDIR:-/tmp}/crew-thumbs.XXXXXX")
trap 'rm -rf "$out"' EXIT
mkdir "$out/thumbs" "$out/vips"
find "$photos" -type f \( -name '*.jpg' -o -name '*.png' \) | sort \
    >"$out/list"

# note NAME VALUE: one figure of one round.
note() {
    echo "$2" >>"$out/figure.$1"
}

now_ns() {
    date +%s%N
}

# timed NAME COMMAND...: its wall time in ms.
timed() {
    timed=$1
    shift
    start=$(now_ns)
    "$@" >"$out/said"
    note "$timed" $((($(now_ns) - start) / 1000000))
}

# said NAME: what the last command said of its loop and memory.
said() {
    note "$1.longest-ms" \
        "$(sed -n 's/.*stood still for at most \(.*\) ms/\1/p' "$out/said")"
    note "$1.p99.9-ms" \
        "$(sed -n 's/.*99.9 % at most \(.*\) ms late/\1/p' "$out/said")"
    memory=$(sed -n 's/^memory *\(.*\) MiB.*/\1/p' "$out/said")
    [ -z "$memory" ] || note "$1.MiB" "$memory"
}

thumbs() {
    name=$1
    shift
    timed "$name.ms" "$program" -s 256 -o "$out/thumbs" "$@" "$photos"
    said "$name"
}

vips_two() {
    xargs -P2 -n15 vipsthumbnail -s 256 -o "$out/vips/%s.jpg" <"$out/list"
}

vips_one() {
    # shellcheck disable=SC2046
    vipsthumbnail -s 256 -o "$out/vips/%s.jpg" $(cat "$out/list")
}

round() {
    thumbs pool
    thumbs one -j 1
    thumbs pool-4 --repeat 4
    thumbs one-4 -j 1 --repeat 4
    thumbs inline --inline
    timed ticker.ms "$tools/thumbs-ticker" 2
    said ticker
    note speedup "$(ratio one.ms pool.ms)"
    note speedup-4 "$(ratio one-4.ms pool-4.ms)"
    note memory-ratio "$(ratio pool.MiB one.MiB)"
    if command -v vipsthumbnail >/dev/null; then
        timed vips-two.ms vips_two
        timed vips-one.ms vips_one
    fi
}

# ratio A B: of the last round.
ratio() {
    awk -v a="$(tail -n 1 "$out/figure.$1")" \
        -v b="$(tail -n 1 "$out/figure.$2")" 'BEGIN { printf "%.2f", a / b }'
}

i=0
while [ "$i" -lt "$rounds" ]; do
    round
    i=$((i + 1))
done

for f in "$out"/figure.*; do
    sort -n "$f" | awk -v name="${f##*/figure.}" '
        { value[NR] = $1 }
        END {
            printf "%-20s median %8s  range %s - %s\n", name,
                value[int((NR + 1) / 2)], value[1], value[NR]
        }'
done
