#!/bin/bash
# Models that predict any number of labels, or a number: trained, saved, loaded again, used; sampling and weights; what is refused.
set -eu
. "$SOURCE_DIR/tests/support/cli.sh"
# larger first weights: both labels are learned at once
sed 's/^  head:/  init_std: 0.2\n  head:/' "$spec" > tiny.yaml
spec=$out/tiny.yaml

# 'good' and 'cheap' are labels of texts that say so; the score is 2 for good and 1 for cheap; most texts are of the class few.
table() {
    awk -v n="$1" -v seed="$2" 'BEGIN {
        split("the a wine food day one more of it and", w, " ")
        print "text,labels,good,cheap,score,class,weight"
        for (i = 1; i <= n; i++) {
            good = (i * i + seed) % 7 < 3; cheap = (i * i + seed) % 11 < 5; text = ""
            for (k = 0; k < 4; k++) text = text w[(i * (k + 3) + k * seed + i * i) % 10 + 1] " "
            printf "%s%s%s,%s,%d,%d,%.1f,%s,%d\n", text, good ? "good " : "", cheap ? "cheap" : "",
                   good && cheap ? "good|cheap" : good ? "good" : cheap ? "cheap" : "", good, cheap, 2 * good + cheap,
                   good && cheap ? "few" : "many", 1 + i % 3
        }
    }'
}
table 160 1 > train.csv
table 40 2 > test.csv

# --- any number of labels, in one column; the folder alone says all of it, and so does config.json alone
several=(-D loss.type=binary_cross_entropy -D data.label=labels -D 'data.label_separator=|')
"$ftc" run "$spec" "${several[@]}" -D data.threshold=tuned --train train.csv --dev test.csv --eval test.csv --predict test.csv \
    -o several > report 2> notes
has notes '^160 records, 2 labels; '
has notes '^epoch 10: .*micro F1 1.0000'
has report 'micro F1 1.0000'
has several/config.json '"problem_type": "multi_label_classification"'
has several/ftc.yaml 'threshold: \[0\.'
[ "$(head -1 several/predictions.csv)" = "text,labels,good,cheap,score,class,weight,predicted,p_cheap,p_good" ] || fail "header"
awk -F, 'NR > 1 { split("|cheap|good|cheap\\|good", want, "|"); p = $3 + 2 * $4
            if ($8 != (p == 3 ? "cheap|good" : p == 2 ? "cheap" : p == 1 ? "good" : "")) wrong++ } END { exit wrong > 0 }' \
    several/predictions.csv || fail "wrong labels"
"$ftc" run several --eval test.csv > again 2> notes
diff report again || fail "the saved model evaluates to something else"
mkdir theirs
cp several/{config.json,model.safetensors,tokenizer.json,tokenizer_config.json} theirs
"$ftc" run theirs --eval test.csv -D data.label=labels -D 'data.label_separator=|' > again 2> notes
has again 'micro F1 1.0000'

# in a column each, whose order isn't that of the model's labels
"$ftc" run theirs --eval test.csv -D 'data.label=[good,cheap]' > columns 2> notes
diff again columns || fail "labels in columns are others"
"$ftc" run "$spec" -D loss.type=binary_cross_entropy -D 'data.label=[good,cheap]' -D loss.class_weights=balanced \
    -D loss.label_smoothing=0.02 --train train.csv --eval test.csv -o columns-model > report 2> notes
has report 'micro F1 1.0000'
has columns-model/ftc.yaml 'label: \[good, cheap\]'
"$ftc" run columns-model --eval test.csv > again 2> notes
diff report again || fail "the saved model with columns evaluates to something else"

# --- a number
"$ftc" run "$spec" -D loss.type=mse -D data.label=score --train train.csv --dev test.csv --eval test.csv --predict test.csv \
    -o number > report 2> notes
has notes '^160 records; '
has notes '^epoch 10: .*Pearson 0.99'
has report 'Pearson 0.99'
has number/config.json '"problem_type": "regression"'
has number/config.json '"0": "score"'
awk -F, 'NR > 1 && ($8 - $5 > 0.5 || $5 - $8 > 0.5) { wrong++ } END { exit wrong > 0 }' number/predictions.csv || fail "wrong numbers"
"$ftc" run number --eval test.csv > again 2> notes
diff report again || fail "the saved regression evaluates to something else"
cp number/{config.json,model.safetensors,tokenizer.json,tokenizer_config.json} theirs
sed -i '/problem_type/d' theirs/config.json # one label is a number, then
"$ftc" run theirs --eval test.csv -D data.label=score > again 2> notes
diff report again || fail "config.json alone evaluates to something else"

# --- focal loss, weights of rows, sampling: rows of an epoch, steps, a warning where two things do the same
for how in none:160 over:256 under:64 weighted:160; do
    "$ftc" run "$spec" -D loss.type=focal -D data.label=class -D data.weight=weight -D train.sampling=${how%:*} -D train.epochs=1 \
        --train train.csv -o sampled --force --log log > report 2> notes
    rows=${how#*:}
    steps=$(((rows + 7) / 8))
    [ "$(grep -c '"step"' log)" = $steps ] || fail "$(grep -c '"step"' log) steps of ${how%:*}, not $steps"
    [ ${how%:*} = none ] || has notes ", $rows rows an epoch;"
done
"$ftc" run "$spec" -D data.label=class -D train.sampling=over -D loss.class_weights=balanced -D train.max_steps=1 --train train.csv \
    -o sampled --force 2> notes
has notes 'evens out the classes already.*\[-Wweighed-twice\]'

# memory that ends where values do: the same bits
for guard in -O2 -fcheck-arena; do
    "$ftc" run "$spec" "${several[@]}" -D data.weight=weight --train train.csv --max-steps 5 $guard -o guarded --force --json > end 2> notes
    grep -o '"weights_sha256.*' end > digest$guard
done
diff digest-O2 digest-fcheck-arena || fail "other weights in guarded memory"

# --- mistakes, before any training
refused() { # WHAT ARGUMENTS...
    if "$ftc" run "${@:2}" > said 2>&1; then fail "nothing is said of: $1"; fi
    has said "$1"
}
sed '3s/,[0-9.]*,\([a-z]*\),\([0-9]*\)$/,high,\1,0/' train.csv > bad.csv
refused "bad.csv:3:.*error: 'high' in record 2 isn't a finite number, which the column 'score' should have" "$spec" -D loss.type=mse \
    -D data.label=score --train bad.csv -o no
refused "bad.csv:3:.*error: '0' in record 2 isn't a number above 0" \
    "$spec" -D data.label=class -D data.weight=weight --train bad.csv -o no
refused "'threshold' is tuned on a dev table" "$spec" "${several[@]}" -D data.threshold=tuned --train train.csv -o no
refused "there is no label 'god' to give a threshold; the labels are 'cheap', 'good'" "$spec" "${several[@]}" \
    -D 'data.threshold={god: 0.3}' --train train.csv -o no
refused "there are 3 thresholds for 2 labels" "$spec" "${several[@]}" -D 'data.threshold=[0.1, 0.2, 0.3]' --train train.csv -o no
refused "this loss is for models that predict one class a row, and the one in 'number' predicts a number" number \
    -D loss.type=cross_entropy --train train.csv -o no
sed -i 's/"model_type"/"problem_type": "poetry", "model_type"/' theirs/config.json
refused "describes a model of 1 label and the problem_type 'poetry'; ftc knows" theirs --eval test.csv
[ ! -e no ] || fail "a folder was made"
