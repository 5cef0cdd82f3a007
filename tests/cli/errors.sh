#!/bin/bash
# What a user may do wrong: each ends with status 1, the very words below, and nothing lost.
set -u
. "$SOURCE_DIR/tests/support/cli.sh"
# without notes on the way to the error
telling() { grep -av '^data: \|^ftc: note: no pre-trained\|^[0-9]* records, \|^step '; }

printf 'text,label\na good day,yes\na bad day,no\ngood wine,yes\nbad wine,no\n' > good.csv

# --- the command line
expect 1 runn <<'X'
ftc: error: unknown command 'runn'; did you mean 'ftc run'?
X
expect 1 run --trian good.csv <<'X'
ftc: error: unknown flag '--trian'; did you mean '--train'?
X
expect 1 run --epochs 3 <<'X'
ftc: error: unknown flag '--epochs'; the spec's keys are set with -D: -D train.epochs=VALUE
X
expect 1 run --train <<'X'
ftc: error: '--train' needs a value: --train FILE
X
expect 1 run --threads=none <<'X'
ftc: error: '--threads' takes a whole number from 1 to 4096, not 'none'
X
expect 1 run a.yaml b.yaml <<'X'
ftc: error: one spec or model at a time: 'a.yaml' or 'b.yaml'
X
expect 1 run <<'X'
ftc: error: nothing to do: give a table with --train, --eval or --predict
X
expect 1 run "$spec" --eval good.csv <<'X'
ftc: error: there is no trained model to use: give a model's folder, or a table with --train
X
expect 1 run --train good.csv -O9 <<'X'
ftc: error: there is no '-O9'; the levels are -O0 to -O3
X
expect 1 run --train good.csv -fno-fues <<'X'
ftc: error: there is no pass 'fues'; did you mean '-fno-fuse'?
X
expect 1 run --train good.csv -march=pentium9 <<'X'
ftc: error: unknown processor 'pentium9'; 'native' is this machine, -march=help lists others
X
expect 1 run --train good.csv -D lr <<'X'
-D lr: error: write -D key=value, such as -D optimizer.lr=3e-5
X
expect 1 run "$spec" --train good.csv -D optimizer.lrr=1 --seed x <<'X'
-D optimizer.lrr=1: error: unknown key 'lrr' in 'optimizer'; did you mean 'lr'?
--seed x: error: 'seed' is 'x', not a whole number
X
expect 1 run "$spec" --train good.csv --predict good.csv --predictions - --json <<'X'
ftc: error: --json and --predictions - both want standard output; give the predictions a file
X
expect 1 run "$spec" --train - --eval - <<'X'
ftc: error: standard input can be read once: '-' is --train already, --eval needs a file
X
expect 1 run - --dev good.csv --train - <<'X'
ftc: error: standard input can be read once: '-' is the spec already, --train needs a file
X
expect 1 compile <<'X'
ftc: error: which spec? for example: ftc compile models/tiny_cls.yaml
X
expect 1 compile --emit=fuse "$spec" <<'X'
ftc: error: there is no stage 'fuse' (did you mean 'fused'?); they are outline, graph, grad, fused, kernels, plan, llvm, asm, obj, svg, dot and html
X
# --- a stage's title becomes the name of what is made of it
sed '1s|.*|# ftc stage graph of ../elsewhere|' <("$ftc" compile --emit=graph "$spec") > titled
expect 1 compile -c titled <<'X'
titled:1: error: a model's name has letters, digits and '_' only
X
[ ! -e ../elsewhere.o ] || { echo "FAILED: a title's path was written to"; failed=1; }
expect 1 tokenize good.csv <<'X'
ftc: error: whose tokenizer? give a model's folder with --init DIR
X

# --- tables
train() { expect "$1" run "$spec" --train "${@:2}"; }
train 1 missing.csv <<'X'
missing.csv: error: can't be read: No such file or directory
X
expect 1 run nope.yaml --train good.csv <<'X'
nope.yaml: error: can't be read: No such file or directory
X
: > empty.csv
train 1 empty.csv <<'X'
empty.csv: error: is empty
X
echo text,label > header.csv
train 1 header.csv <<'X'
header.csv: error: has a header but no records
X
train 1 good.csv -D data.label=lable <<'X'
good.csv:1:1: error: there is no column 'lable' (did you mean 'label'?); the table has 'text', 'label'
    1 | text,label
      | ^~~~~~~~~~
