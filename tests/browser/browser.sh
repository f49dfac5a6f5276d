#!/bin/sh
# browser.sh FOLDER PROGRAM PICTURES: a trace of crew-thumbs, opened in a real
# browser by speedscope, shows its slices under their names. FOLDER keeps what
# npm installs and the files; nothing is asked of the network beside that.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/out"
folder=$(cd "$1" && pwd)
program=$2
pictures=$3

npm install --prefix "$folder" --no-audit --no-fund --loglevel=error \
    speedscope@1.25.0 playwright-core@1.52.0
"$program" -o "$folder/out" --trace "$folder/trace.json" "$pictures" >/dev/null

# opened FILE: in speedscope, with all names, workers and no complaint.
opened()
{
    NODE_PATH=$folder/node_modules node "$here/open.js" "$folder/$1" \
        "$(command -v chromium)" crew-thumbs thumbs/0 scan probe plan decode \
        encode sheet 'done decode' 'submit decode' asleep
}

opened trace.json

# It notices a name that is missing, slices that do not end, half a file.
sed 's/"probe"/"else"/' "$folder/trace.json" >"$folder/renamed.json"
sed '/"ph":"E"/s/,"name":"[^"]*"//' "$folder/trace.json" \
    >"$folder/unended.json"
head -c 20000 "$folder/trace.json" >"$folder/half.json"
for broken in renamed unended half; do
    if opened "$broken.json" 2>"$folder/said"; then
        echo "FAILED: the $broken trace was not noticed"
        exit 1
    fi
    echo "noticed: $(head -n 1 "$folder/said")"
done
echo '4 passed, 0 failed'
