# Everything a checkout needs. `make run` ends with a served page; `make test` runs every test; both install what they need.

export CARGO_TARGET_DIR ?= $(HOME)/.cache/hoglet/target
LISTEN ?= 127.0.0.1:8000
DATA ?= ./hoglet-data
NPM_CI := npm ci --no-audit --no-fund --loglevel=error

.PHONY: run build ui assets setup setup-test test quick test-rust test-ui test-clients test-crash bench bench-mixed bench-flags bench-queries bench-growth clean-bench-queries lint fmt clean-data

## run: build everything and serve it, with a demo project beside your own
run: build
	@echo "Hoglet is starting: open http://$(LISTEN) and sign up."
	target/release/hoglet serve --listen $(LISTEN) --data-dir $(DATA) --demo

build: setup ui assets
	HOGLET_REQUIRE_ASSETS=1 cargo build --release --workspace
	@mkdir -p target/release && ln -sf $(CARGO_TARGET_DIR)/release/hoglet target/release/hoglet

ui: ui/dist/index.html

ui/dist/index.html: ui/package-lock.json $(shell find ui/src ui/public ui/index.html ui/vite.config.ts -type f 2>/dev/null)
	cd ui && $(NPM_CI) && npm run build

## assets: the scripts that posthog-js loads from its host, from the official npm package
assets: crates/sdk/npm/scripts.pack

crates/sdk/npm/scripts.pack: crates/sdk/npm/package-lock.json crates/sdk/npm/pack.mjs
	cd crates/sdk/npm && $(NPM_CI) --ignore-scripts && npm run --silent pack

setup:
	@tools/setup build

setup-test:
	@tools/setup test

## quick: the inner loop; everything but the event engine
quick:
	cargo test

## test: everything, from a checkout that has seen nothing
test: setup-test ui assets
	tools/check-walls
	cargo fmt --all --check
	python3 -B -m unittest discover --start-directory crates/bench/queries
	tools/with-postgres $(MAKE) test-rust
	$(MAKE) test-ui
	tools/with-postgres $(MAKE) test-clients
	$(MAKE) test-crash

test-rust:
	cargo build --workspace
	cargo test --workspace --lib --bins --tests --no-fail-fast

test-ui: ui
	cd ui && npm run lint && npm test

## test-clients: official SDKs and a real browser against the real program, PostHog's HogQL parser and scipy against ours
test-clients:
	tests/hogql/run.sh
	tests/statistics/run.sh
	tests/sdk/run.sh
	tests/flags/run.sh
	cd ui && npm run e2e

## test-crash: SIGKILL under load, again and again; nothing acknowledged may be lost or counted twice
test-crash:
	HOGLET_CRASH_ROUNDS=200 cargo test --workspace --test crash -- --nocapture

bench: build
	tools/bench

## bench-mixed: ingestion at a steady pace while ten users ask heavy questions; ARGS="--seconds 60"
bench-mixed: build
	tools/bench mixed $(ARGS)

## bench-flags: 100 flags with 20 conditions each for 100,000 persons of the database, server and load generator on two cores; ARGS="--seconds 30"
bench-flags: build
	tools/bench flags $(ARGS)

## bench-queries: the same questions to Hoglet, ClickHouse and DuckDB, answers before times; ARGS="--events 2m --merged 30" (docs/benchmarks.md)
bench-queries: build
	tools/bench-queries race $(ARGS)

## bench-growth: how query times grow with events and with merged persons
bench-growth: build
	tools/bench-queries growth $(ARGS)

## clean-bench-queries: remove the other engines and data that was kept
clean-bench-queries:
	tools/bench-queries clean

lint:
	cargo fmt --all --check
	tools/check-walls
	cargo clippy --workspace --all-targets -- -D warnings
	cd ui && npm run lint

fmt:
	cargo fmt --all
