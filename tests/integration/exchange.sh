#!/usr/bin/env bash
# Three members exchange items: who receives what, queues, proofs, events, tokens.
# Usage: exchange.sh PATH_TO_AMIC
set -euo pipefail
exec python3 -B "$(dirname "$0")/exchange_test.py" "$@"
