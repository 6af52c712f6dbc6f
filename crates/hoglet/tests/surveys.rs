//! What people answered to surveys, through the router: events in the embedded event store, surveys in every database.

use async_trait::async_trait;
use axum::Router;
use db::Db;
use events::{EventBatch, EventRow, EventStore, NoDimensions};
use events_embedded::{Engine, EngineConfig};
use model::{Clock, PersonMode, Properties, TeamId, Timestamp, person_uuid};
use serde_json::{Value, json};
use std::sync::Arc;
use surveys::SurveysState;
use teams::{Team, Teams};
use uuid::Uuid;
use web::testing::{get, patch, post, signed_in};
use web::{ApiError, ApiResult, Authenticator, Caller, Credentials, Lookup, ProjectRef};

const TEAM: TeamId = TeamId(1);
const SURVEYS: &str = "/api/projects/1/surveys";
/// When the survey starts; answers come later.
const START: &str = "2026-01-01T00:00:00Z";

struct NoKeys;

#[async_trait]
impl Lookup for NoKeys {
    async fn caller(&self, _: Credentials) -> ApiResult<Caller> {
        Err(ApiError::unauthenticated())
    }

    async fn project(&self, _: &Caller, _: ProjectRef) -> ApiResult<(Arc<Team>, u8)> {
        Err(ApiError::not_found())
    }
}

struct World {
    name: &'static str,
    router: Router,
    state: SurveysState,
    store: Arc<Engine>,
    survey: Value,
    sent: std::sync::atomic::AtomicU64,
    _folder: tempfile::TempDir,
}

impl World {
    async fn on_every_database(survey: Value) -> Vec<World> {
        let mut worlds = Vec::new();
        for (name, db) in Db::test_databases().await {
            worlds.push(World::on(name, db, survey.clone()).await);
        }
        worlds
    }

    async fn new(survey: Value) -> World {
        World::on("sqlite", Db::in_memory().await, survey).await
    }

    async fn on(name: &'static str, db: Db, survey: Value) -> World {
        db.migrate(&[("surveys", surveys::MIGRATIONS)]).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::parse_rfc3339("2026-02-01T00:00:00Z").unwrap();
        let clock = Clock::Fixed(now);
        let config = EngineConfig { background: false, ..EngineConfig::new(folder.path().to_owned(), clock, Arc::new(NoDimensions)) };
        let store = Engine::open(config).unwrap();
        let teams = Teams::new(db.clone());
        let team = teams.create_for_tests("phc_test").await;
        let mut flags = flags::testing::flags(db, teams, Authenticator::new(Arc::new(NoKeys))).await;
        flags.clock = clock;
        let state = SurveysState::new(flags, store.clone());
        let router = signed_in(surveys::routes(state.clone()), team);
        let mut body = json!({"name": "Survey", "type": "popover", "start_date": START});
        body.as_object_mut().unwrap().extend(survey.as_object().unwrap().clone());
        let (status, survey) = post(&router, SURVEYS, body).await;
        assert_eq!(status, 201, "{survey}");
        World { name, router, state, store, survey, sent: Default::default(), _folder: folder }
    }

    fn path(&self, rest: &str) -> String {
        format!("{SURVEYS}/{}{rest}", self.survey["id"].as_str().unwrap())
    }

    /// Each event a minute after the one before.
    async fn happened(&self, who: &str, event: &str, properties: Value) {
        let number = self.sent.fetch_add(1, std::sync::atomic::Ordering::Relaxed) as i64;
        let mut all = json!({"$survey_id": self.survey["id"]});
        all.as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
        let timestamp = Timestamp::parse_rfc3339(START).unwrap().plus_seconds(60 * (number + 1));
        let row = EventRow {
            team: TEAM,
            uuid: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number as u128),
            event: event.into(),
            timestamp,
            created_at: timestamp,
            distinct_id: who.into(),
            person_id: person_uuid(TEAM, who),
            person_created_at: timestamp,
            person_mode: PersonMode::Full,
            properties: Properties::from_json_text(&all.to_string()).unwrap(),
            person_properties: Arc::new(Properties::new()),
            elements_chain: "".into(),
            historical_migration: false,
        };
        self.store.append(EventBatch { rows: vec![row], ..EventBatch::default() }).await.unwrap();
    }

    async fn answered(&self, who: &str, properties: Value) {
        self.happened(who, "survey sent", properties).await;
    }

    async fn get(&self, rest: &str) -> Value {
        let (status, body) = get(&self.router, &self.path(rest)).await;
        assert_eq!(status, 200, "{} {rest}: {body}", self.name);
        body
    }
}

