#!/usr/bin/env bash
# usage: many.sh SIM [FIRST [COUNT [PROCESSES]]]
# Runs COUNT (100,000) histories of seeds FIRST (1,000,000) and up in PROCESSES (2) processes, 250 at
# a time. What has held is noted in AMIC_SIM_STATE (build/sim-held-<hash of SIM>.txt), so that the
# next call of the same program goes on there.
set -euo pipefail
sim=$1 first=${2:-1000000} count=${3:-100000} processes=${4:-2}
chunk=250
state=${AMIC_SIM_STATE:-build/sim-held-$(sha256sum "$sim" | cut -c1-12).txt}
mkdir -p "$(dirname "$state")"
touch "$state"
begin=$SECONDS

held() {  # of this range, by all calls
  awk -v from="$first" -v to=$((first + count)) \
      '$1 >= from && $1 < to { sum += $2 } END { print sum + 0 }' "$state"
}
before=$(held)

run_chunk() {  # SEED N
  local out
  out=$("$sim" --seed "$1" --histories "$2" 2>&1) || { printf '%s\n' "$out" | tail -n 3; return 1; }
  printf '%s %s\n' "$1" "$2" >>"$state"
}

worker() {  # NUMBER
  local seed n done elapsed bad=0
  for ((seed = first + $1 * chunk; seed < first + count; seed += processes * chunk)); do
    n=$((first + count - seed < chunk ? first + count - seed : chunk))
    grep -qx "$seed $n" "$state" && continue
    run_chunk "$seed" "$n" || { bad=1; continue; }
    done=$(held) elapsed=$((SECONDS - begin))
    printf 'sim: %d of %d histories held, %s/s\n' "$done" "$count" \
      "$(awk -v n=$((done - before)) -v s="$elapsed" 'BEGIN { printf "%.1f", n / (s > 0 ? s : 1) }')"
  done
  return $bad
}

pids=()
for ((i = 0; i < processes; ++i)); do worker "$i" & pids+=($!); done
status=0
for pid in "${pids[@]}"; do wait "$pid" || status=1; done
exit $status