ftc: note: 'data.label' says which column it is: -D data.label=NAME
X
printf 'text,label\na,yes\nb,yes\n' > one.csv
train 1 one.csv <<'X'
one.csv: error: all 2 records have the label 'yes'; training takes at least two classes
X
printf 'text,label\na,yes\nb,maybe\n' > new.csv
train 1 good.csv --eval new.csv --dev new.csv <<'X'
new.csv:3:3: error: the label 'maybe' of record 2 is none that the training table has: 'no', 'yes'
    3 | b,maybe
      |   ^~~~~
new.csv:3:3: error: the label 'maybe' of record 2 is none that the training table has: 'no', 'yes'
    3 | b,maybe
      |   ^~~~~
X
printf 'text,label\na,yes\nb,\n' > unlabelled.csv
train 1 unlabelled.csv <<'X'
unlabelled.csv:3:3: error: record 2 has no label in the column 'label'; give it one, or leave such records out: -D data.missing=drop
    3 | b,
      |   ^
X
printf 'text,label\nna\xefve,yes\n' > latin1.csv
train 1 latin1.csv <<'X'
latin1.csv:2:3: error: byte 13 (0xEF) is not valid UTF-8; the file may be in cp1252 or latin1 (the same, as far as it goes): say so with -D data.encoding=cp1252, or convert it with iconv
    2 | naïve,yes
      |   ^
X
printf 'text,label\na,1\nb,0\nc,7\n' > codes.csv
train 1 codes.csv -D 'data.label_map={0: no, 1: yes}' <<'X'
codes.csv:4:3: error: the label '7' of record 3 is no code of data.label_map; add it there, or leave such records out: -D data.unmapped=drop
    4 | c,7
      |   ^
X
train 1 codes.csv -D data.label_map=good.csv <<'X'
good.csv:1:1: error: a line of a label map is a code, a tab and a name
    1 | text,label
      | ^~~~~~~~~~
-D data.label_map=good.csv: note: the label map is asked for here
X
printf 'text;label\na;yes\n' > semicolons.csv
train 1 semicolons.csv -D data.separator=comma <<'X'
semicolons.csv:1:1: error: there is no column 'text'; the table has 'text;label'
    1 | text;label
      | ^~~~~~~~~~
ftc: note: the table has one column only; 'data.separator' says what separates its fields: comma, tab, semicolon or pipe
X
printf 'text,label\na\0b,yes\n' > nul.csv
train 1 nul.csv <<'X'
nul.csv:2:2: error: byte 12 is a NUL: this is no text file, or it is damaged
    2 | a
      |  ^
X
printf 'text,label\n"a,yes\n' > quote.csv
"$ftc" run "$spec" --train quote.csv 2>&1 | grep -q '^quote.csv:2:1: error: ' || { echo "FAILED: quote.csv"; failed=1; }
printf 'text,label,predicted\na,yes,no\nb,no,no\n' > taken.csv
train 1 good.csv --predict taken.csv <<'X'
taken.csv: error: already has a column 'predicted', where the prediction would go; predict from a table without it
X
train 1 good.csv -D 'loss.class_weights={perhaps: 2}' <<'X'
-D loss.class_weights={perhaps: 2}: error: there is no label 'perhaps' to give a class weight; the labels are 'no', 'yes'
X

# --- outputs, found before training
mkdir there
train 1 good.csv -o there <<'X'
there: error: exists; name another folder with -o, or replace this one with --force
X
train 1 good.csv -o good.csv <<'X'
good.csv: error: is a file, where the model's folder would go; name another with -o
X
"$ftc" run "$spec" --train good.csv -o /proc/none/model > stdout 2> stderr
[ $? = 1 ] && grep -q '^/proc/none.*: error: ' stderr && ! grep -q '^step ' stderr || { echo "FAILED: /proc"; cat stderr; failed=1; }
"$ftc" run "$spec" --train good.csv --log /proc/none.jsonl > stdout 2> stderr
[ $? = 1 ] && grep -q '^/proc/none.jsonl: error: ' stderr && ! grep -q '^step ' stderr || { echo "FAILED: --log"; cat stderr; failed=1; }
"$ftc" run "$spec" --train good.csv --predict good.csv --predictions /proc/none.csv > stdout 2> stderr
[ $? = 1 ] && grep -q '^/proc/none.csv.*: error: ' stderr && ! grep -q '^step ' stderr || { echo "FAILED: --predictions"; failed=1; }
[ "$(ls -d ./*-model 2> /dev/null)" = "" ] || { echo "FAILED: an error left a model"; failed=1; }

