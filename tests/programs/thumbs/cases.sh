# The cases I2 to I7, each a function. Sourced by thumbs.sh after common.sh.
# shellcheck shell=sh disable=SC2154

# Broken inputs are named with the reason, the others are done.
case_I2() {
    mkdir in out.d in/folder.jpg in/nothing other
    make in/good.jpg jpeg 640 480
    make in/good2.png rgb 640 480
    make whole.png rgb 640 480 photo
    make whole.jpg jpeg 640 480 photo
    make slow.jpg jpeg-progressive 640 480 photo
    make laced.png rgba-interlaced 640 480 photo
    : >in/empty.jpg
    echo 'this is no photograph at all' >in/text.jpg
    printf '\377\330\377' >in/short.jpg
    head -c 20000 whole.png >in/cut.png
    head -c 20000 whole.jpg >in/cut-baseline.jpg
    head -c 20000 slow.jpg >in/cut-progressive.jpg
    head -c 20000 laced.png >in/cut-interlaced.png
    head -c 16 whole.png >in/cut-header.png
    head -c "$(($(wc -c <whole.png) - 14))" whole.png >in/cut-end.png
    cp in/good.jpg other/good.jpg
    cp in/good.jpg other/good2.jpeg
    cp in/good.jpg other/contact-sheet.png
    ln -s nowhere in/link.jpg
    ln -s ../other in/elsewhere
    mkfifo other/pipe.jpg

    run 1 -s 64 -o out.d in missing.jpg other/good.jpg other/good2.jpeg \
        other/contact-sheet.png in/nothing other/pipe.jpg

    says out '^2 done, 16 failed$'
    says err 'in/empty.jpg: empty file'
    says err 'in/text.jpg: neither a JPEG nor a PNG'
    says err 'in/short.jpg: neither a JPEG nor a PNG'
    for f in cut.png cut-baseline.jpg cut-progressive.jpg cut-interlaced.png \
        cut-header.png cut-end.png; do
        says err "in/$f: truncated"
        [ ! -e "out.d/${f%.*}.jpg" ] || fail "half a thumbnail of $f"
    done
    says err 'missing.jpg: cannot open: '
    says err 'in/link.jpg: cannot open: '
    says err 'other/good.jpg: same name twice: good.jpg is made of in/good.jpg'
    says err 'other/good2.jpeg: same name twice: .* in/good2.png'
    says err 'other/contact-sheet.png: same name as the contact sheet'
    says err 'in/nothing: no .jpg, .jpeg or .png in it'
    says err 'other/pipe.jpg: not a regular file'
    says_not err 'folder.jpg'
    check out.d/good.jpg 64 48
    check out.d/good2.jpg 64 48
    no_remains out.d

    # On the main loop it is the same.
    cp err pooled
    run 1 --inline -s 64 -o out.d in missing.jpg other/good.jpg \
        other/good2.jpeg other/contact-sheet.png in/nothing other/pipe.jpg
    sort pooled >a
    sort err >b
    cmp a b || fail 'inline names others than the pool'

    # A thumbnail never overwrites an image.
    cp in/good.jpg out.d/mine.jpg
    cp in/good.jpg mine.png
    run 1 -o out.d out.d/mine.jpg mine.png
    says err 'out.d/mine.jpg: its thumbnail would overwrite out.d/mine.jpg'
    says err 'mine.png: its thumbnail would overwrite out.d/mine.jpg'
    cmp in/good.jpg out.d/mine.jpg || fail 'an image was overwritten'

    case_I2_unreadable
}

case_I2_unreadable() {
    chmod 777 . out.d
    chmod 000 in/good.jpg
    code=0
    as_nobody "$program" -s 64 -o out.d in/good.jpg in/good2.png >out 2>err ||
        code=$?
    if [ "$code" = 77 ]; then
        say 'not tried: an unreadable file (running as root)'
        return
    fi
    [ "$code" = 1 ] || fail "unreadable: exit $code"
    says out '^1 done, 1 failed$'
    says err 'in/good.jpg: cannot open: Permission denied'
}

