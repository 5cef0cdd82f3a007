#!/usr/bin/env bash
# The documents tell the truth: every command in their blocks marked 'console' is run, and must print what stands below it.
# There "..." stands for anything within a line; a line of "..." for any number of lines.
set -euo pipefail

ftc=$(realpath "$1")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$root/models" "$root/examples" "$work"
export PATH="$(dirname "$ftc"):$PATH" XDG_CACHE_HOME=$work/cache
export ASAN_OPTIONS=verify_asan_link_order=0 # for stdbuf, where ftc is built with the sanitizer
failed=0

line_matches() {
    local pattern
    pattern=$(sed -e 's/[][()*?\\]/\\&/g' -e 's/\.\.\./*/g' <<<"$1")
    # shellcheck disable=SC2053
    [[ $2 == $pattern ]]
}

# Whether the lines of the array named $2 are those of the README, named $1.
matches() {
    local -n want=$1 got=$2
    local w=0 g=0
    while [ $w -lt ${#want[@]} ]; do
        if [ "${want[w]}" = ... ]; then
            w=$((w + 1))
            [ $w -lt ${#want[@]} ] || return 0
            while [ $g -lt ${#got[@]} ] && ! line_matches "${want[w]}" "${got[g]}"; do
                g=$((g + 1))
            done
        elif [ $g -lt ${#got[@]} ] && line_matches "${want[w]}" "${got[g]}"; then
            w=$((w + 1)) g=$((g + 1))
        else
            return 1
        fi
    done
    [ $g -eq ${#got[@]} ]
}

try() { # DOCUMENT COMMAND; its output should be in the array `expected`
    local actual
    mapfile -t actual < <(cd "$work" && stdbuf -oL bash -o pipefail -c "$2" 2>&1 </dev/null)
    if matches expected actual; then
        echo "ok: $2"
    else
        failed=1
        printf 'not what %s says: %s\n' "$1" "$2"
        diff <(printf '%s\n' "${expected[@]}") <(printf '%s\n' "${actual[@]}") || true
    fi
}

read_document() { # DOCUMENT
    local command="" inside=false n=0 line
    expected=()
    while IFS= read -r line; do
        if [ "$line" = '```console' ]; then
            inside=true
        elif "$inside" && { [ "$line" = '```' ] || [[ $line == '$ '* ]]; }; then
            if [ -n "$command" ]; then
                try "$1" "$command"
                n=$((n + 1))
            fi
            command=${line#'$ '} expected=()
            [ "$line" != '```' ] || { inside=false; command=""; }
        elif "$inside"; then
            expected+=("$line")
        fi
    done <"$root/$1"
    if [ $n -eq 0 ]; then
        echo "$1 has no commands to try"
        failed=1
    fi
}

for document in README.md compiler/README.md; do
    read_document "$document"
done
exit $failed
