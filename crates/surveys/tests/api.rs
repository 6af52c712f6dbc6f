//! Surveys through the router, on every database: making and changing them, their flags, what SDKs and respondents get.

use async_trait::async_trait;
use axum::Router;
use db::Db;
use events::{Behave, Behaved, Erase, EventBatch, EventStore, QueryError, Select, Selected, StoreError, StoreStats};
use flags::{Flag, Flags};
use http::{Request, header};
use model::{Clock, TeamId};
use serde_json::{Value, json};
use std::sync::Arc;
use surveys::SurveysState;
use teams::{Team, Teams};
use web::testing::{delete, get, patch, post, signed_in, with_scopes};
use web::{ApiError, ApiResult, Authenticator, Caller, Credentials, Lookup, ProjectRef};

const SURVEYS: &str = "/api/projects/1/surveys";

/// An event store without events.
struct Empty;

#[async_trait]
impl EventStore for Empty {
    async fn append(&self, _: EventBatch) -> Result<(), StoreError> {
        Ok(())
    }

    async fn position(&self) -> anyhow::Result<Option<u64>> {
        Ok(None)
    }

    async fn select(&self, _: Select) -> Result<Selected, QueryError> {
        Ok(Selected { columns: Vec::new(), batches: Vec::new(), rows_read: 0, bytes_read: 0 })
    }

    async fn behave(&self, _: Behave) -> Result<Behaved, QueryError> {
        Err(QueryError::Invalid("this store only selects".to_owned()))
    }

    async fn erase(&self, _: Erase) -> anyhow::Result<()> {
        Ok(())
    }

    fn stats(&self) -> StoreStats {
        StoreStats::default()
    }

    async fn flush(&self) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Nobody has a server key here.
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

struct App {
    name: &'static str,
    state: SurveysState,
    team: Arc<Team>,
    router: Router,
}

impl App {
    async fn on_every_database() -> Vec<App> {
        let mut apps = Vec::new();
        for (name, db) in Db::test_databases().await {
            apps.push(App::on(name, db).await);
        }
        apps
    }

    async fn new() -> App {
        App::on("sqlite", Db::in_memory().await).await
    }

    async fn on(name: &'static str, db: Db) -> App {
        db.migrate(&[("surveys", surveys::MIGRATIONS)]).await.unwrap();
        let teams = Teams::new(db.clone());
        let team = teams.create_for_tests("phc_test").await;
        let flags = flags::testing::flags(db, teams, Authenticator::new(Arc::new(NoKeys))).await;
        let state = SurveysState::new(flags, Arc::new(Empty));
        App::with(name, state, team)
    }

    fn with(name: &'static str, state: SurveysState, team: Arc<Team>) -> App {
        let router = signed_in(surveys::routes(state.clone()), team.clone()).merge(surveys::public(state.clone()));
        App { name, state, team, router }
    }

    /// The same, `days` later.
    fn later(&self, days: i64) -> App {
        let Clock::Fixed(now) = self.state.clock else { panic!("the clock of tests stands still") };
        let mut state = self.state.clone();
        state.clock = Clock::Fixed(now.plus_seconds(days * 86_400));
        state.flags.clock = state.clock;
        App::with(self.name, state, self.team.clone())
    }

    fn flags(&self) -> &Flags {
        &self.state.flags
    }

    async fn flag(&self, shown: &Value) -> Flag {
        flags::store::by_id(&self.state.db, TeamId(1), shown["id"].as_i64().unwrap()).await.unwrap().unwrap()
    }

    async fn make(&self, body: Value) -> Value {
        let (status, survey) = post(&self.router, SURVEYS, body).await;
        assert_eq!(status, 201, "{}: {survey}", self.name);
        survey
    }

    async fn change(&self, survey: &Value, body: Value) -> Value {
        let (status, changed) = patch(&self.router, &path(survey), body).await;
        assert_eq!(status, 200, "{}: {changed}", self.name);
        changed
    }

