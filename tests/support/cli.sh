# What scripts of tests/cli begin with; they source it.  In: $1, the program; SOURCE_DIR.  Out: $ftc, $spec, a folder of its own that
# is gone afterwards, to be in, a cache in it, and the words below.
ftc=$1
spec=$SOURCE_DIR/models/tiny_cls.yaml
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$out"
export XDG_CACHE_HOME=$out/cache

fail() { echo "FAILED: $*"; exit 1; }
has() { grep -q -- "$2" "$1" || { cat "$1"; fail "$1 has no '$2'"; }; }

# expect STATUS FLAGS... <<TEXT: the command's status, and its standard error, as `telling` lets it pass; else $failed is 1.
failed=0
telling() { cat; }
expect() {
    local status=$1 got
    shift
    cat > wanted
    "$ftc" "$@" > stdout 2> stderr
    got=$?
    telling < stderr > said
    if [ $got != "$status" ] || ! diff wanted said > difference; then
        echo "FAILED: ftc $* (status $got)"
        cat difference
        failed=1
    fi
}
