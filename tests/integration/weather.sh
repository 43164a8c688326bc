#!/usr/bin/env bash
# Eleven nodes in network namespaces: a slow line that loses packets, 48 hours cut off with the clock jumping,
# and a storm of kill -9.
# Usage: weather.sh PATH_TO_AMIC        AMIC_WEATHER_STORM_S: how long the storm lasts (10 seconds)
set -euo pipefail
if [ "$(id -u)" -ne 0 ] && [ -z "${AMIC_WEATHER_UNSHARED:-}" ]; then
  # Namespaces of its own user are enough where the kernel allows them; else the test says what it lacks.
  AMIC_WEATHER_UNSHARED=1 unshare --user --map-root-user true 2>/dev/null &&
    exec env AMIC_WEATHER_UNSHARED=1 unshare --user --map-root-user "$0" "$@"
fi
exec python3 -B "$(dirname "$0")/weather_test.py" "$@"
