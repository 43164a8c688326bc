#!/usr/bin/env bash
# A disk has damaged the middle of a node's log: `amic node repair` gets it back from the peers.
# Usage: repair.sh PATH_TO_AMIC
set -euo pipefail
exec python3 -B "$(dirname "$0")/repair_test.py" "$@"
