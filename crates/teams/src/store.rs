use crate::Team;
use crate::token::{PUBLIC_PREFIX, hash_secret, mask, random_token};
use anyhow::{Context, Result};
use db::{Db, Migration, Row, Transaction, args};
use model::{OrganizationId, TeamId, Timestamp};
use serde_json::{Map, Value};
use uuid::Uuid;

pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "team",
    sql: "CREATE TABLE team (
            id {{id}},
            uuid TEXT NOT NULL UNIQUE,
            organization_id TEXT NOT NULL,
            name TEXT NOT NULL,
            api_token TEXT NOT NULL UNIQUE,
            created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL,
            timezone TEXT NOT NULL,
            week_start_day BIGINT NOT NULL,
            anonymize_ips BOOLEAN NOT NULL,
            cookieless_mode BIGINT NOT NULL,
            ingested_event BOOLEAN NOT NULL,
            is_demo BOOLEAN NOT NULL,
            secret_hash TEXT UNIQUE,
            secret_mask TEXT,
            secret_backup_hash TEXT,
            secret_backup_mask TEXT,
            settings TEXT NOT NULL
          );
          CREATE INDEX team_organization ON team (organization_id);
          CREATE INDEX team_secret_backup ON team (secret_backup_hash);",
}];

/// What a new project begins with; everything else has its default.
pub struct NewTeam {
    pub organization: OrganizationId,
    pub name: String,
    /// A random one when absent.
    pub api_token: Option<String>,
    pub timezone: chrono_tz::Tz,
    pub is_demo: bool,
    pub settings: Map<String, Value>,
}

impl NewTeam {
    pub fn named(organization: OrganizationId, name: &str) -> Self {
        NewTeam { organization, name: name.to_owned(), api_token: None, timezone: chrono_tz::UTC, is_demo: false, settings: Map::new() }
    }
}

const COLUMNS: &str = "id, uuid, organization_id, name, api_token, created_at, updated_at, timezone, week_start_day, anonymize_ips,
    cookieless_mode, ingested_event, is_demo, secret_mask, secret_backup_mask, settings";

fn read(row: &Row) -> Result<Team> {
    let timezone: String = row.get("timezone")?;
    Ok(Team {
        id: row.get("id")?,
        uuid: row.get("uuid")?,
        organization: row.get("organization_id")?,
        name: row.get("name")?,
        api_token: row.get("api_token")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        timezone: timezone.parse().ok().with_context(|| format!("unknown time zone {timezone:?}"))?,
        week_start_day: row.get("week_start_day")?,
        anonymize_ips: row.get("anonymize_ips")?,
        cookieless_mode: row.get("cookieless_mode")?,
        ingested_event: row.get("ingested_event")?,
        is_demo: row.get("is_demo")?,
        secret_token_mask: row.get("secret_mask")?,
        secret_token_backup_mask: row.get("secret_backup_mask")?,
        settings: row.get("settings")?,
    })
}

pub(crate) async fn by_id(db: &Db, id: TeamId) -> Result<Option<Team>> {
    let row = db.fetch_optional(&format!("SELECT {COLUMNS} FROM team WHERE id = $1"), args![id]).await?;
    row.as_ref().map(read).transpose()
}

pub(crate) async fn by_token(db: &Db, token: &str) -> Result<Option<Team>> {
    let row = db.fetch_optional(&format!("SELECT {COLUMNS} FROM team WHERE api_token = $1"), args![token]).await?;
    row.as_ref().map(read).transpose()
}

pub(crate) async fn id_by_secret_hash(db: &Db, hash: &str) -> Result<Option<TeamId>> {
    let row = db.fetch_optional("SELECT id FROM team WHERE secret_hash = $1 OR secret_backup_hash = $1", args![hash]).await?;
    row.map(|row| row.get("id")).transpose()
}

