//! Cohorts through the router, on every database. Who meets criteria is told by the test: what they mean is not decided here.

use axum::Router;
use axum::body::Body;
use cohorts::{CohortsState, Finder, Wanted, WithCohorts, calculate, members, store};
use db::Db;
use events::Dimensions;
use http::{Method, Request, StatusCode};
use model::{Clock, Properties, TeamId, Timestamp, person_uuid};
use people::{Attached, Changes, People, Person};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use teams::{Team, Teams};
use tokio::sync::Notify;
use uuid::Uuid;
use web::ApiError;
use web::testing::{call, delete, get, patch, post, read, send};

/// What the next computations find, and what they were asked.
#[derive(Default)]
struct Found {
    persons: Mutex<Vec<Uuid>>,
    failure: Mutex<Option<String>>,
    asked: Mutex<Vec<Wanted>>,
    /// While set, computations wait until they are told to go on.
    hold: Mutex<Option<Arc<Notify>>>,
}

struct App {
    name: &'static str,
    db: Db,
    team: Arc<Team>,
    router: Router,
    state: CohortsState,
    found: Arc<Found>,
}

const BASE: &str = "/api/projects/1/cohorts";
const NOW: Timestamp = Timestamp(1_741_791_600_000_000);
const IDS: [&str; 4] = ["ann", "bob", "cleo", "dan"];

fn finder(found: Arc<Found>) -> Finder {
    Arc::new(move |_, wanted| {
        let found = found.clone();
        Box::pin(async move {
            found.asked.lock().unwrap().push(wanted);
            let (persons, hold) = (found.persons.lock().unwrap().clone(), found.hold.lock().unwrap().clone());
            if let Some(hold) = hold {
                hold.notified().await;
            }
            match found.failure.lock().unwrap().clone() {
                Some(message) => Err(ApiError::invalid(message)),
                None => Ok(persons),
            }
        })
    })
}

async fn apps() -> Vec<App> {
    let mut apps = Vec::new();
    for (name, db) in Db::test_databases().await {
        let teams = Teams::new(db.clone());
        let team = teams.create_for_tests("phc_test").await;
        let tables = [("people", people::MIGRATIONS), ("activity", activity::MIGRATIONS), ("cohorts", cohorts::MIGRATIONS)];
        db.migrate(&tables).await.unwrap();
        let found = Arc::new(Found::default());
        let users = Arc::new(|user: model::UserId| -> futures::future::BoxFuture<'static, anyhow::Result<Option<Value>>> {
            Box::pin(async move { Ok(Some(json!({"id": user.0, "email": "me@x.dev"}))) })
        });
        let state = CohortsState { db: db.clone(), clock: Clock::Fixed(NOW), users, teams, find: finder(found.clone()) };
        let router = web::testing::signed_in(cohorts::routes(state.clone()), team.clone());
        let app = App { name, db, team, router, state, found };
        app.add_persons().await;
        apps.push(app);
    }
    apps
}

impl App {
    async fn add_persons(&self) {
        let mut changes = Changes::default();
        for id in IDS {
            let properties = Properties::from_json_text(&json!({"email": format!("{id}@x.dev")}).to_string()).unwrap();
            let person = Person {
                uuid: self.person(id),
                created_at: NOW,
                properties: Arc::new(properties),
                is_identified: true,
                version: 0,
                last_seen_at: None,
            };
            changes.attached.push(Attached { distinct_id: id.into(), person: person.uuid, version: 0 });
            changes.persons.push(person);
        }
        let read_at = people::store::versions(&self.db, &[self.team.id]).await.unwrap()[&self.team.id];
        let mut transaction = self.db.begin().await.unwrap();
        people::changes::apply(&mut transaction, self.team.id, read_at, &changes).await.unwrap();
        transaction.commit().await.unwrap();
    }

    fn person(&self, id: &str) -> Uuid {
        person_uuid(self.team.id, id)
    }

