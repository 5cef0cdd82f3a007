#!/usr/bin/env bash
# From nothing to a fine-tuned classifier: installs what is missing, builds ftc, fetches a pre-trained encoder,
# fine-tunes it on examples/train.csv, evaluates on test.csv and labels the texts of unlabelled.csv.
#
#   examples/quickstart.sh              with the pre-trained MiniLM encoder, where it can be had
#   examples/quickstart.sh --scratch    with a small encoder from random numbers: no download
#
# Needs Debian or Ubuntu and, for packages, root or sudo.  Writes build/, examples/quickstart-model/ and the encoder
# in ${XDG_DATA_HOME:-~/.local/share}/ftc/models; a second run finds all that and only trains.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
examples=$root/examples
ftc=$root/build/ftc
output=$examples/quickstart-model

step() { printf '\n== %s\n' "$*"; }

scratch=false
case "${1-}" in
    "") ;;
    --scratch) scratch=true ;;
    *) echo "usage: examples/quickstart.sh [--scratch]" >&2; exit 1 ;;
esac

"$examples/install-deps.sh" build

# Under sudo: what is made from here on belongs to whoever called.
if [ "$(id -u)" -eq 0 ] && [ "${SUDO_USER:-root}" != root ]; then
    exec sudo -H -u "$SUDO_USER" -- "$examples/quickstart.sh" "$@"
fi

step "Building ftc"
[ -f "$root/build/CMakeCache.txt" ] || (cd "$root" && cmake --preset default) >/dev/null
cmake --build "$root/build" --target ftc -j "$(nproc)"

if ! "$scratch"; then
    step "Looking for the pre-trained encoder"
    if encoder=$("$examples/fetch-minilm.sh"); then
        echo "It is in $encoder"
    else
        echo "It could not be fetched; going on without it."
        scratch=true
    fi
fi

if "$scratch"; then
    from=("$examples/small.yaml") settings=()
    step "Training a small encoder from random numbers: expect far less of it than of a pre-trained one"
else
    from=(--init "$encoder") settings=(-D optimizer.lr=1e-4 -D train.epochs=6 -D train.batch=16)
    step "Fine-tuning MiniLM"
fi
"$ftc" run "${from[@]}" "${settings[@]}" --train "$examples/train.csv" --eval "$examples/test.csv" \
    --predict "$examples/unlabelled.csv" -o "$output" --force

step "Its answers for examples/unlabelled.csv, from $output/predictions.csv"
cat "$output/predictions.csv"

step "For a table of your own, with the columns text and label"
shown=() # with the paths as one would type them here
for word in "$ftc" run "${from[@]}" "${settings[@]}" --train yours.csv --eval test.csv --predict new.csv -o my-model; do
    shown+=("$(printf '%q' "${word#"$PWD"/}")")
done
echo "${shown[*]}"
