#!/usr/bin/env bash
# Builds the web face and packs it for the program: web/build.sh OUT_DIR
# Leaves OUT_DIR/web_assets_data.cc. What was built from the same sources before is taken again, from
# whichever build folder; two builds at once wait for each other.
set -euo pipefail
web=$(cd "$(dirname "$0")" && pwd -P)
out=$1
cache="$web/../build/web"
mkdir -p "$out" "$cache"
exec 9>"$cache/lock"
flock 9

cd "$web"
sources() { find src index.html package.json package-lock.json vite.config.ts tsconfig.json pack.mjs -type f | LC_ALL=C sort; }
key=$(sources | xargs sha256sum | sha256sum | cut -c1-32)
if [ ! -f "$cache/$key/done" ]; then
  rm -rf "${cache:?}/$key"
  lock=$(sha256sum package-lock.json | cut -c1-32)
  if [ "$(cat node_modules/.amic-lock 2>/dev/null)" != "$lock" ]; then
    npm ci --ignore-scripts --no-audit --no-fund >"$cache/npm.log" 2>&1 || { cat "$cache/npm.log" >&2; exit 1; }
    echo "$lock" >node_modules/.amic-lock
  fi
  npx --no-install tsc --noEmit
  npx --no-install vite build --outDir "$cache/$key/dist" --emptyOutDir --logLevel warn
  node pack.mjs "$cache/$key"
  touch "$cache/$key/done"
  # Only the newest few are kept.
  ls -dt "$cache"/*/ | tail -n +4 | xargs -r rm -rf
fi
rm -rf "$out/blobs"
cp -r "$cache/$key/blobs" "$out/blobs"
sed "s|@BLOBS@|$(cd "$out" && pwd)/blobs|g" "$cache/$key/web_assets_data.cc.in" >"$out/web_assets_data.cc"
