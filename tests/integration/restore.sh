#!/usr/bin/env bash
# A node's directory is put back from an older copy: it gets back what it has lost, by itself.
# Usage: restore.sh PATH_TO_AMIC
set -euo pipefail
exec python3 -B "$(dirname "$0")/restore_test.py" "$@"
