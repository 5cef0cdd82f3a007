#!/usr/bin/env bash
# The table of the arena behind a plan agrees with the plan: its numbers are computed once more, from the buffers' sizes and the
# arguments of the calls.
set -euo pipefail

ftc=$(realpath "$1")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "$*"; exit 1; }

cat >check.awk <<'AWK'
# In: a program and its table.  Out: what is wrong.
function size(text, terms, factors, n, m, i, k, sum, product) { # "8*T*L + 4"
    gsub(/[][]/, "", text)
    gsub(/ - /, " + -1*", text)
    n = split(text, terms, / \+ /)
    for (i = 1; i <= n; i++) {
        m = split(terms[i], factors, "*")
        product = 1
        for (k = 1; k <= m; k++)
            product *= factors[k] in symbol ? symbol[factors[k]] : factors[k]
        sum += product
    }
    return sum
}
function panels(tokens, n, unit) { # ftc/step.h
    n = int((tokens + most - 1) / most)
    unit = n <= 2 ? 1 : n <= 16 ? 4 : 8
    return int((n + unit - 1) / unit) * unit
}
function wrong(what) { print FILENAME ": " what; failed = 1 }
BEGIN { calls = 0; width["f32"] = width["i32"] = 4; width["bf16"] = 2; width["bool"] = 1 }
NR == FNR { # first the program's panels and the heading of the table, for the symbols
    if (/^program @/)
        most = $4
    if (/^# The arena during/) {
        split($0, w, /[^0-9]+/)
        symbol["B"] = w[2]; symbol["T"] = w[3]; symbol["L"] = w[4]; symbol["C"] = w[5]; symbol["V"] = symbol["U"] = w[6]
        symbol["P"] = panels(w[3])
    }
    next
}
/^  buffer / {
    match($0, /\[[^]]*\]/)
    bytes[$2] = size(substr($0, RSTART, RLENGTH)) * width[$4]
    arena[$2] = $3 == "arena"
    if (match($0, /\] in [0-9]+/))
        slot[$2] = substr($0, RSTART + 5, RLENGTH - 5)
    buffers = $2 + 1
}
/^  call / {
    sub(/;.*|\).*/, "")
    sub(/.*\(/, "")
    n = split($0, used, /, */)
    for (i = 1; i <= n; i++) {
        b = used[i]
        if (!(b in first))
            first[b] = calls
        last[b] = calls
    }
    calls++
}
/^# The arena during/ {
    for (b = 0; b < buffers; b++)
        if (arena[b]) {
            values += bytes[b]
            for (i = first[b]; i <= last[b]; i++) {
                alive[i] += bytes[b]
                if (holds[slot[b], i]++)
                    wrong("slot " slot[b] " holds two values during call " i)
            }
            largest[slot[b]] = bytes[b] > largest[slot[b]] ? bytes[b] : largest[slot[b]]
        }
    for (s in largest)
        slots += largest[s]
    for (i = 0; i < calls; i++)
        most = alive[i] > most ? alive[i] : most
}
/^# +[0-9]+ +[0-9]+ \|/ {
    if ($2 != rows++ || $3 != alive[$2])
        wrong("call " $2 " has " $3 " bytes alive, it should be " alive[$2])
    bar = gsub(/=/, "=")
    if (bar < 40 * $3 / most - 0.51 || bar > 40 * $3 / most + 0.51)
        wrong("call " $2 " has a bar of " bar)
    if (/<- the peak$/) {
        peak = $2
        peaks++
    }
}
/^# Alive at the peak/ {
    if (peaks != 1 || alive[peak] != most || $8 + 0 != peak)
        wrong("the peak is " most " bytes, not at call " peak)
}
/^# +[0-9]+  [^ ]/ {
    if (listed++ && $2 > before)
        wrong("not the largest first: " $3)
    sum += before = $2
}
/^# All slots/ {
    if ($5 != slots || $9 + 0 != most || $NF + 0 != values || sum != most || rows != calls)
        wrong("sums: slots " slots ", peak " most ", listed " sum ", values " values)
    if (!(most <= slots && slots <= values))
        wrong("out of order: peak " most ", slots " slots ", values " values)
    said = 1
}
END { if (!said) wrong("no table"); exit failed }
AWK

check() { # NAME, flags and spec: both programs of the plan
    "$ftc" compile --emit=plan "${@:2}" -o plan
    sed '/^#---- eval/,$d' plan >"$1.step"
    sed -n '/^#---- eval/,$p' plan >"$1.eval"
    for part in "$1.step" "$1.eval"; do
        awk -f check.awk "$part" "$part" || fail "the table of $part"
    done
}
check tiny "$root/models/tiny_cls.yaml"
check bert "$root/models/bert_cls.yaml"
check bf16 "$root/tests/models/bf16.yaml"
check unfused -O0 "$root/models/tiny_cls.yaml"
check unshared -fno-plan "$root/models/tiny_cls.yaml"
read -r slots values < <(awk '/^# All slots/ { print $5, $NF + 0 }' unshared.step)
[ "$slots" = "$values" ] || fail "slots are shared without plan"
grep -q '^# .* layers\.0\.ffn\.up\.dot  @layers/bert.yaml:[0-9]*:[0-9]*  calls ' bert.step || fail "no place in the spec"
"$ftc" compile --emit=kernels "$root/models/tiny_cls.yaml" | { ! grep '^# The arena'; } || fail "a table before plan"
