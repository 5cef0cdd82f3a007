#!/usr/bin/env bash
# ftc and ftc-compiler: who loads what, and where ftc finds the other one.
set -euo pipefail

ftc=$(realpath "$1")
build=$(dirname "$ftc")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export XDG_CACHE_HOME=$work/cache
fail() { echo "$*"; exit 1; }

# The libraries that a command line of ftc maps, from the dynamic loader's own account.
libraries() {
    rm -f loaded.*
    LD_DEBUG=files LD_DEBUG_OUTPUT=loaded "$@" >out
    sed -n 's/.*file=\([^ ]*\).*generating link map.*/\1/p' loaded.*
}
mkdir m
printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' good day >m/vocab.txt
echo 'good day' >texts
spec=$root/models/tiny_cls.yaml
libraries "$ftc" compile -E "$spec" >all
[ "$(grep -Eo '^lib(LLVM|openblas|yaml)' all | sort -u | wc -l)" = 3 ] || { cat all; fail "the test doesn't see what is loaded"; }
libraries "$ftc" tokenize --init m texts >few
[ "$(cat out)" = "2 5 6 3" ] || fail "tokenize"
grep -q '^libc\.' few && ! grep -E 'LLVM|blas|yaml' few || fail "ftc tokenize loads what only the compiler needs"

# ftc-compiler lies beside the file that runs, or in libexec; a link leads there, the name in argv[0] and PATH don't.
"$ftc" compile -E "$spec" >wanted
ln -s "$ftc" link
./link compile -E "$spec" | cmp - wanted || fail "a link to ftc"
(exec -a /nowhere/cc "$ftc" compile -E "$spec") | cmp - wanted || fail "another argv[0]"
cp "$ftc" copy
! PATH=$build:$PATH ./copy compile -E "$spec" 2>said || fail "a copy alone found a compiler in PATH"
grep -q "^$work/: error: has no ftc-compiler, which does the work of 'ftc compile'" said || { cat said; fail "the message"; }
./copy tokenize --init m texts >/dev/null || fail "a copy alone can't tokenize"
mkdir -p there/bin there/libexec/ftc
cp "$ftc" there/bin
cp "$build/ftc-compiler" there/libexec/ftc
there/bin/ftc compile -E "$spec" | cmp - wanted || fail "ftc-compiler in libexec"
chmod -x there/libexec/ftc/ftc-compiler
status=0
there/bin/ftc run 2>said || status=$?
[ $status = 1 ] && grep -q "ftc-compiler: error: can't be started: Permission denied" said || { cat said; fail "no permission"; }

# It is no command of its own, and statuses come through.
! "$build/ftc-compiler" 2>said || fail "ftc-compiler alone"
grep -q 'is a part of ftc' said || { cat said; fail "what ftc-compiler says"; }
"$ftc" run 2>said || status=$?
[ $status = 1 ] && grep -q '^ftc: error: nothing to do' said || { cat said; fail "a user's error"; }
if ! nm "$build/libftc_runtime.a" 2>/dev/null | grep __asan_ >/dev/null; then # the sanitizer catches crashes itself
    mkfifo spec.yaml
    "$ftc" compile spec.yaml 2>said &
    exec 3>spec.yaml # ftc-compiler has opened it, and waits for more
    kill -SEGV $!
    wait $! || status=$?
    exec 3>&-
    [ $status = 4 ] && grep -q 'this is a bug in ftc' said || { cat said; fail "a crash of the compiler: status $status"; }
fi
! "$ftc" tokenise 2>said || fail "an unknown command"
grep -q "did you mean 'ftc tokenize'?" said || { cat said; fail "no suggestion"; }
