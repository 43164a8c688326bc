# Sourced by ./run, ./test and ./bench: installs missing Debian packages, configures, builds.
# Safe to repeat; prints what it does.

# Objects are shared between build folders and clones: debug information may name another folder.
export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$PWD

AMIC_BUILD_PACKAGES=(
  g++ cmake ninja-build ccache lld python3 libssl-dev libsodium-dev libsqlite3-dev libzstd-dev
  libboost1.81-dev libboost-json1.81-dev libexpected-dev libcli11-dev libtomlplusplus-dev
  libspdlog-dev libfmt-dev libgfshare-dev
)
# The web face is built with node and npm, whoever packaged them: Debian's two exclude those of others.
command -v node >/dev/null && command -v npm >/dev/null || AMIC_BUILD_PACKAGES+=(nodejs npm)
# GoogleTest and friends are part of the same CMake project.
AMIC_TEST_PACKAGES=(libgtest-dev libbenchmark-dev librapidcheck-dev curl openssl iproute2 libfaketime
                    spin gcc)
AMIC_BROWSER_PACKAGES=(chromium)
AMIC_FULL_PACKAGES=(clang-16 libclang-rt-16-dev)

if [ -t 1 ]; then bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m'; else bold='' red='' plain=''; fi
step() { printf '%s==>%s %s\n' "$bold" "$plain" "$*"; }
die() { printf '%serror:%s %s\n' "$red" "$plain" "$*" >&2; exit 1; }

# install_missing PACKAGE...
install_missing() {
  command -v dpkg-query >/dev/null || die "this needs Debian 12 (dpkg was not found)"
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local sudo=''
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "missing packages: ${missing[*]} (install them as root)"
    sudo=sudo
  fi
  step "installing ${#missing[@]} Debian packages: ${missing[*]}"
  local log
  log=$(mktemp)
  if ! { $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive \
         apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -20 "$log" >&2
    die "apt-get failed (whole output: $log)"
  fi
  rm -f "$log"
}

# build PRESET TARGET...
build() {
  local preset=$1; shift
  if [ ! -f "build/$preset/build.ninja" ]; then
    step "configuring build/$preset"
    cmake --preset "$preset" >"build-$preset.log" 2>&1 || { cat "build-$preset.log" >&2; die "cmake failed"; }
    rm -f "build-$preset.log"
  fi
  step "building build/$preset ($*)"
  NINJA_STATUS='[%f/%t %es] ' ninja -C "build/$preset" "$@"
}
