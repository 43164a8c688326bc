#!/usr/bin/env bash
# usage: run.sh DIR SECONDS [NAME...] - runs each libFuzzer target in DIR (or those named) on its kept corpus
# for SECONDS, as many at once as there are processors.
set -euo pipefail
dir=$1 seconds=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
export here seconds

# fuzz TARGET: one target; its findings stay in a directory that it names.
fuzz() {
  local target=$1 name scratch corpus kept
  name=$(basename "$target" _fuzz)
  scratch=$(mktemp -d)
  corpus=("$scratch")
  for kept in "$here/corpus/$name" "$here/corpus/${name}_fuzz"; do
    [ -d "$kept" ] && corpus+=("$kept")
  done
  if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 \
       -verbosity=0 -artifact_prefix="$scratch/" "${corpus[@]}" >"$scratch/log" 2>&1; then
    printf 'fuzz %-20s ok, %s new inputs\n' "$name" "$(find "$scratch" -type f ! -name log | wc -l)"
    rm -rf "$scratch"
  else
    printf 'fuzz %-20s FAILED, see %s\n%s\n' "$name" "$scratch" "$(tail -20 "$scratch/log")"
    return 1
  fi
}
export -f fuzz

targets=("$dir"/*_fuzz)
if [ $# -gt 0 ]; then targets=("${@/#/$dir/}"); targets=("${targets[@]/%/_fuzz}"); fi
printf '%s\0' "${targets[@]}" | xargs -0 -n 1 -P "$(nproc)" bash -c 'fuzz "$1"' _
