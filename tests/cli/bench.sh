#!/usr/bin/env bash
# ftc bench: every variant is timed, the numbers are there in both forms, mistakes are named.  (What the times are is no test.)
set -euo pipefail

ftc=$(realpath "$1")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export XDG_CACHE_HOME=$work/cache

fail() { echo "$*"; exit 1; }
bench=("$ftc" bench "$root/models/tiny_cls.yaml" --batch 3 --repeats 2)

"${bench[@]}" --seq 8 --ablate >text
for variant in fused unfused -O0 'no demand' 'no remat' 'no chain' 'no pack' 'no plan'; do
    grep -q "^$variant  *[0-9.]* " text || { cat text; fail "no line for the variant '$variant'"; }
done
grep -q '^a batch of 3 rows, up to 24 tokens, the longest row 8' text || fail "not the batch that was asked for"
grep -q 'layers/bert.yaml:' text || fail "no kernel names its line of the spec"

"${bench[@]}" --seq 8 --json >json
for key in fused_ms unfused_ms o0_ms tokens_per_s gflops peak_gflops peak_share compile_ms cache_ms peak_rss_mib; do
    grep -q "\"$key\": [0-9.e+-]*[1-9]" json || fail "no $key in $(cat json)"
done

printf '5\n2\n7\n' >lengths
"${bench[@]}" --quick --lengths lengths >text
grep -q 'up to 14 tokens, the longest row 7' text || fail "--lengths isn't read"
"${bench[@]}" --quick --data "$root/examples/train.csv" >text
grep -q '^fused' text || fail "--data isn't read"

printf '5\n0\n' >lengths
! "${bench[@]}" --quick --lengths lengths 2>said || fail "a row of 0 tokens is taken"
grep -q 'lengths:2:1: error: a row has 1 to' said || { cat said; fail "no place for the wrong length"; }
! "${bench[@]}" --seq 8 --data x.csv 2>said || fail "--seq and --data together"
grep -q 'one of them' said || fail "no word about --seq and --data"
