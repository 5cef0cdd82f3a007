#!/bin/bash
# ftc data: planted faults are found at their lines, sound tables pass without a word, splits are whole tables and what ftc run does.
set -u
. "$SOURCE_DIR/tests/support/cli.sh"
fail() { echo "FAILED: $*"; failed=1; }

# --- faults, one of each kind, among sound rows
{
    echo text,label
    for i in 2 3 4 5 6 7 8 9; do echo "row $i of the table,$([ $((i % 3)) = 0 ] && echo yes || echo no)"; done
    echo 'table of the row 2,no'
    echo 'row 4 of the table,yes'               # 11: stands with 'no' in 4
    echo 'row of table,Yes '                      # 12: 'yes' is another label
    echo '"row of the table row of the table row of the table row of the table row",no'    # 13: longer than 16 tokens
    echo 'row  5 of the table ,no'              # 14: 5 again
} > train.csv
printf 'text,label\nthe table of the row,no\nrow of row,yes\nrow 7 of  the table,no\n' > test.csv
expect 0 data describe train.csv "$spec" --eval test.csv -Wno-duplicate-texts <<'X1'
train.csv:12:14: warning: the label 'Yes ' (1 row) differs from 'yes' (5 rows) only in case or white space, and is a class of its own [-Wnear-labels]
   12 | row of table,Yes 
      |              ^~~~
train.csv:3:20: note: the other one
    3 | row 3 of the table,yes
      |                    ^~~
train.csv:11:20: warning: the same text also stands in train with another label, 'no' [-Wlabel-conflict]
   11 | row 4 of the table,yes
      |                    ^~~
train.csv:4:20: note: there
    4 | row 4 of the table,no
      |                    ^~
test.csv:4:1: warning: this text of test is in train, too: how well it is classified says nothing of new texts [-Wleakage]
    4 | row 7 of  the table,no
      | ^~~~~~~~~~~~~~~~~~~
train.csv:7:1: note: there
    7 | row 7 of the table,no
      | ^~~~~~~~~~~~~~~~~~
train.csv:13:1: warning: 1 of 13 texts (7.7 %) are longer than 16 tokens and are cut there (data.max_length); the longest, this one, has 19 [-Wcut-texts]
   13 | "row of the table row of the table row of the table row of the table row",no
      | ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
X1
cat > wanted <<'X1'
train: train.csv
test: test.csv

                              train                test
rows                             13                   3
  Yes                             1    7.7 %          0    0.0 %
  no                              8   61.5 %          2   66.7 %
  yes                             4   30.8 %          1   33.3 %
tokens: median                    7                   7
  95 % have up to                19                   7
  longest                        19                   7
texts cut at 16 tokens            1    7.7 %          0    0.0 %
text and label repeated           1    7.7 %          0    0.0 %
text with another label           1    7.7 %          0    0.0 %
text is in train, too             -                   1   33.3 %
X1
diff wanted stdout || fail "the numbers"

# more than one row in twenty is a repeat: a warning of its own
"$ftc" data describe train.csv "$spec" 2>&1 | grep -q '^train.csv:14:1: warning: this text stands in train again, with the same label \[-Wduplicate-texts\]$' ||
    fail "a repeated text"

# several labels a row: their order and the white space around them don't matter, which they are does
printf 'text,label\none row,a|b\none  row,b | a\nother row,a\nother row,a|c\n' > many.csv
expect 0 data describe many.csv "$spec" -D loss.type=binary_cross_entropy -D 'data.label_separator=|' -Wno-duplicate-texts <<'X1'
many.csv:5:11: warning: the same text also stands in train with another label, 'a' [-Wlabel-conflict]
    5 | other row,a|c
      |           ^~~
many.csv:4:11: note: there
    4 | other row,a
      |           ^
X1
grep -q '^  b                               2   50.0 %$' stdout || { fail "rows of a label"; cat stdout; }

# labels that nobody knows; and what else is wrong is told, too
printf 'text,label\nrow 3 of the table,yes\nb,maybe\n' > dev.csv
printf 'text,label\na,no\nb,\n' > hole.csv
expect 1 data describe train.csv "$spec" --dev dev.csv -Wno-all -Wleakage <<'X1'
dev.csv:3:3: error: the label 'maybe' of record 2 is none that the training table has: 'Yes ', 'no', 'yes'
    3 | b,maybe
      |   ^~~~~
dev.csv:2:1: warning: this text of dev is in train, too: how well it is classified says nothing of new texts [-Wleakage]
    2 | row 3 of the table,yes
      | ^~~~~~~~~~~~~~~~~~
train.csv:3:1: note: there
    3 | row 3 of the table,yes
      | ^~~~~~~~~~~~~~~~~~
X1
expect 1 data describe train.csv "$spec" --eval hole.csv <<'X1'
hole.csv:3:3: error: record 2 has no label in the column 'label'; give it one, or leave such records out: -D data.missing=drop
    3 | b,
      |   ^
