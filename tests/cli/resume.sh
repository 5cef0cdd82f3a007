#!/bin/bash
# A run that is stopped in any way goes on to the bits of one that never was; what was good before stays good.
# FTC_FULL makes it 200 runs that are killed and 50 disks that fill up, else a few of each.
set -u
. "$SOURCE_DIR/tests/support/cli.sh"
full_disk=${2-}
kills=4 disks=4
[ -z "${FTC_FULL-}" ] || kills=200 disks=50

digest() { grep -o '"weights_sha256": "[0-9a-f]*"' "$1/run.json"; }
lines() { sed 's/, "ms".*//' "$1"; }
epochs() { grep '^epoch' "$1" | sed 's/  in .*//'; }

cp "$SOURCE_DIR"/examples/train.csv "$SOURCE_DIR"/examples/test.csv .
# Dropout is on, and the best epoch isn't the last.
run=(run "$spec" --train train.csv --dev test.csv -D model.encoder.hidden=16 -D model.encoder.dropout=0.1
     -D train.epochs=40 -D train.best=macro_f1 -D train.checkpoint.every=97 -D train.eval_every=60)
"$ftc" "${run[@]}" -o whole > stdout 2> whole.notes || fail "$(cat whole.notes)"
want=$(digest whole)
[ -n "$want" ] || fail "no digest in the record"
has whole.notes '^the best is that of epoch '
[ -e whole/training ] && fail "checkpoints stay behind a run that is done"

# --- the record is enough to make the model again, elsewhere and at other threads; other data is refused
mkdir elsewhere
(cd elsewhere && "$ftc" rerun ../whole --check --threads 1 > ../stdout 2> ../notes) || fail "$(cat notes)"
has stdout '^../whole: same bits: the weights.* SHA-256 is again [0-9a-f]*$'
[ -z "$(ls elsewhere)" ] || fail "--check leaves something"
sed 's/"weights_sha256": "./"weights_sha256": "x/' whole/run.json > run.json && cp -r whole changed && mv run.json changed
"$ftc" rerun changed --check > stdout 2> notes && fail "other bits pass for the same"
has notes '^changed: error: other bits'
sed 's/$/ /' train.csv > other.csv
"$ftc" rerun whole -o again --train other.csv > stdout 2> notes && fail "a rerun of other data"
has notes '^other.csv: error: has changed since the run began'

# --- SIGTERM (and SIGINT, which a shell's background job ignores): a checkpoint, how to go on, status 130
"$ftc" "${run[@]}" -o termed --log termed.jsonl > stdout 2> notes &
while ! grep -q '^epoch' notes; do sleep 0.02; done
kill -TERM $!
wait $!
[ $? = 130 ] || fail "status after SIGTERM: $(tail -3 notes)"
has notes 'interrupted after step [0-9]* of [0-9]*; to go on from step [0-9]*: ftc run --resume termed'
[ -e termed/model.safetensors ] && fail "a model before training is done"

# the folder is taken; flags that would make it another run are refused; so is another table
"$ftc" "${run[@]}" -o termed > stdout 2> notes && fail "a run that isn't done was overwritten"
has notes "holds a run that isn't done; go on with 'ftc run --resume termed', or begin anew with --force"
"$ftc" run --resume termed --seed 3 > stdout 2> notes && fail "--resume with another seed"
has notes "leave '--seed' out"
"$ftc" run --resume termed --init whole > stdout 2> notes && fail "--resume with an encoder that the run never had"
has notes 'the run had no --init; leave it out, or start anew'
"$ftc" run --resume termed --train other.csv > stdout 2> notes && fail "--resume with another table"
has notes '^other.csv: error: has changed since the run began'
"$ftc" run --resume whole > stdout 2> notes && fail "--resume of a run that is done"
has notes "whole: error: holds no run that isn't done"

