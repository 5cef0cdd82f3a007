#!/bin/bash
# A large table costs less than one and a half times its size in memory: text, index, labels and tokens together.
set -eu
ftc=$1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$out"
export XDG_CACHE_HOME=$out/cache

# Words of which a few are frequent, ten or so in a text.
awk 'BEGIN {
    print "text,label"
    for (i = 1; i <= 20000; i++) {
        text = ""
        for (k = 0; k < 8 + i % 7; k++) {
            seed = (seed * 1103515245 + 12345) % 2147483648
            text = text "w" int(exp(seed / 2147483648 * 8)) " "
        }
        print text "," (i % 3 ? "yes" : "no")
    }
}' > small.csv
{
    cat small.csv
    for i in $(seq 49); do tail -n +2 small.csv; done
} > large.csv
peak() {
    "$ftc" run "$SOURCE_DIR/models/logreg.yaml" --train "$1" --max-steps 1 --force -o model --json 2> /dev/null |
        sed 's/.*"peak_rss_mib": \([0-9]*\).*/\1/'
}
small=$(peak small.csv) large=$(peak large.csv) size=$(($(wc -c < large.csv) >> 20))
echo "a table of $size MiB costs $((large - small)) MiB"
[ $((2 * (large - small))) -lt $((3 * size)) ] || { echo "FAILED: more than 1.5 times its size"; exit 1; }
