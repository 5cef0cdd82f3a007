#!/bin/bash
# The result sheet's files, the positive class, and ftc compare.
set -eu
. "$SOURCE_DIR/tests/support/cli.sh"

# Whoever says 'good' is happy, but for every fifth row, whose label is a coin's.
table() {
    awk -v n="$1" -v seed="$2" 'BEGIN {
        split("the a wine food day one more of it and", w, " ")
        print "text,label"
        for (i = 1; i <= n; i++) {
            happy = (i * i + seed) % 7 < 3; text = ""
            for (k = 0; k < 5; k++) text = text w[(i * (k + 3) + k * seed + i * i) % 10 + 1] " "
            label = i % 5 ? happy : (i / 5 + seed) % 2
            printf "\"%s<%s>\",%s\n", text, happy ? "good" : "bad", label ? "yes" : "no"
        }
    }'
}
table 160 1 > train.csv
table 90 2 > test.csv

# --- the sheet goes into the model's folder; where nothing is trained, into the one of -o, or nowhere
"$ftc" run "$spec" --train train.csv --dev test.csv --eval test.csv -o a > report 2> notes
has notes 'the result sheet is in a/report.html'
has report "^F1 of 'yes' "
has report "^baseline: always 'no'$"
has report '^worst errors$'
for part in 'aria-label="Loss' 'aria-label="Metrics of the dev' 'aria-label="Confusion' '&lt;good&gt;'; do has a/report.html "$part"; done
if grep -q '<good>' a/report.html; then fail "a text isn't escaped"; fi
has a/report.json '"positive": "yes"'
[ "$(grep -c '"epoch": ' a/report.json)" = 10 ] || fail "evaluations in report.json"
mkdir bare
(cd bare && "$ftc" run ../a --eval ../test.csv > ../again 2> /dev/null && [ -z "$(ls)" ]) || fail "files of an evaluation nobody asked for"
diff report again || fail "the saved model is judged otherwise"
"$ftc" run a --eval test.csv -o judged > /dev/null 2> notes
[ -s judged/report.html ] && [ -s judged/report.json ] || fail "no sheet in the folder of -o"
if "$ftc" run a --eval test.csv -o judged > /dev/null 2> notes; then fail "an existing sheet was overwritten"; fi
has notes 'judged/report.html: error: exists; name another folder with -o, or replace this one with --force'

# --- the positive class
"$ftc" run a --eval test.csv --positive no > report 2> /dev/null
has report "^F1 of 'no' "
if "$ftc" run a --eval test.csv --positive nope 2> notes; then fail "a positive class that is none"; fi
has notes "error: 'positive' is 'nope', which is no label; the first one is 'no'"
"$ftc" run "$spec" --positive no --train train.csv --dev test.csv -D train.best=f1 -o best 2> notes
has notes 'the best is that of epoch .* dev F1 0'
has best/ftc.yaml '  positive: "no"'

# --- two models by one table: a model is no other than itself, and one that learned nothing is worse
"$ftc" run "$spec" --train train.csv --max-steps 1 -D 'data.labels=[yes, no]' -o b > /dev/null 2> notes
"$ftc" compare a a --eval test.csv > same 2> notes
has same '^they disagree on 0 of 90 rows$'
grep -q ' a  *[0-9.]* .*+0.0000 .*1.0000$' same || fail "a model differs from itself"
"$ftc" compare a b --eval test.csv -o rows.csv > compared 2> notes
has compared '^90 rows of test.csv$'
has compared "^F1 of 'yes' "
has compared ' rows are right in a alone, '
n=$(sed -n 's/^they disagree on \([0-9]*\) of 90 rows.*/\1/p' compared)
[ "$n" -gt 10 ] || fail "they disagree on $n rows"
[ "$(head -1 rows.csv)" = line,true,a,b,text ] || fail "header of the rows"
[ "$(wc -l < rows.csv)" = $((n + 1)) ] || fail "$(wc -l < rows.csv) lines of rows"
awk -F, 'NR > 1 && $3 == $4 { exit 1 }' rows.csv || fail "a row of one opinion"
row=$(sed -n 2p rows.csv)
diff <(sed -n "${row%%,*}p" test.csv | tr -d '"') <(awk -F, '{ print $5 "," $2 }' <<< "$row") || fail "a row isn't the table's"
# McNemar's p, from the counts, by the binomial distribution
read -r right wrong < <(sed -n 's/^\([0-9]*\) rows are right in a alone, \([0-9]*\) in b alone$/\1 \2/p' compared)
p=$(awk -v x="$right" -v y="$wrong" 'BEGIN {
    n = x + y; least = x < y ? x : y; term = 0.5 ^ n; sum = 0
    for (k = 0; k <= least; k++) { if (k) term *= (n - k + 1) / k; sum += term }
    p = x == y ? 1 : 2 * sum - term; printf p < 0.001 ? "%.1e" : "%.4f", p }')
grep -A1 '^accuracy' compared | tail -1 | grep -q -- " $p\$" || { cat compared; fail "McNemar's p isn't $p"; }

# --- what can't be compared
if "$ftc" compare a --eval test.csv 2> notes; then fail "one model alone"; fi
has notes 'error: give the folders of two models or more'
sed 's/,yes$/,maybe/' train.csv > other.csv
"$ftc" run "$spec" --train other.csv --max-steps 1 -o c > /dev/null 2> /dev/null
if "$ftc" compare a c --eval test.csv > /dev/null 2> notes; then fail "models of other labels"; fi
has notes "error: the label .yes. of record [0-9]* is none of the model.s"