# --- at 1, 2 and 7 threads from the same checkpoint, elsewhere too: the same bits; log and table read like one run
for threads in 1 2 7; do
    cp -r termed copy
    (cd elsewhere && "$ftc" run --resume ../copy --threads $threads --log ../log$threads > stdout 2> ../notes) || fail "$(cat notes)"
    [ "$(digest copy)" = "$want" ] || fail "other bits at $threads threads"
    diff <(lines copy/log.jsonl) <(lines whole/log.jsonl) > /dev/null || fail "the log of steps differs"
    diff <(lines log$threads | head -n -1) <(lines whole/log.jsonl) > /dev/null || fail "the log of --log differs"
    diff <(epochs notes) <(epochs whole.notes) || fail "the table of epochs differs"
    [ -e copy/training ] && fail "checkpoints are left"
    rm -r copy
done

# --- damage: a cut or changed checkpoint is refused and the one before it used
newest=$(ls termed/training/*.safetensors | tail -1)
if [ "$(ls termed/training/*.safetensors | wc -l)" = 2 ]; then
    for damage in cut flip later; do
        cp -r termed copy
        file=copy/training/${newest##*/}
        size=$(stat -c %s "$file")
        if [ $damage = cut ]; then
            truncate -s $((size - 1 - RANDOM % 1000)) "$file"
        elif [ $damage = later ]; then
            cp "$file" copy/training/step-90000000.safetensors
        else
            old=$(od -An -tu1 -j $((size / 2)) -N 1 "$file") # another byte than that, whatever it is
            printf "\\x$(printf %02x $((old ^ 255)))" | dd of="$file" bs=1 seek=$((size / 2)) conv=notrunc status=none
        fi
        "$ftc" run --resume copy > stdout 2> notes || fail "$(cat notes)"
        has notes "warning: is damaged and not used: .*damaged-checkpoint"
        [ "$(digest copy)" = "$want" ] || fail "other bits from the checkpoint before"
        rm -r copy
    done
fi

# --- SIGKILL at any moment, as often as it takes
for i in $(seq $kills); do
    command=("${run[@]}" -o killed)
    for try in 1 2 3 4 5 6 7 8 9 10 11 12; do
        "$ftc" "${command[@]}" > stdout 2> notes &
        (( try < 12 )) && { sleep 0.$(printf %03d $((RANDOM % 400))); kill -KILL $! 2> /dev/null; }
        wait $! 2> /dev/null && break
        if [ -e killed/training/run.json ]; then command=(run --resume killed); else command=("${run[@]}" -o killed --force); fi
    done
    [ "$(digest killed)" = "$want" ] || fail "other bits after kill -9, round $i: $(cat notes)"
    rm -r killed*
done

# --- a disk that fills up at any byte: the model before stays as it is, and the run can be gone on with
if [ -e "$full_disk" ]; then
    "$ftc" "${run[@]}" -D train.epochs=1 -o before > stdout 2> notes || fail "$(cat notes)"
    cp -r before model
    failed=0
    for i in $(seq $disks); do
        room=$((RANDOM * RANDOM % 2000000))
        FULL_DISK_BYTES=$room LD_PRELOAD=$full_disk "$ftc" "${run[@]}" -o model --force --no-cache > stdout 2> notes
        status=$?
        if [ $status = 1 ]; then
            failed=$((failed + 1))
            has notes 'the disk is full'
            diff -r -x training before model || fail "the model before has changed ($room bytes)"
            "$ftc" run model --eval test.csv > stdout 2> notes || fail "the model before doesn't load"
            [ ! -e model/training/run.json ] || "$ftc" run --resume model > stdout 2> notes || fail "$(cat notes)"
        elif [ $status != 0 ]; then
            fail "status $status: $(cat notes)"
        fi
        if [ $status = 0 ] || [ ! -e model/training ]; then rm -rf model; cp -r before model; fi
        rm -rf model/training
    done
    [ $failed -gt 0 ] || echo "no disk was full"
fi
