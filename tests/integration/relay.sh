#!/usr/bin/env bash
# Three nodes; two of them can't reach each other and the third carries for both.
# Usage: relay.sh PATH_TO_AMIC
set -euo pipefail
exec python3 -B "$(dirname "$0")/relay_test.py" "$@"
