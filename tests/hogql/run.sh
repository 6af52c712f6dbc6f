#!/usr/bin/env bash
# PostHog's own HogQL parser (its published package, pinned in requirements.txt) against ours: both must take and refuse the same statements.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/hoglet/target}"

if [ requirements.txt -nt .venv/.installed ]; then
    [ -d .venv ] || python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
    touch .venv/.installed
fi
cargo build --quiet --package query --example accepts
echo "== hogql_parser"
.venv/bin/python hogql/compare.py "$CARGO_TARGET_DIR/debug/examples/accepts"
