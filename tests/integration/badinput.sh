#!/usr/bin/env bash
# Everything that a node must refuse: bad requests, wrong identities, bad disks and files.
# Usage: badinput.sh PATH_TO_AMIC
set -euo pipefail
exec python3 -B "$(dirname "$0")/badinput_test.py" "$@"
