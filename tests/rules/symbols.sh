#!/bin/sh
# What the library defines for the linker begins with crew_ (public) or crew__.
# The middle word of a private name is its file's, which is not checked here.
. "$(dirname "$0")/common.sh"

library=${1:?usage: symbols.sh ROOT LIBRARY}

nm -g --defined-only "$library" | awk '
    NF == 3 && $3 !~ /^crew_/ && $3 !~ /^(__(asan|tsan|ubsan|odr|gcov|llvm|sanitizer)|_?__odr)/ {
        print $3 ": is defined and does not begin with crew_"
    }' | verdict
