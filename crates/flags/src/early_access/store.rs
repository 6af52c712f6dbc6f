//! Early access features in the metadata database.

use super::{Feature, Stage};
use anyhow::{Context, Result};
use db::{Db, Row, Transaction, args};
use model::TeamId;
use uuid::Uuid;

const COLUMNS: &str = "id, team_id, flag_id, name, description, stage, documentation_url, payload, created_by, created_at";

/// Newest first.
pub async fn of_team(db: &Db, team: TeamId) -> Result<Vec<Feature>> {
    let sql = format!("SELECT {COLUMNS} FROM early_access_feature WHERE team_id = $1 ORDER BY created_at DESC, id DESC");
    db.fetch_all(&sql, args![team]).await?.iter().map(read).collect()
}

pub async fn of_flag(db: &Db, team: TeamId, flag: i64) -> Result<Option<Feature>> {
    let sql = format!("SELECT {COLUMNS} FROM early_access_feature WHERE team_id = $1 AND flag_id = $2");
    db.fetch_optional(&sql, args![team, flag]).await?.as_ref().map(read).transpose()
}

pub async fn by_id(db: &Db, team: TeamId, id: Uuid) -> Result<Option<Feature>> {
    let sql = format!("SELECT {COLUMNS} FROM early_access_feature WHERE team_id = $1 AND id = $2");
    db.fetch_optional(&sql, args![team, id]).await?.as_ref().map(read).transpose()
}

/// Like [`by_id`], as the transaction sees it.
pub async fn in_transaction(transaction: &mut Transaction, team: TeamId, id: Uuid) -> Result<Option<Feature>> {
    let sql = format!("SELECT {COLUMNS} FROM early_access_feature WHERE team_id = $1 AND id = $2");
    transaction.fetch_optional(&sql, args![team, id]).await?.as_ref().map(read).transpose()
}

pub async fn count(transaction: &mut Transaction, team: TeamId) -> Result<i64> {
    transaction.fetch_one("SELECT COUNT(*) AS n FROM early_access_feature WHERE team_id = $1", args![team]).await?.get("n")
}

pub async fn insert(transaction: &mut Transaction, feature: &Feature) -> Result<()> {
    let sql = format!("INSERT INTO early_access_feature ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
    let args = args![
        feature.id,
        feature.team,
        feature.flag,
        &feature.name,
        &feature.description,
        feature.stage.as_str(),
        &feature.documentation_url,
        &feature.payload,
        feature.created_by,
        feature.created_at
    ];
    transaction.execute(&sql, args).await?;
    Ok(())
}

/// Its flag stays.
pub async fn update(transaction: &mut Transaction, feature: &Feature) -> Result<()> {
    let sql = "UPDATE early_access_feature SET name = $3, description = $4, stage = $5, documentation_url = $6, payload = $7
               WHERE team_id = $1 AND id = $2";
    let args = args![
        feature.team,
        feature.id,
        &feature.name,
        &feature.description,
        feature.stage.as_str(),
        &feature.documentation_url,
        &feature.payload
    ];
    transaction.execute(sql, args).await?;
    Ok(())
}

pub async fn delete(transaction: &mut Transaction, team: TeamId, id: Uuid) -> Result<()> {
    transaction.execute("DELETE FROM early_access_feature WHERE team_id = $1 AND id = $2", args![team, id]).await?;
    Ok(())
}

fn read(row: &Row) -> Result<Feature> {
    let stage: String = row.get("stage")?;
    Ok(Feature {
        id: row.get("id")?,
        team: row.get("team_id")?,
        flag: row.get("flag_id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        stage: Stage::parse(&stage).with_context(|| format!("{stage:?} is no stage"))?,
        documentation_url: row.get("documentation_url")?,
        payload: row.get("payload")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
    })
}
