//! A project with everything an experiment needs, and people who use its product.

use axum::Router;
use cohorts::CohortsState;
use db::Db;
use events::{EventBatch, EventRow, EventStore};
use events_embedded::{Engine, EngineConfig};
use experiments::{Checks, ExperimentsState};
use flags::Flags;
use http::{Method, StatusCode};
use insights::{InsightsState, Limits, Parts};
use model::{Clock, PersonMode, Properties, TeamId, Timestamp, UserId, person_uuid};
use serde_json::{Value, json};
use std::sync::Arc;
use teams::{Team, Teams};
use uuid::Uuid;
use web::{ApiResult, Authenticator, Caller, Credentials, Lookup, ProjectRef, testing};

pub const TEAM: TeamId = TeamId(1);

pub struct World {
    /// The name of its metadata database.
    pub name: &'static str,
    db: Db,
    teams: Teams,
    pub team: Arc<Team>,
    store: Arc<dyn EventStore>,
    events: u128,
    _folder: tempfile::TempDir,
}

pub fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("a constant")
}

/// On every database.
pub async fn worlds() -> Vec<World> {
    let mut worlds = Vec::new();
    for (name, db) in Db::test_databases().await {
        db.migrate(&[
            ("experiments", experiments::MIGRATIONS),
            ("insights", insights::MIGRATIONS),
            ("cohorts", cohorts::MIGRATIONS),
            ("actions", actions::MIGRATIONS),
        ])
        .await
        .expect("the tables can be made");
        let teams = Teams::new(db.clone());
        // The other tables are made with the flags.
        flags::testing::flags(db.clone(), teams.clone(), nobody()).await;
        let team = teams.create_for_tests("phc_experiments").await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let dimensions = Arc::new(people::People::new(db.clone()));
        let config = EngineConfig { background: false, ..EngineConfig::new(folder.path().to_owned(), Clock::System, dimensions) };
        let store = Engine::open(config).expect("an empty folder opens");
        worlds.push(World { name, db, teams, team, store, events: 0, _folder: folder });
    }
    worlds
}

struct Nobody;

#[async_trait::async_trait]
impl Lookup for Nobody {
    async fn caller(&self, _: Credentials) -> ApiResult<Caller> {
        Ok(Caller::Session { user: UserId(1), signed_in_at: Timestamp::EPOCH })
    }

    async fn project(&self, _: &Caller, _: ProjectRef) -> ApiResult<(Arc<Team>, u8)> {
        Err(web::ApiError::not_found())
    }
}

fn nobody() -> Authenticator {
    Authenticator::new(Arc::new(Nobody))
}

/// The program's routes at one instant.
pub struct Then {
    router: Router,
}

impl World {
    pub async fn then(&self, now: &str) -> Then {
        let clock = Clock::Fixed(at(now));
        let mut flags = flags::testing::flags(self.db.clone(), self.teams.clone(), nobody()).await;
        flags.clock = clock;
        flags.users = Arc::new(|user| Box::pin(async move { Ok(Some(json!({"id": user.0, "first_name": "Ada"}))) }));
        let insights = self.insights(clock);
        let cohorts =
            CohortsState { db: self.db.clone(), clock, users: flags.users.clone(), teams: self.teams.clone(), find: insights.finder() };
        let experiments = self.experiments(clock, &flags, cohorts, &insights);
        let signed_in = experiments::routes(experiments).merge(insights::routes(insights)).merge(flags::manage::routes(flags.clone()));
        let router = testing::signed_in(signed_in, self.team.clone()).merge(flags::routes(flags.clone())).merge(experiments::public(flags));
        Then { router }
    }

