#!/bin/sh
# Builds the program for Linux as it is published: against glibc 2.17, so that it runs on every system with
# that or a later one (RHEL and Amazon Linux from 7 and 2 on, Debian 8, Ubuntu 14.04 and later). Zig, which
# PyPI has, brings the older library's symbols and compiles the C sources for it.
set -eu
cd "$(dirname "$0")/.."

built=${CARGO_TARGET_DIR:-$PWD/target}
tools=$built/zig
if [ ! -x "$tools/bin/cargo-zigbuild" ]; then
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet --requirement npm/build-linux.txt
fi
PATH=$tools/bin:$PATH

machine=$(uname -m)-unknown-linux-gnu
CARGO_TARGET_DIR=$built cargo zigbuild --release --locked --bin chat-backend --target "$machine.2.17"
mkdir -p "$built/release"
cp "$built/$machine/release/chat-backend" "$built/release/chat-backend"
