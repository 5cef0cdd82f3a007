#!/usr/bin/env bash
# examples/library.c, built beside ftc: it learns its texts, and a spec that isn't there is an error.
set -euo pipefail

library=$(dirname "$(realpath "$1")")/examples/library
models=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../models" && pwd)
export XDG_CACHE_HOME
XDG_CACHE_HOME=$(mktemp -d)
trap 'rm -rf "$XDG_CACHE_HOME"' EXIT

out=$("$library" "$models/logreg.yaml" "it does not close, and it leaks" "thank you, what a lovely great light")
echo "$out"
[[ $out == *$'\ncomplaint ('*"): it does not close"* ]]
[[ $out == *$'\npraise ('*"): thank you, what"* ]]

status=0
out=$("$library" nowhere.yaml "text" 2>&1) || status=$?
echo "$out"
[ $status -eq 1 ]
[[ $out == *nowhere.yaml*error:* ]]