X1
# an unmapped code
printf '1\tyes\n0\tno\n' > map.tsv
printf 'text,label\nrow 1,1\nrow 2,7\nrow 3,0\n' > codes.csv
expect 1 data describe codes.csv "$spec" -D data.label_map=map.tsv <<'X1'
codes.csv:3:7: error: the label '7' of record 2 is no code of data.label_map; add it there, or leave such records out: -D data.unmapped=drop
    3 | row 2,7
      |       ^
X1
printf 'text,label\na,yes\nb,no\nna\xefve,yes\n' > bytes.csv
"$ftc" data describe bytes.csv 2>&1 | grep -aq '^bytes.csv:4:3: error: byte 24 (0xEF) is not valid UTF-8' || fail "a wrong byte"

# many of a kind: three of them, then their number
{ cat test.csv; for i in 8 9 2 6; do echo "row $i of the table,no"; done; } > leaky.csv
"$ftc" data describe train.csv "$spec" --eval leaky.csv 2>&1 | grep 'Wleakage' | cut -d: -f1-2 | tr '\n' ' ' > said
[ "$(cat said)" = "leaky.csv:4 leaky.csv:5 leaky.csv:6 leaky.csv: warning " ] || fail "many leaks: $(cat said)"

# --- ftc run says the same before the first step, and stops where it was told to
"$ftc" run "$spec" --train train.csv --eval test.csv -Werror=leakage -o model > stdout 2> stderr
[ $? = 1 ] && grep -q '^test.csv:4:1: error: this text of test is in train, too.*\[-Werror=leakage\]$' stderr && ! grep -q '^step' stderr ||
    { fail "-Werror=leakage"; cat stderr; }
"$ftc" run "$spec" --train train.csv --eval test.csv -Wno-all -o model > stdout 2> stderr || fail "-Wno-all"
! grep -q warning stderr || { fail "-Wno-all"; cat stderr; }
grep -q "^data: train 13 rows, test 3 rows; 3 classes, the largest 'no' (61.5 %), the smallest 'Yes ' (7.7 %); tokens: median" stderr ||
    { fail "the line of ftc run"; cat stderr; }
expect 1 data describe train.csv -Wno-leekage <<'X1'
ftc: error: there is no warning 'leekage'; did you mean 'leakage'?
X1

