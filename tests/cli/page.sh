# --emit=html: one page with every stage, which needs nothing from anywhere; --line: what comes from one line of the spec.
. "$SOURCE_DIR/tests/support/cli.sh"
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }

"$ftc" compile --emit=html -o tiny.html "$spec" || fail "--emit=html"
cat "$SOURCE_DIR/models/logreg.yaml" | "$ftc" compile --emit=html -o logreg.html - || fail "--emit=html of a pipe"
"$ftc" compile --emit=html -o big.html "$SOURCE_DIR/models/bert_base_cls.yaml" -D train.batch=2 || fail "--emit=html of BERT-base"
[ "$(wc -c < big.html)" -lt 5000000 ] || fail "BERT-base's page has $(wc -c < big.html) bytes"
"$ftc" compile --emit=kernels -o kernels "$spec"
python3 - <<'TEXT' || fail "the page"
import html.parser, re
class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.ids, self.text = [], [], []
    def handle_starttag(self, tag, attributes):
        if tag != "meta":
            self.open.append(tag)
        self.ids += [v for k, v in attributes if k == "id"]
        assert not any(k in ("src", "href") and not v.startswith("#") for k, v in attributes)
    def handle_startendtag(self, tag, attributes):
        pass
    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag
    def handle_data(self, data):
        self.text.append(data)
def page(name):
    text = open(name).read()
    p = Page()
    p.feed(text)
    assert not p.open and "<script" not in text, name
    assert {"layers", "spec", "formulas", "graphs", "kernels", "plan"} <= set(p.ids), p.ids
    return "".join(p.text)
tiny, logreg, big = map(page, ("tiny.html", "logreg.html", "big.html"))
# each kernel of the step with its loops, once, and with IR and assembly
step = open("kernels").read().split("#---- step")[1].split("#---- eval")[0]
names = re.findall(r"^kernel @(\w+)\(", step, re.M)
section = re.search(r'<section id="kernels">.*?</section>', open("tiny.html").read(), re.S).group(0)
assert sorted(names) == sorted(re.findall(r"kernel @(\w+)\(", section)), len(names)
assert tiny.count("define void @") >= len(names) and tiny.count(".text") >= len(names)
for page in tiny, big:
    assert "ms in" in page and "layers/bert.yaml:29" in page and "da = dy * y" in page and "of peak" in page
    assert "-O0" in page and "Call by call" in page
assert "the first layer under other numbers" in big and "the first layer under other numbers" not in tiny
TEXT
if command -v chromium > /dev/null; then
    chromium --headless --no-sandbox --disable-gpu --dump-dom "file://$PWD/tiny.html" > dom 2> said && has dom '</html>' && has dom 'id="kernels"' || fail "chromium doesn't take the page"
else
    echo "chromium is not there: not tried"
fi

# of a stage, too, which is not measured; not of one behind the graph
"$ftc" compile --emit=graph -o stage "$spec" && "$ftc" compile --emit=html -o stage.html stage && has stage.html 'id="kernels"' || fail "the page of a stage"
"$ftc" compile --emit=plan -o plan "$spec"
expect 1 compile --emit=html -o none.html plan <<'TEXT'
plan: error: is behind the stage 'graph' already
TEXT
[ ! -e none.html ] || fail "a page is left behind"

# one line: the kernels that it is in, and no others
"$ftc" compile --emit=kernels --line=bert.yaml:29 "$spec" > some && has some 'erf' || fail "--line"
[ "$(grep -c ^kernel some)" -lt "$(grep -c ^kernel kernels)" ] || fail "--line chooses all"
python3 - <<'TEXT' || fail "--line"
for kernel in open("some").read().split("kernel @")[1:]:
    assert "layers/bert.yaml:29" in kernel, kernel
TEXT
"$ftc" compile -S -o - --line=bert.yaml:29 "$spec" > asm && has asm 'erf' && "$ftc" compile -O0 --emit=kernels --line=bert.yaml:29 "$spec" | grep '^kernel @erf' > /dev/null || fail "--line -S, -O0"
expect 1 compile --emit=kernels --line=bert.yaml:1 "$spec" <<'TEXT'
ftc: error: no kernel comes from 'bert.yaml:1'; 'ftc compile --emit=kernels' names the lines of each
TEXT
expect 1 compile --emit=kernels --line=29 "$spec" <<'TEXT'
ftc: error: '--line' takes FILE:LINE, such as bert.yaml:29, not '29'
TEXT
expect 1 compile --line=bert.yaml:29 -c "$spec" <<'TEXT'
ftc: error: --line chooses kernels: it goes with --emit=kernels, llvm or asm
TEXT
exit $failed
