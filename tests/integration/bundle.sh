#!/usr/bin/env bash
# Two nodes whose link is cut exchange by carrier files, both ways; then the link comes back.
# Usage: bundle.sh PATH_TO_AMIC
set -euo pipefail
exec python3 -B "$(dirname "$0")/bundle_test.py" "$@"
