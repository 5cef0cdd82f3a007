#!/bin/bash
# Going on from the text of any stage of any shipped model gives, byte for byte, the object that the spec itself gives.
set -eu
ftc=$1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for spec in "$SOURCE_DIR"/models/*.yaml "$SOURCE_DIR"/tests/models/prenorm_gated.yaml "$SOURCE_DIR"/tests/models/bf16.yaml; do
    name=$(basename "$spec" .yaml)
    "$ftc" compile -c "$spec" -o "$out/$name.o"
    for stage in graph grad fused kernels plan; do
        "$ftc" compile --emit=$stage "$spec" -o "$out/stage"
        "$ftc" compile -c -x graph "$out/stage" -o "$out/again.o"
        cmp "$out/$name.o" "$out/again.o" || { echo "$name: going on from '$stage' gives another object"; exit 1; }
        "$ftc" compile "$out/stage" --emit=plan -o "$out/plan"
        [ $stage != plan ] || cmp <(sed "s/ *#[^|-].*//" "$out/stage") <(sed "s/ *#[^|-].*//" "$out/plan")
    done
done

# A stage may be edited: a changed number is compiled, a broken line is reported at its place.
spec=$SOURCE_DIR/models/tiny_cls.yaml
"$ftc" compile --emit=graph "$spec" -o "$out/graph"
sed 's/value=1e-12\b\|value=9.9999999999999998e-13/value=0.5/' "$out/graph" > "$out/edited"
! cmp -s "$out/graph" "$out/edited" || { echo "there is no epsilon to edit"; exit 1; }
"$ftc" compile -c "$out/edited" -o "$out/edited.o"
! cmp -s "$out/tiny_cls.o" "$out/edited.o" || { echo "the edited graph gave the same object"; exit 1; }
line=$(grep -n '= add ' "$out/graph" | head -1 | cut -d: -f1)
sed "${line}s/= add /= plus /" "$out/graph" > "$out/broken"
! "$ftc" compile -c "$out/broken" -o "$out/broken.o" 2> "$out/err" || { echo "a broken graph compiled"; exit 1; }
grep -q "broken:$line:.*error:.*'plus'" "$out/err" || { cat "$out/err"; exit 1; }
[ ! -e "$out/broken.o" ]

# Groups may be edited too: made finer, they compute the same; what can't be one group is refused.
"$ftc" compile --emit=fused "$spec" -o "$out/fused"
sed 's/  in [0-9.]*\( packs [0-9]*\)\?//' "$out/fused" > "$out/alone"
"$ftc" compile -c -fno-fuse -fno-pack "$spec" -o "$out/unfused.o"
"$ftc" compile -c "$out/alone" -o "$out/alone.o"
cmp "$out/unfused.o" "$out/alone.o" || { echo "values without groups are not computed alone"; exit 1; }
edit() { # SED-SCRIPT: an edited stage of other groups
    sed "$1" "$out/fused" > "$out/regrouped"
    ! cmp -s "$out/fused" "$out/regrouped" || { echo "$1: edits nothing"; exit 1; }
}
edit '/%loss.eq = /s/  in [0-9]*//; /attention.value = add/s/  in [.0-9]*//'
"$ftc" verify -x graph "$out/regrouped" > "$out/said" 2>&1 || { cat "$out/said"; echo "finer groups"; exit 1; }
refused() { # SED-SCRIPT MESSAGE
    edit "$1"
    ! "$ftc" compile -c "$out/regrouped" -o "$out/broken.o" 2> "$out/err" || { echo "$1: compiled"; exit 1; }
    grep -qF "regrouped: error: $2" "$out/err" || { cat "$out/err"; echo "not: $2"; exit 1; }
}
group=$(sed -n '/^graph @step/,$ s/.*%logits = .*  in \([0-9]*\).*/\1/p' "$out/fused" | head -1)
refused "/%classifier.dot = dot/s/  in [0-9]*/  in $group/" "%logits of graph @step can't be computed with %classifier.dot in group $group; without 'in' it is computed alone"
refused '/%classifier.dot = dot/s/  in [0-9]*/& packs 1/' "%classifier.dot of graph @step can't have 'packs 1'"
refused '/%loss.eq = eq/s/  in [0-9]*/  in 999999/; /%pooler.dot = dot/s/  in [0-9]*/  in 999999/' "%loss.eq of graph @step can't be computed with %pooler.dot in group 999999"

# Updates that read each other's weight read what it was before both.
"$ftc" compile --emit=grad "$spec" -o "$out/grad"
sed 's/\(query.weight.mul.6 = mul \)%layers.0.attention.query/\1%layers.0.attention.KEY/
     s/\(key.weight.mul.6 = mul \)%layers.0.attention.key/\1%layers.0.attention.query/; s/KEY/key/' "$out/grad" > "$out/swapped"
[ "$(diff "$out/grad" "$out/swapped" | grep -c '^>')" = 2 ] || { echo "there are no two updates to swap"; exit 1; }
"$ftc" verify -x graph "$out/swapped" > "$out/said" 2>&1 || { cat "$out/said"; echo "swapped weights"; exit 1; }
