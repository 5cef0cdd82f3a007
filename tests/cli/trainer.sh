#!/bin/bash
# ftc compile SPEC: a trainer that needs no compiler, no YAML and, where it reads no folder, no JSON; its weights are those of ftc run,
# bit for bit.  And what else the linker makes: -shared, -static.
set -u
. "$SOURCE_DIR/tests/support/cli.sh"
command -v "${CC:-cc}" > /dev/null || { echo "skipped: no C compiler"; exit 77; }
cp "$SOURCE_DIR"/examples/{train,test,unlabelled}.csv .
export TMPDIR=$out/t,m\'p # a linker's flags take commas apart
mkdir "$TMPDIR"
sanitized=
if nm "$(dirname "$(realpath "$ftc")")/libftc_runtime.a" 2> /dev/null | grep __asan_ > /dev/null; then sanitized=yes; fi

# same MODEL MODEL: all that is no time or place
same() {
    for file in model.safetensors ftc.yaml vocab.txt tokenizer.json tokenizer_config.json config.json; do
        [ ! -e "$1/$file" ] && [ ! -e "$2/$file" ] || cmp "$1/$file" "$2/$file" || fail "$1 and $2 differ"
    done
    diff <(grep -v '_s": \|"output"\|tokens_per_s\|_mib' "$1/run.json") <(grep -v '_s": \|"output"\|tokens_per_s\|_mib' "$2/run.json") ||
        fail "records of $1 and $2"
}

# --- a.out without a word; it trains, evaluates and predicts as ftc run does, with what -D and its short forms say
"$ftc" compile "$spec" > said 2>&1 && [ ! -s said ] || fail "$(cat said)"
[ -x a.out ] && [ ! -e tiny_cls.o ] || fail "no a.out, or an object beside it"
ldd a.out > libraries
[ "$sanitized" ] || ! grep 'LLVM\|yaml\|jansson\|blas' libraries || fail "libraries that it doesn't need"
all=(--train train.csv --dev test.csv --eval test.csv --predict unlabelled.csv --logits --seed 7 --limit 100
     -D train.epochs=3 -D optimizer.lr=2e-3 -D 'optimizer.betas=[0.8, 0.95]' -D train.best=macro_f1 -D optimizer.schedule.warmup=5)
"$ftc" run "$spec" "${all[@]}" -o run > run.out 2> run.notes || fail "$(cat run.notes)"
env -i HOME=/nowhere ./a.out "${all[@]}" -o trained > trained.out 2> trained.notes || fail "$(cat trained.notes)"
same run trained
cmp run/predictions.csv trained/predictions.csv || fail "other predictions"
diff <(grep -v report.html run.out) <(grep -v report.html trained.out) || fail "another report"
diff <(grep '^epoch\|^the best' run.notes | sed 's/  in .*//') <(grep '^epoch\|^the best' trained.notes | sed 's/  in .*//') ||
    fail "other epochs"
"$ftc" rerun trained --check > said 2>&1 || fail "$(cat said)"
has said 'same bits'

# --- a device stays one; for root, who could replace it, a copy of /dev/null
null=/dev/null
[ "$(id -u)" != 0 ] || { mknod null c 1 3 && null=$PWD/null; } 2> /dev/null
if [ "$(id -u)" != 0 ] || [ "$null" != /dev/null ]; then
    "$ftc" compile -o "$null" "$spec" > said 2>&1 && [ -c "$null" ] || fail "linked in the place of a device: $(cat said)"
fi

# --- the same program from a cold cache, from none, and elsewhere
(mkdir other && cd other && XDG_CACHE_HOME=$out/cold "$ftc" compile -o b.out "$spec" && cmp b.out ../a.out) || fail "another program"
"$ftc" compile --no-cache -o c.out "$spec" && cmp a.out c.out || fail "another program without the cache"

# --- names that C has already
cp "$spec" main.yaml
"$ftc" compile -o named main.yaml && ./named --train train.csv --limit 20 --max-steps 1 2> said || fail "$(cat said)"
[ -s main-model/model.safetensors ] || fail "the model of main.yaml isn't in main-model"

# --- from a stage's text
"$ftc" compile --emit=fused "$spec" -o stage && "$ftc" compile stage -o staged || fail "a trainer of a stage"
./staged "${all[@]}" -o staged.model > stdout 2> notes || fail "$(cat notes)"
cmp run/model.safetensors staged.model/model.safetensors || fail "the stage's trainer trains otherwise"

