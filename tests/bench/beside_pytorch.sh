#!/usr/bin/env bash
# ftc and PyTorch on the same table, turn by turn on the same machine: time to train, tokens a second, memory, accuracy.
#
#   tests/bench/beside_pytorch.sh FTC PYTHON PEER [SET] [ROUNDS] [EPOCHS] [LIMIT] [THREADS]
#
# PYTHON has torch and transformers; PEER is hf_finetune.py; SET a folder with train.csv and test.csv.  LIMIT 0: all rows.
# Not a test: times of a busy machine say little, but turn by turn they are busy for both.  ftc's train_s counts from opening the
# table to the last step, compiling included, with an empty cache in the first round; PyTorch's counts its steps alone.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
[ $# -ge 3 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 1; }
ftc=$(realpath "$1") python=$2 peer=$(realpath "$3")
set=$(realpath "${4:-$root/../shared/data/trec6}")
rounds=${5:-3} epochs=${6:-1} limit=${7:-0} threads=${8:-$(nproc)}
encoder=${FTC_MINILM:-${XDG_DATA_HOME:-$HOME/.local/share}/ftc/models/minilm-l6}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export XDG_CACHE_HOME=$work/cache
limited=()
[ "$limit" = 0 ] || limited=(--limit "$limit")

field() { sed -n "s/.*\"$2\": \([0-9.e+-]*\).*/\1/p" "$1"; }

printf '%-8s %-6s %10s %10s %10s %10s\n' round who 'train s' 'tokens/s' 'rss MiB' accuracy
for round in $(seq "$rounds"); do
    "$ftc" run "$root/models/minilm_cls.yaml" --init "$encoder" --train "$set/train.csv" --eval "$set/test.csv" "${limited[@]}" \
        -D "train.epochs=$epochs" --seed "$round" --threads "$threads" -o model --force --json >ftc.json 2>said || { cat said; exit 1; }
    "$python" "$peer" --model "$encoder" --train "$set/train.csv" --eval "$set/test.csv" "${limited[@]}" --epochs "$epochs" \
        --batch 32 --lr 5e-5 --seed "$round" --threads "$threads" >peer.json 2>said || { cat said; exit 1; }
    for who in ftc peer; do
        printf '%-8s %-6s %10.1f %10.0f %10.0f %10.4f\n' "$round" "$who" "$(field $who.json train_s)" \
            "$(field $who.json tokens_per_s)" "$(field $who.json peak_rss_mib)" "$(field $who.json accuracy)"
    done
    awk -v a="$(field peer.json train_s)" -v b="$(field ftc.json train_s)" 'BEGIN { printf "%-8s %-6s %10.2f\n", "", "times", a / b }' |
        tee -a ratios
done
sort -k2 -n ratios | awk '{ v[NR] = $2 } END { printf "PyTorch takes %.2f times as long (median of %d)\n", v[int((NR + 1) / 2)], NR }'
