#!/bin/bash
# ftc compile: which stage goes where, as gcc would have it.
set -eu
ftc=$1
spec=$SOURCE_DIR/models/tiny_cls.yaml
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$out"
fail() { echo "FAILED: $*"; exit 1; }
has() { grep -q -- "$2" "$1" || { cat "$1"; fail "$1 has no '$2'"; }; }

# names: NAME.o and NAME.h, NAME.s, NAME.ll in the current folder; other stages on standard output
"$ftc" compile -c "$spec" > said 2>&1
[ ! -s said ] || fail "a summary where no terminal is"
file tiny_cls.o 2> /dev/null | grep -q 'ELF' || [ "$(head -c 4 tiny_cls.o | tail -c 3)" = ELF ] || fail "tiny_cls.o is no object"
has tiny_cls.h 'extern const FtcModel tiny_cls;'
"$ftc" compile -S "$spec" && has tiny_cls.s '\.globl'
"$ftc" compile -emit-llvm "$spec" && has tiny_cls.ll '^define'
"$ftc" compile -S -emit-llvm "$spec" -o - > text && cmp text tiny_cls.ll
"$ftc" compile --emit=asm "$spec" -o- > text && cmp text tiny_cls.s
"$ftc" compile --emit obj "$spec" -o other.o && cmp other.o tiny_cls.o && cmp other.h tiny_cls.h
"$ftc" compile -c "$spec" -o - | cmp - tiny_cls.o
[ ! -e - ] || fail "a file called -"

# each stage is what it says
"$ftc" compile --emit=graph "$spec" > graph && has graph '^graph @step {' && has graph '^graph @eval {'
if grep -q '^backward:' graph; then fail "a backward part in the graph as built"; fi
"$ftc" compile --emit=grad "$spec" > grad && has grad '^backward:' && has grad '^update:'
if grep -q ' in 1 ' grad; then fail "groups before fusion"; fi
"$ftc" compile --emit=fused "$spec" > fused && has fused ' in 1 '
"$ftc" compile --emit=kernels "$spec" -o kernels && has kernels '^kernel @' && has kernels '^program @step panels [0-9]* {'
if grep -q '^  buffer .*] in ' kernels; then fail "slots before plan"; fi
"$ftc" compile --emit=plan "$spec" -o plan && has plan '^  buffer .*] in 0  # calls '

# -E: the resolved spec, which compiles to the same; settings count
"$ftc" compile -E "$spec" > resolved.yaml
"$ftc" compile -E resolved.yaml | cmp - resolved.yaml
"$ftc" compile -E -D optimizer.lr=0.25 -D train.epochs=9 "$spec" | grep -q '  lr: 0.25'
has resolved.yaml '  weight_decay: 0.01'
"$ftc" compile -E - < "$spec" | cmp - resolved.yaml

# a pipe is read once, by name or as standard input, and messages can show its lines
timeout 60 "$ftc" compile -E <(cat "$spec") | cmp - resolved.yaml
"$ftc" compile --emit=fused graph > of_graph
cat graph | timeout 60 "$ftc" compile --emit=fused - | sed 's/<stdin> (its/graph (its/' | cmp - of_graph
cat graph | timeout 60 "$ftc" compile -x graph --emit=fused - | sed 's/<stdin> (its/graph (its/' | cmp - of_graph
if sed 's/layers:/layerz:/' "$spec" | "$ftc" compile - 2> said; then fail "a key that is none"; fi
has said '^<stdin>:[0-9]*:[0-9]*: error: unknown key .layerz.' && has said ' layerz: '
if "$ftc" compile <(sed 's/layers:/layerz:/' "$spec") 2> said; then fail "a key that is none, from a pipe"; fi
has said ' layerz: '

# levels and passes: no fusion means more kernels
kernels() { "$ftc" compile --emit=kernels "$@" "$spec" | grep -c '^kernel @'; }
[ "$(kernels -O0)" -gt "$(kernels)" ] || fail "-O0 has as few kernels as -O2"
[ "$(kernels -fno-fuse)" -gt "$(kernels)" ] || fail "-fno-fuse has as few kernels"
"$ftc" compile -c -fdump-fuse -fdump-plan "$spec" 2> dump
[ "$(grep -c '^#---- after fuse' dump)" = 2 ] && [ "$(grep -c '^#---- after plan' dump)" = 2 ] || fail "-fdump"
"$ftc" compile -fno-help | grep -q '^  fuse ' || fail "-fno-help"
"$ftc" compile -march=help | grep -q '^x86-64$' || [ "$(uname -m)" != x86_64 ] || fail "-march=help"
if [ "$(uname -m)" = x86_64 ]; then
    "$ftc" compile -S -march=x86-64-v3 "$spec" -o v3.s && has v3.s '%ymm'
    if grep -q '%zmm' v3.s; then fail "-march=x86-64-v3 uses zmm"; fi
    for panels in v3:16 v4:32; do # as wide as dots' tiles
        "$ftc" compile "$spec" -march="x86-64-${panels%:*}" --emit=kernels -o panels && has panels "\* packed ${panels#*:} "
    done
fi

# what the passes did: a line for each line of the spec, and the same from a later stage's text
if grep -q optimized: dump; then fail "passes tell what they did, and nobody asked"; fi
"$ftc" compile -c -fopt-info "$spec" 2> notes
while read -r line; do
    grep -qxF "$line" notes || { cat notes; fail "no note '$line'"; }
