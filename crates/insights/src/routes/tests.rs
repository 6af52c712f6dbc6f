//! The routes, over an event store that answers one number to everything (golden cases run on real ones).

use crate::golden::TEAM;
use crate::{InsightsState, Limits, MIGRATIONS, Parts};
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use async_trait::async_trait;
use axum::Router;
use db::Db;
use events::{Column, Erase, EventBatch, EventStore, NoDimensions, QueryError, Select, Selected, StoreError, StoreStats};
use model::{Clock, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use teams::{Team, Teams};
use web::testing::{call, delete, get, patch, post, signed_in, with_scopes};

/// The outside of this crate: a store of `rows` rows.
#[derive(Default)]
struct Store {
    rows: AtomicU64,
    selects: AtomicU64,
    /// Answers only when cancelled.
    hangs: bool,
    /// Answers no rows.
    is_empty: bool,
}

#[async_trait]
impl EventStore for Store {
    async fn append(&self, batch: EventBatch) -> Result<(), StoreError> {
        self.rows.fetch_add(batch.rows.len() as u64, Ordering::SeqCst);
        Ok(())
    }

    async fn position(&self) -> anyhow::Result<Option<u64>> {
        Ok(None)
    }

    async fn select(&self, select: Select) -> Result<Selected, QueryError> {
        self.selects.fetch_add(1, Ordering::SeqCst);
        if self.hangs {
            let mut cancel = select.cancel.expect("every query can be cancelled");
            let _ = cancel.wait_for(|cancelled| *cancelled).await;
            return Err(QueryError::Cancelled);
        }
        if self.is_empty {
            return Ok(Selected { columns: Vec::new(), batches: Vec::new(), rows_read: 0, bytes_read: 0 });
        }
        let column: ArrayRef = Arc::new(Int64Array::from(vec![self.rows.load(Ordering::SeqCst) as i64]));
        let batch = RecordBatch::try_from_iter([("n", column)]).expect("one column");
        let columns = vec![Column { name: "n".into(), kind: "UInt64".into() }];
        Ok(Selected { columns, batches: vec![batch], rows_read: 1, bytes_read: 8 })
    }

    async fn behave(&self, _: events::Behave) -> Result<events::Behaved, events::QueryError> {
        Err(events::QueryError::Invalid("this store only selects".to_owned()))
    }

    async fn erase(&self, _: Erase) -> anyhow::Result<()> {
        Ok(())
    }

    fn stats(&self) -> StoreStats {
        StoreStats { rows: self.rows.load(Ordering::SeqCst), ..StoreStats::default() }
    }

    async fn flush(&self) -> anyhow::Result<()> {
        Ok(())
    }
}

struct World {
    store: Arc<Store>,
    state: InsightsState,
    team: Arc<Team>,
}

impl World {
    async fn on(store: Store, db: Db) -> World {
        World::at(store, db, "2025-03-12T15:00:00Z").await
    }

    async fn at(store: Store, db: Db, now: &str) -> World {
        World::with(store, db, now, Limits { concurrent: 1, waiting: 1, ..Limits::default() }).await
    }

    async fn limited(store: Store, limits: Limits) -> World {
        World::with(store, Db::in_memory().await, "2025-03-12T15:00:00Z", limits).await
    }

    async fn with(store: Store, db: Db, now: &str, limits: Limits) -> World {
        let tables = [("insights", MIGRATIONS), ("cohorts", cohorts::MIGRATIONS), ("actions", actions::MIGRATIONS)];
        db.migrate(&tables).await.unwrap();
        let team = Teams::new(db.clone()).create_for_tests("phc_x").await;
        assert_eq!(team.id, TEAM);
        let store = Arc::new(store);
        let state = InsightsState::new(Parts {
            events: store.clone(),
            dimensions: Arc::new(NoDimensions),
            property_types: Arc::new(|_| Box::pin(async { Ok(Arc::default()) })),
            experiments: Arc::new(|_, _| Box::pin(async { Ok(None) })),
            users: Arc::new(|user| Box::pin(async move { Ok(Some(json!({"id": user.0, "first_name": "Ada"}))) })),
            db,
            clock: Clock::Fixed(Timestamp::parse_rfc3339(now).unwrap()),
            limits,
        });
        World { store, state, team }
    }

    async fn new() -> World {
        World::on(Store { rows: AtomicU64::new(7), ..Store::default() }, Db::in_memory().await).await
    }

    fn router(&self) -> Router {
        signed_in(super::routes(self.state.clone()), self.team.clone())
    }

    fn selects(&self) -> u64 {
        self.store.selects.load(Ordering::SeqCst)
    }
}

const QUERY: &str = "/api/projects/1/query";
const INSIGHTS: &str = "/api/environments/1/insights";

fn count() -> Value {
    json!({"query": {"kind": "HogQLQuery", "query": "select count() from events"}})
}

#[tokio::test]
async fn an_answer_is_served_again_until_the_data_changes() {
    let world = World::new().await;
    let router = world.router();
    let (status, first) = post(&router, QUERY, count()).await;
    assert_eq!(status, 200, "{first}");
    assert_eq!((&first["results"], &first["is_cached"], &first["timezone"]), (&json!([[7]]), &json!(false), &json!("UTC")));
    assert_eq!(first["last_refresh"], "2025-03-12T15:00:00.000000Z");
    let named = json!({"query": count()["query"], "client_query_id": "other", "name": "shown in logs"});
    let (_, second) = post(&router, QUERY, named).await;
    assert_eq!((&second["is_cached"], &second["cache_key"], world.selects()), (&json!(true), &first["cache_key"], 1));
    world.store.rows.store(8, Ordering::SeqCst);
    let (_, third) = post(&router, QUERY, count()).await;
    assert_eq!((&third["is_cached"], &third["results"], world.selects()), (&json!(false), &json!([[8]]), 2));
    let forced = json!({"query": count()["query"], "refresh": "force_blocking"});
    let (_, fourth) = post(&router, QUERY, forced).await;
    assert_eq!((&fourth["is_cached"], world.selects()), (&json!(false), 3));
}

#[tokio::test]
async fn a_relative_range_means_another_answer_tomorrow() {
    let mut keys = Vec::new();
    for now in ["2025-03-12T09:00:00Z", "2025-03-12T15:00:00Z", "2025-03-13T00:00:01Z"] {
        let world = World::at(Store::default(), Db::in_memory().await, now).await;
        let query = json!({"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "a"}], "dateRange": {"date_from": "-7d"},
                           "trendsFilter": {"display": "ActionsTable"}});
        let (status, body) = post(&world.router(), QUERY, json!({"query": query})).await;
        assert_eq!(status, 200, "{body}");
        keys.push(body["cache_key"].clone());
    }
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[1], keys[2]);
}

