# ftc trace: its numbers are those of ftc run's step, and hold together.
. "$SOURCE_DIR/tests/support/cli.sh"
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
{ echo text,label; for i in $(seq 30); do echo "a good and lovely film,pos"; echo "a bad and dull film,neg"; done; } > train.csv
fixed=(-D optimizer.schedule.type=constant -D optimizer.schedule.warmup=0 -D optimizer.lr=0.003)
"$ftc" run "$spec" --train train.csv -D train.epochs=1 -o model > /dev/null 2> said || { cat said; fail "run"; }
text="A lovely film, and not dull"
"$ftc" trace model "${fixed[@]}" --text "$text" --label neg > shown 2> said || { cat said; fail "trace"; }

# the step that ftc run makes of the same row: its loss, and what it leaves of the weights
printf 'text,label\n"%s",neg\ngood,pos\n' "$text" > row.csv
"$ftc" run model "${fixed[@]}" --train row.csv --no-shuffle --max-steps 1 -D train.batch=1 -o next --log log > /dev/null 2> said || { cat said; fail "run of one row"; }
python3 - <<'TEXT' || { cat shown; fail "trace and run"; }
import json, re, struct
shown = open("shown").read()
loss = float(re.search(r"as the step computed it: ([\d.]+)", shown).group(1))
step = next(json.loads(l) for l in open("log") if '"step": 1' in l)
assert abs(loss - step["loss"]) < 2e-6, (loss, step)
minus_log_p = float(re.search(r"-log p\(neg\) = .* = ([\d.]+)", shown).group(1))
assert abs(loss - minus_log_p) < 2e-6, (loss, minus_log_p)

def tensor(folder, name):
    data = open(folder + "/model.safetensors", "rb").read()
    n = struct.unpack("<Q", data[:8])[0]
    t = json.loads(data[8:8 + n])[name]
    begin, end = t["data_offsets"]
    values = struct.unpack("<%df" % ((end - begin) // 4), data[8 + n + begin:8 + n + end])
    return lambda i, j: values[i * t["shape"][1] + j]

names = {"classifier.weight": "classifier.weight", "embeddings.token.weight": "bert.embeddings.word_embeddings.weight"}
seen = 0
for name, i, j, before, after, gradient, difference in re.findall(
        r"^([\w.]+)\[(\d+),(\d+)\] +(-?[\d.]+) +(-?[\d.]+) +(-?[\d.]+) +(-?[\d.]+)$", shown, re.M):
    assert abs(float(gradient) - float(difference)) < 2e-4 + 0.01 * abs(float(gradient)), (name, gradient, difference)
    assert abs(float(gradient)) > 0 and before != after
    if name in names:
        seen += 1
        assert abs(tensor("model", names[name])(int(i), int(j)) - float(before)) < 1e-7
        assert abs(tensor("next", names[name])(int(i), int(j)) - float(after)) < 1e-7, (name, after)
assert seen == 2, seen

# shares and probabilities sum to 1
heads = re.findall(r"^ +\d+((?: +[01]\.\d{3})+)$", shown, re.M)
assert len(heads) == 2 and all(abs(sum(map(float, h.split())) - 1) < 0.01 for h in heads), heads
p = [float(x) for x in re.findall(r"^(?:neg|pos) +-?[\d.]+ +([\d.]+) ", shown, re.M)]
assert len(p) == 2 and abs(sum(p) - 1) < 2e-4, p
TEXT

# no attention in a bag of words; a number; several labels; a pair
"$ftc" trace "$SOURCE_DIR/models/logreg.yaml" --text "$text" --label x > shown 2> said && ! grep -q attention shown && has shown '^classifier ' || fail "logreg"
"$ftc" trace "$spec" -D loss.type=mse --text "$text" --label 2.5 > shown 2> said && has shown '^prediction .* wanted 2.5$' || fail "a number"
"$ftc" trace "$spec" -D loss.type=binary_cross_entropy -D data.labels=[a,b,c] --text "$text" --label a,c > shown 2> said && [ "$(grep -c '<-' shown)" = 2 ] || fail "labels"
"$ftc" trace "$spec" --text "$text" --text-b "a bad one" --label x > shown 2> said && [ "$(grep -o SEP shown | head -2 | wc -l)" = 2 ] || fail "a pair"

# the page: well formed, nothing from elsewhere, whatever is in the text
"$ftc" trace model --text 'A <b>lovely</b> & "dull" film' --label pos --html -o page.html > shown 2> said && [ ! -s shown ] || fail "--html"
"$ftc" trace model --text 'A <b>lovely</b> & "dull" film' --label pos --html 2> said | cmp -s - page.html || fail "--html to standard output"
python3 - <<'TEXT' || fail "the page"
import html.parser
page = open("page.html").read()
open_tags = []
class Check(html.parser.HTMLParser):
    def handle_starttag(self, tag, attributes):
        if tag != "meta":
            open_tags.append(tag)
    def handle_startendtag(self, tag, attributes):
        pass
    def handle_endtag(self, tag):
        assert open_tags.pop() == tag, tag
Check().feed(page)
assert not open_tags and "://" not in page and "<script" not in page and "lovely" in page
assert page.count("<figure>") == 2
TEXT

expect 1 trace model --text good --label maybe <<'TEXT'
ftc: error: there is no label 'maybe'; the labels are neg, pos
TEXT
expect 1 trace model --label pos <<'TEXT'
ftc: error: which text? --text "..."
TEXT
expect 1 trace model --text good <<'TEXT'
ftc: error: what should come out? --label LABEL
TEXT
expect 1 trace model --text " " --label pos <<'TEXT'
ftc: error: --text has no word in it
TEXT
expect 1 trace "$spec" -D loss.type=mse --text good --label high <<'TEXT'
ftc: note: no pre-trained encoder is given: all layers start from random numbers, and the vocabulary is this text's; --init DIR starts from one
ftc: error: the model predicts a number, and '--label high' is none
TEXT
exit $failed