done << 'END'
layers/bert.yaml:28:15: optimized: layers.0.ffn.up (2 values) is computed for the first token of each row only [demand]
layers/bert.yaml:29:15: optimized: layers.0.activation.first (5 values) is computed again in the backward part, not kept [remat]
layers/bert.yaml:29:15: optimized: layers.0.activation.first (5 values) joined the region of layers.0.ffn.up.first [fuse]
layers/bert.yaml:24:15: optimized: layers.0.attention.key joined the chain of layers.0.attention.key.dot [chain]
layers/bert.yaml:24:15: optimized: d.layers.0.attention.key.weight (2 values) reads embeddings.norm from panels [pack]
layers/bert.yaml:24:15: optimized: d.layers.0.attention.key.dot.dot (2 values) reads panels of layers.0.attention.key.weight that stay from step to step [keep]
END
[ "$(grep -vc ': optimized: .* \[[a-z0-9]*\]$' notes)" = 0 ] || fail "a note of another form"
[ "$(cut -d'[' -f2 notes | uniq | tr '\n' ' ')" = "demand] remat] fuse] chain] pack] keep] plan] " ] || fail "notes out of order"
read -r shared alone < <(awk '/^# All slots/ { print $5, $NF + 0; exit }' plan)
has notes "^ftc: optimized: the arena takes $shared bytes, not $alone, for 8 rows with 128 tokens in all: values share slots .plan.$"
"$ftc" compile -fopt-info=again --emit=plan graph -o again.plan
diff <(grep -v 'of the update' notes) <(grep -v 'of the update' again) || fail "other notes from the graph's text"
"$ftc" compile -fopt-info -O0 --emit=plan "$spec" 2> none > O0.plan && [ ! -s none ] || { cat none; fail "-O0 optimizes"; }
"$ftc" compile -fopt-info -D train.precision=bf16 --emit=plan "$spec" 2> bf16 > bf16.plan
has bf16 'layers.0.ffn.up.dot.first reads layers.0.attention_norm.first and layers.0.ffn.up.weight, rounded to bf16 \[bf16\]$'
"$ftc" compile -fopt-info --emit=plan "$SOURCE_DIR/models/bert_cls.yaml" 2> layers > bert.plan
has layers 'bert.yaml:29:15: optimized: layers.\*.activation (5 values) joined the region of layers.\*.ffn.up \[fuse\] x3$'
if "$ftc" compile -fopt-info=missing/x "$spec" 2> err; then fail "-fopt-info into a folder that isn't there"; fi
has err "^missing/x: error: can't be written: No such file"
if "$ftc" compile -fopt-information "$spec" 2> err; then fail "-fopt-information"; fi
has err "takes -optimized, -missed or -all, and =FILE, not 'rmation'"
if "$ftc" compile -fopt-info=/dev/full "$spec" 2> err; then fail "a full disk"; fi
has err "^/dev/full: error: can't be written: No space left"

# going back is no way
if "$ftc" compile plan --emit=graph 2> err; then fail "a plan became a graph"; fi
has err "plan: error: is behind the stage 'graph' already"
if "$ftc" compile -x graph "$spec" 2> err; then fail "a spec was read as a graph"; fi
has err "is no stage of a compilation"
if "$ftc" compile plan -D optimizer.lr=1 2> err; then fail "-D for a plan"; fi
has err "is a stage behind the spec"

# help and version
for command in run compile tokenize; do "$ftc" $command --help | grep -q '^ftc '$command || fail "$command --help"; done
"$ftc" --help | grep -q 'ftc run --train' || fail "--help"
"$ftc" --version | grep -q '^ftc [0-9]*\.[0-9]*\.[0-9]*$' || fail "--version"
if "$ftc" > /dev/null 2>&1; then fail "no command at all is fine"; fi

# pictures: well-formed, a box for each layer, repeated ones once
for model in tiny_cls logreg minilm_cls; do "$ftc" compile --emit=svg -o "$model.svg" "$SOURCE_DIR/models/$model.yaml"; done
"$ftc" compile --emit=dot -o minilm.dot "$SOURCE_DIR/models/minilm_cls.yaml"
if command -v python3 > /dev/null; then
    python3 - <<'TEXT' || { echo "FAILED: pictures"; exit 1; }
import re, xml.dom.minidom
for model, boxes in ("tiny_cls", 18), ("logreg", 7), ("minilm_cls", 22):
    page = xml.dom.minidom.parse(model + ".svg")
    drawn = [r for r in page.getElementsByTagName("rect") if r.getAttribute("class") == "box"]
    assert len(drawn) == boxes, (model, len(drawn))
    text = open(model + ".svg").read()
    assert ("x 6<" in text) == (model == "minilm_cls") and "://" not in text.replace("http://www.w3.org/2000/svg", "")
dot = open("minilm.dot").read()
assert dot.count("{") == dot.count("}") and "layers.0.ffn.up" in dot and "layers.1." not in dot
boxes = set(re.findall(r"^ +b(\d+) \[", dot, re.M))
assert all(a in boxes and b in boxes and int(a) < int(b) for a, b in re.findall(r"b(\d+) -> b(\d+);", dot))
TEXT
fi