# Every kind of image is right.
case_I3() {
    mkdir in out.d
    for kind in rgb rgb16 palette rgb-interlaced gamma; do
        make "in/$kind.png" "$kind" 333 222
        echo "$kind 96 64 colour" >>want
    done
    for kind in rgba rgba16 palette-alpha rgba-interlaced \
        palette-alpha-interlaced; do
        make "in/$kind.png" "$kind" 333 222
        echo "$kind 96 64 alpha" >>want
    done
    for kind in gray gray16 gray-interlaced; do
        make "in/$kind.png" "$kind" 333 222
        echo "$kind 96 64 gray" >>want
    done
    make in/gray1.png gray1 333 222
    echo 'gray1 96 64 any' >>want
    make in/gray-alpha.png gray-alpha 333 222
    echo 'gray-alpha 96 64 gray-alpha' >>want
    make in/exif6.png exif6 333 222
    echo 'exif6 64 96 any' >>want
    for kind in jpeg jpeg-progressive jpeg-cmyk jpeg-ycck jpeg-exif1 \
        jpeg-exif2 jpeg-exif3 jpeg-exif4 jpeg-exif5 jpeg-exif6 jpeg-exif7 \
        jpeg-exif8; do
        make "in/$kind.jpg" "$kind" 1003 669
        echo "$kind 96 64 colour" >>want
    done
    make in/jpeg-icc.jpg jpeg-icc 1003 669
    echo 'jpeg-icc 96 64 profile' >>want
    make in/jpeg-gray.JPEG jpeg-gray 1003 669
    echo 'jpeg-gray 96 64 gray' >>want
    for kind in rgb rgb-interlaced jpeg; do
        make "in/one-$kind.png" "$kind" 1 1
        echo "one-$kind 1 1 any" >>want
        make "in/tall-$kind.png" "$kind" 1 20000
        echo "tall-$kind 1 96 any" >>want
        make "in/wide-$kind.png" "$kind" 20000 1
        echo "wide-$kind 96 1 any" >>want
        make "in/small-$kind.png" "$kind" 96 40
        echo "small-$kind 96 40 any" >>want
        make "in/smaller-$kind.png" "$kind" 31 7
        echo "smaller-$kind 31 7 any" >>want
        make "in/odd-$kind.png" "$kind" 257 1001
        echo "odd-$kind 25 96 any" >>want
    done

    modes='--workers=2 --workers=1 --inline'
    ! is_sanitized || modes='--workers=2 --inline'
    for mode in $modes; do
        rm -f out.d/*
        run 0 -s 96 -o out.d "$mode" in
        says out "^$(wc -l <want) done, 0 failed\$"
        while read -r name width height kind; do
            check "out.d/$name.jpg" "$width" "$height" "$kind"
        done <want
    done
    no_remains out.d

    # A header that promises too much is refused, not believed.
    printf '\211PNG\r\n\032\n\0\0\0\015IHDR\0\1\0\0\0\1\0\0\010\2\0\0\0abcd' \
        >huge.png
    printf '\211PNG\r\n\032\n\0\0\0\015IHDR' >laced.png
    printf '\0\0\377\0\0\0\377\0\010\2\0\0\1abcd' >>laced.png
    run 1 -o out.d huge.png laced.png
    says err 'huge.png: too large: 65536 x 65536 pixels'
    says err 'laced.png: too large: decoding takes'
}

# Trouble with the output directory.
case_I4() {
    mkdir in out.d full
    for i in 1 2 3 4 5 6; do
        make "in/$i.jpg" jpeg 900 600 photo
    done

    run 1 -o missing in
    says err 'output directory missing: cannot open it: No such file'
    [ ! -e missing ] || fail 'it was made'
    run 1 -o in/1.jpg in
    says err 'output directory in/1.jpg: cannot open it: Not a directory'

    # Without -o the directory is made.
    run 0 in/1.jpg
    check thumbs/1.jpg 256 171 any

    case_I4_not_writable
    case_I4_file_limit
    case_I4_disk_full
}

case_I4_not_writable() {
    chmod 755 . in
    chmod 555 out.d
    code=0
    as_nobody "$program" -o out.d in >out 2>err || code=$?
    if [ "$code" = 77 ]; then
        say 'not tried: a directory without write permission (running as root)'
        return
    fi
    [ "$code" = 1 ] || fail "not writable: exit $code"
    says err 'output directory out.d: cannot write to it: Permission denied'
}

# A limit on the size of files: writing fails in the middle of a thumbnail.
case_I4_file_limit() {
    code=0
    (
        trap '' XFSZ
        ulimit -f 4
        "$program" -o full in >out 2>err.all
    ) || code=$?
    head -c 2000 err.all >err
    [ "$code" = 1 ] || fail "file limit: exit $code"
    says out '^0 done, 6 failed$'
    says err 'in/1.jpg: cannot write the thumbnail: File too large'
    [ -z "$(ls -A full)" ] || fail "left behind: $(ls -A full)"
}

# A disk of 64 KiB, in a mount namespace of our own.
case_I4_disk_full() {
    cat >full.sh <<'END'
mount -t tmpfs -o size=64k none full || exit 77
"$1" -o full in >out 2>err
echo $? >code
ls -A full >left
END
    rm -f code
    unshare -rm sh full.sh "$program" 2>unshare.err ||
        unshare -m sh full.sh "$program" 2>>unshare.err
    if [ ! -e code ]; then
        say "not tried: a full disk ($(tail -n 1 unshare.err))"
        return
    fi
    [ "$(cat code)" = 1 ] || fail "full disk: exit $(cat code)"
    says err 'in/.*.jpg: cannot .* the thumbnail: No space left on device'
    ! grep -q '^\.' left || fail "left on the full disk: $(cat left)"
    while read -r name; do
        say "on the full disk: $name"
    done <left
}

# interrupted SIGNAL CODE ARGUMENTS...: stops the program in the middle.
interrupted() {
    signal=$1
    want=$2
    shift 2
    rm -rf out.d
    mkdir out.d
    "$program" -o out.d --repeat 100000 "$@" in >out 2>err &
    child=$!
    tries=0
    while [ -z "$(ls out.d)" ] && [ "$tries" -lt 600 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
    start=$(now_ms)
    kill "-$signal" "$child"
    code=0
    wait "$child" || code=$?
    took=$(($(now_ms) - start))
    say "$signal $*: exit $code after $took ms"
    [ "$code" = "$want" ] || fail "exit $code, not $want"
    [ "$took" -le 1000 ] || fail "it took $took ms to stop"
    says err 'stopping'
    says out ' done, 0 failed'
    no_remains out.d
}

# A second Ctrl-C does not wait for anything.
interrupted_twice() {
    # ThreadSanitizer would wait for a second when threads are left.
    TSAN_OPTIONS="${TSAN_OPTIONS:-} atexit_sleep_ms=0" \
        "$program" -o out.d --repeat 100000 in >out 2>err &
    child=$!
    sleep 0.3
    kill -INT "$child"
    kill -TERM "$child"
    start=$(now_ms)
    code=0
    wait "$child" || code=$?
    took=$(($(now_ms) - start))
    say "INT and TERM: exit $code after $took ms"
    # The loop may have seen both at once, or only the first before the end.
    [ "$code" = 130 ] || [ "$code" = 143 ] || fail "exit $code"
    [ "$took" -le 1000 ] || fail "it took $took ms to quit"
}

# Ctrl-C in the middle.
case_I5() {
    mkdir in
    make in/1.jpg jpeg 800 600 photo
    make in/2.jpg jpeg-progressive 2000 1500 photo
    make in/3.png rgb 2000 1500 photo
    make in/4.png rgba-interlaced 1500 1000 photo
    interrupted INT 130
    interrupted INT 130 -j 1
    interrupted INT 130 --inline
    interrupted TERM 143
    interrupted_twice
}

# peak FILES...: the most memory of a run over them, in KiB.
peak() {
    run 0 -s 128 -o out.d "$@"
    sed -n 's/^memory *\([0-9]*\)\.\([0-9]\) MiB.*/\1 \2/p' out |
        while read -r mib tenth; do
            echo $((mib * 1024 + tenth * 102))
        done
}

