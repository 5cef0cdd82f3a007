# What the trainings of the real MiniLM encoder begin with; they source it.  In: $1, the program; $2, how long it takes; the tables
# needed behind it, in ../shared/data.  Skips without FTC_FULL or without the files.  Out: $ftc, $here, $root, $data, $encoder, a folder of
# its own to be in, status=0.
ftc=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../models" && pwd)
root=$(cd "$here/../.." && pwd)
data=${SHARED_DIR:-$root/../shared}/data
encoder=${FTC_MINILM:-${XDG_DATA_HOME:-$HOME/.local/share}/ftc/models/minilm-l6}
if [ -z "${FTC_FULL-}" ]; then
    echo "skipped: trains for $2; set FTC_FULL=1"
    exit 77
fi
tables=("${@:3}")
for needed in "$encoder/model.safetensors" "${tables[@]/#/$data/}"; do
    [ -r "$needed" ] || { echo "skipped: $needed is absent"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
status=0