    fn insights(&self, clock: Clock) -> InsightsState {
        let db = self.db.clone();
        InsightsState::new(Parts {
            events: self.store.clone(),
            dimensions: Arc::new(people::People::new(self.db.clone())),
            property_types: Arc::new(|_| Box::pin(async { Ok(Arc::default()) })),
            experiments: Arc::new(move |team, id| {
                let db = db.clone();
                Box::pin(async move {
                    let found = experiments::for_queries(&db, team, id).await?;
                    Ok(found.map(serde_json::from_value).transpose()?)
                })
            }),
            users: Arc::new(|_| Box::pin(async { Ok(None) })),
            db: self.db.clone(),
            clock,
            limits: Limits::default(),
        })
    }

    fn experiments(&self, clock: Clock, flags: &Flags, cohorts: CohortsState, insights: &InsightsState) -> ExperimentsState {
        let insights = insights.clone();
        ExperimentsState {
            db: self.db.clone(),
            clock,
            users: flags.users.clone(),
            flags: flags.clone(),
            cohorts,
            results: Arc::new(move |team, query| {
                let insights = insights.clone();
                Box::pin(async move { insights.answer(team, query).await })
            }),
            checks: Checks {
                metric: insights::experiment::check_metric,
                exposure_criteria: insights::experiment::check_exposure_criteria,
                stats_config: insights::experiment::check_stats_config,
            },
        }
    }

    /// Stores what people did: distinct id, event, when, properties.
    pub async fn happens(&mut self, events: Vec<(String, &str, Timestamp, Value)>) {
        let mut rows = Vec::new();
        for (person, event, timestamp, properties) in events {
            self.events += 1;
            rows.push(EventRow {
                team: TEAM,
                uuid: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + self.events),
                event: event.into(),
                timestamp,
                created_at: timestamp,
                person_id: person_uuid(TEAM, &person),
                distinct_id: person.as_str().into(),
                person_created_at: timestamp,
                person_mode: PersonMode::Full,
                properties: Properties::from_json_text(&properties.to_string()).expect("properties are objects"),
                person_properties: Arc::default(),
                elements_chain: "".into(),
                historical_migration: false,
            });
        }
        self.store.append(EventBatch { rows, ..EventBatch::default() }).await.expect("the events are stored");
    }
}

impl Then {
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        testing::call(&self.router, method, &format!("/api/projects/1/{path}"), body).await
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    /// The status comes from the caller.
    pub async fn post_as(&self, expected: StatusCode, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(Method::POST, path, Some(body)).await;
        assert_eq!(status, expected, "{path}: {answer}");
        answer
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.post_as(StatusCode::OK, path, body).await
    }

    pub async fn create(&self, path: &str, body: Value) -> Value {
        self.post_as(StatusCode::CREATED, path, body).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(Method::PATCH, path, Some(body)).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    pub async fn delete(&self, path: &str) -> StatusCode {
        self.call(Method::DELETE, path, None).await.0
    }

    pub async fn status(&self, method: Method, path: &str, body: Value) -> StatusCode {
        self.call(method, path, Some(body)).await.0
    }

    /// Status and text of a refusal.
    pub async fn refused(&self, method: Method, path: &str, body: Value) -> String {
        let (status, answer) = self.call(method, path, Some(body)).await;
        assert!(status.is_client_error(), "{path} was not refused: {answer}");
        format!("{} {}", status.as_u16(), answer["detail"].as_str().unwrap_or_default())
    }

    /// What an SDK of this person learns of the flag; null when it is not there.
    pub async fn flag(&self, key: &str, person: &str) -> Value {
        let body = json!({"token": "phc_experiments", "distinct_id": person});
        let (status, answer) = testing::post(&self.router, "/flags?v=2", body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let flag = &answer["flags"][key];
        if flag["variant"].is_null() { flag["enabled"].clone() } else { flag["variant"].clone() }
    }

    pub async fn public(&self, path: &str) -> (StatusCode, Value) {
        testing::get(&self.router, path).await
    }

    pub async fn result(&self, experiment: &Value, metric: &Value) -> Value {
        let query = json!({"kind": "ExperimentQuery", "experiment_id": experiment["id"], "metric": metric});
        self.post("query", json!({"query": query})).await
    }
}
