#!/usr/bin/env bash
# Fine-tuning the real MiniLM encoder for rows of several labels (GoEmotions, micro F1) and for a number (STS-B's pairs, Pearson's
# correlation): the mean over the recorded seeds, no more than a point below PyTorch's with the same settings
# (reference/tasks.json; of STS-B five, as they differ by points).  Takes half an hour: only with FTC_FULL=1.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/../support/minilm.sh" "$1" "half an hour" goemotions_multilabel/train.csv stsb_en/train.csv

check() { # SET METRIC FLAGS...: trains with each seed that is recorded
    local set=$1 metric=$2 seed
    tr '\n' ' ' <"$here/reference/tasks.json" | grep -o "\"data\": \"$set\"[^}]*" |
        sed 's/.*"seed": \([0-9]*\),  *"value": \([0-9.]*\).*/\1 \2/' >theirs
    while read -r seed _; do
        "$ftc" run "$root/models/minilm_cls.yaml" --init "$encoder" "${@:3}" --seed "$seed" -o model --force \
            --json --train "$data/$set/train.csv" --eval "$data/$set/test.csv" >end 2>said || { cat said; exit 1; }
        sed -n "s/.*\"$metric\": \([0-9.]*\).*/\1/p" end
    done <theirs >ours
    awk -v set="$set" -v metric="$metric" '
        FILENAME == "theirs" { theirs += $2; n++; next }
        { ours += $1; list = list sprintf(" %.4f", $1); m++ }
        END { printf "%s: %s %.4f (seeds:%s); PyTorch %.4f\n", set, metric, ours / m, list, theirs / n
              exit !(n > 0 && n == m && ours / m >= theirs / n - 0.01) }' theirs ours || status=1
}

check stsb_en pearson -D loss.type=mse -D data.label=score -D 'data.text=[text_a,text_b]' -D train.epochs=2 \
    -D train.batch=32 -D optimizer.lr=1e-4
weights=$(printf ',8%.0s' {1..28})
check goemotions_multilabel micro_f1 -D loss.type=binary_cross_entropy -D data.label=labels -D 'data.label_separator=|' \
    -D "loss.class_weights=[${weights:1}]" --limit 10000 -D train.epochs=1 -D train.batch=8 -D optimizer.lr=1e-4
exit $status