# --- whatever a run is made of: a frozen encoder that runs once, steps of several batches, momentum, scalar code, bf16, other tasks
awk -F, 'NR == 1 { print "text,label"; next } NF > 2 || !/,[a-z]*$/ { next } { print $1 "," length($1) / 10 }' train.csv | head -80 > numbers.csv
variants=("-D train.freeze=[embeddings,layers]" "-fno-keep-encoded -D train.freeze=[embeddings,layers]"
          "-D train.accumulate=3 -D train.batch=4"
          "-D optimizer.type=sgd -D optimizer.momentum=0.9 -D optimizer.lr=0.1"
          "-O0" "-fno-fuse -fgemm=openblas" "-D train.precision=bf16" "-D loss.class_weights=balanced -D train.sampling=over"
          "-D loss.type=binary_cross_entropy -D data.threshold=tuned" "-D loss.type=mse")
for flags in "${variants[@]}"; do
    table=train.csv
    [[ $flags != *mse* ]] || table=numbers.csv
    # shellcheck disable=SC2086
    "$ftc" compile $flags -o variant "$spec" 2> said || fail "$flags: $(cat said)"
    # shellcheck disable=SC2086
    "$ftc" run "$spec" $flags --train $table --dev $table --limit 80 --max-steps 12 -o v1 --force > said 2>&1 || fail "$flags: $(cat said)"
    ./variant --train $table --dev $table --limit 80 --max-steps 12 -o v2 --force > said 2>&1 || fail "$flags: $(cat said)"
    same v1 v2
done

# --- weights: inside, with what is new and what isn't used; from a folder when it runs; of a whole model, which needs no training
"$ftc" compile --init run -o inside "$spec" && "$ftc" compile --init run -fno-embed-weights -o outside "$spec" || fail "--init"
"$ftc" run "$spec" --init run --train train.csv --limit 80 -o i1 > said 2> i1.notes || fail "$(cat i1.notes)"
./outside --init run --train train.csv --limit 80 -o i3 > said 2> i3.notes || fail "$(cat i3.notes)"
"$ftc" compile run -o whole || fail "a model's folder"
"$ftc" run run --eval test.csv --predict unlabelled.csv -o e1 > e1.out 2> said || fail "$(cat said)"
mv run moved
./inside --train train.csv --limit 80 -o i2 > said 2> i2.notes || fail "$(cat i2.notes)"
./whole --eval test.csv --predict unlabelled.csv -o e2 > e2.out 2> said || fail "$(cat said)"
mv moved run
for k in 2 3; do
    cmp i1/model.safetensors i$k/model.safetensors && cmp i1/vocab.txt i$k/vocab.txt || fail "other weights from --init"
    diff <(grep '^run: note' i1.notes) <(grep '^run: note' i$k.notes) || fail "other notes from --init"
done
has i1.notes '^run: note: gives the encoder; the classifier of 4 classes is new'
diff <(grep -v report.html e1.out) <(grep -v report.html e2.out) && cmp e1/predictions.csv e2/predictions.csv || fail "another answer"

# --- stopped, it leaves what ftc run --resume goes on from
long=(--train train.csv -D train.epochs=60 -D train.checkpoint.every=50)
"$ftc" run "$spec" "${long[@]}" -o l1 > said 2>&1 || fail "$(cat said)"
: > stopped
./a.out "${long[@]}" -o l2 > stdout 2> stopped &
while ! grep -q '^epoch' stopped; do sleep 0.02; done
kill -TERM $!
wait $!
[ $? = 130 ] || fail "status after SIGTERM: $(tail -3 stopped)"
"$ftc" run --resume l2 > said 2>&1 || fail "$(cat said)"
cmp l1/model.safetensors l2/model.safetensors || fail "a run that was gone on with"

# --- the keys that can be set there leave the code as it is
"$ftc" compile --emit=plan "$spec" -o plan
./a.out --help > help
[ "$(grep -c '^  [a-z]*\.[a-z_.]* ' help)" -ge 20 ] || fail "the keys of --help"
settable=(optimizer.lr=1 optimizer.weight_decay=0 optimizer.betas='[0, 0.5]' optimizer.eps=0 optimizer.clip_norm=0.5 train.epochs=1
          optimizer.schedule.warmup=0 train.batch=3 train.eval_batch=2 train.seed=9 train.shuffle=false train.max_steps=1
          train.memory_limit=1 train.eval_every=3 train.best=loss train.early_stop.threshold=1 train.checkpoint.every=none
          train.checkpoint.keep=1 data.limit=50 data.split.dev=0.1 data.split.test=0.1)
set=()
for key in "${settable[@]}"; do
    grep -q "^  ${key%%=*} " help || fail "--help has no ${key%%=*}"
    set+=(-D "$key")
done
"$ftc" compile --emit=plan "${set[@]}" "$spec" -o plan2
cmp -s plan plan2 && fail "no key was set"
diff <(grep -v '^#' plan) <(grep -v '^#' plan2) > difference || { head -3 difference; fail "other numbers compile to something else"; }

