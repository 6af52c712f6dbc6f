//! For tests of this crate and of those that use flags.

use crate::{Flag, Flags, Memory, payload};
use axum::Router;
use cohorts::Cohort;
use db::{Db, args};
use model::{Clock, TeamId, Timestamp, UserId};
use serde_json::{Map, Value};
use std::sync::Arc;
use teams::{Team, Teams};
use uuid::Uuid;
use web::{Authenticator, Caller, KeyLimits, Proxies};

/// When everything happens.
pub const NOW: Timestamp = Timestamp(1_767_225_600_000_000);

/// Flags of a database of their own or of somebody else's, without places, cookieless visitors and surveys. Runs the migrations that
/// serving needs.
pub async fn flags(db: Db, teams: Teams, authenticator: Authenticator) -> Flags {
    let migrations = [
        ("teams", teams::MIGRATIONS),
        ("people", people::MIGRATIONS),
        ("activity", activity::MIGRATIONS),
        ("cohorts", cohorts::MIGRATIONS),
        ("flags", crate::MIGRATIONS),
    ];
    db.migrate(&migrations).await.expect("the tables can be made");
    Flags {
        db,
        users: Arc::new(|_| Box::pin(async { Ok(None) })),
        teams,
        clock: Clock::Fixed(NOW),
        authenticator,
        remote_config: Arc::new(|_, _| Map::new()),
        place_of: Arc::new(|_| None),
        cookieless_id_of: Arc::new(|_| Box::pin(async { Ok(None) })),
        has_surveys: Arc::new(|_| Box::pin(async { Ok(false) })),
        proxies: Proxies::All,
        payload_key: Arc::new(payload::Key::derive(b"a secret of tests").expect("any secret gives a key")),
        memory: Arc::new(Memory::default()),
    }
}

/// An active flag of project 1 with these filters, not stored.
pub fn flag(key: &str, filters: Value) -> Flag {
    Flag {
        id: 0,
        team: TeamId(1),
        key: key.to_owned(),
        name: String::new(),
        active: true,
        deleted: false,
        filters,
        ensure_experience_continuity: false,
        version: 1,
        bucketing_identifier: None,
        evaluation_runtime: "all".to_owned(),
        evaluation_contexts: Vec::new(),
        is_remote_configuration: false,
        has_encrypted_payloads: false,
        has_experiment: false,
        is_internal: false,
        tags: Vec::new(),
        created_by: Some(UserId(1)),
        created_at: NOW,
        updated_by: None,
        updated_at: NOW,
        last_called_at: None,
    }
}

/// A cohort of project 1 with these filters, not stored.
pub fn cohort(id: i64, filters: Value) -> Cohort {
    Cohort {
        id,
        team: TeamId(1),
        name: format!("cohort {id}"),
        description: String::new(),
        filters,
        query: None,
        is_static: false,
        deleted: false,
        version: 0,
        pending_version: 0,
        count: None,
        is_calculating: false,
        last_calculation: None,
        errors_calculating: 0,
        last_error_message: None,
        created_by: None,
        created_at: NOW,
    }
}

/// One project with its routes, as clients see them.
pub struct World {
    pub flags: Flags,
    pub router: Router,
    pub team: Arc<Team>,
}

pub const TOKEN: &str = "phc_test";

fn server_keys(team: &Arc<Team>) -> Authenticator {
    let personal = |scope: &str| Caller::PersonalKey {
        user: UserId(1),
        key: "k".to_owned(),
        scopes: vec![scope.to_owned()],
        limits: KeyLimits::default(),
    };
    let keys = vec![
        ("phs_good", Caller::ProjectSecret { team: team.id }),
        ("phx_good", personal("feature_flag:write")),
        ("phx_other", personal("insight:read")),
        ("browser", Caller::Session { user: UserId(1), signed_in_at: NOW }),
    ];
    web::testing::keys(team.clone(), keys)
}

impl World {
    /// On a database of its own. `phs_good` and `phx_good` open its definitions, `phx_other` lacks the scope;
    /// `browser` is the id of a session.
    pub async fn new() -> Self {
        Self::on(Db::in_memory().await).await
    }

    pub async fn on(db: Db) -> Self {
        let team = Teams::new(db.clone()).create_for_tests(TOKEN).await;
        let flags = flags(db.clone(), Teams::new(db), server_keys(&team)).await;
        Self { router: crate::routes(flags.clone()), flags, team }
    }

