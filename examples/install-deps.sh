#!/usr/bin/env bash
# Installs the packages that ftc is built from, on Debian and Ubuntu; at once where they are all there.
#
#   examples/install-deps.sh [build] [tests] [fuzz] [full] [pip]
#
#   build   (the default) to build and run ftc
#   tests   also to test it: cmocka, LLVM's FileCheck, gdb
#   fuzz    also for tests/fuzz/run.sh: clang and its libFuzzer
#   full    also for tests/run.sh --full: LLVM 19 beside 22
#   pip     only Python's pip, to download a pre-trained encoder with
#
# Uses apt-get, through sudo for anyone but root.  Fails if a package is neither here nor to be had.
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

available() { [ -n "$(apt-cache madison "$1" 2>/dev/null)" ]; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "error: installing packages takes root or sudo; as root, run: ${BASH_SOURCE[0]} ${wants[*]}"
        return 1
    fi
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null >/dev/null
}

# The newest LLVM that is installed; else the newest that can be; 22 and 19 are the ones ftc is tested with.
llvm_version() {
    local test v
    for test in installed available; do
        for v in 22 19; do
            if "$test" "llvm-$v-dev"; then
                echo "$v"
                return
            fi
        done
    done
    echo 22
}

packages() {
    local want llvm
    llvm=$(llvm_version)
    for want in "${wants[@]}"; do
        case $want in
            build) echo gcc libc6-dev cmake ninja-build pkg-config "llvm-$llvm-dev" libopenblas-pthread-dev libyaml-dev \
                        libutf8proc-dev libjansson-dev ;;
            tests) echo libcmocka-dev "llvm-$llvm-tools" gdb ;;
            fuzz) echo "clang-$llvm" "libclang-rt-$llvm-dev" ;;
            full) echo llvm-19-dev llvm-19-tools ;;
            pip) echo python3-pip ;;
        esac
    done
}

missing() {
    local list p
    list=$(packages)
    for p in $list; do
        installed "$p" || echo "$p"
    done
}

wants=("$@")
[ $# -gt 0 ] || wants=(build)
for want in "${wants[@]}"; do
    case $want in
        build | tests | fuzz | full | pip) ;;
        *) say "error: '$want' is none of: build tests fuzz full pip"; exit 1 ;;
    esac
done

if ! command -v apt-get >/dev/null; then
    say "No apt-get here, so nothing is installed.  What ftc needs, by Debian's names:" $(packages)
    exit 0
fi

need=$(missing)
[ -n "$need" ] || exit 0

say "Reading the package lists"
apt update || say "warning: not all package lists could be read; trying with those that are here"
need=$(missing) # the lists may have brought a newer LLVM
say "Installing" $need
apt install --no-install-recommends -y $need
