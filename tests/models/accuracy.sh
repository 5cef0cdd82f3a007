#!/usr/bin/env bash
# Fine-tuning the real MiniLM encoder: mean accuracy of seeds 1 to 3 against a bound and against PyTorch's with the same
# settings (reference/accuracy.json), and in bf16 against f32.  Takes half an hour: only with FTC_FULL=1.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/../support/minilm.sh" "$1" "half an hour" trec6/train.csv sst2/train.csv

train() { # SET PRECISION EPOCHS LR [FLAGS]: accuracies and seconds of three seeds, in SET.PRECISION
    local set=$1 precision=$2 settings=(-D "train.precision=$2" -D "train.epochs=$3" -D train.batch=32 -D "optimizer.lr=$4") seed
    for seed in 1 2 3; do
        "$ftc" run "$root/models/minilm_cls.yaml" --init "$encoder" "${settings[@]}" "${@:5}" --seed "$seed" -o model --force --json \
            --train "$data/$set/train.csv" --eval "$data/$set/test.csv" >end 2>said || { cat said; exit 1; }
        sed -n 's/.*"train_s": \([0-9.]*\).*"accuracy": \([0-9.]*\).*/\2 \1/p' end >>"$set.$precision"
    done
}

compare_bf16() { # SET: the means are half a point apart at most
    awk -v set="$1" '
        FILENAME ~ /bf16$/ { narrow += $1 / 3 * 100; n++; next }
        { wide += $1 / 3 * 100; m++ }
        END { printf "%s: %.2f %% in bf16, %.2f %% in f32\n", set, narrow, wide
              exit !(n == 3 && m == 3 && narrow - wide <= 0.5 && wide - narrow <= 0.5) }' "$1.bf16" "$1.f32" || status=1
}

check() { # SET BOUND EPOCHS LR: bound in per cent
    local set=$1 bound=$2
    train "$set" f32 "$3" "$4"
    tr '\n' ' ' <"$here/reference/accuracy.json" | grep -o "\"data\": \"$set\"[^}]*" |
        sed 's/.*"accuracy": \([0-9.]*\).*/\1/' >"$set.pytorch"
    awk -v set="$set" -v bound="$bound" '
        FILENAME ~ /pytorch$/ { theirs += $1 / 3 * 100; n++; next }
        { ours += $1 / 3 * 100; list = list sprintf(" %.1f", $1 * 100); m++ }
        END { printf "%s: %.2f %% (seeds:%s); PyTorch %.2f %%; at least %s %%\n", set, ours, list, theirs, bound
              exit !(n == 3 && m == 3 && ours >= bound && ours >= theirs - 1) }' "$set.pytorch" "$set.f32" || status=1
}

check trec6 96 3 1e-4
check sst2 87.5 2 5e-5
train sst2 bf16 2 5e-5
compare_bf16 sst2
train ag_news f32 1 5e-5 --limit 2000
train ag_news bf16 1 5e-5 --limit 2000
compare_bf16 ag_news
exit $status
