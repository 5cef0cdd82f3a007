#!/usr/bin/env bash
# The number of threads changes no bit: weights after 21 steps (so the optimizer's state after 20 too), predictions, losses.
# Rows are ragged: 1 to 90 words, in an order that mixes them; dropout is on.
set -euo pipefail

ftc=$(realpath "$1")
root=${SOURCE_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export XDG_CACHE_HOME=$work/cache

# Words of the example's table in their order, cut into rows of uneven length; every 32nd is long.
tail -n +2 "$root/examples/train.csv" | sed 's/,[a-z]*$//' | tr -c 'A-Za-z\n' ' ' | tr -s ' ' '\n' | grep . >words
awk '{ word[NR] = $0 }
     END { split("red green blue", label, " ")
           print "text,label"
           for (row = 0; row < 640; row++) {
               count = row % 32 == 5 ? 90 : (row * row * 7) % 13 + 1
               text = ""
               for (i = 0; i < count; i++) text = text " " word[at++ % NR + 1]
               print substr(text, 2) "," label[row % 3 + 1]
           } }' words >table.csv

status=0
check() { # NAME SPEC FLAGS...
    local name=$1 threads
    shift
    for threads in 1 2 3 7; do
        "$ftc" run "$@" --train table.csv --predict table.csv --max-steps 21 --threads $threads -o "model-$threads" --force \
            --predictions "predictions-$threads" --log "log-$threads" --json >"end-$threads" 2>said || { cat said; exit 1; }
        sed -n 's/.*"weights_sha256": "\([0-9a-f]*\)".*/\1/p' "end-$threads" >"sha-$threads"
        sed -n 's/.*"loss": \([^,]*\),.*/\1/p' "log-$threads" >"losses-$threads"
        [ "$(wc -l <"losses-$threads")" = 21 ] && grep -q . "sha-$threads" || { echo "$name: an incomplete run"; exit 1; }
        for what in losses predictions sha; do
            cmp -s "$what-1" "$what-$threads" || { echo "$name: $what differ between 1 and $threads threads"; status=1; }
        done
    done
    echo "$name: $(cut -c 1-16 sha-1), last loss $(tail -1 losses-1)"
}

check "BERT" "$root/models/bert_cls.yaml" -D model.encoder.layers=2
check "MiniLM's widths" "$root/models/minilm_cls.yaml" -D model.encoder.layers=1
check "not BERT" "$root/tests/models/prenorm_gated.yaml"
check "mean of embeddings" "$root/models/logreg.yaml"
check "without optimization" "$root/models/tiny_cls.yaml" -O0
exit $status
