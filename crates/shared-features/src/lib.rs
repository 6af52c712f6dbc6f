//! Holds no code. Every crate depends on it through `model`, so that third-party crates below the event engine are
//! compiled with one set of features whichever packages are selected. Without it, `cargo test -p capture` followed by
//! `cargo test --workspace` would build DataFusion twice. `tools/check-features` finds drift.
