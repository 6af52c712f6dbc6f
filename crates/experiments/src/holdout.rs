//! Holdouts: people who get no variant of any experiment that names the holdout, to see what experiments come to together.

use anyhow::Result;
use db::{Db, Row, args};
use model::{TeamId, Timestamp, UserId};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub struct Holdout {
    pub id: i64,
    pub team: TeamId,
    pub name: String,
    pub description: String,
    /// `[{"properties": [], "rollout_percentage": 10, "variant": "holdout-3"}]`
    pub filters: Value,
    pub created_by: Option<UserId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Holdout {
    /// What a flag says of it.
    pub fn of_flag(&self) -> Value {
        json!({"id": self.id, "exclusion_percentage": self.share()})
    }

    fn share(&self) -> Value {
        self.filters.pointer("/0/rollout_percentage").cloned().unwrap_or_else(|| json!(0))
    }

    /// Filters name the holdout that they belong to.
    pub fn named(&self) -> Value {
        let mut filters = self.filters.clone();
        for filter in filters.as_array_mut().into_iter().flatten() {
            filter["variant"] = format!("holdout-{}", self.id).into();
        }
        filters
    }
}

const COLUMNS: &str = "id, team_id, name, description, filters, created_by, created_at, updated_at";

pub async fn of_team(db: &Db, team: TeamId) -> Result<Vec<Holdout>> {
    let sql = format!("SELECT {COLUMNS} FROM experiment_holdout WHERE team_id = $1 ORDER BY id DESC");
    db.fetch_all(&sql, args![team]).await?.iter().map(read).collect()
}

pub async fn by_id(db: &Db, team: TeamId, id: i64) -> Result<Option<Holdout>> {
    let sql = format!("SELECT {COLUMNS} FROM experiment_holdout WHERE team_id = $1 AND id = $2");
    db.fetch_optional(&sql, args![team, id]).await?.as_ref().map(read).transpose()
}

/// Stores a new one; its `id` is filled in.
pub async fn insert(db: &Db, holdout: Holdout) -> Result<Holdout> {
    let sql = "INSERT INTO experiment_holdout (team_id, name, description, filters, created_by, created_at, updated_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id";
    let (name, description) = (holdout.name.as_str(), holdout.description.as_str());
    let args = args![holdout.team, name, description, &holdout.filters, holdout.created_by, holdout.created_at, holdout.updated_at];
    Ok(Holdout { id: db.fetch_one(sql, args).await?.get("id")?, ..holdout })
}

pub async fn update(db: &Db, holdout: &Holdout) -> Result<()> {
    let sql = "UPDATE experiment_holdout SET name = $1, description = $2, filters = $3, updated_at = $4 WHERE team_id = $5 AND id = $6";
    let (name, description) = (holdout.name.as_str(), holdout.description.as_str());
    db.execute(sql, args![name, description, &holdout.filters, holdout.updated_at, holdout.team, holdout.id]).await?;
    Ok(())
}

pub async fn delete(db: &Db, team: TeamId, id: i64) -> Result<()> {
    db.execute("DELETE FROM experiment_holdout WHERE team_id = $1 AND id = $2", args![team, id]).await?;
    Ok(())
}

fn read(row: &Row) -> Result<Holdout> {
    Ok(Holdout {
        id: row.get("id")?,
        team: row.get("team_id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        filters: row.get("filters")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
