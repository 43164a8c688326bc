#!/usr/bin/env bash
# The community decides on real nodes: an amendment, an accession, a node that was away, kills.
# Usage: accession.sh PATH_TO_AMIC (AMIC_TEST_MEMBERS: how many, 3)
set -euo pipefail
exec python3 -B "$(dirname "$0")/accession_test.py" "$@"