    async fn listed(&self) -> Vec<Value> {
        let (status, list) = get(&self.router, "/api/surveys?token=phc_test").await;
        assert_eq!(status, 200);
        list["surveys"].as_array().unwrap().clone()
    }
}

fn path(survey: &Value) -> String {
    format!("{SURVEYS}/{}", survey["id"].as_str().unwrap())
}

fn nps() -> Value {
    json!({"name": "NPS", "type": "popover", "questions": [
        {"type": "rating", "question": "How likely are you to recommend us?", "display": "number", "scale": 10},
        {"type": "open", "question": "Why?"},
    ]})
}

fn launch() -> Value {
    json!({"start_date": "2026-01-01T00:00:00Z"})
}

#[tokio::test]
async fn survey_is_made_changed_and_deleted() {
    for app in App::on_every_database().await {
        let made = app.make(nps()).await;
        assert_eq!((&made["name"], &made["type"], &made["schedule"]), (&json!("NPS"), &json!("popover"), &json!("once")));
        assert_eq!(
            (&made["start_date"], &made["archived"], &made["created_at"]),
            (&Value::Null, &json!(false), &json!("2026-01-01T00:00:00.000000Z"))
        );
        assert!(made["questions"][0]["id"].as_str().is_some_and(|id| id.len() == 36));
        let changed =
            app.change(&made, json!({"description": "for our users", "responses_limit": 100, "appearance": {"maxWidth": "300px"}})).await;
        assert_eq!((&changed["description"], &changed["responses_limit"]), (&json!("for our users"), &json!(100)));
        assert_eq!(get(&app.router, &path(&made)).await.1, changed);
        let cleared =
            app.change(&made, json!({"responses_limit": null, "appearance": null, "iteration_count": null, "linked_flag_id": null})).await;
        assert_eq!(
            (&cleared["responses_limit"], &cleared["appearance"], &cleared["description"]),
            (&Value::Null, &Value::Null, &json!("for our users"))
        );
        let (_, list) = get(&app.router, &format!("{SURVEYS}?search=np")).await;
        assert_eq!((&list["count"], &list["results"][0]["id"]), (&json!(1), &made["id"]));
        assert_eq!(get(&app.router, &format!("{SURVEYS}?search=nothing")).await.1["count"], 0);
        assert_eq!(delete(&app.router, &path(&made)).await.0, 204);
        assert_eq!(get(&app.router, &path(&made)).await.0, 404);
        let (_, log) = get(&app.router, &format!("{}/activity", path(&made))).await;
        let activities: Vec<&str> = log["results"].as_array().unwrap().iter().filter_map(|entry| entry["activity"].as_str()).collect();
        assert_eq!(activities, ["deleted", "updated", "updated", "created"], "{}", app.name);
    }
}

#[tokio::test]
async fn fields_that_a_client_writes_come_back_as_they_were() {
    let app = App::new().await;
    let written = json!({
        "name": "All", "type": "widget", "description": "d", "schedule": "recurring",
        "questions": [{"id": "q1", "type": "single_choice", "question": "Which?", "choices": ["b", "a"], "hasOpenChoice": true, "custom": {"kept": 1}}],
        "conditions": {"url": "/pricing", "urlMatchType": "icontains", "events": {"values": [{"name": "bought"}], "repeatedActivation": true}},
        "appearance": {"backgroundColor": "#fff", "zIndex": "3", "whiteLabel": true},
        "iteration_count": 3, "iteration_frequency_days": 30, "response_sampling_interval": 1, "response_sampling_interval_type": "week",
        "response_sampling_limit": 10, "enable_partial_responses": true, "enable_iframe_embedding": true,
        "translations": {"de": {"name": "Alle"}}, "form_content": {"blocks": []},
    });
    let made = app.make(written.clone()).await;
    for (name, value) in written.as_object().unwrap() {
        assert_eq!(&made[name], value, "{name}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_said_and_nothing_is_stored() {
    let app = App::new().await;
    let questions = nps()["questions"].clone();
    for (body, attr) in [
        (json!({"type": "popover"}), "name"),
        (json!({"name": " ", "type": "popover"}), "name"),
        (json!({"name": "x"}), "type"),
        (json!({"name": "x", "type": "letter"}), "type"),
        (json!({"name": "x", "type": "api", "schedule": "never"}), "schedule"),
        (json!({"name": "x", "type": "api", "questions": []}), "questions"),
        (json!({"name": "x", "type": "api", "questions": "q"}), "questions"),
        (json!({"name": "x", "type": "api", "start_date": "2026-01-01"}), "questions"),
        (json!({"name": "x", "type": "api", "conditions": {"urlMatchType": "like"}}), "conditions"),
        (json!({"name": "x", "type": "api", "conditions": {"events": {"values": [{}]}}}), "conditions"),
        (json!({"name": "x", "type": "api", "conditions": {"linkedFlagVariant": "test"}}), "conditions"),
        (json!({"name": "x", "type": "api", "appearance": "red"}), "appearance"),
        (json!({"name": "x", "type": "api", "appearance": {"a": "x".repeat(70_000)}}), "appearance"),
        (json!({"name": "x", "type": "api", "responses_limit": 0}), "responses_limit"),
        (json!({"name": "x", "type": "api", "iteration_count": 501}), "iteration_count"),
        (json!({"name": "x", "type": "api", "linked_flag_id": 99}), "linked_flag_id"),
        (json!({"name": "x", "type": "api", "targeting_flag_id": 99}), "targeting_flag_id"),
        (json!({"name": "x", "type": "api", "targeting_flag_filters": {"groups": "all"}}), "targeting_flag_filters"),
        (json!({"name": "x", "type": "api", "start_date": "soon"}), "start_date"),
        (json!({"name": "x", "type": "api", "end_date": "2026-01-01"}), "end_date"),
        (json!({"name": "x", "type": "api", "questions": questions, "start_date": "2026-01-02", "end_date": "2026-01-01"}), "end_date"),
        (json!({"name": "x".repeat(401), "type": "api"}), "name"),
    ] {
        let (status, error) = post(&app.router, SURVEYS, body.clone()).await;
        assert_eq!((status.as_u16(), &error["attr"], &error["type"]), (400, &json!(attr), &json!("validation_error")), "{body}: {error}");
        assert!(error["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{error}");
    }
    assert_eq!(get(&app.router, SURVEYS).await.1["count"], 0);
    app.make(nps()).await;
    let (status, error) = post(&app.router, SURVEYS, nps()).await;
    assert_eq!((status.as_u16(), &error["code"], &error["attr"]), (400, &json!("unique"), &json!("name")));
    let huge = json!({"name": "x", "type": "api", "questions": vec![json!({"type": "open", "question": "x".repeat(9_000)}); 40]});
    assert_eq!(post(&app.router, SURVEYS, huge).await.0, 400);
}

#[tokio::test]
async fn keys_need_the_scope_and_other_projects_are_absent() {
    let app = App::new().await;
    let survey = app.make(nps()).await;
    let reader = with_scopes(surveys::routes(app.state.clone()), app.team.clone(), &["survey:read"]);
    assert_eq!(get(&reader, &path(&survey)).await.0, 200);
    assert_eq!(patch(&reader, &path(&survey), json!({"name": "x"})).await.0, 403);
    assert_eq!(delete(&reader, &path(&survey)).await.0, 403);
    assert_eq!(get(&reader, "/api/projects/2/surveys").await.0, 404);
    assert_eq!(get(&reader, &format!("{SURVEYS}/not-an-id")).await.0, 404);
    let other = with_scopes(surveys::routes(app.state.clone()), app.team.clone(), &["insight:read"]);
    assert_eq!(get(&other, SURVEYS).await.0, 403);
}

#[tokio::test]
async fn flags_follow_the_survey() {
    for app in App::on_every_database().await {
        let mut body = nps();
        body["targeting_flag_filters"] = json!({"groups": [{"properties": [{"key": "plan", "value": "pro", "operator": "exact", "type": "person"}], "rollout_percentage": 100}]});
        let survey = app.make(body).await;
        let id = survey["id"].as_str().unwrap();
        let (audience, internal) = (&survey["targeting_flag"], &survey["internal_targeting_flag"]);
        for flag in [audience, internal] {
            assert!(flag["key"].as_str().unwrap().starts_with("survey-targeting-"));
            assert_eq!(flag["active"], false);
            assert!(app.flag(flag).await.is_internal);
        }
        let keys: Vec<Value> =
            internal["filters"]["groups"][0]["properties"].as_array().unwrap().iter().map(|property| property["key"].clone()).collect();
        assert_eq!(keys, [json!(format!("$survey_dismissed/{id}")), json!(format!("$survey_responded/{id}"))]);
        let running = app.change(&survey, launch()).await;
        assert_eq!((&running["targeting_flag"]["active"], &running["internal_targeting_flag"]["active"]), (&json!(true), &json!(true)));
        let team = app.state.teams.by_id(TeamId(1)).await.unwrap().unwrap();
        assert_eq!(team.settings["surveys_opt_in"], true);
        let stopped = app.change(&survey, json!({"end_date": "2026-02-01T00:00:00Z"})).await;
        assert_eq!((&stopped["targeting_flag"]["active"], &stopped["internal_targeting_flag"]["active"]), (&json!(false), &json!(false)));
        let resumed = app.change(&survey, json!({"end_date": null})).await;
        assert_eq!(resumed["internal_targeting_flag"]["active"], true);
        let archived = app.change(&survey, json!({"archived": true})).await;
        assert_eq!(archived["internal_targeting_flag"]["active"], false);
        let open = app.change(&survey, json!({"remove_targeting_flag": true})).await;
        assert_eq!(open["targeting_flag"], Value::Null);
        assert!(app.flag(audience).await.deleted);
        delete(&app.router, &path(&survey)).await;
        assert!(app.flag(internal).await.deleted, "{}", app.name);
    }
}

#[tokio::test]
async fn a_flag_that_the_team_named_is_never_changed() {
    let app = App::new().await;
    let new = flags::NewFlag { key: "beta".to_owned(), ..flags::NewFlag::default() };
    let flag = app.flags().create(TeamId(1), None, new).await.unwrap();
    let mut body = nps();
    (body["linked_flag_id"], body["targeting_flag_id"]) = (json!(flag.id), json!(flag.id));
    let survey = app.make(body).await;
    assert_eq!((&survey["linked_flag"]["key"], &survey["targeting_flag"]["key"]), (&json!("beta"), &json!("beta")));
    let listed = &app.listed().await[0];
    assert_eq!((&listed["linked_flag_key"], &listed["feature_flag_keys"][0]["value"]), (&json!("beta"), &json!("beta")));
    delete(&app.router, &path(&survey)).await;
    let after = flags::store::by_id(&app.state.db, TeamId(1), flag.id).await.unwrap().unwrap();
    assert_eq!((after.active, after.deleted, after.version), (true, false, flag.version));
}

#[tokio::test]
async fn a_linked_variant_must_exist() {
    let app = App::new().await;
    let filters =
        json!({"groups": [{"rollout_percentage": 100}], "multivariate": {"variants": [{"key": "test", "rollout_percentage": 100}]}});
    let new = flags::NewFlag { key: "exp".to_owned(), filters, ..flags::NewFlag::default() };
    let flag = app.flags().create(TeamId(1), None, new).await.unwrap();
    let with = |variant: &str| json!({"name": variant, "type": "popover", "linked_flag_id": flag.id, "conditions": {"linkedFlagVariant": variant}});
    assert_eq!(post(&app.router, SURVEYS, with("other")).await.0, 400);
    app.make(with("test")).await;
    app.make(with("any")).await;
}

#[tokio::test]
async fn sdks_get_what_is_not_archived_in_their_own_shape() {
    for app in App::on_every_database().await {
        let survey = app.make(nps()).await;
        let archived = app.make(json!({"name": "Old", "type": "api"})).await;
        app.change(&archived, json!({"archived": true})).await;
        app.change(&survey, launch()).await;
        let listed = app.listed().await;
        assert_eq!(listed.len(), 1, "{}", app.name);
        let shown = listed[0].as_object().unwrap();
        assert_eq!(
            (&shown["id"], &shown["start_date"], &shown["end_date"]),
            (&survey["id"], &json!("2026-01-01T00:00:00.000000Z"), &Value::Null)
        );
        assert_eq!(shown["internal_targeting_flag_key"], survey["internal_targeting_flag"]["key"]);
        assert_eq!(shown["questions"], survey["questions"]);
        assert!(!shown.contains_key("description") && !shown.contains_key("created_by"));
        assert_eq!((&shown["appearance"], &survey["appearance"]), (&json!({"whiteLabel": true}), &Value::Null));
        assert!(surveys::has_running(&app.state.db, TeamId(1)).await.unwrap());
        app.change(&survey, json!({"end_date": "2026-01-02"})).await;
        assert_eq!(app.listed().await[0]["end_date"], "2026-01-02T00:00:00.000000Z");
        assert!(!surveys::has_running(&app.state.db, TeamId(1)).await.unwrap());
    }
    let app = App::new().await;
    let (status, error) = get(&app.router, "/api/surveys").await;
    assert_eq!((status.as_u16(), &error["type"], &error["code"]), (401, &json!("authentication_error"), &json!("missing_api_key")));
    assert_eq!(get(&app.router, "/api/surveys?token=phc_nobody").await.1["code"], "invalid_api_key");
}

#[tokio::test]
async fn the_list_for_sdks_is_bounded_and_begins_with_what_runs() {
    let app = App::new().await;
    let running = app.make(nps()).await;
    app.change(&running, launch()).await;
    let long = vec![json!({"type": "open", "question": "x".repeat(9_000)}); 25];
    for number in 0..12 {
        app.make(json!({"name": format!("Long {number}"), "type": "popover", "questions": long})).await;
    }
    let listed = app.listed().await;
    assert_eq!(listed[0]["id"], running["id"]);
    assert!((5..12).contains(&listed.len()), "{} surveys", listed.len());
}

#[tokio::test]
async fn sdks_learn_what_the_actions_that_show_a_survey_match() {
    for app in App::on_every_database().await {
        app.state.db.migrate(&[("actions", actions::MIGRATIONS)]).await.unwrap();
        let mut transaction = app.state.db.begin().await.unwrap();
        let action = actions::Action {
            id: 0,
            team: TeamId(1),
            name: "Bought".to_owned(),
            description: String::new(),
            tags: Vec::new(),
            steps: json!([{"event": "$autocapture", "selector": "#buy", "url": "/shop", "hidden": 1}]),
            post_to_slack: false,
            slack_message_format: String::new(),
            pinned_at: None,
            deleted: false,
            created_by: None,
            created_at: flags::testing::NOW,
            updated_at: flags::testing::NOW,
        };
        let action = actions::store::insert(&mut transaction, &action).await.unwrap();
        transaction.commit().await.unwrap();
        let mut body = nps();
        body["conditions"] = json!({"actions": {"values": [{"id": action.id, "name": "Bought"}, {"id": 99}]}});
        app.make(body).await;
        let listed = app.listed().await[0]["conditions"]["actions"]["values"].clone();
        let step = &listed[0]["steps"][0];
        assert_eq!(
            (&step["event"], &step["selector"], &step["url_matching"]),
            (&json!("$autocapture"), &json!("#buy"), &json!("contains"))
        );
        assert_eq!((step.get("hidden"), &listed[1]["steps"]), (None, &json!([])), "{}", app.name);
    }
}

#[tokio::test]
async fn nothing_that_an_author_wrote_runs_at_a_visitors() {
    let app = App::new().await;
    let evil = "Hello <b>there</b><script>alert(1)</script><img src=x onerror=alert(1)><a href='javascript:alert(1)'>x</a>";
    let body = json!({
        "name": "<script>alert(1)</script>", "type": "popover",
        "questions": [
            {"type": "open", "question": "q", "description": evil, "translations": {"de": {"description": evil}}},
            {"type": "open", "question": "q", "description": "a < b & c", "descriptionContentType": "text"},
        ],
        "appearance": {"thankYouMessageDescription": evil, "thankYouMessageDescriptionContentType": "html", "introScreenDescription": evil},
        "translations": {"de": {"thankYouMessageDescription": evil}},
    });
    app.make(body).await;
    let listed = app.listed().await[0].clone();
    for text in [
        &listed["questions"][0]["description"],
        &listed["questions"][0]["translations"]["de"]["description"],
        &listed["appearance"]["thankYouMessageDescription"],
        &listed["appearance"]["introScreenDescription"],
        &listed["translations"]["de"]["thankYouMessageDescription"],
    ] {
        let text = text.as_str().unwrap();
        assert!(text.starts_with("Hello <b>there</b>"), "{text}");
        assert!(!text.contains("script") && !text.contains("onerror"), "{text}");
    }
    assert_eq!(listed["questions"][1]["description"], "a < b & c");
}

#[tokio::test]
async fn iterations_begin_by_the_clock_with_a_flag_of_their_own() {
    for app in App::on_every_database().await {
        let mut body = nps();
        (body["schedule"], body["iteration_count"], body["iteration_frequency_days"]) = (json!("recurring"), json!(3), json!(7));
        let survey = app.make(body).await;
        assert_eq!(survey["iteration_start_dates"], Value::Null);
        let running = app.change(&survey, launch()).await;
        assert_eq!(
            (&running["current_iteration"], &running["iteration_start_dates"][1]),
            (&json!(1), &json!("2026-01-08T00:00:00.000000Z"))
        );
        for (days, iteration) in [(1, 1), (7, 2), (15, 3), (400, 3)] {
            let later = app.later(days);
            surveys::jobs::tick(&later.state).await.unwrap();
            let (_, now) = get(&later.router, &path(&survey)).await;
            assert_eq!(now["current_iteration"], iteration, "{} after {days} days", app.name);
            let key = now["internal_targeting_flag"]["filters"]["groups"][0]["properties"][0]["key"].as_str().unwrap();
            assert!(key.ends_with(&format!("/{iteration}")), "{key}");
        }
        let (status, error) = patch(&app.router, &path(&survey), json!({"iteration_count": 2})).await;
        assert_eq!((status.as_u16(), &error["attr"]), (400, &json!("iteration_count")));
    }
}

#[tokio::test]
async fn a_copy_is_a_draft_with_flags_and_question_ids_of_its_own() {
    let app = App::new().await;
    let mut body = nps();
    body["targeting_flag_filters"] = json!({"groups": [{"properties": [], "rollout_percentage": 50}]});
    let survey = app.make(body).await;
    app.change(&survey, launch()).await;
    let (status, copy) = post(&app.router, &format!("{}/duplicate", path(&survey)), json!({})).await;
    assert_eq!((status.as_u16(), &copy["name"], &copy["start_date"]), (201, &json!("NPS (copy)"), &Value::Null));
    assert_ne!(copy["questions"][0]["id"], survey["questions"][0]["id"]);
    assert_ne!(copy["targeting_flag"]["id"], survey["targeting_flag"]["id"]);
    assert_eq!(copy["targeting_flag"]["filters"]["groups"][0]["rollout_percentage"], 50);
    let (_, second) = post(&app.router, &format!("{}/duplicate", path(&survey)), json!({})).await;
    assert_eq!(second["name"], "NPS (copy 2)");
}

async fn page_of(app: &App, path: &str) -> (u16, http::HeaderMap, String) {
    let response = web::testing::send(&app.router, Request::get(path).body(axum::body::Body::empty()).unwrap()).await;
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    (parts.status.as_u16(), parts.headers, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn hosted_page_is_there_while_its_survey_runs() {
    for app in App::on_every_database().await {
        let mut body = nps();
        (body["type"], body["name"]) = (json!("external_survey"), json!("<script>alert(1)</script>"));
        let survey = app.make(body).await;
        assert_eq!(survey["internal_targeting_flag"], Value::Null);
        let page = format!("/external_surveys/{}", survey["id"].as_str().unwrap());
        assert_eq!(page_of(&app, &page).await.0, 404);
        app.change(&survey, launch()).await;
        let (status, headers, html) = page_of(&app, &page).await;
        assert_eq!(status, 200, "{}", app.name);
        assert!(html.contains("data-token=\"phc_test\"") && html.contains("/static/array.js"));
        assert!(html.contains("<title>&lt;script&gt;") && !html.contains("<script>"), "{html}");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("script-src 'self';") && policy.ends_with("frame-ancestors 'none'"), "{policy}");
        app.change(&survey, json!({"enable_iframe_embedding": true})).await;
        let (_, headers, _) = page_of(&app, &page).await;
        assert!(headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().ends_with("frame-ancestors *"));
        app.change(&survey, json!({"end_date": "2026-01-02"})).await;
        assert_eq!(page_of(&app, &page).await.0, 404);
    }
    let app = App::new().await;
    let popover = app.make(nps()).await;
    app.change(&popover, launch()).await;
    assert_eq!(page_of(&app, &format!("/external_surveys/{}", popover["id"].as_str().unwrap())).await.0, 404);
    assert_eq!(page_of(&app, "/external_surveys/x").await.0, 404);
    let (_, _, script) = page_of(&app, "/external_surveys/page.js").await;
    assert!(script.contains("displaySurvey"));
}
