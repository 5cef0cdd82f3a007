# The command line has gcc's manners.  Each case begins with the convention it holds us to.
. "$SOURCE_DIR/tests/support/cli.sh"
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
cp "$spec" tiny.yaml
both() { "$ftc" "$@" > stdout 2> stderr; } # what it says, stream by stream
quiet() { [ ! -s stdout ] && [ ! -s stderr ]; }

# ---- streams and exit statuses
# --help and --version go to standard output, and are no mistake
for flags in --help --version "compile --help" "run --help" "compile --help=optimizers" "compile --help=warnings" "compile -march=help"; do
    both $flags || fail "ftc $flags fails"
    [ -s stdout ] && [ ! -s stderr ] || fail "ftc $flags: standard output"
done
# --version: the program's name and number alone are the first line, then copyright and licence
both --version; head -1 stdout | grep -qx 'ftc [0-9]*\.[0-9]*\.[0-9]*' && has stdout 'Copyright' && has stdout 'no warranty'
# diagnostics go to standard error, with status 1, and leave standard output alone
both compile -c nowhere.yaml && fail "a file that isn't there compiles"
[ ! -s stdout ] && has stderr '^nowhere.yaml: error: '
# no input file is an error
both compile && fail "no input"
has stderr 'error: which spec'
# success says nothing
both compile -c tiny.yaml -o a.o && quiet || fail "compiling says something"
# an unknown flag is an error with the nearest one
both compile -fno-fuze tiny.yaml && fail "unknown pass"
has stderr "did you mean '-fno-fuse'"
both compile --emt=llvm tiny.yaml && fail "unknown flag"
has stderr "did you mean '--emit'"

# ---- -o
# without -o, -c makes NAME.o in the current folder, wherever the input lies; -S makes NAME.s; a program is a.out
mkdir -p deep && cp tiny.yaml deep/other.yaml
both compile -c deep/other.yaml && [ -s other.o ] && [ ! -e deep/other.o ] || fail "-c's own name"
both compile -S deep/other.yaml && [ -s other.s ] || fail "-S's own name"
both compile -S -emit-llvm deep/other.yaml && [ -s other.ll ] || fail "-S -emit-llvm makes .ll, as clang's does"
# the last -o wins
both compile -c tiny.yaml -o first.o -o last.o && [ -s last.o ] && [ ! -e first.o ] || fail "the last -o"
# -oFILE and -o FILE are the same
both compile -c -ojoined.o tiny.yaml && cmp -s joined.o last.o || fail "-oFILE"
# -E goes to standard output without -o
both compile -E tiny.yaml && has stdout '^model:' || fail "-E"
# -o - is standard output
both compile -S -o - tiny.yaml && has stdout '\.text' || fail "-o -"
# an error leaves what was at -o
echo before > kept.o
echo 'model: {encoder: {type: bart}}' > wrong.yaml
both compile -c wrong.yaml -o kept.o && fail "a wrong spec compiles"
[ "$(cat kept.o)" = before ] || fail "an error leaves the output alone"
# a folder that isn't there is an error that names the file
both compile -c tiny.yaml -o none/a.o && fail "-o in a folder that isn't there"
has stderr '^none/a.o: error: '

# ---- input
# - is standard input
"$ftc" compile -E - < tiny.yaml > stdout 2> stderr && cmp -s stdout <("$ftc" compile -E tiny.yaml) || fail "-"
# flags may stand behind the input; behind -- there are none
both compile tiny.yaml -E -o e.yaml && [ -s e.yaml ] || fail "flags behind the input"
cp tiny.yaml ./-E.yaml && both compile -E -- -E.yaml && has stdout '^model:' || fail "--"
# -x says what the input is, and stands before it
"$ftc" compile --emit=graph -o stage.txt tiny.yaml
both compile -x graph -c stage.txt -o stage.o && [ -s stage.o ] || fail "-x"
both compile -x fortran tiny.yaml && fail "-x fortran"

