#!/bin/sh
# Tries the image's root file system without a container engine: enters it by bubblewrap, as the image's
# user, read-only, without a network, with one writable folder; starts the server there, asks for its
# health, signs somebody up, reads an answer, runs a script, and stops it.
#
#   container/test.sh PROGRAM
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program=$1
dockerfile=$here/../Dockerfile

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
sh "$here/root-file-system.sh" "$folder/root" "$program"
mkdir "$folder/data"

# What the Dockerfile says: USER, WORKDIR and ENV.
user=$(sed -n 's/^USER \([0-9]*\):[0-9]*$/\1/p' "$dockerfile")
workdir=$(sed -n '/^USER/,$s/^WORKDIR //p' "$dockerfile")
environment=$(sed -n '/^ENV /,/[^\\]$/p' "$dockerfile" | sed 's/^ENV//; s/\\$//')

# shellcheck disable=SC2046,SC2086
run_in_root() {
  bwrap --die-with-parent --unshare-all --cap-drop ALL --uid "$user" --gid "$user" \
    --ro-bind "$folder/root" / --proc /proc --dev /dev --tmpfs /tmp --bind "$folder/data" "$workdir" \
    --ro-bind "$here" /mnt --chdir "$workdir" \
    --clearenv --setenv PATH /usr/local/bin:/usr/bin:/bin \
    $(for setting in $environment; do echo --setenv "${setting%%=*}" "${setting#*=}"; done) \
    -- "$@"
}
run_in_root python3 /mnt/try.py
