#!/bin/bash
# ftc run from tables to files: what comes out, where, and on which stream.
set -eu
. "$SOURCE_DIR/tests/support/cli.sh"

# Whoever says 'good' is happy, whoever says 'bad' isn't; the rest is noise.  Labels that YAML would take for other types.
table() {
    awk -v n="$1" -v seed="$2" 'BEGIN {
        split("the a wine food day one more of it and", w, " ")
        print "id,text,label"
        for (i = 1; i <= n; i++) {
            happy = (i * i + seed) % 7 < 3; text = ""
            for (k = 0; k < 5; k++) text = text w[(i * (k + 3) + k * seed + i * i) % 10 + 1] " "
            printf "r%d,\"%s%s \"\"yes\"\"\",%s\n", i, text, happy ? "good" : "bad", happy ? "yes" : "no"
        }
    }'
}
table 160 1 > train.csv
table 40 2 > test.csv
table 20 3 > new.csv

# --- training: report on standard output, everything else on standard error, one folder
"$ftc" run "$spec" --train train.csv --dev test.csv --eval test.csv --predict new.csv --log log.jsonl > report 2> notes
has report 'accuracy 100.00 %'
has report '^yes '
has report 'confusion matrix'
has notes 'all layers start from random numbers'
has notes '^epoch 10: train loss 0.0.*  dev loss 0.0.*  accuracy 100.00 %'
has notes 'the model is in tiny_cls-model'
if grep -q 'optimized: ' notes; then fail "passes tell what they did, and nobody asked"; fi
for file in model.safetensors config.json ftc.yaml vocab.txt tokenizer.json predictions.csv; do
    [ -s tiny_cls-model/$file ] || fail "no $file"
done
has tiny_cls-model/ftc.yaml '  labels: \["no", "yes"\]'

# predictions: all columns and records, in order, and the new columns behind
[ "$(head -1 tiny_cls-model/predictions.csv)" = "id,text,label,predicted,p_no,p_yes" ] || fail "header of the predictions"
diff <(cut -d, -f1 new.csv) <(cut -d, -f1 tiny_cls-model/predictions.csv) || fail "records of the predictions"
awk -F, 'NR > 1 && $3 != $4 { wrong++ } END { exit wrong > 0 }' tiny_cls-model/predictions.csv || fail "wrong predictions"

# the log: a line a step with its keys, and one at the end
[ "$(wc -l < log.jsonl)" = 201 ] || fail "$(wc -l < log.jsonl) lines in the log"
for key in step epoch loss lr tokens ms; do
    [ "$(head -200 log.jsonl | grep -c "\"$key\": ")" = 200 ] || fail "no $key in each step"
done
for key in steps train_s encode_s compile_s eval_s predict_s total_s tokens_per_s peak_rss_mib seed accuracy eval_loss macro_f1 \
    weighted_f1 balanced_accuracy per_class confusion labels weights_sha256; do
    tail -1 log.jsonl | grep -q "\"$key\": " || fail "no $key at the end"
done
tail -1 log.jsonl | grep -q '"event": "end", "steps": 200, .*"accuracy": 1.0, .*"labels": \["no", "yes"\]' || fail "end of the log"

# --- the folder as a model; without our spec beside it, as transformers would write it
"$ftc" run tiny_cls-model --eval test.csv -fopt-info=passes > again 2> /dev/null
has passes 'optimized: layers.0.activation.first (5 values) joined the region of layers.0.ffn.up.first \[fuse\]$'
diff report again || fail "the saved model evaluates to something else"
mkdir theirs
cp tiny_cls-model/{config.json,model.safetensors,tokenizer.json,tokenizer_config.json} theirs
"$ftc" run theirs --eval test.csv > again 2> /dev/null
diff report again || fail "config.json alone evaluates to something else"
"$ftc" run theirs --predict new.csv --predictions - --logits > predictions 2> notes
diff <(cut -d, -f1-6 predictions) <(cut -d, -f1-6 tiny_cls-model/predictions.csv) || fail "config.json alone predicts something else"
[ "$(head -1 predictions)" = "id,text,label,predicted,p_no,p_yes,logit_no,logit_yes" ] || fail "logits"
if "$ftc" run theirs --eval test.csv --init theirs 2> notes; then fail "--init beside a model"; fi

