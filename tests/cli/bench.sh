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

cat "$root/models/tiny_cls.yaml" | "$ftc" bench - --batch 3 --repeats 2 --seq 8 --json >json # each variant reads the pipe
for key in fused_ms unfused_ms o0_ms tokens_per_s gflops peak_gflops peak_share compile_ms cache_ms peak_rss_mib; do
    grep -q "\"$key\": [0-9.e+-]*[1-9]" json || fail "no $key in $(cat json)"
done

printf '5\n2\n7\n' >lengths
"${bench[@]}" --quick --lengths lengths >text
grep -q 'up to 14 tokens, the longest row 7' text || fail "--lengths isn't read"
"${bench[@]}" --quick --data "$root/examples/train.csv" >text
grep -q '^fused' text || fail "--data isn't read"

# batches differ: work is counted batch by batch, the measured ones (2 and 3) as well as the profiled ones (4 to 6)
printf '2\n2\n2\n' >short
printf '9\n9\n9\n' >long
cat short long >lengths
for rows in short long lengths; do "${bench[@]}" --quick --lengths $rows --json >$rows.json; done
python3 - <<'TEXT' || fail "the work of unequal batches is not the mean of theirs"
import json
useful, done = zip(*((b["useful_gflop"], sum(k["flop"] for k in b["by_kernel"] if k["kernel"].startswith("dot")))
                     for b in (json.load(open(f"{rows}.json")) for rows in ("short", "long", "lengths"))))
assert 2 * useful[0] < useful[1] and abs(useful[2] / (useful[0] + useful[1]) - 1 / 2) < 1e-9, useful
assert 2 * done[0] < done[1] and abs(done[2] / (2 * done[0] + done[1]) - 1 / 3) < 1e-9, done
TEXT

printf '5\n0\n' >lengths
! "${bench[@]}" --quick --lengths lengths 2>said || fail "a row of 0 tokens is taken"
grep -q 'lengths:2:1: error: a row has 1 to' said || { cat said; fail "no place for the wrong length"; }
! "${bench[@]}" --seq 8 --data x.csv 2>said || fail "--seq and --data together"
grep -q 'one of them' said || fail "no word about --seq and --data"

# by line: the same time and operations as kernel by kernel, shared out; every layer that computes something has its part
for model in tiny_cls logreg minilm_cls; do
    "$ftc" bench "$root/models/$model.yaml" --quick --repeats 1 --batch 4 --seq 8 --json > "$work/lines.json"
    python3 - "$model" "$work/lines.json" <<'TEXT' || { echo "FAILED: --by-line, $model"; exit 1; }
import json, sys
model, b = sys.argv[1], json.load(open(sys.argv[2]))
lines, kernels = b["by_line"], b["by_kernel"]
time = lambda l: l["forward_ms"] + l["backward_ms"] + l["update_ms"]
assert abs(sum(map(time, lines)) - sum(k["ms"] for k in kernels)) < 1e-6 + 1e-4 * sum(k["ms"] for k in kernels)
assert abs(sum(l["flop"] for l in lines) - sum(k["flop"] for k in kernels)) < 1
part = lambda word: [l for l in lines if word in l["line"]]
words = ["token_embedding", "type: adamw", "head:"] + ([] if model == "logreg" else ["- attention:", "ffn.up", "ffn.down", "activation: gelu", "ffn_norm"])
for word in words:
    assert len(part(word)) == 1 and time(part(word)[0]) > 0, (word, part(word))
assert part("type: adamw")[0]["update_ms"] > 0 and part("type: adamw")[0]["forward_ms"] == 0
if model == "minilm_cls":
    assert part("ffn.up")[0]["layers"] == 6 and part("embeddings.norm")[0]["layers"] == 0
    assert abs(part("ffn.up")[0]["flop"] / part("ffn.down")[0]["flop"] - 1) < 0.02
TEXT
done
"$ftc" bench "$root/models/tiny_cls.yaml" --quick --repeats 1 --batch 4 --seq 8 --by-line > "$work/lines"
grep -q '%.*linear: {name: ffn.down' "$work/lines" || { cat "$work/lines"; exit 1; }
