#!/bin/sh
# Makes the image's root file system in a folder, where there is no container engine: a minimal Debian as
# the Dockerfile's base image, and in it what the Dockerfile runs. It needs root, mmdebstrap and Debian's
# package archive.
#
#   container/root-file-system.sh FOLDER PROGRAM
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
program=$2

release=$(sed -n 's/^FROM debian:\([a-z]*\)-slim$/\1/p' "$here/../Dockerfile")
# How this machine reaches the archive.
options=$(find /etc/apt/apt.conf.d -type f ! -name '*docker*' 2>/dev/null | sed 's/^/--aptopt=/')

# shellcheck disable=SC2016,SC2086
mmdebstrap --quiet --variant=minbase $options \
  --customize-hook="copy-in '$here' /tmp" \
  --customize-hook='chroot "$1" sh /tmp/container/setup.sh /tmp/container' \
  --customize-hook='rm -r "$1/tmp/container"' \
  "$release" "$folder"
install -D "$program" "$folder/usr/local/bin/chat-backend"
