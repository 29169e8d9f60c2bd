#!/bin/sh
# Builds the server and starts it. Options are passed on: ./start.sh --help
set -eu
cd "$(dirname "$0")"

if ! command -v cargo >/dev/null 2>&1; then
  # rustup installs here; a fresh shell may not have it on the PATH yet.
  PATH="$HOME/.cargo/bin:$PATH"
fi
if ! command -v cargo >/dev/null 2>&1; then
  echo "start.sh: Rust is missing. Install it from https://rustup.rs, then run ./start.sh again." >&2
  exit 1
fi
if ! command -v cc >/dev/null 2>&1; then
  echo "start.sh: a C compiler is missing (SQLite is built from source)." >&2
  echo "Install one first: 'sudo apt install build-essential', or 'xcode-select --install' on a Mac." >&2
  exit 1
fi

if [ ! -f .env ]; then
  cp .env.example .env
  echo "start.sh: made .env from .env.example; every setting in it is optional."
fi

cargo build --profile start --locked --bin chat-backend
exec "${CARGO_TARGET_DIR:-target}/start/chat-backend" "$@"
