#!/usr/bin/env bash
# The demonstration starts, does what it prints, stops and goes on where it was.
# Usage: demo.sh PATH_TO_AMIC
set -euo pipefail
exec python3 -B "$(dirname "$0")/demo_test.py" "$@"
