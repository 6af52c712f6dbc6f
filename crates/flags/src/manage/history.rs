//! Every version of a flag, whole, so that it can be read and brought back.

use crate::Flag;
use anyhow::Result;
use db::{Db, Row, Transaction, args};
use model::{TeamId, Timestamp, UserId};
use serde_json::{Value, json};

/// Older versions than these go.
const MAX_VERSIONS: i64 = 200;

/// What a version of a flag was. `record` is as stored: encrypted payloads stay encrypted.
pub struct Version {
    pub version: i64,
    pub user: Option<UserId>,
    pub created_at: Timestamp,
    record: Value,
}

/// Keeps the flag as it is now, in the transaction that stores it.
pub async fn keep(transaction: &mut Transaction, flag: &Flag, at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO feature_flag_history (team_id, flag_id, version, record, user_id, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
    let args = args![flag.team, flag.id, flag.version, record(flag), flag.updated_by, at];
    transaction.execute(sql, args).await?;
    let sql = "DELETE FROM feature_flag_history WHERE team_id = $1 AND flag_id = $2 AND version <= $3";
    transaction.execute(sql, args![flag.team, flag.id, flag.version - MAX_VERSIONS]).await?;
    Ok(())
}

/// Newest first.
pub async fn versions(db: &Db, team: TeamId, flag: i64, limit: usize, offset: usize) -> Result<(usize, Vec<Version>)> {
    let sql = "SELECT COUNT(*) AS n FROM feature_flag_history WHERE team_id = $1 AND flag_id = $2";
    let count = db.fetch_one(sql, args![team, flag]).await?.get("n")?;
    let sql = format!(
        "SELECT version, record, user_id, created_at FROM feature_flag_history WHERE team_id = $1 AND flag_id = $2
         ORDER BY version DESC LIMIT {limit} OFFSET {offset}"
    );
    let rows = db.fetch_all(&sql, args![team, flag]).await?;
    Ok((count, rows.iter().map(read).collect::<Result<_>>()?))
}

pub async fn version(db: &Db, team: TeamId, flag: i64, version: i64) -> Result<Option<Version>> {
    let sql = "SELECT version, record, user_id, created_at FROM feature_flag_history WHERE team_id = $1 AND flag_id = $2 AND version = $3";
    db.fetch_optional(sql, args![team, flag, version]).await?.as_ref().map(read).transpose()
}

impl Version {
    /// Makes `flag` what it was. Who made it, its experiments and its id do not change; a deleted flag comes back.
    pub fn restore(&self, flag: &mut Flag) {
        let text = |name: &str| self.record[name].as_str().map(str::to_owned);
        let is = |name: &str| self.record[name] == true;
        let list = |name: &str| -> Vec<String> { serde_json::from_value(self.record[name].clone()).unwrap_or_default() };
        flag.key = text("key").unwrap_or_default();
        flag.name = text("name").unwrap_or_default();
        flag.active = is("active");
        flag.deleted = is("deleted");
        flag.filters = self.record["filters"].clone();
        flag.ensure_experience_continuity = is("ensure_experience_continuity");
        flag.bucketing_identifier = text("bucketing_identifier");
        flag.evaluation_runtime = text("evaluation_runtime").unwrap_or_else(|| "all".to_owned());
        flag.evaluation_contexts = list("evaluation_contexts");
        flag.is_remote_configuration = is("is_remote_configuration");
        flag.has_encrypted_payloads = is("has_encrypted_payloads");
        flag.tags = list("tags");
    }
}

fn record(flag: &Flag) -> Value {
    json!({
        "key": flag.key,
        "name": flag.name,
        "active": flag.active,
        "deleted": flag.deleted,
        "filters": flag.filters,
        "ensure_experience_continuity": flag.ensure_experience_continuity,
        "bucketing_identifier": flag.bucketing_identifier,
        "evaluation_runtime": flag.evaluation_runtime,
        "evaluation_contexts": flag.evaluation_contexts,
        "is_remote_configuration": flag.is_remote_configuration,
        "has_encrypted_payloads": flag.has_encrypted_payloads,
        "tags": flag.tags,
    })
}

fn read(row: &Row) -> Result<Version> {
    Ok(Version { version: row.get("version")?, user: row.get("user_id")?, created_at: row.get("created_at")?, record: row.get("record")? })
}
