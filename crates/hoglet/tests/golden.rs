//! The golden cases of `insights`, on the embedded event engine: rows still in memory, and rows in sealed segments.

use events::EventStore;
use events_embedded::{Engine, EngineConfig};
use insights::golden::{self, Suite};
use model::{Clock, Timestamp};
use std::path::Path;
use std::sync::Arc;

fn engine(suite: &Suite, folder: &Path) -> Arc<dyn EventStore> {
    let clock = Clock::Fixed(Timestamp::parse_rfc3339("2025-03-12T15:00:00Z").expect("a constant"));
    let config = EngineConfig { background: false, ..EngineConfig::new(folder.to_owned(), clock, suite.dimensions()) };
    Engine::open(config).expect("an empty folder opens")
}

async fn failures(sealed: bool) -> Vec<String> {
    let mut failures = Vec::new();
    for suite in golden::suites() {
        println!("{}: {} cases", suite.name, suite.case_count());
        let folder = tempfile::tempdir().expect("a temporary folder");
        failures.extend(suite.run(engine(&suite, folder.path()), sealed).await);
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

#[tokio::test(flavor = "multi_thread")]
async fn no_hostile_query_is_the_servers_fault() {
    let suites = golden::suites();
    let suite = suites.iter().find(|suite| suite.name == "events_query").expect("the suite exists");
    let folder = tempfile::tempdir().expect("a temporary folder");
    report(&suite.run_hostile(engine(suite, folder.path()), 7).await);
}
