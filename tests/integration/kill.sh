#!/usr/bin/env bash
# Sender and receiver are killed at random points of an exchange: nothing lost, nothing doubled.
# Usage: kill.sh PATH_TO_AMIC
set -euo pipefail
exec python3 -B "$(dirname "$0")/kill_test.py" "$@"