# --- models' folders
expect 1 run --init nowhere --train good.csv <<'X'
nowhere: error: is no folder; give a Hugging Face model folder, with config.json in it
X
"$ftc" run "$spec" --train good.csv -o model > stdout 2> stderr || { echo "FAILED: training"; cat stderr; failed=1; }
rm model/ftc.yaml
expect 1 run "$spec" -D model.encoder.hidden=16 --init model --train good.csv <<'X'
-D model.encoder.hidden=16: error: 'hidden' is 16, but the weights are made with 8
model/config.json: note: 'model.encoder.hidden' is 8 here; leave it out of the spec to take that
X
cp -r model cut
head -c 3000 model/model.safetensors > cut/model.safetensors
"$ftc" run cut --eval good.csv > stdout 2> stderr
[ $? = 1 ] && grep -q '^cut/model.safetensors: error: ' stderr || { echo "FAILED: cut safetensors"; cat stderr; failed=1; }
cp -r model other
sed -i 's/"hidden_size": 8/"hidden_size": 4/' other/config.json
"$ftc" run other --eval good.csv > stdout 2> stderr
[ $? = 1 ] && grep -q "^other/model.safetensors: error: weight '.*' has the shape .*, but the model's '.*' needs" stderr ||
    { echo "FAILED: wrong shapes"; cat stderr; failed=1; }
sed -i 's/"num_hidden_layers": 1/"num_hidden_layers": 2/; s/"hidden_size": 4/"hidden_size": 8/' other/config.json
"$ftc" run other --eval good.csv > stdout 2> stderr
[ $? = 1 ] && grep -q "^other: error: the weight 'bert.encoder.layer.1\..*' (and [0-9]* more) is missing" stderr ||
    { echo "FAILED: a missing weight"; cat stderr; failed=1; }

# --- a disk that is full when the model is saved: the older model stays whole
cp -r model kept
(trap '' XFSZ; ulimit -f 4; exec "$ftc" run "$spec" --train good.csv -o model --force --no-cache > stdout 2> stderr)
[ $? = 1 ] && grep -q "model.safetensors: error: .*File too large" stderr || { echo "FAILED: full disk"; cat stderr; failed=1; }
diff -r model kept || { echo "FAILED: the older model has changed"; failed=1; }
[ "$(ls -d model.* 2> /dev/null)" = "" ] || { echo "FAILED: a half-written folder is left"; ls; failed=1; }

# --- training that diverges: status 3, step and records are named, the last good model is kept, an older one too
wild=(run "$spec" --train good.csv -o wild --no-shuffle -D train.batch=2 -D optimizer.type=sgd -D optimizer.lr=1000
    -D optimizer.clip_norm=none -D optimizer.schedule.type=constant -D train.epochs=200)
"$ftc" "${wild[@]}" > stdout 2> stderr
[ $? = 3 ] && grep -q '^good.csv: error: training diverged: the .* is not finite at step [0-9]* (epoch [0-9]*), in a batch of records [0-9], [0-9]$' stderr &&
    grep -q '^wild: note: holds the model as it was after step ' stderr || { echo "FAILED: diverging"; cat stderr; failed=1; }
"$ftc" run wild --eval good.csv > stdout 2> stderr || { echo "FAILED: the last good model"; cat stderr; failed=1; }
rm -r wild
cp -r model wild
"$ftc" "${wild[@]}" --force > stdout 2> stderr
[ $? = 3 ] && grep -q '^wild-diverged: note: holds .*; wild is as before$' stderr && diff -r model wild ||
    { echo "FAILED: diverging over an older model"; cat stderr; failed=1; }
# --- more memory than is allowed: found before training, and how much it would be depends on the machine's threads
"$ftc" run "$spec" --train good.csv -D train.memory_limit=0.00001 -o limited > stdout 2> stderr
if [ $? != 1 ] || ! grep -q 'error: training needs 0.[0-9]* GiB, and train.memory_limit allows 0.00' stderr || [ -e limited/model.safetensors ]; then
    echo "FAILED: train.memory_limit"
    cat stderr
    failed=1
fi

exit $failed