# ---- -fsyntax-only makes nothing, and finds what is wrong
rm -f a.out tiny.o
both compile -fsyntax-only tiny.yaml && quiet && [ ! -e a.out ] && [ ! -e tiny.o ] || fail "-fsyntax-only"
both compile -fsyntax-only wrong.yaml && fail "-fsyntax-only of a wrong spec"

# ---- levels and passes
stands() { sed -n "s/^  -f$1 *\[\(.*\)\]/\1/p" stdout; }
is() { [ "$(stands "$1")" = "$2" ] || fail "$3: $1 is $(stands "$1"), not $2"; }
# -Q --help=optimizers says how they stand; -O alone is -O1; the last -O wins
both compile -Q --help=optimizers && is fuse enabled "without -O" && is chain enabled "without -O" && is grad always "a pass that is needed"
both compile -Q -O --help=optimizers && is fuse enabled -O && is chain disabled -O
both compile -Q -O0 -O2 --help=optimizers && is chain enabled "-O0 -O2"
both compile -Q -O2 -O0 --help=optimizers && is fuse disabled "-O2 -O0"
# -fno-PASS holds whether it stands before or behind -O; of -fPASS and -fno-PASS the last one wins; -O0 takes no -fPASS
both compile -Q -fno-remat -O2 --help=optimizers && is remat disabled "-fno-remat -O2"
both compile -Q -fno-remat -fremat --help=optimizers && is remat enabled "-fno-remat -fremat"
both compile -Q -fremat -fno-remat --help=optimizers && is remat disabled "-fremat -fno-remat"
both compile -Q -O1 -fchain --help=optimizers && is chain enabled "-O1 -fchain"
both compile -Q -O0 -ffuse --help=optimizers && is fuse disabled "-O0 -ffuse"
# the words hold for what is compiled, too
"$ftc" compile --emit=kernels -O1 -fchain -fpack -fkeep -o 1.txt tiny.yaml
"$ftc" compile --emit=kernels -O2 -o 2.txt tiny.yaml
"$ftc" compile --emit=kernels -O1 -o 1plain.txt tiny.yaml
cmp -s 1.txt 2.txt || fail "-O1 with what is missing is -O2"
cmp -s 1plain.txt 2.txt && fail "-O1 is -O2"

# ---- -v and -###
# -v alone tells the version; commands go to standard error, before what they print; -### runs none
both compile -v && [ ! -s stdout ] && has stderr '^ftc version' || fail "-v alone"
both compile -v -o prog tiny.yaml && [ -x prog ] && has stderr '^ "cc".*prog' && has stderr '^target: ' || fail "-v"
rm -f prog
both compile '-###' -o prog tiny.yaml && [ ! -e prog ] && has stderr '^ "cc" "-o" "prog"' && has stderr 'ftc-compiler" "compile"' || fail "-###"
both compile '-###' wrong.yaml && fail "-### takes a wrong spec"

# ---- -save-temps: the stages, numbered, here; =obj: beside the output
mkdir -p out && both compile -save-temps=obj -c tiny.yaml -o out/x.o
for f in 0.yaml 1.graph 2.grad 3.fused 4.kernels 5.plan 6.ll 7.s; do [ -s out/tiny.$f ] || fail "-save-temps=obj: $f"; done
"$ftc" compile --emit=fused tiny.yaml | cmp -s - out/tiny.3.fused || fail "-save-temps and --emit"
"$ftc" compile -c out/tiny.2.grad -o again.o && cmp -s again.o a.o || fail "a kept stage compiles on"

