# Going on from a stage: chosen passes (ftc opt), training (ftc run -x graph), and the stage that a bug of ours leaves.
. "$SOURCE_DIR/tests/support/cli.sh"

# ---- opt: pass by pass it is what compile makes
"$ftc" compile --emit=grad -o grad.txt "$spec"
"$ftc" compile --emit=fused -o fused.txt "$spec"
"$ftc" compile --emit=plan -o plan.txt "$spec"
"$ftc" opt grad.txt | cmp - grad.txt || fail "no pass changes something"
"$ftc" opt -bf16 -remat -fuse -chain -pack -o fused2.txt grad.txt
"$ftc" opt -bf16 -remat - < grad.txt | "$ftc" opt -fuse -chain -pack - | cmp - fused2.txt || fail "passes in a pipe"
cmp fused.txt fused2.txt || fail "opt's fused stage"
"$ftc" opt -keep -lower -plan fused2.txt | cmp - plan.txt || fail "opt's plan"
"$ftc" opt -fuse grad.txt > plain.txt
"$ftc" compile -x graph -fno-chain -o a.o plain.txt || fail "going on from opt's stage"
expect 1 opt -fuze grad.txt <<'TEXT'
ftc: error: there is no pass 'fuze'; did you mean '-fuse'?
TEXT
expect 1 opt -demand grad.txt <<'TEXT'
grad.txt: error: the pass 'demand' takes the stage 'graph', and this is the stage 'grad'
TEXT
expect 1 opt -fuse -remat grad.txt <<'TEXT'
grad.txt: error: the pass 'remat' takes the stage 'grad', and behind the passes before it this is the stage 'fused'
TEXT

# ---- run: a stage that nobody edited trains to the same bits as its spec
{
    echo text,label
    for i in $(seq 40); do
        echo "a fine day $i,good"
        echo "the awful night $i,bad"
    done
} > train.csv
trains() { "$ftc" run "$@" --train train.csv --seed 3 --force > /dev/null 2> said || { cat said; fail "run $*"; }; }
trains "$spec" -o plain
"$ftc" compile --emit=graph -o graph.txt "$spec"
for stage in graph grad fused plan; do
    trains -x graph $stage.txt -o of-$stage
    cmp plain/model.safetensors of-$stage/model.safetensors || fail "the stage $stage trains other weights"
done
"$ftc" rerun of-grad --check > said 2>&1 || { cat said; fail "rerun"; }

# a weight that an edited graph reads no more stays as it is; a loss of none is a mistake
sed 's/^\(  %logits = \)add %classifier.dot, %classifier.bias/\1neg %classifier.dot/' graph.txt > unread.txt
"$ftc" compile -c -x graph unread.txt -o unread.o 2> said || { cat said; fail "a weight that is read no more"; }
has said 'note: the loss of graph @step does not depend on classifier.bias: it stays as it is'
trains -x graph unread.txt -o of-unread
sed 's/^\(  %loss = \)div %loss.reshape.2, /\1div %loss.reshape.1, /' graph.txt > still.txt
expect 1 compile -c -x graph still.txt -o still.o <<'TEXT'
still.txt: error: the loss of graph @step depends on no weight that is trained
TEXT

# a gradient the other way round: the loss rises
sed 's/%d.loss.neg.neg = neg /%d.loss.neg.neg = abs /' grad.txt > up.txt
cmp -s grad.txt up.txt && fail "nothing was broken"
trains -x graph grad.txt -o down --log down.log
trains -x graph up.txt -o up --log up.log
python3 - <<'TEXT' || fail "the loss of a gradient that was turned round does not rise"
import json
loss = lambda name: [json.loads(l)["loss"] for l in open(name) if '"loss"' in l and '"step"' in l]
down, up = loss("down.log"), loss("up.log")
assert up[0] == down[0] and up[-1] > up[0] and down[-1] < down[0], (down[0], down[-1], up[0], up[-1])
TEXT
cp up.txt grad.txt
"$ftc" rerun of-grad --check > said 2>&1 && fail "rerun of an edited stage"
has said 'grad.txt: error: has changed since the run began'

expect 1 run -x graph graph.txt --train train.csv -D loss.type=focal <<'TEXT'
-D loss.type=focal: error: 'loss.type' is in the graphs of graph.txt already; set it for the spec that the stage is made of
TEXT
expect 1 run -x graph - --train train.csv <<'TEXT'
<stdin>: error: can't be read again; a stage is read from a file, which the model's record names
TEXT
"$ftc" run -x graph <(cat graph.txt) --train train.csv 2> said && fail "a stage of a pipe"
has said "error: can't be read again; a stage is read from a file"
expect 1 run -x graph --train train.csv <<'TEXT'
ftc: error: which stage? -x graph FILE, of those that 'ftc compile --emit' makes
TEXT

# ---- a bug of ours, by ftc_bug and by a signal, which the sanitizers keep for themselves (then there is no $2)
for rule in fuse:waits ${2:+crash:remat}; do
    rm -f ftc-bug-*
    FTC_TEST_MUTATE=$rule "$ftc" compile -o b.o "$spec" 2> said
    [ $? = 4 ] || fail "$rule: status"
    has said 'what it was compiling is in ftc-bug-'
    has ftc-bug-* '^# to see it again: ftc compile -O2 -x graph FILE'
    cp ftc-bug-* left.txt
    FTC_TEST_MUTATE=$rule "$ftc" compile -x graph -o b.o left.txt 2> said
    [ $? = 4 ] || fail "$rule: what it left shows nothing"
    "$ftc" compile -x graph -o b.o left.txt || fail "$rule: what it left is no stage"
done
exit $failed
