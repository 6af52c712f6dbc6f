//! Definitions and warnings through the router, on every database.

use axum::Router;
use db::Db;
use definitions::warnings::Warning;
use definitions::{Definitions, DefinitionsState, Observed};
use http::StatusCode;
use model::{Clock, GroupTypeIndex, Properties, TeamId, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
use web::testing::{delete, get, patch};

struct App {
    name: &'static str,
    db: Db,
    team: TeamId,
    router: Router,
    definitions: Arc<Definitions>,
}

const BASE: &str = "/api/projects/1";
const NOW: Timestamp = Timestamp(1_735_732_800_000_000);

async fn apps() -> Vec<App> {
    let mut apps = Vec::new();
    for (name, db) in Db::test_databases().await {
        let team = teams::Teams::new(db.clone()).create_for_tests("phc_test").await;
        db.migrate(&[("definitions", definitions::MIGRATIONS)]).await.unwrap();
        let definitions = Arc::new(Definitions::default());
        let state = DefinitionsState { db: db.clone(), definitions: definitions.clone(), clock: Clock::Fixed(NOW) };
        let router = web::testing::signed_in(definitions::routes(state), team.clone());
        let app = App { name, db, team: team.id, router, definitions };
        app.learn("signed_up", json!({"plan": "Pro", "age": 5, "$feature/f": true, "$ip": "x"})).await;
        app.learn("$pageview", json!({"$current_url": "/", "plan": "Pro"})).await;
        apps.push(app);
    }
    apps
}

impl App {
    async fn learn(&self, event: &str, properties: Value) {
        let properties = Properties::from_json_text(&properties.to_string()).unwrap();
        let event: Arc<str> = event.into();
        let person = [("email".into(), "a@b.c".into())];
        let observed = Observed {
            team: self.team,
            event: &event,
            properties: &properties,
            is_event: true,
            person: person.iter().map(|(name, value)| (name, value)),
            group: None,
        };
        self.definitions.load(&self.db, self.team).await.unwrap();
        self.definitions.observe([observed].into_iter(), NOW);
        self.commit().await;
    }

    async fn commit(&self) {
        let mut transaction = self.db.begin().await.unwrap();
        self.definitions.write(&mut transaction, self.team, NOW).await.unwrap();
        transaction.commit().await.unwrap();
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = get(&self.router, &format!("{BASE}{path}")).await;
        assert_eq!(status, StatusCode::OK, "{}: {path}: {body}", self.name);
        body
    }

    async fn names(&self, path: &str) -> Vec<String> {
        let body = self.get(path).await;
        let results = body["results"].as_array().unwrap();
        if !path.contains("limit") {
            assert_eq!(body["count"], results.len());
        }
        results.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    }

    async fn id(&self, path: &str) -> String {
        self.get(path).await["results"][0]["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn events_are_listed_searched_and_ordered() {
    for app in apps().await {
        for (query, expected) in [
            ("", vec!["$pageview", "signed_up"]),
            ("search=SIGN+up", vec!["signed_up"]),
            ("search=d_u", vec!["signed_up"]),
            ("search=dxu", vec![]),
            ("event_type=event_custom", vec!["signed_up"]),
            ("event_type=event_posthog", vec!["$pageview"]),
            ("ordering=-name", vec!["signed_up", "$pageview"]),
            ("excluded_events=%5B%22$pageview%22%5D", vec!["signed_up"]),
            ("limit=1&offset=1&ordering=name", vec!["signed_up"]),
        ] {
            assert_eq!(app.names(&format!("/event_definitions?{query}")).await, expected, "{}: {query}", app.name);
        }
        let one = app.get("/event_definitions/by_name?name=signed_up").await;
        assert_eq!(
            (&one["last_seen_at"], &one["verified"], &one["tags"]),
            (&json!("2025-01-01T12:00:00.000000Z"), &json!(false), &json!([]))
        );
    }
}

#[tokio::test]
async fn an_event_can_be_described_tagged_verified_hidden_and_forgotten() {
    for app in apps().await {
        let path = format!("{BASE}/event_definitions/{}", app.id("/event_definitions?search=signed").await);
        let (status, body) =
            patch(&app.router, &path, json!({"description": "d", "tags": ["B", " a ", "b"], "verified": true, "owner": 1})).await;
        assert_eq!(status, StatusCode::OK, "{}: {body}", app.name);
        assert_eq!((&body["description"], &body["tags"], &body["verified_by"]["id"]), (&json!("d"), &json!(["a", "b"]), &json!(1)));
        assert_eq!(app.names("/event_definitions?tags=%5B%22a%22%5D").await, ["signed_up"]);
        assert_eq!(app.names("/event_definitions?verified=true").await, ["signed_up"]);
        let (_, body) = patch(&app.router, &path, json!({"hidden": true})).await;
        assert_eq!((&body["hidden"], &body["verified"], &body["description"]), (&json!(true), &json!(false), &json!("d")));
        assert_eq!(app.names("/event_definitions?exclude_hidden=true").await, ["$pageview"]);
        assert_eq!(patch(&app.router, &path, json!({"hidden": true, "verified": true})).await.0, StatusCode::BAD_REQUEST);
        assert_eq!(delete(&app.router, &path).await.0, StatusCode::NO_CONTENT);
        assert_eq!(get(&app.router, &path).await.0, StatusCode::NOT_FOUND);
        app.learn("signed_up", json!({"plan": "Pro"})).await;
        assert_eq!(app.names("/event_definitions?search=signed").await, ["signed_up"], "it comes back when it is seen again");
        assert_eq!(
            app.get("/property_definitions/seen_together?event_names=%5B%22signed_up%22%5D&property_name=plan").await,
            json!({"signed_up": true})
        );
    }
}

#[tokio::test]
async fn properties_are_listed_by_owner_event_and_kind() {
    for app in apps().await {
        for (query, expected) in [
            ("", vec!["age", "plan", "$current_url", "$feature/f", "$ip"]),
            ("type=person", vec!["email"]),
            ("event_names=%5B%22$pageview%22%5D&filter_by_event_names=true", vec!["plan", "$current_url"]),
            ("is_numerical=true", vec!["age"]),
            ("is_feature_flag=true", vec!["$feature/f"]),
            ("is_feature_flag=false&exclude_core_properties=true", vec!["age", "plan", "$current_url"]),
            ("properties=age,email", vec!["age"]),
            ("excluded_properties=%5B%22age%22%2C%22plan%22%5D&search=a", vec!["$feature/f"]),
            ("type=group&group_type_index=0", vec![]),
        ] {
            assert_eq!(app.names(&format!("/property_definitions?{query}")).await, expected, "{}: {query}", app.name);
        }
        let listed = app.get("/property_definitions?event_names=%5B%22$pageview%22%5D&search=age").await;
        assert_eq!(listed["results"][0]["is_seen_on_filtered_events"], false);
        for bad in ["type=group", "type=nothing", "event_names=%5B1%5D"] {
            assert_eq!(get(&app.router, &format!("{BASE}/property_definitions?{bad}")).await.0, StatusCode::BAD_REQUEST, "{bad}");
        }
        let path = "/property_definitions/seen_together?event_names=%5B%22signed_up%22%2C%22$pageview%22%5D&property_name=age";
        assert_eq!(app.get(path).await, json!({"signed_up": true, "$pageview": false}));
    }
}

#[tokio::test]
async fn a_type_chosen_by_a_person_stays() {
    for app in apps().await {
        let path = format!("{BASE}/property_definitions/{}", app.id("/property_definitions?search=plan").await);
        let (status, body) = patch(&app.router, &path, json!({"property_type": "Numeric"})).await;
        assert_eq!((status, &body["is_numerical"]), (StatusCode::OK, &json!(true)), "{}", app.name);
        app.learn("signed_up", json!({"plan": "Free"})).await;
        assert_eq!(app.get("/property_definitions?search=plan").await["results"][0]["property_type"], "Numeric");
        let types = definitions::property_types(&app.db, app.team).await.unwrap();
        assert_eq!(types.event("plan"), query::PropertyType::Numeric);
        assert_eq!(types.group(GroupTypeIndex(0), "plan"), query::PropertyType::String);
        let (status, body) = patch(&app.router, &path, json!({"property_type": "Colour"})).await;
        assert_eq!((status, &body["attr"]), (StatusCode::BAD_REQUEST, &json!("property_type")));
    }
}

#[tokio::test]
async fn a_known_name_costs_no_write() {
    for app in apps().await {
        let properties = Properties::from_json_text(r#"{"plan":"x"}"#).unwrap();
        let event: Arc<str> = "signed_up".into();
        let again =
            || Observed { team: app.team, event: &event, properties: &properties, is_event: true, person: std::iter::empty(), group: None };
        app.definitions.observe([again(), again()].into_iter(), NOW);
        assert!(!app.definitions.has_pending(&[app.team]));
        app.definitions.observe([again()].into_iter(), NOW.plus_seconds(3_601));
        assert!(app.definitions.has_pending(&[app.team]), "an hour later it is seen again");
    }
}

#[tokio::test]
async fn warnings_are_grouped_by_type_and_old_ones_disappear() {
    for app in apps().await {
        let warning = |kind: &'static str, days: i64, id: &str| Warning {
            team: app.team,
            kind,
            details: json!({"distinctId": id}),
            timestamp: NOW.plus_seconds(-days * 86_400),
        };
        let mut transaction = app.db.begin().await.unwrap();
        let old = [warning("group_key_too_long", 40, "old")];
        definitions::warnings::insert(&mut transaction, &old).await.unwrap();
        let many: Vec<Warning> = (0..60).map(|_| warning("cannot_merge_already_identified", 1, "u")).collect();
        definitions::warnings::insert(&mut transaction, &many).await.unwrap();
        definitions::warnings::insert(&mut transaction, &[warning("group_key_too_long", 0, "new")]).await.unwrap();
        transaction.commit().await.unwrap();
        let body = app.get("/ingestion_warnings").await;
        let results = body["results"].as_array().unwrap();
        assert_eq!(results.len(), 2, "{}", app.name);
        assert_eq!(
            (&results[0]["type"], &results[0]["count"], &results[0]["severity"]),
            (&json!("group_key_too_long"), &json!(1), &json!("error"))
        );
        assert_eq!(results[0]["lastSeen"], "2025-01-01T12:00:00.000000Z");
        assert_eq!(results[1]["warnings"].as_array().unwrap().len(), 50);
        assert_eq!(results[1]["warnings"][0]["details"], json!({"distinctId": "u"}));
        let sparkline = results[1]["sparkline"].as_array().unwrap();
        assert_eq!(sparkline[28..], [json!([60, "2024-12-31"]), json!([0, "2025-01-01"])]);
        let found = app.get("/ingestion_warnings?q=merge").await;
        assert_eq!(found["results"].as_array().unwrap().len(), 1);
    }
}
