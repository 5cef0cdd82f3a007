#!/usr/bin/env bash
# examples/embed.c: a C program that links a compiled model and the runtime library learns its batch.
set -euo pipefail

ftc=$(realpath "$1")
build=$(dirname "$ftc")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
    echo "$*"
    exit 1
}

if ! command -v cc >/dev/null; then
    echo "skipped: no C compiler"
    exit 77
fi
flags=()
if nm "$build/libftc_runtime.a" 2>/dev/null | grep __asan_ >/dev/null; then
    flags=(-fsanitize=address,undefined)
fi

"$ftc" compile -c -o tiny_cls.o "$root/models/tiny_cls.yaml"
cc -std=gnu11 -Wall -Wextra -Werror "${flags[@]}" -I. -I"$root/include" -I"$root" "$root/examples/embed.c" tiny_cls.o \
    "$build/libftc_runtime.a" -lopenblas -ljansson -lutf8proc -lpthread -lm -o embed
if ldd embed | grep -E 'LLVM|yaml'; then
    fail "embed needs what only the compiler should"
fi
./embed >out
cat out

awk '/^step/ { loss = $4; if (!first) first = loss }
     END { exit !(first > 0.5 && first < 1 && loss < first / 2) }' out || fail "the loss does not fall"
awk '/^row/ { rows++; if (($NF > 0.5) != $4) wrong++ } END { exit !(rows == 3 && !wrong) }' out || fail "it has not learned its rows"
