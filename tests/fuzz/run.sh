#!/usr/bin/env bash
# usage: run.sh DIR SECONDS - runs each libFuzzer target in DIR on its kept corpus for SECONDS.
set -euo pipefail
dir=$1 seconds=$2
here=$(cd "$(dirname "$0")" && pwd)
status=0
for target in "$dir"/*_fuzz; do
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
    printf 'fuzz %-20s FAILED, see %s\n' "$name" "$scratch"; tail -20 "$scratch/log"
    status=1
  fi
done
exit $status