pub(crate) async fn of_organization(db: &Db, organization: OrganizationId) -> Result<Vec<Team>> {
    let sql = format!("SELECT {COLUMNS} FROM team WHERE organization_id = $1 ORDER BY id");
    db.fetch_all(&sql, args![organization]).await?.iter().map(read).collect()
}

pub(crate) async fn all(db: &Db) -> Result<Vec<Team>> {
    db.fetch_all(&format!("SELECT {COLUMNS} FROM team ORDER BY id"), &[]).await?.iter().map(read).collect()
}

pub(crate) async fn insert(transaction: &mut Transaction, new: NewTeam, now: Timestamp) -> Result<Team> {
    let token = new.api_token.unwrap_or_else(|| random_token(PUBLIC_PREFIX));
    let sql = format!(
        "INSERT INTO team (uuid, organization_id, name, api_token, created_at, updated_at, timezone, week_start_day, anonymize_ips,
            cookieless_mode, ingested_event, is_demo, settings)
         VALUES ($1, $2, $3, $4, $5, $5, $6, 0, $7, 0, $7, $8, $9) RETURNING {COLUMNS}"
    );
    let args = args![Uuid::now_v7(), new.organization, new.name, token, now, new.timezone.name(), false, new.is_demo, &new.settings];
    read(&transaction.fetch_one(&sql, args).await?)
}

/// Touching the row first makes a second writer wait on both databases.
pub(crate) async fn lock(transaction: &mut Transaction, id: TeamId, now: Timestamp) -> Result<Option<Team>> {
    let sql = format!("UPDATE team SET updated_at = $2 WHERE id = $1 RETURNING {COLUMNS}");
    let row = transaction.fetch_optional(&sql, args![id, now]).await?;
    row.as_ref().map(read).transpose()
}

pub(crate) async fn write(transaction: &mut Transaction, team: &Team) -> Result<()> {
    let sql = "UPDATE team SET name = $2, timezone = $3, week_start_day = $4, anonymize_ips = $5, cookieless_mode = $6,
        ingested_event = $7, is_demo = $8, settings = $9, organization_id = $10 WHERE id = $1";
    let args = args![
        team.id,
        &team.name,
        team.timezone.name(),
        team.week_start_day,
        team.anonymize_ips,
        team.cookieless_mode,
        team.ingested_event,
        team.is_demo,
        &team.settings,
        team.organization
    ];
    transaction.execute(sql, args).await?;
    Ok(())
}

pub(crate) async fn mark_ingested(db: &Db, id: TeamId) -> Result<bool> {
    let sql = "UPDATE team SET ingested_event = $2 WHERE id = $1 AND ingested_event <> $2";
    Ok(db.execute(sql, args![id, true]).await? > 0)
}

pub(crate) async fn set_token(db: &Db, id: TeamId, token: &str, now: Timestamp) -> Result<()> {
    db.execute("UPDATE team SET api_token = $2, updated_at = $3 WHERE id = $1", args![id, token, now]).await?;
    Ok(())
}

pub(crate) async fn rotate_secret(db: &Db, id: TeamId, secret: &str, now: Timestamp) -> Result<()> {
    let sql = "UPDATE team SET secret_backup_hash = secret_hash, secret_backup_mask = secret_mask,
        secret_hash = $2, secret_mask = $3, updated_at = $4 WHERE id = $1";
    db.execute(sql, args![id, hash_secret(secret), mask(secret), now]).await?;
    Ok(())
}

pub(crate) async fn delete_secret_backup(db: &Db, id: TeamId, now: Timestamp) -> Result<()> {
    let sql = "UPDATE team SET secret_backup_hash = NULL, secret_backup_mask = NULL, updated_at = $2 WHERE id = $1";
    db.execute(sql, args![id, now]).await?;
    Ok(())
}

pub(crate) async fn delete(db: &Db, id: TeamId) -> Result<bool> {
    Ok(db.execute("DELETE FROM team WHERE id = $1", args![id]).await? > 0)
}
