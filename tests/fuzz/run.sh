#!/usr/bin/env bash
# Builds the fuzz targets with clang and runs each for a while; one line a target, status 1 on a finding.
#
#   tests/fuzz/run.sh [SECONDS] [TARGET...]      60 seconds, all targets, as many at a time as there are cores
#
# What is found to reach new code stays in build-fuzz/corpus/TARGET and is where the next run starts; seeds are what
# tests/fuzz/seeds, tests/fuzz/regressions, the project's own files and the shared suites have of the kind.  A finding's input and
# log are in build-fuzz/findings.  FUZZ_DIR names another folder for all three, FUZZ_JOBS another number at a time.
# Without clang and its fuzzer, says so and ends with 77.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
seconds=${1-60}
[ $# -eq 0 ] || shift
targets=("$@")
out=${FUZZ_DIR:-$root/build-fuzz}
jobs=${FUZZ_JOBS:-$(nproc)}
shared=${FTC_SHARED:-$root/../shared}

# Limits: an input is at most so many bytes; with it, no target may take so many seconds, allocate so many MiB at once, or hold
# so many in all (the sanitizer's own memory included).
max_len=32768 timeout=20 malloc_mb=64 rss_mb=512

clang=$(compgen -c clang- | grep -E '^clang-[0-9]+$' | sort -t- -k2 -n | tail -1 || true)
probe=$(mktemp)
trap 'rm -f "$probe"' EXIT
if ! echo 'int LLVMFuzzerTestOneInput(const char *p, long n) { return !p && n; }' |
    "${clang:-clang}" -fsanitize=fuzzer,address,undefined -x c - -o "$probe" 2>/dev/null; then
    echo "fuzzing skipped: no clang with libFuzzer here (examples/install-deps.sh fuzz)"
    exit 77
fi

if ! { cmake --preset fuzz -DCMAKE_C_COMPILER="${clang:-clang}" &&
    cmake --build build-fuzz --target fuzz -j "$(nproc)"; } >"$probe" 2>&1; then
    cat "$probe"
    exit 1
fi

seeds() { # TARGET: the folders that are there
    local folders=("tests/fuzz/seeds/$1" "tests/fuzz/regressions/$1") f
    case $1 in
        csv) folders+=("$shared/suites/csv_spectrum") ;;
        config | tokenizer) folders+=("$shared/suites/json_testsuite") ;;
        safetensors) folders+=("$shared/suites/safetensors" "$shared/suites/json_testsuite") ;;
        spec) folders+=("$shared/suites/yaml_test_suite" models tests/errors) ;;
        program) folders+=(tests/passes/kernels) ;;
        stage) folders+=("$out/stages") ;;
    esac
    for f in "${folders[@]}"; do
        [ ! -d "$f" ] || printf '%s\n' "$f"
    done
}

make_stages() { # by the ftc that is built, if there is one
    local stage
    mkdir -p "$out/stages"
    for stage in graph grad fused kernels plan; do
        [ ! -x build/ftc ] || build/ftc compile models/logreg.yaml --emit=$stage -o "$out/stages/$stage"
    done
}

fuzz() { # TARGET
    local corpus=$out/corpus/$1 log=$out/logs/$1.log folders
    mkdir -p "$corpus" "$out/logs" "$out/findings"
    mapfile -t folders < <(seeds "$1")
    if ASAN_OPTIONS=quarantine_size_mb=16 "build-fuzz/tests/fuzz_$1" -max_total_time="$seconds" -max_len="$max_len" \
        -timeout="$timeout" -malloc_limit_mb="$malloc_mb" -rss_limit_mb="$rss_mb" -print_final_stats=1 \
        -artifact_prefix="$out/findings/$1-" "$corpus" "${folders[@]}" >"$log" 2>&1; then
        awk -v name="$1" '/ cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
            /number_of_executed_units/ { runs = $2 } /slowest_unit/ { slow = $2 } /peak_rss/ { rss = $2 }
            END { printf "%-12s %9d runs, %5d edges, slowest %d s, %d MiB: no finding\n", name, runs, cov, slow, rss }' "$log"
        return
    fi
    mv "$log" "$out/findings/$1.log"
    grep -vE '^#|NEW_FUNC' "$out/findings/$1.log" | tail -40
    printf '%-12s FINDING: %s\n' "$1" "$out/findings/$1.log"
    return 1
}

if [ ${#targets[@]} -eq 0 ]; then
    for f in tests/fuzz/fuzz_*.c; do
        f=${f##*/fuzz_}
        targets+=("${f%.c}")
    done
fi
make_stages
status=0
for target in "${targets[@]}"; do
    while [ "$(jobs -pr | wc -l)" -ge "$jobs" ]; do
        wait -n || status=1
    done
    fuzz "$target" &
done
while [ -n "$(jobs -p)" ]; do
    wait -n || status=1
done
exit "$status"
