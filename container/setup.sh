#!/bin/sh
# Makes what the server needs out of a minimal Debian: the image's root file system, and that of the
# test that has no container engine (root-file-system.sh). Its argument is the folder of these files.
set -eu

export DEBIAN_FRONTEND=noninteractive
apt-get update
xargs apt-get install --yes --no-install-recommends <"$1/packages.txt"
apt-get clean
rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log

# A user without rights, and its folder, which is where a volume goes.
groupadd --gid 10001 chat-backend
useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin chat-backend
install --directory --owner=10001 --group=10001 --mode=700 /data