# ---- reports go to standard error, traces to files
both compile -ftime-report -fmem-report -ftime-trace=trace.json -c tiny.yaml -o r.o && [ ! -s stdout ] || fail "reports"
has stderr '^  fuse .*%' && has stderr '^  code generation' && has stderr '^  arena ' && has stderr '^  total '
cmp -s r.o a.o || fail "reports change the object"
python3 - <<'TEXT' || fail "-ftime-trace"
import json
events = json.load(open("trace.json"))["traceEvents"]
assert {"fuse", "code generation"} <= {e["name"] for e in events} and all(e["ph"] == "X" and e["dur"] >= 0 for e in events)
TEXT
python3 - <<'TEXT' || fail "shares of the time report"
import re
rows = [l for l in open("stderr") if l.startswith("  ") and "%" in l]
assert abs(sum(float(re.search(r"([\d.]+) %", l).group(1)) for l in rows) - 100) < 2, rows
TEXT

# ---- -fopt-info: optimized, missed, all; =FILE
both compile -fopt-info=done.txt -c tiny.yaml -o o.o && has done.txt ': optimized: ' && ! grep -q ': missed: ' done.txt || fail "-fopt-info"
both compile -fopt-info-missed -c tiny.yaml -o o.o && has stderr ': missed: .*\[chain\]' && ! grep -q ': optimized: ' stderr || fail "-fopt-info-missed"
both compile -fopt-info-all=all.txt -c tiny.yaml -o o.o && [ "$(grep -c . all.txt)" = $(($(grep -c . done.txt) + $(grep -c . stderr))) ] ||
    { both compile -fopt-info-missed=missed.txt -c tiny.yaml -o o.o; [ "$(grep -c . all.txt)" = $(($(grep -c . done.txt) + $(grep -c . missed.txt))) ] || fail "-fopt-info-all"; }

# ---- -fbisect-limit: every number of passes makes a program that learns the same, the last one what -O2 makes
{ echo text,label; for i in $(seq 12); do echo "good $i,yes"; echo "bad $i,no"; done; } > train.csv
trains() { "$ftc" run tiny.yaml --train train.csv --max-steps 4 --force -o m --log "$1" "${@:2}" > /dev/null 2> said || { cat said; fail "run ${*:2}"; }; }
both compile -fbisect-limit=-1 -c tiny.yaml -o b.o && cmp -s b.o a.o || fail "-fbisect-limit=-1"
n=$(grep -c '^BISECT: running' stderr)
both compile -fbisect-limit=3 -c tiny.yaml -o b.o && [ "$(grep -c '^BISECT: running' stderr)" = 3 ] &&
    [ "$(grep -c '^BISECT: NOT running' stderr)" = $((n - 3)) ] || fail "-fbisect-limit=3"
trains whole.log
for limit in 0 3 6 9; do trains limit.log -fbisect-limit=$limit; python3 - <<'TEXT' || fail "-fbisect-limit=$limit trains to other losses"; done
import json
losses = lambda f: [json.loads(l)["loss"] for l in open(f) if '"step"' in l and '"loss"' in l]
a, b = losses("whole.log"), losses("limit.log")
assert len(a) >= 4 and len(a) == len(b) and all(abs(x - y) < 1e-5 for x, y in zip(a, b)), (a, b)
TEXT
both compile -fbisect-limit=x tiny.yaml && fail "-fbisect-limit=x"

# ---- the manual and bash's completion are made of the same table
build=$(dirname "$ftc")
for flag in '\-fsyntax\\-only' '\-\\-train' '\-save\\-temps'; do has "$build/ftc.1" "$flag"; done
if command -v groff > /dev/null; then
    groff -man -Tutf8 -ww "$build/ftc.1" > page 2> said && [ ! -s said ] || { cat said; fail "the manual page"; }
fi
bash -c '. "$1/completions/ftc"
    words() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _ftc; echo " ${COMPREPLY[*]} "; }
    words ftc co; words ftc compile -fno-f; words ftc compile --emit gr; words ftc run --tr' _ "$build" > words
printf ' compare compile \n -fno-fuse \n graph grad \n --train \n' | diff words - || fail "completion"