    /// Another process on the same database: it shares nothing that is kept in memory.
    pub async fn another_process(&self) -> Self {
        let db = self.flags.db.clone();
        let flags = flags(db.clone(), Teams::new(db), server_keys(&self.team)).await;
        Self { router: crate::routes(flags.clone()), flags, team: self.team.clone() }
    }

    /// Stores the flag; the next request knows it.
    pub async fn add(&self, flag: Flag) -> i64 {
        let mut transaction = self.flags.db.begin().await.expect("a transaction begins");
        crate::store::bump(&mut transaction, self.team.id).await.expect("the counter is raised");
        let id = crate::store::insert(&mut transaction, &Flag { team: self.team.id, ..flag }).await.expect("the flag is stored");
        transaction.commit().await.expect("the flag is stored");
        self.flags.changed(self.team.id);
        id
    }

    /// As ingestion would store them.
    pub async fn add_person(&self, distinct_ids: &[&str], properties: Value) -> Uuid {
        let (db, uuid) = (&self.flags.db, Uuid::new_v4());
        let sql = "INSERT INTO person (team_id, uuid, created_at, properties, is_identified, version) VALUES ($1, $2, $3, $4, TRUE, 0)";
        db.execute(sql, args![self.team.id, uuid, NOW, properties]).await.expect("the person is stored");
        for id in distinct_ids {
            let sql = "INSERT INTO person_distinct_id (team_id, distinct_id, person_uuid, version) VALUES ($1, $2, $3, 0)
                       ON CONFLICT (team_id, distinct_id) DO UPDATE SET person_uuid = excluded.person_uuid";
            db.execute(sql, args![self.team.id, *id, uuid]).await.expect("the distinct id is stored");
        }
        uuid
    }

    pub async fn add_group(&self, index: u8, kind: &str, key: &str, properties: Value) {
        let db = &self.flags.db;
        let sql = "INSERT INTO group_type_mapping (team_id, group_type, group_type_index) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        db.execute(sql, args![self.team.id, kind, index]).await.expect("the group type is stored");
        let sql = "INSERT INTO person_group (team_id, group_type_index, group_key, properties, created_at, updated_at)
                   VALUES ($1, $2, $3, $4, $5, $5)";
        db.execute(sql, args![self.team.id, index, key, properties, NOW]).await.expect("the group is stored");
        self.flags.changed(self.team.id);
    }

    /// A static cohort of these persons.
    pub async fn add_cohort(&self, members: &[Uuid]) -> i64 {
        let db = &self.flags.db;
        let sql = "INSERT INTO cohort (team_id, name, description, filters, is_static, deleted, version, pending_version, is_calculating,
                     errors_calculating, created_at)
                   VALUES ($1, 'list', '', '{}', TRUE, FALSE, 0, 0, FALSE, 0, $2) RETURNING id";
        let id: i64 = db.fetch_one(sql, args![self.team.id, NOW]).await.and_then(|row| row.get("id")).expect("the cohort is stored");
        for member in members {
            let sql = "INSERT INTO cohort_member (team_id, cohort_id, person_uuid, version) VALUES ($1, $2, $3, 0)";
            db.execute(sql, args![self.team.id, id, *member]).await.expect("the member is stored");
        }
        self.flags.changed(self.team.id);
        id
    }

    /// Answers of `/flags?v=2` to a question of this distinct id with these further fields.
    pub async fn ask(&self, distinct_id: &str, fields: Value) -> Value {
        let mut body = serde_json::json!({"token": TOKEN, "distinct_id": distinct_id, "evaluation_runtime": "all"});
        if let (Some(body), Value::Object(fields)) = (body.as_object_mut(), fields) {
            body.extend(fields);
        }
        web::testing::post(&self.router, "/flags?v=2", body).await.1
    }

    /// The value of one flag, as an SDK would return it; null when it is not in the answer or failed.
    pub async fn value(&self, key: &str, distinct_id: &str, fields: Value) -> Value {
        let record = &self.ask(distinct_id, fields).await["flags"][key];
        match record["variant"].is_null() && record["failed"] != true {
            true => record["enabled"].clone(),
            false => record["variant"].clone(),
        }
    }
}
