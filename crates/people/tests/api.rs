//! Persons and groups through the router, on every database.

use async_trait::async_trait;
use axum::Router;
use db::Db;
use events::{Dimensions, Erase, EventBatch, EventStore, QueryError, Select, Selected, StoreError, StoreStats};
use http::StatusCode;
use model::{Clock, GroupTypeIndex, Properties, TeamId, Timestamp, person_uuid};
use people::{Attached, Changes, Group, People, PeopleState, Person};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use web::testing::{call, delete, get, patch, post};

/// Remembers what it was asked to erase and to re-point.
#[derive(Default)]
struct Memory {
    erased: Mutex<Vec<Erase>>,
    appended: Mutex<Vec<EventBatch>>,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl EventStore for Memory {
    async fn append(&self, batch: EventBatch) -> Result<(), StoreError> {
        self.appended.lock().unwrap().push(batch);
        Ok(())
    }

    async fn position(&self) -> anyhow::Result<Option<u64>> {
        Ok(None)
    }

    /// Answers every query with Bob and the company, whichever of them it asked for.
    async fn select(&self, select: Select) -> Result<Selected, QueryError> {
        self.asked.lock().unwrap().push(query::print_datafusion(&select.query).sql);
        let bob = person_uuid(TeamId(1), "bob").to_string();
        let found = arrow_array::StringArray::from(vec![Some(bob.as_str()), Some("acme"), None]);
        let batch = arrow_array::RecordBatch::try_from_iter([("found", Arc::new(found) as arrow_array::ArrayRef)]).unwrap();
        Ok(Selected { columns: Vec::new(), batches: vec![batch], rows_read: 0, bytes_read: 0 })
    }

    async fn behave(&self, _: events::Behave) -> Result<events::Behaved, events::QueryError> {
        Err(events::QueryError::Invalid("this store only selects".to_owned()))
    }

    async fn erase(&self, what: Erase) -> anyhow::Result<()> {
        self.erased.lock().unwrap().push(what);
        Ok(())
    }

    fn stats(&self) -> StoreStats {
        StoreStats::default()
    }

    async fn flush(&self) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Cohort 7 is Bob.
struct OneCohort;

#[async_trait]
impl Dimensions for OneCohort {
    async fn version(&self, _: TeamId) -> anyhow::Result<u64> {
        Ok(0)
    }

    async fn persons(&self, _: TeamId) -> anyhow::Result<Vec<events::PersonRow>> {
        Ok(Vec::new())
    }

    async fn distinct_ids(&self, _: TeamId) -> anyhow::Result<Vec<events::DistinctIdRow>> {
        Ok(Vec::new())
    }

    async fn groups(&self, _: TeamId) -> anyhow::Result<Vec<events::GroupRow>> {
        Ok(Vec::new())
    }

    async fn cohort_members(&self, team: TeamId, cohort: i64) -> anyhow::Result<Vec<uuid::Uuid>> {
        Ok(if cohort == 7 { vec![person_uuid(team, "bob")] } else { Vec::new() })
    }
}

struct App {
    name: &'static str,
    db: Db,
    team: TeamId,
    router: Router,
    store: Arc<Memory>,
}

const BASE: &str = "/api/projects/1";

fn person(team: TeamId, id: &str, created: &str, properties: Value) -> (Person, Attached) {
    let person = Person {
        uuid: person_uuid(team, id),
        created_at: Timestamp::parse_rfc3339(created).unwrap(),
        properties: Arc::new(Properties::from_json_text(&properties.to_string()).unwrap()),
        is_identified: false,
        version: 0,
        last_seen_at: None,
    };
    let attached = Attached { distinct_id: id.into(), person: person.uuid, version: 0 };
    (person, attached)
}

async fn apply(db: &Db, team: TeamId, changes: &Changes) {
    let read_at = people::store::versions(db, &[team]).await.unwrap()[&team];
    let mut transaction = db.begin().await.unwrap();
    people::changes::apply(&mut transaction, team, read_at, changes).await.unwrap();
    transaction.commit().await.unwrap();
}

/// Ann (also known as `ann2`), Bob and an anonymous visitor; a company.
async fn apps() -> Vec<App> {
    let mut apps = Vec::new();
    for (name, db) in Db::test_databases().await {
        let team = teams::Teams::new(db.clone()).create_for_tests("phc_test").await;
        db.migrate(&[("people", people::MIGRATIONS)]).await.unwrap();
        let mut changes = Changes::default();
        for (id, created, properties) in [
            ("ann", "2025-01-01T00:00:00Z", json!({"email": "ann@x.dev", "plan": "Pro", "age": 30})),
            ("bob", "2025-01-02T00:00:00Z", json!({"name": "Bob \"100%\" Müller", "plan": "Free"})),
            ("0198a1b2-0000-7000-8000-00000000abcd", "2025-01-03T00:00:00Z", json!({})),
        ] {
            let (person, attached) = person(team.id, id, created, properties);
            changes.persons.push(person);
            changes.attached.push(attached);
        }
        changes.attached.push(Attached { distinct_id: "ann2".into(), person: changes.persons[0].uuid, version: 1 });
        changes.group_types.push(("company".into(), GroupTypeIndex(0)));
        let at = Timestamp::from_seconds(1);
        let properties = Arc::new(Properties::from_json_text(r#"{"size":5,"city":"Berlin"}"#).unwrap());
        changes.groups.push(Group { index: GroupTypeIndex(0), key: "acme".into(), properties, created_at: at, updated_at: at });
        apply(&db, team.id, &changes).await;
        let store = Arc::new(Memory::default());
        let state = PeopleState {
            db: db.clone(),
            store: store.clone(),
            clock: Clock::Fixed(Timestamp::from_seconds(1_735_732_800)),
            dimensions: Arc::new(OneCohort),
        };
        let router = web::testing::signed_in(people::routes(state), team.clone());
        apps.push(App { name, db, team: team.id, router, store });
    }
    apps
}

impl App {
    async fn get(&self, path: &str) -> Value {
        let (status, body) = get(&self.router, &format!("{BASE}{path}")).await;
        assert_eq!(status, StatusCode::OK, "{}: {path}: {body}", self.name);
        body
    }

    /// Names of the persons that a list answers.
    async fn names(&self, query: &str) -> Vec<String> {
        let body = self.get(&format!("/persons?{query}")).await;
        body["results"].as_array().unwrap().iter().map(|person| person["name"].as_str().unwrap().to_owned()).collect()
    }

    fn uuid(&self, id: &str) -> String {
        person_uuid(self.team, id).to_string()
    }
}

#[tokio::test]
async fn a_person_looks_as_posthogs_clients_expect() {
    for app in apps().await {
        let ann = app.uuid("ann");
        let expected = json!({"id": ann, "uuid": ann, "name": "ann@x.dev", "distinct_ids": ["ann", "ann2"],
            "properties": {"email": "ann@x.dev", "plan": "Pro", "age": 30}, "created_at": "2025-01-01T00:00:00.000000Z",
            "is_identified": false, "last_seen_at": null});
        assert_eq!(app.get(&format!("/persons/{ann}")).await, expected, "{}", app.name);
        let id =
            app.db.fetch_one("SELECT id FROM person WHERE uuid = $1", db::args![ann.as_str()]).await.unwrap().get::<i64>("id").unwrap();
        assert_eq!(app.get(&format!("/persons/{id}")).await, expected);
        let (status, _) = get(&app.router, &format!("{BASE}/persons/{}", app.uuid("nobody"))).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        let (status, body) = get(&app.router, &format!("{BASE}/persons/ann")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(body["detail"].as_str().unwrap().contains("?distinct_id=ann"));
    }
}

#[tokio::test]
async fn persons_are_listed_newest_first_and_found() {
    for app in apps().await {
        let (ann, bob, visitor) = ("ann@x.dev", "Bob \"100%\" Müller", "0198a1b2-0000-7000-8000-00000000abcd");
        assert_eq!(app.names("").await, [visitor, bob, ann], "{}", app.name);
        for (query, expected) in [
            ("distinct_id=ann2", vec![ann]),
            ("distinct_id=nobody", vec![]),
            ("email=ann@x.dev", vec![ann]),
            ("email=ann", vec![]),
            ("search=ANN", vec![ann]),
            ("search=100%25", vec![bob]),
            ("search=m%C3%BCller", vec![bob]),
            ("search=0198a1b2", vec![visitor]),
            ("search=Pro", vec![]),
            ("properties=%5B%7B%22key%22%3A%22plan%22%2C%22value%22%3A%22Pro%22%7D%5D", vec![ann]),
            ("properties=%5B%7B%22key%22%3A%22age%22%2C%22operator%22%3A%22is_not_set%22%7D%5D", vec![visitor, bob]),
            ("limit=1&offset=1", vec![bob]),
            ("cohort=7", vec![bob]),
            ("cohort=8", vec![]),
            // [{"type":"cohort","key":"id","value":7}], then with "operator":"not_in"
            ("properties=%5B%7B%22type%22%3A%22cohort%22%2C%22key%22%3A%22id%22%2C%22value%22%3A7%7D%5D", vec![bob]),
            (
                "properties=%5B%7B%22type%22%3A%22cohort%22%2C%22key%22%3A%22id%22%2C%22value%22%3A%227%22%2C%22operator%22%3A%22not_in%22%7D%5D",
                vec![visitor, ann],
            ),
            ("limit=1&offset=1&properties=%5B%7B%22key%22%3A%22plan%22%2C%22operator%22%3A%22is_set%22%7D%5D", vec![ann]),
        ] {
            assert_eq!(app.names(query).await, expected, "{}: {query}", app.name);
        }
        let page = app.get("/persons?limit=1&offset=1").await;
        assert!(page["next"].as_str().unwrap().contains("offset=2") && page["previous"].is_string());
        assert_eq!(app.get("/persons?limit=3").await["next"], Value::Null);
        let (status, body) = get(&app.router, &format!("{BASE}/persons?properties=nonsense")).await;
        assert_eq!((status, &body["attr"]), (StatusCode::BAD_REQUEST, &json!("properties")));
    }
}

#[tokio::test]
async fn persons_can_be_downloaded() {
    for app in apps().await {
        let request = http::Request::get(format!("{BASE}/persons?format=csv")).body(axum::body::Body::empty()).unwrap();
        let response = web::testing::send(&app.router, request).await;
        assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "id,name,distinct_ids,created_at,is_identified,properties.age,properties.email,properties.name,properties.plan"
        );
        assert_eq!(lines[3], format!("{},ann@x.dev,ann ann2,2025-01-01T00:00:00.000000Z,false,30,ann@x.dev,,Pro", app.uuid("ann")));
    }
}

#[tokio::test]
async fn properties_are_edited_one_at_a_time_or_together() {
    for app in apps().await {
        let path = format!("{BASE}/persons/{}", app.uuid("ann"));
        let before = People::new(app.db.clone()).version(app.team).await.unwrap();
        let (status, body) = patch(&app.router, &path, json!({"properties": {"plan": "Team", "tags": ["a"]}})).await;
        assert_eq!(status, StatusCode::OK, "{}: {body}", app.name);
        assert_eq!(body["properties"], json!({"email": "ann@x.dev", "plan": "Team", "age": 30, "tags": ["a"]}));
        let (status, _) = post(&app.router, &format!("{path}/update_property"), json!({"key": "age", "value": 31})).await;
        assert_eq!(status, StatusCode::CREATED);
        let (status, _) = post(&app.router, &format!("{path}/delete_property"), json!({"$unset": "tags"})).await;
        assert_eq!(status, StatusCode::CREATED);
        let (status, body) = post(&app.router, &format!("{path}/update_property"), json!({"key": "age"})).await;
        assert_eq!((status, &body["attr"]), (StatusCode::BAD_REQUEST, &json!("value")));
        let ann = app.get(&format!("/persons/{}", app.uuid("ann"))).await;
        assert_eq!(ann["properties"], json!({"email": "ann@x.dev", "plan": "Team", "age": 31}));
        assert_eq!(People::new(app.db.clone()).version(app.team).await.unwrap(), before + 3);
    }
}

#[tokio::test]
async fn a_deleted_person_is_gone_and_its_ids_start_over() {
    for app in apps().await {
        let path = format!("{BASE}/persons/{}", app.uuid("ann"));
        let (status, _) = delete(&app.router, &format!("{path}?delete_events=true")).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        assert!(matches!(&app.store.erased.lock().unwrap()[0], Erase::Persons(_, uuids) if uuids[0].to_string() == app.uuid("ann")));
        assert_eq!(get(&app.router, &path).await.0, StatusCode::NOT_FOUND);
        let mut left = people::store::personless(&app.db, app.team, &["ann".into(), "ann2".into()]).await.unwrap();
        left.sort();
        assert_eq!(left, [("ann".into(), 1), ("ann2".into(), 1)], "{}", app.name);
        assert_ne!(people::identity::new_person_uuid(app.team, "ann", 1), person_uuid(app.team, "ann"));
    }
}

#[tokio::test]
async fn persons_are_deleted_in_bulk_or_only_their_events() {
    for app in apps().await {
        let path = format!("{BASE}/persons/bulk_delete");
        let (status, body) = post(&app.router, &path, json!({"distinct_ids": ["ann2"], "delete_events": true, "keep_person": true})).await;
        assert_eq!(
            (status, &body["persons_found"], &body["persons_deleted"]),
            (StatusCode::ACCEPTED, &json!(1), &json!(0)),
            "{}",
            app.name
        );
        assert_eq!(app.store.erased.lock().unwrap().len(), 1);
        let ids = [app.uuid("bob"), app.uuid("nobody")];
        let (status, body) = post(&app.router, &path, json!({"ids": ids, "distinct_ids": ["ann"]})).await;
        assert_eq!((status, &body["persons_deleted"]), (StatusCode::ACCEPTED, &json!(2)));
        assert_eq!(app.names("").await.len(), 1);
        let (status, _) = post(&app.router, &path, json!({})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let many: Vec<String> = (0..1001).map(|at| at.to_string()).collect();
        assert_eq!(post(&app.router, &path, json!({"ids": many})).await.0, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn a_split_gives_every_other_id_a_person_of_its_own() {
    for app in apps().await {
        let path = format!("{BASE}/persons/{}/split", app.uuid("ann"));
        let (status, _) = post(&app.router, &path, json!({"main_distinct_id": "bob"})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let (status, body) = post(&app.router, &path, json!({"main_distinct_id": "ann2"})).await;
        assert_eq!((status, body), (StatusCode::CREATED, json!({"success": true})));
        let main = app.get(&format!("/persons/{}", app.uuid("ann"))).await;
        assert_eq!(main["distinct_ids"], json!(["ann2"]));
        assert_eq!(main["properties"]["plan"], "Pro");
        let split = app.get("/persons?distinct_id=ann").await["results"][0].clone();
        assert_eq!(split["distinct_ids"], json!(["ann"]));
        assert_ne!(split["uuid"], main["uuid"], "{}: the id's own person is the one that was split", app.name);
        let appended = app.store.appended.lock().unwrap();
        let moved = &appended[0].overrides;
        assert_eq!((moved.len(), &*moved[0].distinct_id, moved[0].version), (1, "ann", 1));
        assert_eq!(json!(moved[0].person_id), split["uuid"]);
    }
}

#[tokio::test]
async fn values_of_a_property_are_counted() {
    for app in apps().await {
        assert_eq!(app.get("/persons/values?key=plan").await, json!([{"name": "Free", "count": 1}, {"name": "Pro", "count": 1}]));
        assert_eq!(app.get("/persons/values?key=plan&value=pr").await, json!([{"name": "Pro", "count": 1}]));
        assert_eq!(get(&app.router, &format!("{BASE}/persons/values")).await.0, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn groups_are_listed_found_made_and_edited() {
    for app in apps().await {
        let acme = json!({"group_type_index": 0, "group_key": "acme", "group_properties": {"size": 5, "city": "Berlin"},
                          "created_at": "1970-01-01T00:00:01.000000Z"});
        assert_eq!(app.get("/groups?group_type_index=0").await["results"], json!([acme]));
        assert_eq!(app.get("/groups/find?group_type_index=0&group_key=acme").await, acme);
        for (query, expected) in [("search=ACM", 1), ("search=berl", 1), ("search=x", 0), ("cursor=1", 0)] {
            let found = app.get(&format!("/groups?group_type_index=0&{query}")).await;
            assert_eq!(found["results"].as_array().unwrap().len(), expected, "{}: {query}", app.name);
        }
        assert_eq!(get(&app.router, &format!("{BASE}/groups")).await.0, StatusCode::BAD_REQUEST);
        let page = app.get("/groups?group_type_index=0&limit=1&cursor=0").await;
        assert_eq!(page["next"], Value::Null);
        let new = json!({"group_type_index": 0, "group_key": "new", "group_properties": {"size": 1}});
        assert_eq!(post(&app.router, &format!("{BASE}/groups"), new.clone()).await.0, StatusCode::CREATED);
        assert_eq!(post(&app.router, &format!("{BASE}/groups"), new).await.0, StatusCode::BAD_REQUEST);
        let page = app.get("/groups?group_type_index=0&limit=1&cursor=0").await;
        let next = page["next"].as_str().unwrap();
        assert!(next.ends_with("/groups?group_type_index=0&limit=1&cursor=1"), "{next}");
        let path = &next[next.find("/groups?").unwrap()..];
        assert_eq!(app.get(path).await["results"], json!([acme]));
        let at = |action: &str| format!("{BASE}/groups/{action}?group_type_index=0&group_key=acme");
        let (_, body) = post(&app.router, &at("update_property"), json!({"key": "size", "value": 6})).await;
        assert_eq!(body["group_properties"], json!({"size": 6, "city": "Berlin"}));
        let (_, body) = post(&app.router, &at("delete_property"), json!({"$unset": "city"})).await;
        assert_eq!(body["group_properties"], json!({"size": 6}));
        assert_eq!(app.get("/groups/property_definitions").await, json!({"0": [{"name": "size", "count": 2}]}));
        assert_eq!(app.get("/groups/property_values?group_type_index=0&key=size&value=6").await, json!([{"name": 6, "count": 1}]));
    }
}

#[tokio::test]
async fn group_types_can_be_named() {
    for app in apps().await {
        let names = json!([{"group_type_index": 0, "name_singular": "Company", "name_plural": "Companies"}]);
        let (status, body) = patch(&app.router, &format!("{BASE}/groups_types/update_metadata"), names).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!((&body[0]["group_type"], &body[0]["name_plural"]), (&json!("company"), &json!("Companies")));
        assert_eq!(app.get("/groups_types").await, body);
    }
}

#[tokio::test]
async fn another_project_and_a_key_without_scope_see_nothing() {
    for app in apps().await {
        assert_eq!(get(&app.router, "/api/environments/2/persons").await.0, StatusCode::NOT_FOUND);
        let team = teams::Teams::new(app.db.clone()).by_id(app.team).await.unwrap().unwrap();
        let state = PeopleState { db: app.db.clone(), store: app.store.clone(), clock: Clock::System, dimensions: Arc::new(OneCohort) };
        let router = web::testing::with_scopes(people::routes(state), team, &["person:read"]);
        assert_eq!(get(&router, &format!("{BASE}/persons")).await.0, StatusCode::OK);
        assert_eq!(get(&router, &format!("{BASE}/groups_types")).await.0, StatusCode::FORBIDDEN);
        assert_eq!(delete(&router, &format!("{BASE}/persons/{}", app.uuid("ann"))).await.0, StatusCode::FORBIDDEN);
        assert_eq!(call(&router, http::Method::PUT, &format!("{BASE}/persons"), None).await.0, StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test]
async fn the_event_store_sees_persons_ids_and_groups() {
    for app in apps().await {
        let people = People::new(app.db.clone());
        assert_eq!(people.persons(app.team).await.unwrap().len(), 3);
        assert_eq!(people.distinct_ids(app.team).await.unwrap().len(), 4);
        assert_eq!(people.groups(app.team).await.unwrap()[0].key, "acme");
        assert!(people.persons(TeamId(2)).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn changes_decided_on_old_persons_are_refused() {
    for app in apps().await {
        let mut transaction = app.db.begin().await.unwrap();
        let visitors = Changes { personless: vec!["x".into()], ..Changes::default() };
        let (version, _) = people::changes::apply(&mut transaction, app.team, 0, &visitors).await.unwrap();
        assert_eq!(version, 0, "{}: visitors without a person change no person", app.name);
        let changes = Changes { group_types: vec![("team".into(), GroupTypeIndex(1))], ..Changes::default() };
        let error = people::changes::apply(&mut transaction, app.team, 0, &changes).await.unwrap_err();
        assert!(matches!(error, people::ApplyError::Stale(team) if team == app.team), "{}", app.name);
    }
}

#[tokio::test]
async fn related_actors_share_events() {
    for app in apps().await {
        let of_group = app.get("/groups/related?group_type_index=0&id=ac'me").await;
        assert_eq!(of_group.as_array().unwrap().len(), 1, "{}", app.name);
        assert_eq!((&of_group[0]["type"], &of_group[0]["id"]), (&json!("person"), &json!(app.uuid("bob"))));
        let of_person = app.get(&format!("/groups/related?id={}", app.uuid("ann"))).await;
        assert_eq!((&of_person[0]["type"], &of_person[0]["group_key"]), (&json!("group"), &json!("acme")));
        let asked = app.store.asked.lock().unwrap();
        assert!(asked[0].contains("'ac''me'") && asked[1].contains(&app.uuid("ann")), "{asked:?}");
        assert_eq!(get(&app.router, &format!("{BASE}/groups/related?id=ann")).await.0, StatusCode::BAD_REQUEST);
    }
}
