#!/usr/bin/env bash
# What uneven rows cost: steps of one row of 128 tokens and 31 of 5, beside steps of as many tokens in equal rows.
#
#   tests/bench/ragged.sh FTC [ROUNDS]
#
# Not a test, since it is about time.  Prints the fastest step of each and their ratio, turn by turn; the aim is at most 1.1.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
[ $# -ge 1 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 1; }
ftc=$(realpath "$1") rounds=${2:-3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# A word is a token, and a row has two more: 128 + 31 * 5 = 283 = 31 * 9 + 4.
table() { awk -v first="$1" -v other="$2" 'BEGIN {
    print "text,label"
    for (row = 0; row < 32 * 20; row++) {
        text = "a"
        for (i = (row % 32 ? other : first) - 3; i > 0; i--) text = text " " substr("abcdefgh", (row + i * i) % 8 + 1, 1)
        print text "," (row % 3 ? "yes" : "no")
    } }'; }
table 128 5 >ragged.csv
table 4 9 >equal.csv

fastest() { # TABLE: the milliseconds of its fastest step, since other work on the machine only ever adds
    "$ftc" run "$root/models/minilm_cls.yaml" --train "$1" --no-shuffle -D train.epochs=1 --log log -o model --force >said 2>&1 ||
        { cat said >&2; exit 1; }
    sed -n 's/.*"tokens": \([0-9]*\).*"ms": \([0-9.]*\).*/\1 \2/p' log | tail -n +4 | sort -k2 -n |
        awk '{ if ($1 != 283) { print "a step of " $1 " tokens" >"/dev/stderr"; exit 1 } if (NR == 1) print $2 }'
}
for round in $(seq "$rounds"); do
    ragged=$(fastest ragged.csv)
    equal=$(fastest equal.csv)
    awk -v a="$ragged" -v b="$equal" 'BEGIN { printf "ragged %.1f ms, equal %.1f ms: %.3f\n", a, b, a / b }'
done
