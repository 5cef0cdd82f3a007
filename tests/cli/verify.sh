# ftc verify: every shipped model passes; a spoiled rule is caught, and what it was reduced to shows it again; what users do wrong.
. "$SOURCE_DIR/tests/support/cli.sh"

for model in "$SOURCE_DIR"/models/*.yaml "$SOURCE_DIR"/tests/models/*.yaml; do
    timeout 60 "$ftc" verify "$model" > passed 2> said || { cat said; fail "verify $model"; }
    for word in 'directional derivatives' 'without the passes' '^@step' '^@eval' 'of bound' '1, 2, 3 and 7 train the same bits'; do
        has passed "$word"
    done
done
"$ftc" verify -D loss.type=mse -D train.accumulate=2 -D optimizer.type=sgd -D model.head.pool=mean "$spec" > passed || fail "other settings"
has passed '^@accumulate'
"$ftc" verify -O0 "$spec" > passed || fail "without passes"

# a bug of ours: 4, and a small graph
FTC_TEST_MUTATE=grad:tanh "$ftc" verify "$spec" > shown 2> said
[ $? = 4 ] || fail "a wrong gradient is no bug"
has said "the gradient of '.*' along one direction is"
has said 'tiny_cls-failure.ftir: note: shows it in [2-9] values, of'
has shown '= tanh '
FTC_TEST_MUTATE=grad:tanh "$ftc" verify -x graph -o again.ftir tiny_cls-failure.ftir > shown 2> said
[ $? = 1 ] || fail "the reduced graph passes"
"$ftc" verify -x graph tiny_cls-failure.ftir > passed || fail "the reduced graph fails as it is"

# what ends the process is a failure too
FTC_TEST_MUTATE=fuse:waits "$ftc" verify -o crash.ftir "$spec" > shown 2> said
[ $? = 4 ] || fail "a crash is no bug"
has said 'did not come to its end'
[ "$(grep -c ' = ' crash.ftir)" -le 10 ] || fail "a crash is not reduced"
[ ! -e ftc-bug-* ] || fail "verify leaves the files of processes that it waits for"

# a stage; with a gradient that someone broke
"$ftc" compile --emit=grad -o step.txt "$spec"
"$ftc" verify -x graph step.txt > passed || fail "a stage"
has passed 'directional derivatives'
sed 's/%d.classifier.weight = dot %d.loss.exp.add, %pooled/%d.classifier.weight = dot %d.loss.exp.add, %pooler/' step.txt > wrong.txt
cmp -s step.txt wrong.txt && fail "nothing was broken"
"$ftc" verify -x graph -o wrong.ftir wrong.txt > shown 2> said
[ $? = 1 ] || fail "a wrong gradient in a stage passes"
has said "the gradient of 'classifier.weight' along one direction"

"$ftc" compile --emit=plan -o plan.txt "$spec"
expect 1 verify -x graph plan.txt <<'TEXT'
plan.txt: error: has kernels, and what they compute is said by graphs; verify a stage up to 'fused'
TEXT
printf 'graph @g { %%x = input {name="x"} : f32[T] return y=%%x }' > given.ftir
expect 1 verify -x graph given.ftir <<'TEXT'
given.ftir: error: the output 'y' of graph @g is given, not computed
TEXT
expect 1 verify -x graph -D loss.gamma=1 step.txt <<'TEXT'
step.txt: error: is a graph, with the sizes it has: -D and --full are for a spec
TEXT
expect 1 verify --ful "$spec" <<'TEXT'
ftc: error: unknown flag '--ful'; did you mean '--full'?
TEXT
exit $failed
