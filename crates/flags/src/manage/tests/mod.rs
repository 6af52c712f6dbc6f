//! Management through the real router, on every database.

mod copying;
mod editing;
mod explaining;
mod features;
mod files;
mod history;
mod listing;
mod scheduling;
mod validation;

use crate::testing::NOW;
use crate::{Flags, testing};
use axum::Router;
use axum::body::Body;
use db::Db;
use http::{Method, Request, StatusCode};
use model::{Clock, OrganizationId, TeamId, UserId};
use serde_json::{Value, json};
use std::sync::Arc;
use teams::{NewTeam, Team, Teams};
use uuid::Uuid;
use web::{ApiError, ApiResult, Authenticator, Caller, Credentials, KeyLimits, Lookup, ProjectRef};

pub const FLAGS: &str = "/api/projects/1/feature_flags";

/// A project with flags, its database's name, and a caller who may do everything in it.
pub struct World {
    pub name: &'static str,
    pub flags: Flags,
    pub team: Arc<Team>,
    router: Router,
}

pub async fn worlds() -> Vec<World> {
    let mut worlds = Vec::new();
    for (name, db) in Db::test_databases().await {
        let teams = Teams::new(db.clone());
        let team = teams.create_for_tests("phc_test").await;
        let authenticator = Authenticator::new(Arc::new(Keys(teams.clone())));
        let mut flags = testing::flags(db, teams, authenticator).await;
        flags.users = Arc::new(|user| Box::pin(async move { Ok(Some(json!({"id": user.0, "distinct_id": format!("user-{user}")}))) }));
        let router = router_of(&flags);
        worlds.push(World { name, flags, team, router });
    }
    worlds
}

fn router_of(flags: &Flags) -> Router {
    let router = crate::routes(flags.clone()).merge(super::routes(flags.clone()));
    flags.authenticator.clone().guard(router)
}

/// `phx_<user>` is a key of that user with every scope, `phx_read` one that only reads.
struct Keys(Teams);

#[async_trait::async_trait]
impl Lookup for Keys {
    async fn caller(&self, credentials: Credentials) -> ApiResult<Caller> {
        let Credentials::Key(key) = credentials else { return Err(ApiError::unauthenticated()) };
        let (user, scope) = match key.strip_prefix("phx_").unwrap_or_default() {
            "read" => (1, "feature_flag:read"),
            user => (user.parse().map_err(|_| ApiError::unauthenticated())?, "*"),
        };
        Ok(Caller::PersonalKey { user: UserId(user), key, scopes: vec![scope.to_owned()], limits: KeyLimits::default() })
    }

    /// User 1 sees every project, user 2 the first.
    async fn project(&self, caller: &Caller, project: ProjectRef) -> ApiResult<(Arc<Team>, u8)> {
        let id = match project {
            ProjectRef::Current => TeamId(1),
            ProjectRef::Id(id) => id,
        };
        let missing = || ApiError::not_found_as("Project not found.");
        if caller.user() != Some(UserId(1)) && id != TeamId(1) {
            return Err(missing());
        }
        Ok((self.0.by_id(id).await?.ok_or_else(missing)?, 15))
    }
}

impl World {
    pub async fn call_as(&self, key: &str, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let request =
            Request::builder().method(method).uri(path).header("host", "hog.example").header("authorization", format!("Bearer {key}"));
        let body = body.map_or_else(Body::empty, |json| Body::from(json.to_string()));
        web::testing::read(web::testing::send(&self.router, request.body(body).unwrap()).await).await
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, reply) = self.call_as("phx_1", Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "{}: GET {path}: {reply}", self.name);
        reply
    }

    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.call_as("phx_1", Method::POST, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.call_as("phx_1", Method::PATCH, path, Some(body)).await
    }

    pub async fn status(&self, method: Method, path: &str) -> StatusCode {
        self.call_as("phx_1", method, path, None).await.0
    }

    /// Creates a flag; the reply is the flag.
    pub async fn create(&self, flag: Value) -> Value {
        let (status, reply) = self.post(FLAGS, flag).await;
        assert_eq!(status, StatusCode::CREATED, "{}: {reply}", self.name);
        reply
    }

    /// Changes it; the reply is the flag.
    pub async fn edit(&self, flag: &Value, change: Value) -> Value {
        let (status, reply) = self.patch(&path(flag), change).await;
        assert_eq!(status, StatusCode::OK, "{}: {reply}", self.name);
        reply
    }

    /// Why it is refused: status, code and detail.
    pub async fn refused(&self, path: &str, body: Value) -> (u16, String, String) {
        let (status, reply) = self.post(path, body).await;
        let text = |name: &str| reply[name].as_str().unwrap_or_default().to_owned();
        (status.as_u16(), text("code"), text("detail"))
    }

    /// The same world some time later.
    pub fn after(&self, seconds: i64) -> World {
        let mut flags = self.flags.clone();
        flags.clock = Clock::Fixed(flags.clock.now().plus_seconds(seconds));
        World { name: self.name, router: router_of(&flags), flags, team: self.team.clone() }
    }

    pub async fn second_project(&self, organization: OrganizationId) -> Arc<Team> {
        self.flags.teams.create(NewTeam::named(organization, "Another"), NOW).await.unwrap()
    }

    pub async fn person(&self, distinct_id: &str, properties: Value) -> Uuid {
        let uuid = Uuid::now_v7();
        let db = &self.flags.db;
        let sql = "INSERT INTO person (team_id, uuid, created_at, properties, is_identified, version) VALUES (1, $1, $2, $3, TRUE, 0)";
        db.execute(sql, db::args![uuid, NOW, properties]).await.unwrap();
        let sql = "INSERT INTO person_distinct_id (team_id, distinct_id, person_uuid, version) VALUES (1, $1, $2, 0)";
        db.execute(sql, db::args![distinct_id, uuid]).await.unwrap();
        uuid
    }

    pub async fn cohort(&self, name: &str, filters: Value, is_static: bool) -> i64 {
        let sql = "INSERT INTO cohort (team_id, name, description, filters, is_static, deleted, version, pending_version, is_calculating,
                   errors_calculating, created_at) VALUES ($1, $2, '', $3, $4, FALSE, 0, 0, FALSE, 0, 0) RETURNING id";
        let row = self.flags.db.fetch_one(sql, db::args![self.team.id, name, filters, is_static]).await.unwrap();
        row.get("id").unwrap()
    }
}

pub fn path(flag: &Value) -> String {
    format!("{FLAGS}/{}", flag["id"])
}

/// One condition set with these property filters, for everyone who meets them.
pub fn when(properties: Value) -> Value {
    json!({"groups": [{"properties": properties, "rollout_percentage": 100}]})
}

/// A flag that needs another one to be on.
pub fn behind(key: &str, other: &Value) -> Value {
    let other = other["id"].to_string();
    json!({"key": key, "filters": when(json!([{"key": other, "type": "flag", "operator": "flag_evaluates_to", "value": true}]))})
}