    fn finds(&self, ids: &[&str]) {
        *self.found.persons.lock().unwrap() = ids.iter().map(|id| self.person(id)).collect();
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = get(&self.router, &format!("{BASE}{path}")).await;
        assert_eq!(status, StatusCode::OK, "{}: {path}: {body}", self.name);
        body
    }

    async fn create(&self, body: Value) -> Value {
        let (status, body) = post(&self.router, BASE, body).await;
        assert_eq!(status, StatusCode::CREATED, "{}: {body}", self.name);
        body
    }

    async fn patch(&self, id: i64, body: Value) -> Value {
        let (status, body) = patch(&self.router, &format!("{BASE}/{id}"), body).await;
        assert_eq!(status, StatusCode::OK, "{}: {body}", self.name);
        body
    }

    /// A form with a CSV file and other fields.
    async fn upload(&self, csv: &[u8], fields: &[(&str, &str)]) -> (StatusCode, Value) {
        let mut form = Vec::new();
        for (name, value) in fields {
            form.extend(format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
        }
        form.extend(b"--x\r\ncontent-disposition: form-data; name=\"csv\"; filename=\"persons.csv\"\r\ncontent-type: text/csv\r\n\r\n");
        form.extend(csv);
        form.extend(b"\r\n--x--\r\n");
        let request = Request::post(BASE).header("content-type", "multipart/form-data; boundary=x").header("host", "localhost");
        read(send(&self.router, request.body(Body::from(form)).unwrap()).await).await
    }

    /// Distinct ids of the members, as the API lists them.
    async fn members(&self, id: i64) -> Vec<String> {
        let body = self.get(&format!("/{id}/persons")).await;
        let ids = body["results"].as_array().unwrap().iter().map(|person| person["distinct_ids"][0].as_str().unwrap().to_owned());
        let mut ids: Vec<String> = ids.collect();
        ids.sort();
        ids
    }

    /// Waits until nothing is being computed.
    async fn settled(&self, id: i64) -> Value {
        for _ in 0..1_000 {
            let body = self.get(&format!("/{id}")).await;
            if body["is_calculating"] == false {
                return body;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("{}: cohort {id} was never computed", self.name)
    }
}

fn plan_is(plan: &str) -> Value {
    json!({"properties": {"type": "OR", "values": [{"type": "AND", "values": [
        {"type": "person", "key": "plan", "operator": "exact", "value": plan, "negation": false},
    ]}]}})
}

fn naming(cohort: i64) -> Value {
    json!({"properties": {"type": "AND", "values": [{"type": "cohort", "key": "id", "value": cohort}]}})
}

#[tokio::test]
async fn a_cohort_is_computed_when_it_is_made_and_again_when_its_criteria_change() {
    for app in apps().await {
        app.finds(&["ann", "bob"]);
        let made = app.create(json!({"name": "paying", "description": "who pays", "filters": plan_is("pro")})).await;
        let id = made["id"].as_i64().unwrap();
        assert_eq!((&made["is_static"], &made["cohort_type"]), (&json!(false), &json!("person_property")));
        assert_eq!(made["filters"], plan_is("pro"), "{}", app.name);
        assert_eq!((&made["created_by"]["id"], &made["deleted"], &made["groups"]), (&json!(1), &json!(false), &json!([])));
        let computed = app.settled(id).await;
        assert_eq!((&computed["count"], &computed["errors_calculating"]), (&json!(2), &json!(0)), "{}", app.name);
        assert_eq!(computed["last_calculation"], json!(NOW));
        assert_eq!(app.members(id).await, ["ann", "bob"]);

        app.finds(&["cleo"]);
        app.patch(id, json!({"description": "renamed only"})).await;
        assert_eq!(app.members(id).await, ["ann", "bob"], "{}: a new description computes nothing", app.name);
        let changed = app.patch(id, json!({"filters": plan_is("free")})).await;
        assert_eq!((&changed["is_calculating"], &changed["description"]), (&json!(true), &json!("renamed only")));
        app.settled(id).await;
        assert_eq!(app.members(id).await, ["cleo"]);
        assert_eq!(app.found.asked.lock().unwrap().len(), 2);
        let rows = app.db.fetch_all("SELECT * FROM cohort_member", db::args![]).await.unwrap();
        assert_eq!(rows.len(), 1, "{}: rows of older versions are gone", app.name);

        let history = app.get(&format!("/{id}/calculation_history")).await;
        assert_eq!((&history["count"], &history["results"][0]["count"]), (&json!(2), &json!(1)));
        assert_eq!(history["results"][0]["is_successful"], true);
    }
}

#[tokio::test]
async fn an_older_run_does_not_win_over_a_newer_one() {
    for app in apps().await {
        let hold = Arc::new(Notify::new());
        *app.found.hold.lock().unwrap() = Some(hold.clone());
        app.finds(&["ann"]);
        let id = app.create(json!({"name": "slow", "filters": plan_is("pro")})).await["id"].as_i64().unwrap();
        while app.found.asked.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        *app.found.hold.lock().unwrap() = None;
        app.finds(&["bob"]);
        app.patch(id, json!({"filters": plan_is("free")})).await;
        app.settled(id).await;
        hold.notify_one();
        for _ in 0..50 {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            assert_eq!(app.members(id).await, ["bob"], "{}", app.name);
        }
    }
}

#[tokio::test]
async fn cohorts_that_are_due_are_computed_once_whatever_number_of_processes_look() {
    for app in apps().await {
        app.finds(&["ann"]);
        let id = app.create(json!({"name": "a", "filters": plan_is("pro")})).await["id"].as_i64().unwrap();
        app.settled(id).await;
        assert_eq!(calculate::due(&app.state, 10).await.unwrap(), 0, "{}: it was computed just now", app.name);
        let later = CohortsState { clock: Clock::Fixed(NOW.plus_seconds(3_600)), ..app.state.clone() };
        app.finds(&["ann", "dan"]);
        let (first, second) = tokio::join!(calculate::due(&later, 10), calculate::due(&later, 10));
        assert_eq!(first.unwrap() + second.unwrap(), 1, "{}", app.name);
        assert_eq!(app.members(id).await, ["ann", "dan"]);
        let version = store::version(&app.db, app.team.id).await.unwrap();
        let again = CohortsState { clock: Clock::Fixed(NOW.plus_seconds(7_200)), ..app.state.clone() };
        assert_eq!(calculate::due(&again, 10).await.unwrap(), 1);
        assert_eq!(store::version(&app.db, app.team.id).await.unwrap(), version, "{}: nobody came or went", app.name);
    }
}

#[tokio::test]
async fn a_failing_computation_keeps_the_members_says_why_and_waits_longer_each_time() {
    for app in apps().await {
        app.finds(&["ann"]);
        let id = app.create(json!({"name": "a", "filters": plan_is("pro")})).await["id"].as_i64().unwrap();
        app.settled(id).await;
        *app.found.failure.lock().unwrap() = Some("Action 7 does not exist.".to_owned());
        let at = |seconds| CohortsState { clock: Clock::Fixed(NOW.plus_seconds(seconds)), ..app.state.clone() };
        assert_eq!(calculate::due(&at(3_600), 10).await.unwrap(), 1);
        let failed = app.get(&format!("/{id}")).await;
        assert_eq!((&failed["errors_calculating"], &failed["count"]), (&json!(1), &json!(1)), "{}", app.name);
        assert_eq!(failed["last_error_message"], "Action 7 does not exist.");
        assert_eq!(app.members(id).await, ["ann"]);
        assert_eq!(calculate::due(&at(3_600 + 299), 10).await.unwrap(), 0);
        assert_eq!(calculate::due(&at(3_600 + 300), 10).await.unwrap(), 1);
        assert_eq!(calculate::due(&at(3_600 + 300 + 599), 10).await.unwrap(), 0);
        *app.found.failure.lock().unwrap() = None;
        assert_eq!(calculate::due(&at(3_600 + 300 + 600), 10).await.unwrap(), 1);
        let well = app.get(&format!("/{id}")).await;
        assert_eq!((&well["errors_calculating"], &well["last_error_message"]), (&json!(0), &Value::Null), "{}", app.name);
    }
}

#[tokio::test]
async fn named_cohorts_are_computed_first_and_loops_are_refused() {
    for app in apps().await {
        app.finds(&["ann"]);
        let inner = app.create(json!({"name": "inner", "filters": plan_is("pro")})).await["id"].as_i64().unwrap();
        app.settled(inner).await;
        let outer = app.create(json!({"name": "outer", "filters": naming(inner)})).await["id"].as_i64().unwrap();
        app.settled(outer).await;
        app.found.asked.lock().unwrap().clear();
        let later = CohortsState { clock: Clock::Fixed(NOW.plus_seconds(9_000)), ..app.state.clone() };
        assert_eq!(calculate::due(&later, 10).await.unwrap(), 2, "{}", app.name);
        let order: Vec<bool> =
            app.found.asked.lock().unwrap().iter().map(|wanted| matches!(wanted, Wanted::Criteria(c) if c.cohorts().is_empty())).collect();
        assert_eq!(order, [true, false], "{}", app.name);
        for filters in [naming(outer), naming(inner)] {
            let (status, body) = patch(&app.router, &format!("{BASE}/{inner}"), json!({"filters": filters})).await;
            assert_eq!((status, &body["attr"]), (StatusCode::BAD_REQUEST, &json!("filters")), "{}: {body}", app.name);
            assert_eq!(body["detail"], "Cohorts cannot depend on other cohorts in a loop.");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_a_cohort_is_refused_with_the_field() {
    for app in apps().await {
        let wrong = json!({"properties": {"type": "OR", "values": [{"type": "event", "key": "a"}]}});
        for (body, attr) in [
            (json!({"filters": plan_is("pro")}), "name"),
            (json!({"name": "  "}), "name"),
            (json!({"name": "x".repeat(401)}), "name"),
            (json!({"name": "a", "filters": wrong}), "filters"),
            (json!({"name": "a", "filters": naming(999)}), "filters"),
            (json!({"name": "a", "is_static": true, "_create_static_person_ids": ["nobody"]}), "_create_static_person_ids"),
        ] {
            let (status, answer) = post(&app.router, BASE, body.clone()).await;
            assert_eq!((status, &answer["attr"]), (StatusCode::BAD_REQUEST, &json!(attr)), "{}: {body}: {answer}", app.name);
        }
        assert_eq!(get(&app.router, &format!("{BASE}/12345")).await.0, StatusCode::NOT_FOUND);
        assert_eq!(app.get("").await["count"], 0);
    }
}

#[tokio::test]
async fn a_static_cohort_is_filled_by_file_by_ids_and_by_query() {
    for app in apps().await {
        let ann = app.person("ann").to_string();
        for (csv, members) in [
            ("ann\r\nbob\r\nnobody\r\n".to_owned(), vec!["ann", "bob"]),
            ("distinct_id,name\ncleo,C\n\nann,A".to_owned(), vec!["ann", "cleo"]),
            (format!("email,person_id\nx@x.dev,{ann}"), vec!["ann"]),
            ("E-Mail\nbob@x.dev\nnobody@x.dev\ndan@x.dev".to_owned(), vec!["bob", "dan"]),
        ] {
            let (status, made) = app.upload(csv.as_bytes(), &[("name", "uploaded"), ("is_static", "true")]).await;
            assert_eq!(status, StatusCode::CREATED, "{}: {made}", app.name);
            assert_eq!((&made["is_static"], &made["count"]), (&json!(true), &json!(members.len())), "{}: {csv}", app.name);
            assert_eq!(app.members(made["id"].as_i64().unwrap()).await, members, "{}: {csv}", app.name);
        }
        let (status, refused) = app.upload(b"name,age\nAnn,3", &[("name", "x"), ("is_static", "true")]).await;
        assert_eq!((status, &refused["attr"]), (StatusCode::BAD_REQUEST, &json!("csv")), "{refused}");
        assert_eq!(app.get("?search=x").await["count"], 0, "{}: nothing is made of a bad file", app.name);

        let by_ids = app.create(json!({"name": "ids", "is_static": true, "_create_static_person_ids": [ann]})).await;
        assert_eq!(app.members(by_ids["id"].as_i64().unwrap()).await, ["ann"]);
        app.finds(&["bob", "cleo"]);
        let query = json!({"kind": "ActorsQuery", "select": ["id"]});
        let by_query = app.create(json!({"name": "query", "is_static": true, "query": query})).await;
        assert_eq!(app.members(by_query["id"].as_i64().unwrap()).await, ["bob", "cleo"]);
        assert_eq!((&by_query["query"], &by_query["cohort_type"]), (&query, &json!("static")));
        assert!(matches!(&app.found.asked.lock().unwrap()[..], [Wanted::Query(asked)] if *asked == query));
    }
}

#[tokio::test]
async fn persons_enter_and_leave_static_cohorts_only() {
    for app in apps().await {
        let list = app.create(json!({"name": "list", "is_static": true})).await["id"].as_i64().unwrap();
        let path = |name: &str| format!("{BASE}/{list}/{name}");
        let (ann, bob) = (app.person("ann").to_string(), app.person("bob").to_string());
        let stranger = Uuid::from_u128(7).to_string();
        let (status, body) =
            patch(&app.router, &path("add_persons_to_static_cohort"), json!({"person_ids": [ann, bob, ann, stranger]})).await;
        assert_eq!((status, &body["count"]), (StatusCode::OK, &json!(2)), "{}: {body}", app.name);
        let (status, body) = patch(&app.router, &path("remove_person_from_static_cohort"), json!({"person_id": ann})).await;
        assert_eq!((status, &body["count"]), (StatusCode::OK, &json!(1)));
        let again = patch(&app.router, &path("remove_person_from_static_cohort"), json!({"person_id": ann})).await;
        assert_eq!(again.0, StatusCode::NOT_FOUND);
        assert_eq!(app.members(list).await, ["bob"]);

        app.finds(&["ann", "cleo"]);
        let computed = app.create(json!({"name": "computed", "filters": plan_is("pro")})).await["id"].as_i64().unwrap();
        app.settled(computed).await;
        let refused = patch(&app.router, &format!("{BASE}/{computed}/add_persons_to_static_cohort"), json!({"person_ids": [ann]})).await;
        assert_eq!(refused.0, StatusCode::BAD_REQUEST);
        let refused = patch(&app.router, &format!("{BASE}/{computed}"), json!({"is_static": true})).await;
        assert_eq!((refused.0, &refused.1["attr"]), (StatusCode::BAD_REQUEST, &json!("is_static")));
        let copy = app.get(&format!("/{computed}/duplicate_as_static_cohort")).await;
        assert_eq!((&copy["name"], &copy["is_static"], &copy["count"]), (&json!("computed (static copy)"), &json!(true), &json!(2)));
        let (status, of_ann) = get(&app.router, &format!("/api/projects/1/persons/cohorts?person_id={ann}")).await;
        let names: HashSet<&str> = of_ann["results"].as_array().unwrap().iter().map(|cohort| cohort["name"].as_str().unwrap()).collect();
        assert_eq!((status, names), (StatusCode::OK, HashSet::from(["computed", "computed (static copy)"])), "{}", app.name);
    }
}

#[tokio::test]
async fn deleting_hides_a_cohort_and_can_be_taken_back() {
    for app in apps().await {
        app.finds(&["ann"]);
        let id = app.create(json!({"name": "a", "filters": plan_is("pro")})).await["id"].as_i64().unwrap();
        app.settled(id).await;
        assert_eq!(delete(&app.router, &format!("{BASE}/{id}")).await.0, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(app.patch(id, json!({"deleted": true})).await["deleted"], true);
        assert_eq!(get(&app.router, &format!("{BASE}/{id}")).await.0, StatusCode::NOT_FOUND);
        assert_eq!(app.get("").await["count"], 0);
        assert!(members::all(&app.db, app.team.id, id).await.unwrap().is_empty(), "{}", app.name);
        assert!(store::of_person(&app.db, app.team.id, app.person("ann")).await.unwrap().is_empty());
        app.patch(id, json!({"deleted": false})).await;
        app.settled(id).await;
        assert_eq!(app.members(id).await, ["ann"]);
        let log = app.get(&format!("/{id}/activity")).await;
        let done: Vec<&str> = log["results"].as_array().unwrap().iter().map(|entry| entry["activity"].as_str().unwrap()).collect();
        assert_eq!(done, ["updated", "deleted", "created"], "{}", app.name);
        let wrong = json!({"properties": [{"type": "cohort"}]});
        assert_eq!(patch(&app.router, &format!("{BASE}/{id}"), json!({"filters": wrong})).await.0, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn lists_are_searched_filtered_and_paged() {
    for app in apps().await {
        let did = json!({"properties": {"type": "AND", "values": [{"type": "behavioral", "value": "performed_event", "key": "A",
            "event_type": "events", "time_value": 30, "time_interval": "day"}]}});
        for (name, body) in [
            ("Paying", json!({"filters": plan_is("pro")})),
            ("Active", json!({"filters": did})),
            ("Paying list", json!({"is_static": true})),
        ] {
            let mut body = body;
            body["name"] = name.into();
            app.create(body).await;
        }
        for (query, names) in [
            ("", vec!["Paying list", "Active", "Paying"]),
            ("?search=pay", vec!["Paying list", "Paying"]),
            ("?type=static", vec!["Paying list"]),
            ("?type=dynamic", vec!["Active", "Paying"]),
            ("?type=behavioral", vec!["Active"]),
            ("?hide_behavioral_cohorts=true", vec!["Paying list", "Paying"]),
            ("?limit=1&offset=1", vec!["Active"]),
            ("?created_by_id=2", vec![]),
        ] {
            let body = app.get(query).await;
            let found: Vec<&str> = body["results"].as_array().unwrap().iter().map(|cohort| cohort["name"].as_str().unwrap()).collect();
            assert_eq!(found, names, "{}: {query}", app.name);
        }
    }
}

#[tokio::test]
async fn a_query_without_criteria_computes_a_cohort_again_and_again() {
    for app in apps().await {
        app.finds(&["ann"]);
        let query = json!({"kind": "ActorsQuery"});
        let made = app.create(json!({"name": "asked", "query": query})).await;
        assert_eq!((&made["is_static"], &made["cohort_type"]), (&json!(false), &json!("analytical")), "{}", app.name);
        let id = made["id"].as_i64().unwrap();
        app.settled(id).await;
        assert_eq!(app.members(id).await, ["ann"]);
        app.finds(&["bob"]);
        let later = CohortsState { clock: Clock::Fixed(NOW.plus_seconds(3_600)), ..app.state.clone() };
        calculate::due(&later, 10).await.unwrap();
        assert_eq!(app.members(id).await, ["bob"], "{}", app.name);
        assert!(app.found.asked.lock().unwrap().iter().all(|wanted| matches!(wanted, Wanted::Query(asked) if *asked == query)));
    }
}

#[tokio::test]
async fn old_groups_are_understood() {
    for app in apps().await {
        let made = app.create(json!({"name": "old", "groups": [{"event_id": "paid", "days": 7, "count": 2}]})).await;
        assert_eq!(made["cohort_type"], "behavioral", "{}: {made}", app.name);
        let leaf = &made["filters"]["properties"]["values"][0]["values"][0];
        assert_eq!((&leaf["value"], &leaf["time_value"]), (&json!("performed_event_multiple"), &json!(7)), "{}", app.name);
    }
}

#[tokio::test]
async fn members_follow_persons_that_are_merged() {
    for app in apps().await {
        let list = app.create(json!({"name": "list", "is_static": true})).await["id"].as_i64().unwrap();
        let persons: Vec<String> = ["ann", "bob"].iter().map(|id| app.person(id).to_string()).collect();
        patch(&app.router, &format!("{BASE}/{list}/add_persons_to_static_cohort"), json!({"person_ids": persons})).await;
        let merge = |from: &str, into: &str| {
            let sql =
                "INSERT INTO person_tombstone (team_id, uuid, merged_into, merged_at, event_uuid, created_at, is_identified, properties,
                       distinct_ids) VALUES ($1, $2, $3, 0, '', 0, TRUE, '{}', '[]')";
            (sql, db::args![app.team.id, app.person(from), app.person(into)].to_vec())
        };
        let before = store::version(&app.db, app.team.id).await.unwrap();
        for (from, into) in [("ann", "cleo"), ("cleo", "dan"), ("bob", "dan")] {
            let (sql, args) = merge(from, into);
            app.db.execute(sql, &args).await.unwrap();
        }
        while members::follow_merges(&app.db).await.unwrap() {}
        assert_eq!(members::all(&app.db, app.team.id, list).await.unwrap(), [app.person("dan")], "{}", app.name);
        assert!(store::version(&app.db, app.team.id).await.unwrap() > before);
        assert!(!members::follow_merges(&app.db).await.unwrap());
    }
}

#[tokio::test]
async fn the_event_store_sees_members_with_the_persons() {
    for app in apps().await {
        let people = Arc::new(People::new(app.db.clone()));
        let dimensions = WithCohorts { people, db: app.db.clone() };
        app.finds(&["ann", "bob"]);
        let id = app.create(json!({"name": "a", "filters": plan_is("pro")})).await["id"].as_i64().unwrap();
        let version = app.settled(id).await["version"].as_i64().unwrap();
        let ann = app.person("ann").to_string();
        let list = app.create(json!({"name": "list", "is_static": true, "_create_static_person_ids": [ann]})).await["id"].as_i64().unwrap();
        let members: HashSet<Uuid> = dimensions.cohort_members(app.team.id, id).await.unwrap().into_iter().collect();
        assert_eq!(members, HashSet::from([app.person("ann"), app.person("bob")]), "{}", app.name);
        assert!(dimensions.cohort_members(TeamId(99), id).await.unwrap().is_empty(), "another project sees nobody");
        let computed = dimensions.cohort_people(app.team.id, false).await.unwrap();
        assert_eq!(computed.iter().map(|row| (row.cohort_id, row.version)).collect::<Vec<_>>(), [(id, version), (id, version)]);
        let listed = dimensions.cohort_people(app.team.id, true).await.unwrap();
        assert_eq!(listed.iter().map(|row| (row.cohort_id, row.person_id)).collect::<Vec<_>>(), [(list, app.person("ann"))]);
        assert_eq!(dimensions.persons(app.team.id).await.unwrap().len(), IDS.len());
        let before = dimensions.cohorts_version(app.team.id).await.unwrap();
        app.patch(list, json!({"name": "another"})).await;
        assert!(dimensions.cohorts_version(app.team.id).await.unwrap() > before);
    }
}

#[tokio::test]
async fn keys_need_the_scope_of_what_they_do() {
    for app in apps().await {
        let router = web::testing::with_scopes(cohorts::routes(app.state.clone()), app.team.clone(), &["cohort:read"]);
        assert_eq!(get(&router, BASE).await.0, StatusCode::OK);
        assert_eq!(post(&router, BASE, json!({"name": "a"})).await.0, StatusCode::FORBIDDEN);
        let (status, _) = call(&router, Method::PATCH, &format!("{BASE}/1"), Some(json!({"name": "b"}))).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        let other = web::testing::with_scopes(cohorts::routes(app.state.clone()), app.team.clone(), &["insight:read"]);
        assert_eq!(get(&other, BASE).await.0, StatusCode::FORBIDDEN);
    }
}
