#!/usr/bin/env bash
# Official client SDKs against the real program: installs what they need and runs all of them, each on a server of its own.
#
#   tests/sdk/run.sh [browser|node|python|rust|go]…      default: all
#
# HOGLET_BIN names the program (default: the debug build), CHROMIUM_BIN the browser. With HOGLET_TEST_POSTGRES (see tools/with-postgres)
# the node suite runs a second time with its metadata there.
set -uo pipefail
cd "$(dirname "$0")/.."

suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(node python rust go browser)
export CHROMIUM_BIN="${CHROMIUM_BIN:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || echo /usr/bin/chromium)}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/hoglet/target}"
failed=()

setup() {
    if [ package-lock.json -nt node_modules/.package-lock.json ]; then
        npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json || return 1
    fi
    case " ${suites[*]} " in *" python "*)
        if [ requirements.txt -nt .venv/.installed ]; then
            { [ -d .venv ] || python3 -m venv .venv; } && .venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt && touch .venv/.installed || return 1
        fi
    esac
}

run() {
    echo "== $1"
    shift
    node sdk/with-server.mjs "$@"
}

node_suite() {
    run "posthog-node, posthog-js-lite${1:+, $1}" node --test --test-reporter=spec sdk/node/*.test.mjs
}

on_postgres() {
    local name="hoglet_sdk_$$"
    psql --quiet "$HOGLET_TEST_POSTGRES" -c "create database $name" &&
        DATABASE_URL="${HOGLET_TEST_POSTGRES%/*}/$name" node_suite "metadata in PostgreSQL"
}

suite() {
    case "$1" in
    node) node_suite && POSTHOG_CAPTURE_MODE=v1 node_suite "the newer wire protocol" && { [ -z "${HOGLET_TEST_POSTGRES:-}" ] || on_postgres; } ;;
    browser) run "posthog-js in Chromium" node --test --test-reporter=spec sdk/browser/*.test.mjs ;;
    python) run "posthog-python" .venv/bin/python -W error::ResourceWarning -m unittest discover --start-directory sdk/python --verbose ;;
    rust)
        cargo build --quiet --locked --manifest-path sdk/rust/Cargo.toml &&
            cargo build --quiet --locked --manifest-path sdk/rust/Cargo.toml --features capture-v1 &&
            run "posthog-rs" node --test --test-reporter=spec sdk/rust.test.mjs
        ;;
    go)
        if ! command -v go >/dev/null; then
            echo "== posthog-go: SKIPPED, there is no Go on this machine"
            return 0
        fi
        run "posthog-go" node --test --test-reporter=spec sdk/go.test.mjs
        ;;
    *)
        echo "there is no suite \"$1\"" >&2
        return 2
        ;;
    esac
}

setup || { echo "the clients could not be installed" >&2; exit 1; }
for name in "${suites[@]}"; do
    suite "$name" || failed+=("$name")
done

if [ ${#failed[@]} -gt 0 ]; then
    echo "failed: ${failed[*]}" >&2
    exit 1
fi
echo "all client SDKs passed: ${suites[*]}"