# --- splits
{ echo text,label; for i in $(seq 1 40); do printf '"line %d, with ""quotes""",%s\n' "$i" "$([ $((i % 4)) = 0 ] && echo yes || echo no)"; done; } > all.csv
expect 0 data split all.csv -o parts --split dev=.15,test=.15 <<'X1'
all.csv: note: 28 rows for training, 6 for dev, 6 for test, each with its share of every class
X1
cat parts/*.csv | grep -v ^text | sort > together
grep -v ^text all.csv | sort | diff - together || fail "the parts are not the whole"
# as sklearn.model_selection.train_test_split(rows, test_size=6, random_state=42, stratify=labels) deals 40 rows out
cut -d, -f1 parts/test.csv | tr -dc '0-9\n' | tr '\n' ' ' > said
[ "$(cat said)" = " 10 19 26 38 40 14 " ] || fail "the rows of test: $(cat said)"
expect 1 data split all.csv -o parts --split dev=.15 <<'X1'
parts: error: exists; name another folder with -o, or replace its tables with --force
X1
touch parts/mine.txt
"$ftc" data split all.csv -o parts --split dev=.15 --force 2> /dev/null
[ -e parts/mine.txt ] && [ -e parts/dev.csv ] && [ ! -e parts/test.csv ] || fail "--force: $(ls parts)"

# training from a table and its split is training from the parts' tables
digest() { "$ftc" run "$spec" -D train.epochs=2 --force -o model --json "$@" 2> stderr | sed 's/.*"accuracy": \([^,]*\),.*sha256": \(.*\)/\1 \2/'; grep '^epoch' stderr; }
"$ftc" data split all.csv -o parts --split dev=.15,test=.15 --force 2> /dev/null
digest --train all.csv --split dev=.15,test=.15 > one
digest --train parts/train.csv --dev parts/dev.csv --eval parts/test.csv > two
[ "$(wc -l < one)" = 3 ] && diff one two || fail "ftc run --split is not training from the parts"

# records in messages are those of the file
{ cat all.csv; echo 'last,'; } > unlabelled.csv
"$ftc" run "$spec" --train unlabelled.csv --split test=.2,stratify=false,seed=3 -o model --force 2>&1 | grep -q '^unlabelled.csv:42:6: error: record 41 has no label' ||
    fail "the record's number"

# a hash: rows stay where they are when others are added, in the order of the table
"$ftc" data split all.csv -o hashed --split dev=.3,test=.3,method=hash 2> /dev/null
{ head -1 all.csv; echo 'first,no'; tail -n +2 all.csv; echo 'last,yes'; } > more.csv
"$ftc" data split more.csv -o more --split dev=.3,test=.3,method=hash 2> /dev/null
for part in train dev test; do
    grep -v '^first\|^last' more/$part.csv | cmp - hashed/$part.csv || fail "rows moved: $part"
done

# groups: rows of one stay together
awk 'BEGIN { print "text,label,user"; for (i = 0; i < 60; i++) printf "text %d,%s,u%d\n", i, i % 2 ? "a" : "b", i * i % 17 % 9 }' > users.csv
expect 0 data split users.csv -o users --split dev=.2,test=.2,group=user <<'X1'
users.csv: note: 32 rows for training, 14 for dev, 14 for test, by groups of 'user'
X1
for part in train dev test; do cut -d, -f3 users/$part.csv | grep -v user | sort -u; done | sort | uniq -d > said
[ ! -s said ] || fail "groups straddle: $(cat said)"

# what can't be
expect 1 run "$spec" --train all.csv --dev test.csv --eval test.csv --split dev=.1,test=.1 <<'X1'
--split dev=.1,test=.1: error: dev is a share of the training table here, and 'test.csv' by --dev; leave one out (-D data.split.dev=none)
--split dev=.1,test=.1: error: test is a share of the training table here, and 'test.csv' by --eval; leave one out (-D data.split.test=none)
X1
expect 1 data split all.csv -o x --split dev <<'X1'
--split dev: error: write the parts' shares, such as --split dev=.15,test=.15
X1
expect 1 data split all.csv -o x <<'X1'
ftc: error: how much goes where? for example --split dev=.15,test=.15
X1
expect 1 data split train.csv -o x --split test=.3 <<'X1'
train.csv:12:14: error: the class 'Yes ' has only this row, so that it can't be both in test and outside of it; add rows of the class, or take it out; or -D data.split.stratify=false deals rows out whatever their class
   12 | row of table,Yes 
      |              ^~~~
X1
expect 1 data split all.csv -o x --split test=.03 <<'X1'
--split test=.03: error: test would have 1 row, too few for one of each of 2 classes; give it a larger share; or -D data.split.stratify=false deals rows out whatever their class
X1
expect 1 data split all.csv -o x --split test=.01 <<'X1'
--split test=.01: error: no row of 40 would be in test; give it a larger share, or none
X1
expect 1 data split users.csv -o x --split test=.2,group=usr <<'X1'
users.csv:1:1: error: there is no column 'usr' (did you mean 'user'?); the table has 'text', 'label', 'user'
    1 | text,label,user
      | ^~~~~~~~~~~~~~~
ftc: note: 'data.split.group' says which column it is: -D data.split.group=NAME
X1
expect 1 data splt all.csv <<'X1'
ftc: error: what about the data? ftc data split
X1
[ ! -e x ] || fail "a folder in spite of an error"

# --- every warning is in the list that flags are checked against
grep -rhoE 'ftc_warn(ing_asked)?\([^,]*, "[a-z-]+"' "$SOURCE_DIR"/{compiler,runtime} | sed 's/.*"\(.*\)"/\1/' | sort -u > used
"$ftc" data describe -Whelp x | awk '{ print $1 }' | sort > listed
diff used listed || fail "ftc/warnings.def and the warnings there are"

# --- data sets that others made: what is told of them is so
if [ -d "$SHARED_DIR/data" ]; then
    kinds() { "$ftc" data describe "$SHARED_DIR/data/$1/train.csv" --eval "$SHARED_DIR/data/$1/test.csv" "${@:2}" 2>&1 > /dev/null |
        grep -a 'warning: \|error: ' | sed 's/.*\[-W//; s/\]//' | sort | uniq -c | awk '{ printf "%s %s ", $1, $2 }'; }
    [ "$(kinds ag_news)" = "2 cut-texts 1 leakage " ] || fail "ag_news: $(kinds ag_news)"
    [ "$(kinds mrpc -D data.text='[text_a, text_b]')" = "" ] || fail "mrpc: $(kinds mrpc -D data.text='[text_a, text_b]')"
    [ "$(kinds sst2)" = "2 leakage " ] || fail "sst2: $(kinds sst2)"
    [ "$(kinds trec6)" = "4 leakage " ] || fail "trec6: $(kinds trec6)"
    stsb="-D data.text=[text_a,text_b] -D data.label=score -D loss.type=mse"
    [ "$(kinds stsb_en $stsb)" = "1 cut-texts 4 leakage " ] || fail "stsb_en: $(kinds stsb_en $stsb)"
    [ "$(kinds gnad10k_de)" = "2 cut-texts " ] || fail "gnad10k_de: $(kinds gnad10k_de)"
else
    echo "no data sets in $SHARED_DIR: not looked at"
fi
exit $failed
