//! The golden cases of `insights`, on the embedded event engine: rows still in memory, and rows in sealed segments.

use events::EventStore;
use events_embedded::{Engine, EngineConfig};
use insights::golden::{self, Suite};
use insights::{InsightsState, Limits, Parts};
use model::{Clock, Timestamp};
use std::collections::HashSet;
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
    for name in ["events_query", "experiments"] {
        let suite = suites.iter().find(|suite| suite.name == name).expect("the suite exists");
        let folder = tempfile::tempdir().expect("a temporary folder");
        report(&suite.run_hostile(engine(suite, folder.path()), 7).await);
    }
}

async fn downloaded(suite: &str, page: usize, parameters: &str) -> Vec<String> {
    let suites = golden::suites();
    let suite = suites.iter().find(|known| known.name == suite).expect("the suite exists");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = engine(suite, folder.path());
    suite.fill(&store, true).await.expect("the events are stored");
    let db = db::Db::in_memory().await;
    db.migrate(&[("cohorts", cohorts::MIGRATIONS), ("actions", actions::MIGRATIONS)]).await.expect("the tables are made");
    let team = teams::Teams::new(db.clone()).create_for_tests("phc_golden").await;
    let state = InsightsState::new(Parts {
        events: store,
        dimensions: suite.dimensions(),
        property_types: Arc::new(|_| Box::pin(async { Ok(Arc::default()) })),
        experiments: Arc::new(|_, _| Box::pin(async { Ok(None) })),
        users: Arc::new(|_| Box::pin(async { Ok(None) })),
        db,
        clock: Clock::Fixed(Timestamp::parse_rfc3339("2025-03-12T15:00:00Z").expect("a constant")),
        limits: Limits { export_page: page, ..Limits::default() },
    });
    let router = web::testing::signed_in(insights::routes(state), team);
    let request = http::Request::get(format!("/api/projects/1/events?format=csv&after=all{parameters}"));
    let response = web::testing::send(&router, request.body(Default::default()).expect("the path is valid")).await;
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("the download ends");
    String::from_utf8(bytes.to_vec()).expect("CSV is text").lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_of_events_holds_each_once_however_many_pages_it_takes() {
    // In the second suite all events happened at the same instant.
    for (suite, page, events) in [("hogql_limit", 7, 101), ("filter_versions", 3, 8)] {
        let lines = downloaded(suite, page, "").await;
        let distinct: HashSet<&String> = lines.iter().collect();
        assert_eq!((lines.len(), distinct.len()), (events + 1, events + 1), "{suite}");
        assert_eq!(lines[0], "id,event,timestamp,distinct_id,properties,elements_chain");
    }
    assert!(downloaded("hogql_limit", 7, "&limit=10").await[10].contains("2025-03-10T01:31:00Z,u91,"));
    assert_eq!(downloaded("hogql_limit", 7, "&distinct_id=u5").await.len(), 2);
}
