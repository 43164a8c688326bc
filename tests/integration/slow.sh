#!/usr/bin/env bash
# Two nodes over a slow line: what is urgent passes what waits, a cut transfer goes on where it stopped.
# Usage: slow.sh PATH_TO_AMIC        AMIC_SLOW_MEASURE=1 measures longer and prints figures.
set -euo pipefail
exec python3 -B "$(dirname "$0")/slow_test.py" "$@"