fn questions() -> Value {
    json!({"questions": [
        {"id": "nps", "type": "rating", "question": "How likely?", "display": "number", "scale": 10},
        {"id": "pick", "type": "single_choice", "question": "Which?", "choices": ["Red", "Blue", "Other"], "hasOpenChoice": true},
        {"id": "all", "type": "multiple_choice", "question": "Which ones?", "choices": ["A", "B"]},
        {"id": "why", "type": "open", "question": "Why?"},
        {"id": "go", "type": "link", "question": "Have a look", "link": "https://example.com"},
    ]})
}

#[tokio::test(flavor = "multi_thread")]
async fn summary_counts_answers_by_question() {
    for world in World::on_every_database(questions()).await {
        let id = |name: &str| format!("$survey_response_{name}");
        world
            .answered("ann", json!({id("nps"): 10, id("pick"): "Red", id("all"): ["A", "B"], id("why"): "Fast", id("go"): "link clicked"}))
            .await;
        world.answered("bob", json!({id("nps"): 3, id("pick"): "Green", id("all"): ["A"], id("why"): "", id("go"): null})).await;
        world.answered("cat", json!({id("nps"): 0, id("pick"): "Red", id("why"): "Simple"})).await;
        let summary = world.get("/summary").await;
        assert_eq!(summary["responses"], 3, "{}: {summary}", world.name);
        let [nps, pick, all, why, go] = summary["questions"].as_array().unwrap().as_slice() else { panic!("{summary}") };
        assert_eq!(nps["nps"], json!({"promoters": 1, "passives": 0, "detractors": 2, "score": -33.33}));
        assert_eq!(
            (&nps["average"], &nps["counts"][3], nps["counts"].as_array().unwrap().len()),
            (&json!(4.33), &json!({"value": 3, "count": 1}), 11)
        );
        assert_eq!(
            pick["counts"],
            json!([{"value": "Red", "count": 2}, {"value": "Blue", "count": 0}, {"value": "Other", "count": 1, "is_open": true}])
        );
        assert_eq!(pick["others"], json!([{"value": "Green", "count": 1}]));
        assert_eq!((&all["answered"], &all["counts"]), (&json!(2), &json!([{"value": "A", "count": 2}, {"value": "B", "count": 1}])));
        assert_eq!(
            (&why["answered"], &why["answers"][0]["value"], &why["answers"][1]["distinct_id"]),
            (&json!(2), &json!("Simple"), &json!("ann"))
        );
        assert_eq!(go["answered"], 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_event_of_a_submission_counts() {
    let mut body = questions();
    body["enable_partial_responses"] = json!(true);
    let world = World::new(body).await;
    let part = |submission: &str, done: bool, score: i64| json!({"$survey_submission_id": submission, "$survey_completed": done, "$survey_response_nps": score});
    world.answered("ann", part("s1", false, 5)).await;
    world.answered("ann", part("s1", true, 9)).await;
    world.answered("bob", part("s2", false, 7)).await;
    world.answered("old", json!({"$survey_response_nps": 10})).await;
    let list = world.get("/responses").await;
    let scores: Vec<&Value> = list["results"].as_array().unwrap().iter().map(|response| &response["answers"]["nps"]).collect();
    assert_eq!((&list["count"], scores), (&json!(3), vec![&json!(10), &json!(7), &json!(9)]));
    assert_eq!(list["results"][1]["completed"], false);
    patch(&world.router, &world.path(""), json!({"enable_partial_responses": false})).await;
    let list = world.get("/responses").await;
    let who: Vec<&Value> = list["results"].as_array().unwrap().iter().map(|response| &response["distinct_id"]).collect();
    assert_eq!((&list["count"], who), (&json!(2), vec![&json!("old"), &json!("ann")]));
    assert_eq!(world.get("/summary").await["questions"][0]["answered"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_old_sdks_are_found_by_the_questions_number() {
    let world = World::new(questions()).await;
    world.answered("old", json!({"$survey_response": "8", "$survey_response_3": "because"})).await;
    // A new SDK writes both forms; the number is of the order in which the questions stood then.
    world.answered("new", json!({"$survey_response_why": "new", "$survey_response": "new"})).await;
    let list = world.get("/responses").await;
    let answers = |index: usize| &list["results"][index]["answers"];
    assert_eq!((&answers(0)["why"], &answers(0)["nps"]), (&json!("new"), &Value::Null));
    assert_eq!((&answers(1)["why"], &answers(1)["nps"]), (&json!("because"), &json!(8)));
}

#[tokio::test(flavor = "multi_thread")]
async fn stats_tell_persons_from_events_and_what_came_of_being_shown() {
    for world in World::on_every_database(questions()).await {
        for who in ["ann", "ann", "bob", "cat", "dan"] {
            world.happened(who, "survey shown", json!({})).await;
        }
        world.happened("bob", "survey dismissed", json!({})).await;
        world.happened("cat", "survey dismissed", json!({})).await;
        world.answered("cat", json!({"$survey_response_nps": 1})).await;
        world.answered("ann", json!({"$survey_response_nps": 1})).await;
        world.happened("eve", "survey sent", json!({"$survey_id": Uuid::nil()})).await;
        let found = world.get("/stats").await;
        let shown = &found["stats"]["survey shown"];
        assert_eq!((&shown["total_count"], &shown["unique_persons"]), (&json!(5), &json!(4)), "{}: {found}", world.name);
        assert_eq!((&shown["total_count_only_seen"], &shown["unique_persons_only_seen"]), (&json!(1), &json!(1)));
        assert_eq!(
            (&shown["first_seen"], &shown["last_seen"]),
            (&json!("2026-01-01T00:01:00.000000Z"), &json!("2026-01-01T00:05:00.000000Z"))
        );
        let dismissed = &found["stats"]["survey dismissed"];
        assert_eq!((&dismissed["total_count"], &dismissed["unique_persons"]), (&json!(2), &json!(1)));
        assert_eq!(found["stats"]["survey sent"]["unique_persons"], 2);
        assert_eq!(
            found["rates"],
            json!({"response_rate": 40.0, "dismissal_rate": 40.0, "unique_users_response_rate": 50.0, "unique_users_dismissal_rate": 25.0})
        );
        let later = world.get("/stats?date_from=2026-01-02").await;
        assert_eq!(
            (&later["stats"]["survey shown"]["total_count"], &later["stats"]["survey shown"]["first_seen"]),
            (&json!(0), &Value::Null)
        );
        assert_eq!(later["rates"]["response_rate"], 0.0);
        let (_, all) = get(&world.router, &format!("{SURVEYS}/stats?date_from=-60d")).await;
        assert_eq!(all["stats"]["survey sent"]["total_count"], 3);
        let (_, counts) = get(&world.router, &format!("{SURVEYS}/responses_count")).await;
        assert_eq!(counts, json!({world.survey["id"].as_str().unwrap(): 2}));
        assert_eq!(get(&world.router, &world.path("/stats?date_from=yesterday")).await.0, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_ends_when_it_has_its_responses() {
    for world in World::on_every_database(json!({"questions": questions()["questions"], "responses_limit": 2})).await {
        for (who, ended) in [("ann", false), ("bob", true)] {
            world.answered(who, json!({"$survey_response_nps": 9})).await;
            surveys::jobs::tick(&world.state).await.unwrap();
            let survey = world.get("").await;
            assert_eq!(survey["end_date"].is_string(), ended, "{} after {who}", world.name);
            assert_eq!(survey["internal_targeting_flag"]["active"], !ended);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_answers_are_text_and_nothing_else() {
    let world = World::new(questions()).await;
    let evil = "=HYPERLINK(\"http://evil\")<script>alert(1)</script>";
    world
        .answered(
            "=cmd|' /C calc'!A0",
            json!({"$survey_response_why": evil, "$survey_response_nps": "'; drop table survey; --", "$survey_response_all": "[{\"a\":"}),
        )
        .await;
    world
        .answered(
            "odd",
            json!({"$survey_response_why": {"nested": [1, 2]}, "$survey_response_all": [["deep"], 3], "$survey_response_nps": 1e300}),
        )
        .await;
    let list = world.get("/responses").await;
    assert_eq!(list["results"][1]["answers"]["why"], evil);
    assert_eq!(list["results"][1]["answers"]["all"], json!(["[{\"a\":"]));
    let summary = world.get("/summary").await;
    assert_eq!((&summary["questions"][0]["answered"], &summary["questions"][3]["answered"]), (&json!(0), &json!(2)));
    let request = http::Request::get(world.path("/responses.csv")).body(Default::default()).unwrap();
    let response = web::testing::send(&world.router, request).await;
    assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(text.starts_with("timestamp,distinct_id,person_id,completed,iteration,language,url,How likely?,Which?"), "{text}");
    assert!(text.contains(",'=cmd|' /C calc'!A0,") && text.contains(",\"'=HYPERLINK(\"\"http://evil\"\")"), "{text}");
}
