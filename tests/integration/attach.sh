#!/usr/bin/env bash
# Files of items between three nodes: kills, a cut, a bandwidth cap, a recall, and one that gets nothing.
# Usage: attach.sh PATH_TO_AMIC
set -euo pipefail
exec python3 -B "$(dirname "$0")/attach_test.py" "$@"
