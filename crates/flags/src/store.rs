//! Flags in the metadata database.

use crate::flag::Flag;
use anyhow::Result;
use db::{Db, Row, Transaction, Value as Sql, args};
use model::TeamId;
use std::collections::HashSet;

const COLUMNS: &str = "id, team_id, flag_key, name, active, deleted, filters, ensure_experience_continuity, version, bucketing_identifier, \
                       evaluation_runtime, evaluation_contexts, is_remote_configuration, has_encrypted_payloads, has_experiment, \
                       is_internal, tags, created_by, created_at, updated_by, updated_at, last_called_at";

/// Every flag that is not deleted, in the order of keys.
pub async fn of_team(db: &Db, team: TeamId) -> Result<Vec<Flag>> {
    let sql = format!("SELECT {COLUMNS} FROM feature_flag WHERE team_id = $1 AND deleted = FALSE ORDER BY flag_key");
    db.fetch_all(&sql, args![team]).await?.iter().map(read).collect()
}

/// Deleted ones too.
pub async fn by_id(db: &Db, team: TeamId, id: i64) -> Result<Option<Flag>> {
    let sql = format!("SELECT {COLUMNS} FROM feature_flag WHERE team_id = $1 AND id = $2");
    db.fetch_optional(&sql, args![team, id]).await?.as_ref().map(read).transpose()
}

/// The flag that has this key now.
pub async fn by_key(db: &Db, team: TeamId, key: &str) -> Result<Option<Flag>> {
    let sql = format!("SELECT {COLUMNS} FROM feature_flag WHERE team_id = $1 AND flag_key = $2 AND deleted = FALSE");
    db.fetch_optional(&sql, args![team, key]).await?.as_ref().map(read).transpose()
}

/// Like [`by_id`], as the transaction sees it.
pub async fn in_transaction(transaction: &mut Transaction, team: TeamId, id: i64) -> Result<Option<Flag>> {
    let sql = format!("SELECT {COLUMNS} FROM feature_flag WHERE team_id = $1 AND id = $2");
    transaction.fetch_optional(&sql, args![team, id]).await?.as_ref().map(read).transpose()
}

/// Like [`by_key`], as the transaction sees it.
pub async fn by_key_in_transaction(transaction: &mut Transaction, team: TeamId, key: &str) -> Result<Option<Flag>> {
    let sql = format!("SELECT {COLUMNS} FROM feature_flag WHERE team_id = $1 AND flag_key = $2 AND deleted = FALSE");
    transaction.fetch_optional(&sql, args![team, key]).await?.as_ref().map(read).transpose()
}

/// Of the flags that are not deleted.
pub async fn keys(transaction: &mut Transaction, team: TeamId) -> Result<HashSet<String>> {
    let sql = "SELECT flag_key FROM feature_flag WHERE team_id = $1 AND deleted = FALSE";
    transaction.fetch_all(sql, args![team]).await?.iter().map(|row| row.get("flag_key")).collect()
}

/// Flags that are not deleted.
pub async fn count(transaction: &mut Transaction, team: TeamId) -> Result<usize> {
    let sql = "SELECT COUNT(*) AS n FROM feature_flag WHERE team_id = $1 AND deleted = FALSE";
    transaction.fetch_one(sql, args![team]).await?.get("n")
}

/// Stores a new flag; its `id` is ignored.
pub async fn insert(transaction: &mut Transaction, flag: &Flag) -> Result<i64> {
    let names: Vec<&str> = COLUMNS.split(", ").skip(1).map(str::trim).collect();
    let sql = format!("INSERT INTO feature_flag ({}) VALUES ({}) RETURNING id", names.join(", "), db::parameter_list(1, names.len()));
    transaction.fetch_one(&sql, &values(flag)).await?.get("id")
}

/// When it was last called is not among what is written: [`crate::manage::Calls`] keeps that, beside all editing.
pub async fn update(transaction: &mut Transaction, flag: &Flag) -> Result<()> {
    let names: Vec<&str> = COLUMNS.split(", ").skip(1).map(str::trim).filter(|name| *name != "last_called_at").collect();
    let set: Vec<String> = names.iter().enumerate().map(|(at, name)| format!("{name} = ${}", at + 1)).collect();
    let mut args = values(flag);
    args.truncate(names.len());
    args.push(flag.id.into());
    let sql = format!("UPDATE feature_flag SET {} WHERE team_id = $1 AND id = ${}", set.join(", "), args.len());
    transaction.execute(&sql, &args).await?;
    Ok(())
}

/// Tells every process that answers of this project may have changed. Comes first in a transaction that writes flags: until it ends,
/// other writers of this project's flags wait.
pub async fn bump(transaction: &mut Transaction, team: TeamId) -> Result<()> {
    let sql = "INSERT INTO feature_flag_version (team_id, version) VALUES ($1, 1)
               ON CONFLICT (team_id) DO UPDATE SET version = feature_flag_version.version + 1";
    transaction.execute(sql, args![team]).await?;
    Ok(())
}

/// Adds to what the project's filters come to; the new sum. After [`bump`], which makes the row.
pub async fn weigh(transaction: &mut Transaction, team: TeamId, more_bytes: i64) -> Result<i64> {
    let sql = "UPDATE feature_flag_version SET bytes = bytes + $2 WHERE team_id = $1 RETURNING bytes";
    transaction.fetch_one(sql, args![team, more_bytes]).await?.get("bytes")
}

pub async fn version(db: &Db, team: TeamId) -> Result<i64> {
    let row = db.fetch_optional("SELECT version FROM feature_flag_version WHERE team_id = $1", args![team]).await?;
    row.map_or(Ok(0), |row| row.get("version"))
}

fn values(flag: &Flag) -> Vec<Sql> {
    args![
        flag.team,
        flag.key.as_str(),
        flag.name.as_str(),
        flag.active,
        flag.deleted,
        flag.filters.clone(),
        flag.ensure_experience_continuity,
        flag.version,
        flag.bucketing_identifier.clone(),
        flag.evaluation_runtime.as_str(),
        serde_json::json!(flag.evaluation_contexts),
        flag.is_remote_configuration,
        flag.has_encrypted_payloads,
        flag.has_experiment,
        flag.is_internal,
        serde_json::json!(flag.tags),
        flag.created_by,
        flag.created_at,
        flag.updated_by,
        flag.updated_at,
        flag.last_called_at
    ]
    .to_vec()
}

fn read(row: &Row) -> Result<Flag> {
    let contexts: serde_json::Value = row.get("evaluation_contexts")?;
    let tags: serde_json::Value = row.get("tags")?;
    Ok(Flag {
        id: row.get("id")?,
        team: row.get("team_id")?,
        key: row.get("flag_key")?,
        name: row.get("name")?,
        active: row.get("active")?,
        deleted: row.get("deleted")?,
        filters: row.get("filters")?,
        ensure_experience_continuity: row.get("ensure_experience_continuity")?,
        version: row.get("version")?,
        bucketing_identifier: row.get("bucketing_identifier")?,
        evaluation_runtime: row.get("evaluation_runtime")?,
        evaluation_contexts: serde_json::from_value(contexts)?,
        is_remote_configuration: row.get("is_remote_configuration")?,
        has_encrypted_payloads: row.get("has_encrypted_payloads")?,
        has_experiment: row.get("has_experiment")?,
        is_internal: row.get("is_internal")?,
        tags: serde_json::from_value(tags)?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        updated_by: row.get("updated_by")?,
        updated_at: row.get("updated_at")?,
        last_called_at: row.get("last_called_at")?,
    })
}
