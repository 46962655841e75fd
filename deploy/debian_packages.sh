#!/bin/sh
# Install Debian packages that are missing: as root, or through sudo where that asks nothing; else say what to type.
set -eu

if [ "$(id -u)" -eq 0 ]; then
    root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    root=sudo
else
    root=none
fi

if [ "$root" = none ] || ! command -v apt-get >/dev/null; then
    echo "Missing: $*. Install it as your system does it, on Debian as root: apt-get install $*" >&2
    exit 1
fi

echo "Installing $* from Debian ..."
export DEBIAN_FRONTEND=noninteractive
$root apt-get -qq update
$root apt-get -qq install --yes --no-install-recommends "$@" >/dev/null
