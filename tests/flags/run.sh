#!/usr/bin/env bash
# Random flags and people: /flags of the real program against what posthog-node and posthog-python decide by themselves (compare.mjs).
#
#   HOGLET_FLAGS_SEED=7 tests/flags/run.sh
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/hoglet/target}" TZ=UTC

if [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json
fi
if [ requirements.txt -nt .venv/.installed ]; then
    [ -d .venv ] || python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
    touch .venv/.installed
fi
echo "== flags decided by the server and by SDKs"
node sdk/with-server.mjs node flags/compare.mjs
