# The case I1: real and made photographs, compared with ImageMagick's result.
# shellcheck shell=sh

photos=/usr/share/backgrounds

# A few small ones; all would take minutes under a sanitizer.
real_photos() {
    [ -d "$photos" ] || return 0
    count=12
    ! is_sanitized || count=3
    find "$photos" -type f \( -name '*.jpg' -o -name '*.png' \) -size -1200k |
        sort | head -n "$count"
}

# psnr A B: in whole dB, at most 99.
psnr() {
    # It exits with 1 where the images differ at all.
    value=$(compare -metric PSNR "$1" "$2" null: 2>&1) || true
    case $value in
        inf*) echo 99 ;;
        [0-9]*) echo "${value%%.*}" ;;
        *) fail "compare $1 $2: $value" ;;
    esac
}

# reference FILE SIDE: what ImageMagick makes of it.
reference() {
    convert "$1" -auto-orient -background white -flatten -resize "$2x$2" \
        reference.png || fail "convert $1"
}

compare_all() {
    side=$1
    shift
    for f; do
        name=$(basename "$f")
        name=out.d/${name%.*}.jpg
        reference "$f" "$side"
        size=$(identify -format '%w %h' reference.png)
        # shellcheck disable=SC2086
        check "$name" $size any
        value=$(psnr "$name" reference.png)
        say "$value dB at $side: $f"
        [ "$value" -ge 30 ] || fail "$f: only $value dB"
    done
}

case_I1() {
    for tool in convert compare identify; do
        command -v "$tool" >/dev/null || skip "ImageMagick's $tool is missing"
    done
    mkdir in in/deep in/deep/er out.d
    make in/a.jpg jpeg 1600 1203 photo
    make in/b.jpeg jpeg-progressive 1111 1600 photo
    make in/deep/c.PNG rgb 1500 800 photo
    make in/deep/er/d.Jpg jpeg-gray 700 700 photo
    make in/deep/er/e.png rgb-interlaced 901 333 photo
    make in/deep/f.png gray16 640 481 photo
    echo text >in/notes.txt
    list=$(real_photos)

    for side in 256 97; do
        rm -f out.d/*
        # shellcheck disable=SC2086
        run 0 -s "$side" -o out.d in $list
        # shellcheck disable=SC2086
        compare_all "$side" in/a.jpg in/b.jpeg in/deep/c.PNG in/deep/f.png \
            in/deep/er/d.Jpg in/deep/er/e.png $list
        [ ! -e out.d/notes.jpg ] || fail 'a text became a thumbnail'
    done

    # The contact sheet is an image of its own.
    identify out.d/contact-sheet.jpg >/dev/null || fail 'no contact sheet'
    # A second run does not take the thumbnails for images.
    cp -r in both
    mkdir both/thumbs
    run 0 -o both/thumbs both
    run 0 -o both/thumbs both
    says out '^6 done, 0 failed$'
}