# going on: head and labels are kept, and so is what was learned
"$ftc" run theirs --train train.csv --max-steps 1 -D optimizer.lr=0 --eval test.csv -o next > again 2> notes
diff report again || fail "going on began with something else"

# --init: the encoder, but never the head
"$ftc" run "$spec" --init theirs --train train.csv --max-steps 1 -D optimizer.lr=0 --eval test.csv -o fresh > again 2> notes
has notes "theirs: note: gives the encoder; the classifier of 2 classes is new, the pooler is the folder's"
if diff -q report again > /dev/null; then fail "--init kept the head"; fi
"$ftc" run --init theirs --train train.csv --max-steps 2 --json -o alone 2> notes | grep -q '"accuracy": null, ' || fail "--init alone"

# --- an output folder that is there is left alone, unless --force says otherwise
if "$ftc" run "$spec" --train train.csv --max-steps 1 2> notes; then fail "an existing folder was overwritten"; fi
has notes "tiny_cls-model: error: exists; name another folder with -o, or replace this one with --force"
if "$ftc" run tiny_cls-model --predict new.csv 2> notes; then fail "existing predictions were overwritten"; fi
has notes "predictions.csv: error: exists"
touch tiny_cls-model/mine.txt
"$ftc" run "$spec" --train train.csv --max-steps 1 --force 2> /dev/null
[ -e tiny_cls-model/mine.txt ] || fail "--force removed a file that is not ours"

# --- defaults < spec < -D and flags, the last one wins
steps() { "$ftc" run "$@" --train train.csv --json --force -o out 2> /dev/null | sed 's/.*"steps": \([0-9]*\),.*"seed": \([0-9]*\),.*/\1 \2/'; }
[ "$(steps "$spec" -D train.epochs=1)" = "20 42" ] || fail "-D"
[ "$(steps "$spec" --max-steps 7 --seed 5 -D train.max_steps=9)" = "9 5" ] || fail "a later -D"
[ "$(steps "$spec" -D train.max_steps=9 --max-steps=7)" = "7 42" ] || fail "a later flag"
[ "$(steps "$spec" --limit 16 -Dtrain.epochs=3)" = "6 42" ] || fail "--limit"

# --- same seed, same bits, on any number of threads; another seed, others
digest() { "$ftc" run "$spec" --train train.csv --force -o out --json -D model.encoder.dropout=0.1 "$@" 2> /dev/null | sed 's/.*sha256": //'; }
one=$(digest --threads 1)
for threads in 2 3 7; do
    [ "$(digest --threads $threads)" = "$one" ] || fail "other bits on $threads threads"
done
[ "$(digest -fcheck-arena)" = "$one" ] || fail "other bits under -fcheck-arena"
[ "$(digest --no-cache)" = "$one" ] || fail "other bits without the cache"
[ "$(digest --seed 7)" != "$one" ] || fail "the same bits for another seed"
[ "$(digest --no-shuffle)" != "$one" ] || fail "--no-shuffle shuffled"

# --- a frozen encoder runs once for all epochs, unless its dropout is on; the numbers are the same, and the model is whole
frozen() {
    "$ftc" run "$spec" -D 'train.freeze=[embeddings, layers]' -fgemm=native --train train.csv --dev test.csv --force -o frozen --json \
        "$@" 2> notes | sed 's/.*"encode_s": \([^,]*\),.*sha256": \(.*\)/\1 \2/; s/^[0-9][^ ]*/ran/'
    grep '^epoch' notes > epochs
}
once=$(frozen) && mv epochs epochs.once
each=$(frozen -fno-keep-encoded)
[ "${once% *}" = ran ] && [ "${each% *}" = null ] || fail "the frozen encoder ran: $once, $each"
[ "${once#* }" = "${each#* }" ] || fail "other weights where the encoder ran once"
diff epochs.once epochs || fail "other evaluations where the encoder ran once"
[ "$(frozen -fcheck-arena)" = "$once" ] || fail "other bits of a frozen encoder under -fcheck-arena"
"$ftc" run frozen --eval test.csv > /dev/null 2> notes || fail "the model of a frozen encoder isn't whole"
random=$(frozen -D model.encoder.dropout=0.1)
[ "${random% *}" = null ] || fail "an encoder with dropout ran once"
has notes "note: the encoder is frozen, but its dropout is on: it runs in every epoch; -D model.encoder.dropout=0 lets it run once"