# --- mistakes: those of ftc run in its words; what can't change any more says so
ask() { # WANTED FLAGS...
    local wanted=$1
    shift
    ./a.out "$@" > stdout 2> notes
    [ $? = 1 ] || fail "status of $*"
    has notes "$wanted"
}
ask "^ftc: error: unknown flag '--trian'; did you mean '--train'?" --trian train.csv
ask "^ftc: error: unknown flag '--lr'; the spec's keys are set with -D: -D optimizer.lr=VALUE" --lr 1
ask "^-D train.epochs=0: error: 'epochs' is 0, but has to be from 1 to 1000000" -D train.epochs=0
ask "^--seed x: error: 'seed' is 'x', not a whole number" --seed x
ask "^-D train.epoch=2: error: unknown key 'train.epoch'; did you mean 'train.epochs'?" -D train.epoch=2
ask "^-D optimizer: error: write -D key=value" -D optimizer
ask "^-D model.head.pool=mean: error: 'model.head.pool' is compiled into this program; .* again with -D" -D model.head.pool=mean
ask "^-D optimizer.clip_norm=none: error: 'optimizer.clip_norm' is compiled" -D optimizer.clip_norm=none
ask "^-D train.accumulate=2: error: 'train.accumulate' is compiled" -D train.accumulate=2
ask "^-D train.early_stop.patience=2: error: 'patience' needs a metric" -D train.early_stop.patience=2 --train train.csv
ask "^ftc: error: nothing to do: give a table"
ask "^ftc: error: there is no trained model to use" --eval test.csv
ask "^ftc: error: 'train.csv' is no flag" train.csv
ask "^ftc: error: --init: this program was compiled for an encoder that starts from random" --init run --train train.csv
ask "^nowhere.csv: error: can't be read" --train nowhere.csv
ask "^trained: error: exists" --train train.csv -o trained
./inside --init run --train train.csv 2> notes && fail "weights twice"
has notes '^ftc: error: --init: the weights of run are in this program already'
./outside --train train.csv 2> notes && fail "no weights"
has notes '(-fno-embed-weights); --init names the folder'

# --- a linker that isn't there or fails: an error, and what was there stays; nothing temporary is left
cp a.out kept
for cc in "$out/nowhere" false true "nice false"; do
    CC=$cc "$ftc" compile -o kept "$spec" 2> notes && fail "CC=$cc"
    has notes ': error: \(can.t be started to link the program\|could not link the program (status [0-9]*)\|linked no program\)'
    cmp a.out kept || fail "CC=$cc left something else"
done
"$ftc" compile -o run "$spec" 2> notes && fail "a folder became a program"
has notes '^run: error: is a folder'
"$ftc" compile -o missing/x "$spec" 2> notes && fail "a program in a folder that isn't there"
"$ftc" compile -o - "$spec" 2> notes && fail "a program on standard output"
"$ftc" compile -fno-embed-weights "$spec" 2> notes && fail "no weights to leave out"
has notes '^ftc: error: -fno-embed-weights leaves the weights of a folder out, and none is given'
[ -z "$(ls "$TMPDIR")" ] && [ -z "$(ls -d kept.* missing* 2> /dev/null)" ] || fail "left behind: $(ls "$TMPDIR") $(ls -d kept.* 2> /dev/null)"
[ -z "$sanitized" ] || exit 0 # whose libraries go into no static program, nor into one of others

# --- -static: no library at all.  -shared: the model and the trainer's command line, and nothing else
if "$ftc" compile -static -o alone "$spec" 2> notes; then
    ! ldd alone > libraries 2>&1 || fail "$(cat libraries)"
    ./alone "${all[@]}" -o alone.model > stdout 2> notes || fail "$(cat notes)"
    cmp run/model.safetensors alone.model/model.safetensors || fail "-static trains otherwise"
else
    has notes 'error: could not link' # no static libraries on this machine
fi
"$ftc" compile -shared "$spec" || fail "-shared"
[ "$(nm -D --defined-only libtiny_cls.so | awk '{ print $3 }' | sort | tr '\n' ' ')" = "tiny_cls tiny_cls_eval tiny_cls_main tiny_cls_step " ] ||
    fail "libtiny_cls.so exports: $(nm -D --defined-only libtiny_cls.so)"
printf '#include "tiny_cls.h"\nint main(int argc, char **argv) { return tiny_cls.n_weights > 0 ? tiny_cls_main(argc, argv) : 1; }\n' > call.c
"${CC:-cc}" -I. -I"$SOURCE_DIR/include" -o call call.c -L. -ltiny_cls -Wl,-rpath,"$out" || fail "linking with libtiny_cls.so"
./call "${all[@]}" -o called > stdout 2> notes || fail "$(cat notes)"
cmp run/model.safetensors called/model.safetensors || fail "-shared trains otherwise"
