#!/usr/bin/env bash
# What `cmake --install` leaves is whole: the command runs, and a program built with pkg-config alone learns its texts.  The library
# exports ftc.h's calls only.
set -euo pipefail

build=$(dirname "$(realpath "$1")")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME=$work/cache

cmake --install "$build" --prefix "$work/usr" >/dev/null
libraries=$(dirname "$(find "$work/usr" -name libftc.so)")
"$work/usr/bin/ftc" compile --emit=graph -o "$work/graph" "$root/models/logreg.yaml"
grep -q '^graph @step {' "$work/graph"

if command -v cc >/dev/null; then # a trainer, linked with the libraries that were installed
    "$work/usr/bin/ftc" compile -o "$work/trainer" "$root/models/logreg.yaml"
    "$work/trainer" --train "$root/examples/train.csv" -o "$work/model" --max-steps 2 2>/dev/null
    [ -s "$work/model/model.safetensors" ] || { echo "the trainer leaves no model"; exit 1; }
fi

exported=$(nm -D --defined-only "$libraries/libftc.so" | awk '{ print $3 }' | sed 's/@.*//')
strangers=$(grep -v '^ftc_' <<<"$exported" || true)
[ -z "$strangers" ] || { echo "libftc.so exports $strangers"; exit 1; }
for call in $(grep -ohE '\bftc_[a-z_]+\(' "$root/include/ftc/ftc.h" | tr -d '(' | sort -u); do
    grep -qx "$call" <<<"$exported" || { echo "libftc.so lacks $call"; exit 1; }
done

if nm -D "$libraries/libftc.so" | grep __asan_ >/dev/null; then # all of it: -q stops reading
    echo "built with a sanitizer: programs that link with it would need it, too"
    exit 0
fi
export PKG_CONFIG_PATH=$libraries/pkgconfig LD_LIBRARY_PATH=$libraries
# shellcheck disable=SC2046
cc -o "$work/library" "$root/examples/library.c" $(pkg-config --define-prefix --cflags --libs ftc) -lm
said=$("$work/library" "$root/models/logreg.yaml" "it does not close, and it leaks")
echo "$said"
[[ $said == *$'\ncomplaint ('*"): it does not close"* ]]
