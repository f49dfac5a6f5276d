#!/bin/sh
# usage: soak.sh FOLDER MINUTES
#
# For so long two things beside each other: the stress programs in FOLDER, one
# after the other with fresh seeds, and one process in which everything comes
# and goes and whose memory has to stay flat (soak_test.c has the rule).
set -eu
folder=$1 seconds=$(($2 * 60))
end=$(($(date +%s) + seconds))
log=$(mktemp)
trap 'rm -f "$log"' EXIT

fresh_seeds()
{
    rounds=0
    while [ "$(date +%s)" -lt "$end" ]; do
        for program in "$folder"/stress_*; do
            case $program in
            */stress_soak) continue ;;  # runs beside this
            */stress_retry) continue ;; # counts, on an idle machine
            esac
            [ "$(date +%s)" -lt "$end" ] || break
            seed=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
            if ! "$program" --seed "$seed" >"$log" 2>&1; then
                cat "$log"
                echo "again: $program --seed $seed"
                return 1
            fi
            rounds=$((rounds + 1))
        done
    done
    echo "$rounds runs of stress programs with fresh seeds"
}

fresh_seeds &
stress=$!
failed=0
CREW_SOAK_SECONDS=$seconds "$folder/stress_soak" \
    everything_comes_and_goes_and_memory_stays_flat || failed=1
wait "$stress" || failed=1
exit "$failed"
