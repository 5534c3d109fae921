# Sourced by the scripts beside it: where the project is, how they speak, how many jobs the machine bears.
# shellcheck shell=bash
set -euo pipefail

# These say nothing about the project, but change what tools print or do.
unset CDPATH GREP_OPTIONS CTEST_OUTPUT_ON_FAILURE
export LC_ALL=C.UTF-8

# shellcheck disable=SC2034  # for those who take paths as arguments
caller_folder=$PWD
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$root"

say() { printf '== %s\n' "$*"; }

die() {
  printf '%s: %s\n' "script/$(basename "$0")" "$*" >&2
  exit 1
}

usage_error() {
  printf '%s\n' "$*" >&2
  exit 2
}

# As many compilers at once as there are processors and 1.5 GiB of memory for each. AIRTIGHT_JOBS overrides.
job_count() {
  local processors memory_kib fitting
  processors=$(nproc)
  memory_kib=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo 2>/dev/null || true)
  fitting=$((${memory_kib:-1572864} / 1572864))
  ((fitting >= 1)) || fitting=1
  ((fitting <= processors)) || fitting=$processors
  printf '%s\n' "${AIRTIGHT_JOBS:-$fitting}"
}

# configure PRESET: once; from then on ninja sees by itself when the build's description changes.
# A build folder that came here by moving or copying the project is configured anew.
configure() {
  local folder
  folder=$(build_folder "$1")
  if [[ -f $folder/build.ninja ]] && grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$folder/CMakeCache.txt"; then
    return
  fi
  rm -rf "$folder/CMakeCache.txt" "$folder/CMakeFiles"
  say "configuring $folder"
  cmake --preset "$1"
}

build_folder() {
  case $1 in
    release) printf 'build\n' ;;
    *) printf 'build-%s\n' "$1" ;;
  esac
}

# build PRESET [TARGET...]
build() {
  local preset=$1 jobs
  shift
  jobs=$(job_count)
  configure "$preset"
  say "building $(build_folder "$preset")${1:+: $*} ($jobs jobs)"
  cmake --build --preset "$preset" --parallel "$jobs" ${1:+--target "$@"}
}

# Every C++ file of the project, each ended by a NUL byte.
cxx_files() { find src tests bench fuzz -name .\* -prune -o -type f \( -name '*.h' -o -name '*.cc' \) -print0 | sort -z; }
