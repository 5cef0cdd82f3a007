# From machine code and from numbers back to the spec: -g in gdb, -fperf-map, -fsanitize=nan.
. "$SOURCE_DIR/tests/support/cli.sh"
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
cp "$spec" tiny.yaml
{ echo text,label; for i in $(seq 20); do echo "a good and lovely film,pos"; echo "a bad and dull film,neg"; done; } > train.csv
digest() { grep -o '"weights_sha256": "[0-9a-f]*"' "$1/run.json"; }
trains() { "$ftc" run "$@" --train train.csv --force > out 2> said || { cat said; fail "run $*"; }; }

# ---- -g changes no bit; kernels of other lines are others; a stage's text doesn't change
trains tiny.yaml -D train.epochs=1 -o plain
trains tiny.yaml -D train.epochs=1 -g -o debug
[ "$(digest plain)" = "$(digest debug)" ] || fail "-g changes the weights"
cmp -s <("$ftc" compile --emit=fused tiny.yaml) <("$ftc" compile -g --emit=fused tiny.yaml) || fail "-g changes the graph"
[ "$("$ftc" compile --emit=kernels -g tiny.yaml | grep -c ^kernel)" -gt "$("$ftc" compile --emit=kernels tiny.yaml | grep -c ^kernel)" ] ||
    fail "-g doesn't tell kernels apart"
"$ftc" compile -g -S -o - tiny.yaml > text && has text '\.loc' && has text 'bert.yaml' || fail "-S -g"
"$ftc" compile -S -o - tiny.yaml > text && ! grep -q '\.loc' text || fail "lines without -g"

# ---- gdb stops on a line of the YAML, in a trainer and in ftc itself
if command -v gdb > /dev/null; then
    "$ftc" compile -g -o trainer tiny.yaml
    printf 'set pagination off\nset breakpoint pending on\nset debuginfod enabled off\nbreak bert.yaml:29\nrun\nbt 2\n' > commands
    stops() { # gdb's arguments
        gdb -nx -batch -x commands --args "$@" > session 2>&1
        has session '^#0 .* at layers/bert.yaml:29$'
        has session '^#1 .*erf.* at tiny.yaml:9$' # the activation, in the kernel that was made of it, where the layers are asked for
    }
    stops ./trainer --train train.csv --max-steps 1 --force -o m
    stops "$(dirname "$ftc")/ftc-compiler" run -g tiny.yaml --train train.csv --max-steps 1 --force -o m
else
    echo "gdb is not there: not tried"
fi

# ---- perf's map has the kernels' addresses, sizes, names and lines
"$ftc" run tiny.yaml --train train.csv --max-steps 1 --force -fperf-map -o m > out 2> said & child=$!
wait $child || { cat said; fail "-fperf-map"; }
map=/tmp/perf-$child.map
grep -q '^[0-9a-f]* [0-9a-f]* ftc:.*erf.* (layers/bert.yaml:29)$' $map || { head -3 $map; fail "perf's map"; }
rm -f $map

# ---- a NaN in a weight: the layer, the line, the record that came first
spoil() { # FOLDER TENSOR ELEMENT
    python3 - "$@" <<'TEXT'
import json, struct, sys
path = sys.argv[1] + "/model.safetensors"
data = bytearray(open(path, "rb").read())
n = struct.unpack("<Q", data[:8])[0]
begin = json.loads(data[8:8 + n])[sys.argv[2]]["data_offsets"][0]
at = 8 + n + begin + 4 * int(sys.argv[3])
data[at:at + 4] = struct.pack("<f", float("nan"))
open(path, "wb").write(data)
TEXT
}
cp -r plain spoilt && spoil spoilt bert.encoder.layer.0.intermediate.dense.weight 3
"$ftc" run spoilt --train train.csv --no-shuffle -fsanitize=nan -O0 --force -o m > out 2> said
[ $? = 3 ] || { cat said; fail "a NaN in a weight: status"; }
has said '^layers/bert.yaml:28:15: error: layers.0.ffn.up.dot (dot) is no number, in record 1, token 1 of train.csv, at step 1 \[-fsanitize=nan\]'
has said 'note: the weight layers.0.ffn.up.weight has a NaN at its element 3'
"$ftc" run spoilt --train train.csv --no-shuffle -fsanitize=nan --force -o m > out 2> said
has said '^layers/bert.yaml:[0-9]*:[0-9]*: error: .* in record 1.* of train.csv, at step 1 \[-fsanitize=nan\]'
"$ftc" run spoilt --eval train.csv -fsanitize=nan > out 2> said && fail "a NaN passes evaluation"
has said 'error: layers.0.* \[-fsanitize=nan\]'

# the row of one word: the first record that has it
cp -r plain spoilt2
row=$(grep -nx dull plain/vocab.txt | cut -d: -f1)
spoil spoilt2 bert.embeddings.word_embeddings.weight $((8 * (row - 1) + 5))
"$ftc" run spoilt2 --train train.csv --no-shuffle -fsanitize=nan -O0 --force -o m > out 2> said
has said '^layers/bert.yaml:15:5: error: embeddings.token (gather) is no number, in record 2, token 5 of train.csv, at step 1 '

# nothing is found where nothing is wrong, in all shipped models
for model in tiny_cls logreg; do trains "$SOURCE_DIR/models/$model.yaml" -fsanitize=nan --max-steps 3 -o m; done
trains "$SOURCE_DIR/tests/models/prenorm_gated.yaml" -fsanitize=nan --max-steps 2 -o m
trains "$SOURCE_DIR/tests/models/bf16.yaml" -fsanitize=nan --max-steps 2 -o m
expect 1 run tiny.yaml --train train.csv -fsanitize=thread <<'TEXT'
ftc: error: '-fsanitize=' takes nan, not 'thread'
TEXT
exit $failed
