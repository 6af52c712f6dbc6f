//! Metrics that several experiments share.

use anyhow::Result;
use db::{Db, Row, args};
use model::{TeamId, Timestamp, UserId};
use serde_json::Value;

#[derive(Clone, Debug)]
pub struct SavedMetric {
    pub id: i64,
    pub team: TeamId,
    pub name: String,
    pub description: String,
    /// The metric.
    pub query: Value,
    pub tags: Value,
    pub created_by: Option<UserId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "id, team_id, name, description, query, tags, created_by, created_at, updated_at";

pub async fn of_team(db: &Db, team: TeamId) -> Result<Vec<SavedMetric>> {
    let sql = format!("SELECT {COLUMNS} FROM experiment_saved_metric WHERE team_id = $1 ORDER BY id DESC");
    db.fetch_all(&sql, args![team]).await?.iter().map(read).collect()
}

pub async fn by_id(db: &Db, team: TeamId, id: i64) -> Result<Option<SavedMetric>> {
    let sql = format!("SELECT {COLUMNS} FROM experiment_saved_metric WHERE team_id = $1 AND id = $2");
    db.fetch_optional(&sql, args![team, id]).await?.as_ref().map(read).transpose()
}

/// Stores a new one; its `id` is filled in.
pub async fn insert(db: &Db, metric: SavedMetric) -> Result<SavedMetric> {
    let sql = "INSERT INTO experiment_saved_metric (team_id, name, description, query, tags, created_by, created_at, updated_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id";
    let (name, description) = (metric.name.as_str(), metric.description.as_str());
    let args = args![metric.team, name, description, &metric.query, &metric.tags, metric.created_by, metric.created_at, metric.updated_at];
    Ok(SavedMetric { id: db.fetch_one(sql, args).await?.get("id")?, ..metric })
}

pub async fn update(db: &Db, metric: &SavedMetric) -> Result<()> {
    let sql = "UPDATE experiment_saved_metric SET name = $1, description = $2, query = $3, tags = $4, updated_at = $5
               WHERE team_id = $6 AND id = $7";
    let (name, description) = (metric.name.as_str(), metric.description.as_str());
    db.execute(sql, args![name, description, &metric.query, &metric.tags, metric.updated_at, metric.team, metric.id]).await?;
    Ok(())
}

pub async fn delete(db: &Db, team: TeamId, id: i64) -> Result<()> {
    db.execute("DELETE FROM experiment_saved_metric WHERE team_id = $1 AND id = $2", args![team, id]).await?;
    Ok(())
}

fn read(row: &Row) -> Result<SavedMetric> {
    Ok(SavedMetric {
        id: row.get("id")?,
        team: row.get("team_id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        query: row.get("query")?,
        tags: row.get("tags")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
