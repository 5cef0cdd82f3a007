#!/usr/bin/env bash
# Installs what is missing, builds ftc and runs its tests; ends with ctest's summary, and with its status.
#
#   tests/run.sh          the tests, with gcc and the newest LLVM, in build/; a minute of fuzzing, all targets together
#   tests/run.sh --full   also: LLVM 19, clang, both without a warning; address and undefined-behaviour sanitizers;
#                         a minute of fuzzing for each target; trainings of whole models against recorded numbers
#
# Tests that need minutes skip themselves unless FTC_FULL is set.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
unset FTC_FULL

full=false
case "${1-}" in
    "") ;;
    --full) full=true ;;
    *) echo "usage: tests/run.sh [--full]" >&2; exit 1 ;;
esac

jobs=$(nproc)
tests() { ctest --test-dir "$1" --output-on-failure --no-tests=error -j "$jobs"; }

# PRESET [cmake's options...]: configures and builds.
build() {
    printf '\n== %s: build\n' "$1"
    # A folder that was configured with another generator keeps it.
    local folder=build
    [ "$1" = default ] || folder=build-$1
    if [ -f "$folder/CMakeCache.txt" ]; then
        cmake -B "$folder" -S . "${@:2}" >"$folder/configure.log" || { cat "$folder/configure.log"; return 1; }
    else
        cmake --preset "$1" "${@:2}"
    fi
    cmake --build "$folder" -j "$jobs"
}

# SECONDS for each target.
fuzz() {
    printf '\n== fuzz: %s seconds a target\n' "$1"
    tests/fuzz/run.sh "$1" || [ $? -eq 77 ]
}

wants=(build tests fuzz)
"$full" && wants+=(full)
examples/install-deps.sh "${wants[@]}"

# Under sudo: what is made here belongs to whoever called.
if [ "$(id -u)" -eq 0 ] && [ "${SUDO_USER:-root}" != root ]; then
    exec sudo -H -u "$SUDO_USER" -- tests/run.sh "$@"
fi

build default
if "$full"; then
    clang=$(compgen -c clang- | grep -E '^clang-[0-9]+$' | sort -t- -k2 -n | tail -1 || true)
    build llvm19 -DCMAKE_C_FLAGS=-Werror
    tests build-llvm19
    build clang -DCMAKE_C_COMPILER="${clang:-clang}" -DCMAKE_C_FLAGS=-Werror
    build sanitize
    tests build-sanitize
    fuzz 60
    printf '\n== default: tests, trainings of whole models included\n'
    examples/fetch-minilm.sh || echo "without that encoder, its tests are skipped"
    FTC_FULL=1 tests build
else
    fuzz 7
    tests build
fi