# --- a spec that transformers doesn't have: a warning before training, a folder that is ours
"$ftc" run "$SOURCE_DIR/models/logreg.yaml" --train train.csv --eval test.csv -o mean > report 2> notes
has notes "warning: transformers has no such architecture: its encoder is none of theirs"
[ ! -e mean/config.json ] || fail "config.json of no architecture"
"$ftc" run mean --eval test.csv > again 2> /dev/null
diff report again || fail "a model of our own evaluates to something else"

"$ftc" run --init mean --train train.csv --eval test.csv --max-steps 1 -o mean2 > /dev/null 2> notes
has notes "mean: note: gives the encoder; the classifier of 2 classes is new"

# --- pairs, tabs, class weights, and a list of labels in an order of its own
printf 'a\tb\tlabel\n' > pairs.tsv
for i in 1 2 3 4 5 6 7 8; do printf 'same\tsame\tyes\nsame\tother\tno\n' >> pairs.tsv; done
"$ftc" run "$spec" -D data.text='[a, b]' -D data.labels='[yes, no]' -D loss.class_weights='{no: 2}' --train pairs.tsv \
    --eval pairs.tsv -D train.epochs=30 --json -o pairs 2> notes | grep -q '"accuracy": 1.0, .*"labels": \["yes", "no"\]' || fail "pairs"

# --- tables as they come: semicolons, Latin-1, joined columns, codes for labels, records left out; the model knows it all
{
    printf 'nr;title;body;code\n'
    for i in 1 2 3 4 5 6 7 8; do printf 'n%d;h\xf4tel;good, "really";1\nm%d;;bad h\xf4tel;0\n' $i $i; done
    printf 'x1;good;;7\nx2;;;1\nx3;bad;;\n'
} > odd.csv
printf '0\tno\n1\tyes\n' > codes.tsv
odd=(-D data.text='title + body' -D data.label=code -D data.label_map=codes.tsv -D data.unmapped=drop -D data.missing=drop
    -D data.encoding=latin1)
"$ftc" run "$spec" "${odd[@]}" --train - -D train.epochs=30 -o odd < odd.csv 2> notes
has notes '^<stdin>:19:1: note: 2 of 19 records have no text or no label (data.missing) and are left out; this is the first$'
has notes '^<stdin>:18:1: note: 1 of 19 records have a label that data.label_map lacks (data.unmapped) and are left out'
has notes '^16 records, 2 classes; '
rm codes.tsv
"$ftc" run odd --eval odd.csv --predict odd.csv > report 2> notes
has report '^rows 16 .* accuracy 100.00 %'
has report '^yes '
[ "$(sed -n '2p;20p' odd/predictions.csv | cut -d';' -f1-5)" = "n1;hôtel;good, \"really\";1;yes
x3;bad;;;no" ] || fail "predictions of an odd table: $(sed -n '2p;20p' odd/predictions.csv)"
printf 'text,label\ngood,yes\nbad,no\n' | "$ftc" run tiny_cls-model --predict - --predictions - 2> notes | grep -q '^good,yes,[a-z]*,0\.' ||
    fail "predictions from standard input"

# --- without a spec: the shipped one, named after the table
"$ftc" run --train train.csv --max-steps 1 --limit 8 > /dev/null 2> notes
[ -s train-model/model.safetensors ] || fail "no train-model"

# --- a table that is read is not written over
cp new.csv mine.csv
if "$ftc" run tiny_cls-model --predict mine.csv --predictions mine.csv > stdout 2> notes; then fail "predictions over their table"; fi
has notes '^mine.csv: error: is a table that is read; give the predictions another file'
diff new.csv mine.csv || fail "the table has changed"

# --- a pipe is read once: neither a warning's line nor a digest is looked for in it again
mkfifo pipe
cat train.csv > pipe &
timeout 60 "$ftc" run "$spec" --train pipe -D data.max_length=4 --max-steps 1 -o piped 2> notes || fail "a table from a pipe"
wait $!
has notes '^pipe:2:4: warning: 160 of 160 texts .* are longer than 4 tokens and are cut there'
grep -A 1 '"path": ".*/pipe"' piped/run.json | grep -q '"sha256": null' || fail "a digest of a pipe"
