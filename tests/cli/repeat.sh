#!/bin/bash
# ftc run --seeds and ftc cv: a folder for each run, and how the numbers vary.
set -eu
. "$SOURCE_DIR/tests/support/cli.sh"

table() { # a line a row; every fourth text has a line end in it, every sixth label is a coin's
    awk -v n="$1" -v seed="$2" 'BEGIN {
        split("the a wine food day one more of it and", w, " ")
        print "text,label"
        for (i = 1; i <= n; i++) {
            happy = (i * i + seed) % 7 < 3; text = ""
            for (k = 0; k < 5; k++) text = text w[(i * (k + 3) + k * seed + i * i) % 10 + 1] " "
            printf "\"%d%s%s%s\",%s\n", i, i % 4 ? " " : "\n", text, happy ? "good" : "bad", (i % 6 ? happy : (i / 6 + seed) % 2) ? "yes" : "no"
        }
    }'
}
table 120 1 > train.csv
table 60 2 > test.csv
value() { grep -A1 "\"$2\": {" "$1" | sed -n 's/.*"value": \([^,]*\),*$/\1/p'; }
mean() { awk '{ n++; sum += $1 } END { printf "%.4f", sum / n }'; }

# --- seeds: the first run is the one without --seeds, the others have other seeds; the mean is theirs
"$ftc" run "$spec" --train train.csv --eval test.csv -D train.epochs=4 --seeds 3 -o seeds > report 2> notes
has report '^3 runs, seeds 42 to 44$'
has report "^F1 of 'yes' "
has notes 'run 3 of 3'
"$ftc" run "$spec" --train train.csv --eval test.csv -D train.epochs=4 -o alone > /dev/null 2> /dev/null
cmp alone/model.safetensors seeds/run-1/model.safetensors || fail "the first run is another than without --seeds"
if cmp -s seeds/run-1/model.safetensors seeds/run-2/model.safetensors; then fail "two seeds, one model"; fi
"$ftc" run "$spec" --train train.csv --eval test.csv -D train.epochs=4 --seed 44 -o third > /dev/null 2> /dev/null
cmp third/model.safetensors seeds/run-3/model.safetensors || fail "the third run isn't that of seed 44"
expected=$(for k in 1 2 3; do value seeds/run-$k/report.json loss; done | mean)
has report "^loss  *$expected "
has seeds/runs.json '"kind": "seeds"'

# --- folds: every row is judged once, and no run has seen the rows it is judged by
"$ftc" cv "$spec" --train train.csv -k 4 -D train.epochs=2 -o cv > report 2> notes
has report '^4 folds$'
rows() { tr '\n' ' ' < "$1" | sed 's/,\(yes\|no\) /,\1\n/g' | sed 's/^text,label //' | grep .; }
for k in 1 2 3 4; do
    [ -s cv/run-$k/model.safetensors ] || fail "no model of fold $k"
    rows cv/folds/test-$k.csv >> tested
    cat <(rows cv/folds/test-$k.csv) <(rows cv/folds/train-$k.csv) | sort | cmp - <(rows train.csv | sort) || fail "fold $k isn't the table"
    [ "$(rows cv/folds/test-$k.csv | wc -l)" = 30 ] || fail "$(rows cv/folds/test-$k.csv | wc -l) rows in fold $k"
done
sort tested | cmp - <(rows train.csv | sort) || fail "not every row is judged once"
expected=$(for k in 1 2 3 4; do value cv/run-$k/report.json accuracy; done | mean)
has report "^accuracy  *$expected "

# --- mistakes
if "$ftc" cv "$spec" --train train.csv -o cv 2> notes; then fail "runs that exist were overwritten"; fi
has notes 'cv: error: exists; name another folder with -o'
if "$ftc" run "$spec" --train train.csv --seeds 2 2> notes; then fail "--seeds without a table to judge by"; fi
has notes 'error: --seeds says how the numbers of a table vary'
if "$ftc" cv "$spec" --train <(cat train.csv) -o piped 2> notes; then fail "folds of a pipe"; fi
has notes ": error: can't be read again for each run; give a file"
if "$ftc" cv - --train train.csv -o piped < "$spec" 2> notes; then fail "a spec from standard input for each fold"; fi
has notes "^<stdin>: error: can't be read again for each run; give a file"
if "$ftc" cv "$spec" --train train.csv -k 1 2> notes; then fail "one fold"; fi
(cat train.csv; echo 'alone,maybe') > rare.csv
if "$ftc" cv "$spec" --train rare.csv -o rare 2> notes; then fail "a class of one row"; fi
has notes "rare.csv:[0-9]*:7: error: no other record has the label 'maybe'"