# Memory does not depend on the number of files; wrong usage.
case_I6() {
    mkdir out.d few many
    make photo.jpg jpeg 640 480 photo
    make photo.png rgb 400 300 photo
    count=2000
    ! is_sanitized || count=200
    i=0
    while [ "$i" -lt "$count" ]; do
        kind=$((i % 2))
        [ "$kind" = 0 ] && kind=jpg || kind=png
        [ "$i" -ge 50 ] || ln "photo.$kind" "few/$i.$kind"
        ln "photo.$kind" "many/$i.$kind"
        i=$((i + 1))
    done
    few=$(peak few)
    rm -f out.d/*
    many=$(peak many)
    say "at most $few KiB for 50 files, $many KiB for $count"
    says out "^$count done, 0 failed\$"
    # The catalog and the contact sheet grow a little, up to a bound.
    if ! is_sanitized; then
        [ "$many" -le $((few + few / 4)) ] || fail 'memory grew'
    fi

    for wrong in '-j 0' '-j x' '-j 1x' '-j -1' '-j 99999999999999999999' \
        '-s 0' '-s x' '-s' '--repeat 0' '--nonsense' '-x' ''; do
        # shellcheck disable=SC2086
        run 2 $wrong ${wrong:+photo.jpg}
        says err '^Usage: crew-thumbs'
        [ ! -s out ] || fail "usage error on stdout: $wrong"
    done
    run 0 --help
    says out '^Example:'
    says out '--repeat N'
    run 0 --version
    says out '^crew-thumbs [0-9]*\.[0-9]*\.[0-9]*$'
}

escape=$(printf '\033')
return=$(printf '\r')

# A bar where there is a terminal, and nowhere else.
case_I7() {
    mkdir in out.d
    make in/1.jpg jpeg-progressive 2000 1500 photo
    make in/2.jpg jpeg 640 480 photo
    times=20
    ! is_sanitized || times=4
    total=$((2 * times))
    set -- -o out.d --repeat "$times" in

    run 0 "$@"
    says_not out "[$escape$return]"
    [ ! -s err ] || fail 'something is on stderr'

    on_terminal TERM=xterm "$@"
    says terminal "$return"
    says terminal "$escape\\[32m\\["
    says terminal "[0-9]/$total"
    says terminal 'loop at most [0-9.]* ms late'

    on_terminal NO_COLOR=1 TERM=xterm "$@"
    says terminal "[0-9]/$total"
    says_not terminal "$escape"

    on_terminal TERM=dumb "$@"
    says_not terminal "$escape"
    says_not terminal "[0-9]/$total"

    # Only one of the two is a terminal.
    # shellcheck disable=SC2016
    on_terminal TERM=xterm sh -c '"$0" "$@" >out' "$program" "$@"
    says_not terminal "$escape"
    says out "^$total done"
}

# on_terminal VARIABLE=VALUE... ARGUMENTS...
on_terminal() {
    variables=
    while case $1 in *=*) true ;; *) false ;; esac; do
        variables="$variables $1"
        shift
    done
    [ "$1" = sh ] || set -- "$program" "$@"
    code=0
    # shellcheck disable=SC2086
    env -u NO_COLOR $variables "$tools/on-terminal" "$@" >terminal || code=$?
    [ "$code" != 77 ] || skip 'there are no pseudo-terminals'
    [ "$code" = 0 ] || fail "exit $code on a terminal"
}
