//! Actions through the router, on every database.

use actions::ActionsState;
use axum::Router;
use db::Db;
use http::StatusCode;
use model::{Clock, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
use teams::Teams;
use web::ApiError;
use web::testing::{delete, get, patch, post};

struct App {
    name: &'static str,
    db: Db,
    state: ActionsState,
    team: Arc<teams::Team>,
    router: Router,
}

const BASE: &str = "/api/projects/1/actions";

async fn apps() -> Vec<App> {
    let mut apps = Vec::new();
    for (name, db) in Db::test_databases().await {
        let team = Teams::new(db.clone()).create_for_tests("phc_test").await;
        db.migrate(&[("activity", activity::MIGRATIONS), ("actions", actions::MIGRATIONS)]).await.unwrap();
        let state = ActionsState {
            db: db.clone(),
            clock: Clock::Fixed(Timestamp::from_seconds(1_741_791_600)),
            users: Arc::new(|user| Box::pin(async move { Ok(Some(json!({"id": user.0}))) })),
            check: Arc::new(|_, action| Box::pin(async move { action.steps().map(drop).map_err(ApiError::invalid) })),
        };
        let router = web::testing::signed_in(actions::routes(state.clone()), team.clone());
        apps.push(App { name, db, state, team, router });
    }
    apps
}

impl App {
    async fn create(&self, body: Value) -> Value {
        let (status, body) = post(&self.router, BASE, body).await;
        assert_eq!(status, StatusCode::CREATED, "{}: {body}", self.name);
        body
    }

    async fn list(&self, query: &str) -> Vec<String> {
        let (status, body) = get(&self.router, &format!("{BASE}{query}")).await;
        assert_eq!(status, StatusCode::OK, "{}: {body}", self.name);
        body["results"].as_array().unwrap().iter().map(|action| action["name"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn what_is_written_is_read_back_unchanged() {
    for app in apps().await {
        let steps = json!([{"event": "$autocapture", "text": "Buy", "url": null, "extra": 1}, {"url": "/x", "url_matching": "regex"}]);
        let body = json!({"name": " bought ", "description": "d", "tags": ["shop", "a"], "steps": steps, "post_to_slack": true,
            "slack_message_format": "[user.name]", "pinned_at": "2025-03-01T00:00:00Z"});
        let made = app.create(body).await;
        let (status, read) = get(&app.router, &format!("{BASE}/{}", made["id"])).await;
        assert_eq!((status, &read), (StatusCode::OK, &made), "{}", app.name);
        assert_eq!((&made["name"], &made["steps"], &made["tags"]), (&json!("bought"), &steps, &json!(["shop", "a"])));
        assert_eq!((&made["post_to_slack"], &made["slack_message_format"]), (&json!(true), &json!("[user.name]")));
        assert_eq!((&made["is_action"], &made["bytecode_error"], &made["created_by"]["id"]), (&json!(true), &Value::Null, &json!(1)));
        let path = format!("{BASE}/{}", made["id"]);
        let (status, changed) = patch(&app.router, &path, json!({"description": "e", "pinned_at": null})).await;
        assert_eq!((status, &changed["description"], &changed["steps"]), (StatusCode::OK, &json!("e"), &steps), "{}", app.name);
        assert_eq!((&changed["pinned_at"], &changed["tags"]), (&Value::Null, &json!(["shop", "a"])));
        assert!(actions::store::version(&app.db, app.team.id).await.unwrap() >= 2);
    }
}

#[tokio::test]
async fn deleting_hides_an_action_and_can_be_taken_back() {
    for app in apps().await {
        let path = format!("{BASE}/{}", app.create(json!({"name": "a"})).await["id"]);
        assert_eq!(delete(&app.router, &path).await.0, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(patch(&app.router, &path, json!({"deleted": true})).await.1["deleted"], true);
        assert_eq!(get(&app.router, &path).await.0, StatusCode::NOT_FOUND);
        assert!(app.list("").await.is_empty(), "{}", app.name);
        app.create(json!({"name": "a"})).await;
        let (status, body) = patch(&app.router, &path, json!({"deleted": false})).await;
        assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!("unique")), "{}: {body}", app.name);
        let (status, _) = patch(&app.router, &path, json!({"deleted": false, "name": "b"})).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(app.list("").await, ["a", "b"]);
        let (_, log) = get(&app.router, &format!("{path}/activity")).await;
        let done: Vec<&str> = log["results"].as_array().unwrap().iter().map(|entry| entry["activity"].as_str().unwrap()).collect();
        assert_eq!(done, ["updated", "deleted", "created"], "{}", app.name);
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_with_the_field() {
    for app in apps().await {
        app.create(json!({"name": "taken"})).await;
        for (body, attr) in [
            (json!({}), "name"),
            (json!({"name": " "}), "name"),
            (json!({"name": "taken"}), "name"),
            (json!({"name": "x".repeat(401)}), "name"),
            (json!({"name": "a", "steps": [{"url_matching": "like"}]}), "steps"),
            (json!({"name": "a", "tags": vec!["t"; 101]}), "tags"),
            (json!({"name": "a", "pinned_at": "yesterday"}), "pinned_at"),
        ] {
            let (status, answer) = post(&app.router, BASE, body.clone()).await;
            assert_eq!((status, &answer["attr"]), (StatusCode::BAD_REQUEST, &json!(attr)), "{}: {body}: {answer}", app.name);
        }
        assert_eq!(app.list("").await, ["taken"]);
    }
}

#[tokio::test]
async fn lists_are_searched_by_name_and_tag_and_paged() {
    for app in apps().await {
        for (name, tag) in [("Bought", "shop"), ("Signed up", "growth"), ("Bought twice", "shop")] {
            app.create(json!({"name": name, "tags": [tag]})).await;
        }
        assert_eq!(app.list("").await, ["Bought twice", "Signed up", "Bought"], "{}", app.name);
        assert_eq!(app.list("?search=bought").await, ["Bought twice", "Bought"]);
        assert_eq!(app.list("?tags=growth,other").await, ["Signed up"]);
        assert_eq!(app.list("?limit=1&offset=1").await, ["Signed up"]);
    }
}

#[tokio::test]
async fn keys_need_the_scope_of_what_they_do() {
    for app in apps().await {
        let router = web::testing::with_scopes(actions::routes(app.state.clone()), app.team.clone(), &["action:read"]);
        assert_eq!(get(&router, BASE).await.0, StatusCode::OK);
        assert_eq!(post(&router, BASE, json!({"name": "a"})).await.0, StatusCode::FORBIDDEN);
        assert_eq!(get(&router, "/api/projects/2/actions").await.0, StatusCode::NOT_FOUND);
    }
}
