#!/usr/bin/env bash
# A recall reaches ten nodes, one of which is killed in between; narrowing, refusal, digests.
# Usage: recall.sh PATH_TO_AMIC
set -euo pipefail
exec python3 -B "$(dirname "$0")/recall_test.py" "$@"
