#!/bin/sh
# thumbs.sh CASE PROGRAM TOOLS: one acceptance case of crew-thumbs, in an empty
# directory. Exits 77 with the reason where it cannot be tried.
# shellcheck source-path=SCRIPTDIR
set -eu

case=$1
# shellcheck disable=SC2034
program=$2
# shellcheck disable=SC2034
tools=$3
here=$(cd "$(dirname "$0")" && pwd)

# shellcheck source=common.sh
. "$here/common.sh"
# shellcheck source=photos.sh
. "$here/photos.sh"
# shellcheck source=cases.sh
. "$here/cases.sh"

directory=$(mktemp -d "${TMPDIR:-/tmp}/crew-thumbs.XXXXXX")
trap 'rm -rf "$directory"' EXIT
cd "$directory"
"case_$case"
say "$case: ok"
