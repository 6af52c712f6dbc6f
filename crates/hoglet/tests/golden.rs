//! The golden cases of `insights`, on the embedded event engine: rows still in memory, and rows in sealed segments.

use events::EventStore;
use events_embedded::{Engine, EngineConfig};
use model::{Clock, Timestamp};
use std::sync::Arc;

async fn failures(sealed: bool) -> Vec<String> {
    let mut failures = Vec::new();
    for suite in insights::golden::suites() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = Clock::Fixed(Timestamp::parse_rfc3339("2025-03-12T15:00:00Z").expect("a constant"));
        let mut config = EngineConfig::new(folder.path().to_owned(), clock, suite.dimensions());
        config.background = false;
        println!("{}: {} cases", suite.name, suite.case_count());
        let engine: Arc<dyn EventStore> = Engine::open(config).expect("an empty folder opens");
        failures.extend(suite.run(engine, sealed).await);
    }
    failures
}

fn report(failures: &[String]) {
    assert!(failures.is_empty(), "{} cases failed:\n{}", failures.len(), failures.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn golden_cases_hold_for_rows_in_memory() {
    report(&failures(false).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn golden_cases_hold_for_rows_in_segments() {
    report(&failures(true).await);
}
