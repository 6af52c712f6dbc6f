#!/usr/bin/env bash
# scipy (pinned in requirements.txt) against our statistics: thousands of random experiments, judged by both from the same data.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/hoglet/target}"

if [ requirements.txt -nt .venv/.installed ]; then
    [ -d .venv ] || python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
    touch .venv/.installed
fi
cargo build --quiet --package statistics --example judge
echo "== statistics and scipy"
.venv/bin/python statistics/compare.py "$CARGO_TARGET_DIR/debug/examples/judge" "$@"