#[tokio::test]
async fn wrappers_answer_what_their_source_answers() {
    let world = World::new().await;
    let wrapped = json!({"query": {"kind": "DataVisualizationNode", "source": count()["query"], "display": "BoldNumber"}});
    let (status, body) = post(&world.router(), QUERY, wrapped).await;
    assert_eq!((status.as_u16(), &body["results"]), (200, &json!([[7]])));
}

#[tokio::test]
async fn a_saved_insight_is_run_by_its_short_id() {
    let world = World::new().await;
    let router = world.router();
    let (_, made) = post(&router, INSIGHTS, count()).await;
    let node = |short_id: &Value| json!({"query": {"kind": "SavedInsightNode", "shortId": short_id}});
    assert_eq!(post(&router, QUERY, node(&made["short_id"])).await.1["results"], json!([[7]]));
    assert_eq!(post(&router, QUERY, node(&json!("nothing1"))).await.0, 400);
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_said_in_a_400() {
    let world = World::new().await;
    let router = world.router();
    for (body, text) in [
        (json!({"query": {"kind": "Nope"}}), "not a known kind"),
        (json!({"query": {"kind": "VectorSearchQuery"}}), "not supported yet"),
        (json!({"query": {"kind": "HogQLQuery", "query": "select 1", "extra": 1}}), "unknown field `extra`"),
        (json!({"query": {"kind": "HogQLQuery", "query": "select from"}}), "position"),
        (json!({"query": {"kind": "TrendsQuery", "series": []}}), "at least one series"),
        (json!({"query": "select 1"}), "must be an object"),
        (json!({"query": count()["query"], "refresh": "sometimes"}), "not a refresh mode"),
    ] {
        let (status, answer) = post(&router, QUERY, body.clone()).await;
        assert_eq!((status.as_u16(), &answer["type"]), (400, &json!("validation_error")), "{body} {answer}");
        assert!(answer["detail"].as_str().unwrap().contains(text), "{answer}");
    }
    let (status, answer) = post(&router, QUERY, json!({})).await;
    assert_eq!((status.as_u16(), &answer["attr"]), (400, &json!("query")));
    assert_eq!(world.selects(), 0);
}

#[tokio::test]
async fn the_kind_in_the_path_must_be_the_querys() {
    let world = World::new().await;
    let router = world.router();
    assert_eq!(post(&router, &format!("{QUERY}/HogQLQuery"), count()).await.0, 200);
    assert_eq!(post(&router, &format!("{QUERY}/TrendsQuery"), count()).await.0, 400);
}

#[tokio::test]
async fn a_background_query_is_followed_to_its_end() {
    let world = World::new().await;
    let router = world.router();
    let (status, body) = post(&router, QUERY, json!({"query": count()["query"], "async": true, "client_query_id": "q1"})).await;
    assert_eq!((status.as_u16(), &body["query_status"]["complete"], &body["query_status"]["id"]), (202, &json!(false), &json!("q1")));
    let (status, body) = finished(&router, "q1").await;
    assert_eq!(status, 200);
    assert_eq!((&body["query_status"]["complete"], &body["query_status"]["results"]["results"]), (&json!(true), &json!([[7]])));
    let (_, log) = get(&router, &format!("{QUERY}/q1/log")).await;
    assert_eq!(log["results"][0]["kind"], "HogQLQuery");
    assert_eq!(get(&router, &format!("{QUERY}/unknown")).await.0, 404);
}

#[tokio::test]
async fn a_background_query_that_is_wrong_ends_as_a_400() {
    let world = World::new().await;
    let router = world.router();
    let body = json!({"query": {"kind": "HogQLQuery", "query": "select nope from events"}, "refresh": "async", "client_query_id": "q2"});
    let (status, body) = post(&router, QUERY, body).await;
    assert_eq!(status, 202, "{body}");
    let (status, body) = finished(&router, "q2").await;
    assert_eq!((status.as_u16(), &body["query_status"]["error"]), (400, &json!(true)), "{body}");
    assert!(body["query_status"]["error_message"].as_str().unwrap().contains("nope"));
}

async fn finished(router: &Router, id: &str) -> (http::StatusCode, Value) {
    for _ in 0..500 {
        let (status, body) = get(router, &format!("{QUERY}/{id}")).await;
        if status != 202 {
            return (status, body);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("query {id} did not end");
}

#[tokio::test]
async fn a_running_query_is_cancelled_by_its_id() {
    let world = World::on(Store { hangs: true, ..Store::default() }, Db::in_memory().await).await;
    let router = world.router();
    let asked = tokio::spawn({
        let router = router.clone();
        async move { post(&router, QUERY, json!({"query": count()["query"], "client_query_id": "q3"})).await }
    });
    while world.selects() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (status, body) = delete(&router, &format!("{QUERY}/q3")).await;
    assert_eq!((status.as_u16(), &body["message"]), (200, &json!("Query cancelled")));
    let (status, body) = asked.await.unwrap();
    assert_eq!((status.as_u16(), &body["code"]), (400, &json!("cancelled")));
}

#[tokio::test]
async fn queries_beyond_those_that_may_wait_are_refused() {
    let world = World::on(Store { hangs: true, ..Store::default() }, Db::in_memory().await).await;
    let router = world.router();
    let ask = |id: &str| {
        let (router, body) = (
            router.clone(),
            json!({"query": {"kind": "HogQLQuery", "query": format!("select count() from events where event = '{id}'")}, "client_query_id": id}),
        );
        tokio::spawn(async move { post(&router, QUERY, body).await })
    };
    let (first, second) = (ask("a"), ask("b"));
    // One runs, one waits: both places are taken once the semaphore says so.
    while world.state.engine.queue.available_permits() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (status, body) = ask("c").await.unwrap();
    assert_eq!((status.as_u16(), &body["type"]), (429, &json!("throttled_error")));
    for (id, asked) in [("a", first), ("b", second)] {
        delete(&router, &format!("{QUERY}/{id}")).await;
        assert_eq!(asked.await.unwrap().0, 400);
    }
}

#[tokio::test]
async fn a_client_that_goes_away_stops_its_query() {
    let world = World::on(Store { hangs: true, ..Store::default() }, Db::in_memory().await).await;
    let router = world.router();
    let asked = tokio::spawn(async move { post(&router, QUERY, count()).await });
    while world.selects() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    asked.abort();
    let _ = asked.await;
    // The turn is free again only when the abandoned query has ended.
    let turn = tokio::time::timeout(Duration::from_secs(30), world.state.engine.turns.acquire()).await;
    assert!(turn.is_ok());
}

#[tokio::test]
async fn tables_are_exported_as_csv() {
    let world = World::new().await;
    let request = http::Request::post(format!("{QUERY}?format=csv")).header("content-type", "application/json");
    let response = web::testing::send(&world.router(), request.body(count().to_string().into()).unwrap()).await;
    assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
    let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
    assert_eq!(&bytes[..], b"n\r\n7\r\n");
}

#[tokio::test]
async fn keys_need_the_scope_of_what_they_ask() {
    let world = World::new().await;
    let router = with_scopes(super::routes(world.state.clone()), world.team.clone(), &["insight:read"]);
    assert_eq!(post(&router, QUERY, count()).await.0, 403);
    assert_eq!(get(&router, INSIGHTS).await.0, 200);
    assert_eq!(post(&router, INSIGHTS, json!({"name": "x"})).await.0, 403);
    assert_eq!(get(&router, "/api/projects/2/insights").await.0, 404);
}

#[tokio::test]
async fn an_insight_is_created_changed_trashed_and_restored() {
    for (database, db) in db::Db::test_databases().await {
        let world = World::on(Store { rows: AtomicU64::new(7), ..Store::default() }, db).await;
        let router = world.router();
        let query = json!({"kind": "DataVisualizationNode", "source": count()["query"]});
        let (status, made) = post(&router, INSIGHTS, json!({"name": "Rows", "query": query, "tags": ["b", "a"], "saved": true})).await;
        assert_eq!(status, 201, "{database} {made}");
        assert_eq!((&made["query"], &made["tags"], &made["filters"]), (&query, &json!(["b", "a"]), &json!({})));
        assert_eq!(made["created_by"]["first_name"], "Ada");
        let (id, short_id) = (made["id"].as_i64().unwrap(), made["short_id"].as_str().unwrap().to_owned());
        assert_eq!(short_id.len(), 8);
        let path = format!("{INSIGHTS}/{id}");
        let (_, changed) = patch(&router, &path, json!({"description": "all", "favorited": true, "name": null})).await;
        assert_eq!((&changed["description"], &changed["favorited"], &changed["name"]), (&json!("all"), &json!(true), &Value::Null));
        let (_, same) = get(&router, &format!("{INSIGHTS}/{short_id}")).await;
        assert_eq!((&same["id"], &same["query"], &same["result"]), (&json!(id), &query, &Value::Null));
        assert_eq!(delete(&router, &path).await.0, 405);
        assert_eq!(patch(&router, &path, json!({"deleted": true})).await.0, 200);
        assert_eq!(get(&router, &path).await.0, 404);
        assert_eq!(patch(&router, &path, json!({"name": "late"})).await.0, 404);
        assert_eq!(patch(&router, &path, json!({"deleted": false})).await.0, 200);
        assert_eq!(get(&router, &path).await.0, 200);
    }
}

#[tokio::test]
async fn an_insight_shows_its_result_as_far_as_it_may_be_computed() {
    let world = World::new().await;
    let router = world.router();
    let (_, made) = post(&router, INSIGHTS, json!({"query": count()["query"]})).await;
    let path = format!("{INSIGHTS}/{}", made["id"]);
    assert_eq!(get(&router, &path).await.1["result"], Value::Null);
    let (_, computed) = get(&router, &format!("{path}?refresh=blocking")).await;
    assert_eq!((&computed["result"], &computed["is_cached"]), (&json!([[7]]), &json!(false)));
    let (_, stored) = get(&router, &path).await;
    assert_eq!((&stored["result"], &stored["is_cached"], world.selects()), (&json!([[7]]), &json!(true), 1));
    let (_, listed) = get(&router, INSIGHTS).await;
    assert_eq!(listed["results"][0]["result"], json!([[7]]));
    let (_, basic) = get(&router, &format!("{INSIGHTS}?basic=true")).await;
    assert_eq!(basic["results"][0]["result"], Value::Null);
}

#[tokio::test]
async fn the_list_is_searched_filtered_and_paged() {
    for (database, db) in db::Db::test_databases().await {
        let world = World::on(Store::default(), db).await;
        let router = world.router();
        let trends = json!({"kind": "InsightVizNode", "source": {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "a"}]}});
        for (name, saved, query) in [("Alpha 100%", true, &trends), ("beta", true, &count()["query"]), ("Gamma", false, &trends)] {
            post(&router, INSIGHTS, json!({"name": name, "saved": saved, "query": query, "tags": [format!("tag-{name}")]})).await;
        }
        let names = |body: &Value| -> Vec<String> {
            body["results"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
        };
        for (filter, expected) in [
            ("", vec!["Gamma", "beta", "Alpha 100%"]),
            ("saved=true", vec!["beta", "Alpha 100%"]),
            ("search=ALPHA", vec!["Alpha 100%"]),
            ("search=0%25", vec!["Alpha 100%"]),
            ("search=_", vec![]),
            ("insight=TRENDS", vec!["Gamma", "Alpha 100%"]),
            ("insight=SQL", vec!["beta"]),
            ("order=name", vec!["Alpha 100%", "beta", "Gamma"]),
            ("order=name;drop", vec!["Alpha 100%", "beta", "Gamma"]),
            ("favorited=true", vec![]),
            ("created_by=1", vec!["Gamma", "beta", "Alpha 100%"]),
            ("created_by=2", vec![]),
            ("date_from=-1d", vec!["Gamma", "beta", "Alpha 100%"]),
            ("date_to=-1d", vec![]),
        ] {
            let (status, body) = get(&router, &format!("{INSIGHTS}?{filter}")).await;
            assert_eq!(status, 200, "{database} {filter} {body}");
            assert_eq!(names(&body), expected, "{database} {filter}");
        }
        let (_, page) = get(&router, &format!("{INSIGHTS}?limit=2&offset=2")).await;
        assert_eq!((&page["count"], names(&page)), (&json!(3), vec!["Alpha 100%".to_owned()]));
        assert!(page["previous"].is_string() && page["next"].is_null());
    }
}

#[tokio::test]
async fn what_was_viewed_last_comes_first() {
    let world = World::new().await;
    let router = world.router();
    let (_, made) = post(&router, INSIGHTS, json!({"name": "seen"})).await;
    assert_eq!(get(&router, &format!("{INSIGHTS}/my_last_viewed")).await.1, json!([]));
    assert_eq!(post(&router, &format!("{INSIGHTS}/{}/viewed", made["id"]), json!({})).await.0, 201);
    let (_, viewed) = get(&router, &format!("{INSIGHTS}/my_last_viewed")).await;
    assert_eq!((&viewed[0]["name"], &viewed[0]["last_viewed_at"]), (&json!("seen"), &json!("2025-03-12T15:00:00.000000Z")));
    assert_eq!(get(&router, &format!("{INSIGHTS}/{}/activity", made["id"])).await.1["results"], json!([]));
}

#[tokio::test]
async fn wrong_insights_are_refused_by_field() {
    let world = World::new().await;
    let router = world.router();
    for (body, field) in [
        (json!({"name": "x".repeat(401)}), "name"),
        (json!({"query": "select 1"}), "query"),
        (json!({"filters": []}), "filters"),
        (json!({"tags": ["x".repeat(300)]}), "tags"),
        (json!({"dashboards": [5]}), "dashboards"),
        (json!({"favorited": "maybe"}), "favorited"),
    ] {
        let (status, answer) = post(&router, INSIGHTS, body).await;
        assert_eq!((status.as_u16(), &answer["attr"]), (400, &json!(field)), "{answer}");
    }
    assert_eq!(get(&router, INSIGHTS).await.1["count"], 0);
}

#[tokio::test]
async fn small_endpoints_answer_as_clients_expect() {
    let world = World::new().await;
    let router = world.router();
    assert_eq!(post(&router, &format!("{QUERY}/check_auth_for_async"), json!({})).await.1, json!({"user": "ok"}));
    let query = json!({"query": {"kind": "TrendsQuery"}});
    assert_eq!(post(&router, &format!("{QUERY}/upgrade"), query.clone()).await.1, query);
    assert_eq!(get(&router, "/api/projects/@current/dashboards").await.1["results"], json!([]));
    assert_eq!(call(&router, http::Method::POST, &format!("{INSIGHTS}/cancel"), Some(json!({"client_query_id": "x"}))).await.0, 201);
}

#[tokio::test]
async fn a_hostile_value_anywhere_in_a_query_is_answered_or_refused() {
    let world = World::on(Store { is_empty: true, ..Store::default() }, Db::in_memory().await).await;
    let router = world.router();
    for query in crate::golden::hostile::queries(0) {
        let (status, body) = post(&router, QUERY, json!({"query": query, "refresh": "force_blocking"})).await;
        assert!(matches!(status.as_u16(), 200 | 400), "{status} for {query}: {body}");
    }
}

const OLD: &str = r#"{"insight": "TRENDS", "events": [{"id": "a", "type": "events", "order": 0, "math": "dau"}], "date_from": "-14d", "interval": "week"}"#;

fn old_filters() -> Value {
    serde_json::from_str(OLD).unwrap()
}

#[tokio::test]
async fn filters_of_old_insights_become_queries() {
    let world = World::on(Store { is_empty: true, ..Store::default() }, Db::in_memory().await).await;
    let router = world.router();
    let source = json!({"kind": "TrendsQuery", "dateRange": {"date_from": "-14d"}, "interval": "week",
                        "series": [{"kind": "EventsNode", "event": "a", "math": "dau"}]});
    let upgraded = post(&router, &format!("{QUERY}/upgrade"), json!({"query": old_filters()})).await.1;
    assert_eq!(upgraded["query"], json!({"kind": "InsightVizNode", "source": source}));
    let (_, made) = post(&router, INSIGHTS, json!({"name": "Old", "filters": old_filters()})).await;
    assert_eq!((&made["query"], &made["filters"]), (&upgraded["query"], &old_filters()));
    let path = format!("{INSIGHTS}/{}", made["id"]);
    let (_, computed) = get(&router, &format!("{path}?refresh=blocking")).await;
    assert_eq!(computed["result"][0]["label"], "a", "{computed}");
    assert_eq!(get(&router, &format!("{INSIGHTS}?insight=TRENDS")).await.1["count"], 1);
    let lifecycle = json!({"insight": "LIFECYCLE", "events": [{"id": "b"}]});
    let (_, changed) = patch(&router, &path, json!({"filters": lifecycle})).await;
    assert_eq!(changed["query"]["source"]["kind"], "LifecycleQuery");
    let (status, refused) = post(&router, INSIGHTS, json!({"filters": {"insight": "NOPE"}})).await;
    assert_eq!((status.as_u16(), &refused["attr"]), (400, &json!("filters")));
    // What an earlier build stored without a query has one all the same.
    let update = "UPDATE insights SET query = NULL";
    world.state.db.execute(update, &[]).await.unwrap();
    assert_eq!(get(&router, &path).await.1["query"], changed["query"]);
}

#[tokio::test]
async fn queries_in_an_earlier_form_are_run_in_the_present_one() {
    let world = World::on(Store { is_empty: true, ..Store::default() }, Db::in_memory().await).await;
    let router = world.router();
    let old = json!({"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "a"}], "trendsFilter": {"compare": true, "show_legend": true}});
    let new = json!({"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "a"}], "trendsFilter": {"showLegend": true},
                     "compareFilter": {"compare": true}});
    let (status, first) = post(&router, QUERY, json!({"query": old})).await;
    assert_eq!((status.as_u16(), &first["results"][1]["compare_label"]), (200, &json!("previous")), "{first}");
    assert_eq!(post(&router, QUERY, json!({"query": new})).await.1["cache_key"], first["cache_key"]);
    assert_eq!(post(&router, QUERY, json!({"query": old_filters()})).await.1["results"][0]["label"], "a");
}

#[tokio::test]
async fn the_lazy_mode_prefers_a_young_answer_to_the_newest() {
    let world = World::new().await;
    let router = world.router();
    let lazy = json!({"query": count()["query"], "refresh": "lazy_async"});
    let (status, body) = post(&router, QUERY, lazy.clone()).await;
    assert_eq!((status.as_u16(), &body["query_status"]["complete"]), (202, &json!(false)));
    let id = body["query_status"]["id"].as_str().unwrap().to_owned();
    assert_eq!(finished(&router, &id).await.0, 200);
    world.store.rows.store(8, Ordering::SeqCst);
    let (status, body) = post(&router, QUERY, lazy).await;
    assert_eq!((status.as_u16(), &body["results"], &body["is_cached"]), (200, &json!([[7]]), &json!(true)));
    let (status, body) = post(&router, QUERY, json!({"query": count()["query"], "refresh": "async"})).await;
    assert_eq!((status.as_u16(), &body["results"], &body["query_status"]["complete"]), (202, &json!([[7]]), &json!(false)));
    assert_eq!(finished(&router, body["query_status"]["id"].as_str().unwrap()).await.1["query_status"]["results"]["results"], json!([[8]]));
    let (_, body) = post(&router, QUERY, json!({"query": count()["query"], "refresh": "force_cache"})).await;
    assert_eq!((&body["results"], &body["is_cached"]), (&json!([[8]]), &json!(true)));
}

#[tokio::test]
async fn a_mode_that_computes_misses_at_once_waits_only_when_nothing_is_stored() {
    let world = World::new().await;
    let router = world.router();
    let ask = || post(&router, QUERY, json!({"query": count()["query"], "refresh": "async_except_on_cache_miss"}));
    let (status, body) = ask().await;
    assert_eq!((status.as_u16(), &body["results"]), (200, &json!([[7]])));
    world.store.rows.store(8, Ordering::SeqCst);
    let (status, body) = ask().await;
    assert_eq!((status.as_u16(), &body["results"]), (202, &json!([[7]])));
    assert_eq!(finished(&router, body["query_status"]["id"].as_str().unwrap()).await.0, 200);
    let (status, body) = post(&router, QUERY, json!({"query": count()["query"], "refresh": "force_async"})).await;
    assert_eq!((status.as_u16(), &body["query_status"]["results"]), (202, &Value::Null));
}

#[tokio::test]
async fn a_background_run_tells_how_far_it_is() {
    let world = World::on(Store { rows: AtomicU64::new(7), hangs: true, ..Store::default() }, Db::in_memory().await).await;
    let router = world.router();
    let (_, made) = post(&router, INSIGHTS, json!({"query": count()["query"]})).await;
    let path = format!("{INSIGHTS}/{}?refresh=force_async&client_query_id=q9&from_dashboard=4", made["id"]);
    let (_, shown) = get(&router, &path).await;
    let status = &shown["query_status"];
    assert_eq!((&status["insight_id"], &status["dashboard_id"], &status["team_id"]), (&made["id"], &json!(4), &json!(1)), "{shown}");
    while world.selects() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (code, body) = get(&router, &format!("{QUERY}/q9?show_progress=true")).await;
    let status = &body["query_status"];
    assert_eq!((code.as_u16(), &status["pickup_time"]), (202, &json!("2025-03-12T15:00:00.000000Z")), "{body}");
    assert_eq!(status["query_progress"]["estimated_rows_total"], 7);
    // Somebody else who asks for the same gets the run that there is.
    let again = json!({"query": count()["query"], "refresh": "force_async", "client_query_id": "q9"});
    assert_eq!(post(&router, QUERY, again).await.1["query_status"]["start_time"], status["start_time"]);
    assert_eq!(world.selects(), 1);
    assert_eq!(delete(&router, &format!("{QUERY}/q9?dequeue_only=true")).await.0, 200);
    let (code, body) = finished(&router, "q9").await;
    assert_eq!((code.as_u16(), &body["query_status"]["error_message"]), (400, &json!("The query was cancelled.")), "{body}");
}

#[tokio::test]
async fn background_runs_leave_room_for_those_who_wait() {
    let limits = Limits { concurrent: 2, waiting: 4, ..Limits::default() };
    let world = World::limited(Store { hangs: true, ..Store::default() }, limits).await;
    let router = world.router();
    let ask = |id: &str, refresh: &str| {
        let query = json!({"kind": "HogQLQuery", "query": format!("select count() from events where event = '{id}'")});
        let (router, body) = (router.clone(), json!({"query": query, "client_query_id": id, "refresh": refresh}));
        tokio::spawn(async move { post(&router, QUERY, body).await })
    };
    for id in ["a", "b"] {
        assert_eq!(ask(id, "force_async").await.unwrap().0, 202);
    }
    assert_eq!(ask("c", "force_async").await.unwrap().0, 429);
    let waiting = ask("d", "force_blocking");
    while world.selects() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // One run in the background and the one that somebody waits for.
    assert_eq!(world.state.engine.turns.available_permits(), 0);
    delete(&router, &format!("{QUERY}/d")).await;
    assert_eq!(waiting.await.unwrap().0, 400);
    for id in ["a", "b"] {
        delete(&router, &format!("{QUERY}/{id}")).await;
        assert_eq!(finished(&router, id).await.0, 400);
    }
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_a_504() {
    let limits = Limits { interactive_deadline: Duration::from_millis(20), ..Limits::default() };
    let world = World::limited(Store { hangs: true, ..Store::default() }, limits).await;
    let (status, body) = post(&world.router(), QUERY, count()).await;
    assert_eq!((status.as_u16(), &body["code"]), (504, &json!("timeout")), "{body}");
    assert!(body["detail"].as_str().unwrap().contains("narrow the date range"), "{body}");
}

#[tokio::test]
async fn a_query_that_gets_no_turn_in_time_is_a_503() {
    let limits = Limits { concurrent: 1, waiting: 4, patience: Duration::from_millis(20), ..Limits::default() };
    let world = World::limited(Store { hangs: true, ..Store::default() }, limits).await;
    let router = world.router();
    let first = tokio::spawn({
        let router = router.clone();
        async move { post(&router, QUERY, json!({"query": count()["query"], "client_query_id": "long"})).await }
    });
    while world.selects() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let other = json!({"query": {"kind": "HogQLQuery", "query": "select count() from persons"}});
    let (status, body) = post(&router, QUERY, other).await;
    assert_eq!((status.as_u16(), &body["code"]), (503, &json!("service_unavailable")), "{body}");
    delete(&router, &format!("{QUERY}/long")).await;
    assert_eq!(first.await.unwrap().0, 400);
}
