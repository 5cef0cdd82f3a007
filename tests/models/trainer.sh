#!/usr/bin/env bash
# A trainer of the real MiniLM encoder, with its weights inside: on TREC it needs neither LLVM nor libyaml, and its weights are those of
# ftc run, bit for bit.  Takes five minutes: only with FTC_FULL=1.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/../support/minilm.sh" "$1" "five minutes" trec6/train.csv trec6/test.csv

"$ftc" compile --init "$encoder" -o trainer "$root/models/minilm_cls.yaml"
ldd trainer >libraries
! grep -i 'llvm\|yaml\|jansson' libraries
tables=(--train "$data/trec6/train.csv" --eval "$data/trec6/test.csv" --json)
env -i ./trainer "${tables[@]}" -o theirs >theirs.json 2>said || { cat said; exit 1; }
"$ftc" run "$root/models/minilm_cls.yaml" --init "$encoder" "${tables[@]}" -o ours >ours.json 2>said || { cat said; exit 1; }
for file in model.safetensors config.json tokenizer.json vocab.txt ftc.yaml; do
    cmp ours/$file theirs/$file
done
for number in '"accuracy": [0-9.]*' '"train_s": [0-9.]*' '"weights_sha256": "[0-9a-f]*"'; do
    echo "trainer $(grep -o "$number" theirs.json | head -1)   ftc run $(grep -o "$number" ours.json | head -1)"
done
