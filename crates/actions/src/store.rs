//! Actions in the metadata database.

use crate::Action;
use anyhow::Result;
use db::{Db, Row, Transaction, args};
use model::TeamId;
use serde_json::{Value, json};

const COLUMNS: &str = "id, team_id, name, description, tags, steps, post_to_slack, slack_message_format, pinned_at, deleted, \
                       created_by, created_at, updated_at";

/// Every action that is not deleted, newest first.
pub async fn of_team(db: &Db, team: TeamId) -> Result<Vec<Action>> {
    let sql = format!("SELECT {COLUMNS} FROM action WHERE team_id = $1 AND deleted = FALSE ORDER BY id DESC");
    db.fetch_all(&sql, args![team]).await?.iter().map(read).collect()
}

/// Deleted ones too.
pub async fn find(db: &Db, team: TeamId, id: i64) -> Result<Option<Action>> {
    let sql = format!("SELECT {COLUMNS} FROM action WHERE team_id = $1 AND id = $2");
    db.fetch_optional(&sql, args![team, id]).await?.as_ref().map(read).transpose()
}

/// Another action of this name.
pub async fn named(transaction: &mut Transaction, team: TeamId, name: &str, but: i64) -> Result<Option<i64>> {
    let sql = "SELECT id FROM action WHERE team_id = $1 AND name = $2 AND deleted = FALSE AND id <> $3 LIMIT 1";
    transaction.fetch_optional(sql, args![team, name, but]).await?.map(|row| row.get("id")).transpose()
}

/// `action.id` is ignored.
pub async fn insert(transaction: &mut Transaction, action: &Action) -> Result<Action> {
    let sql = format!(
        "INSERT INTO action (team_id, name, description, tags, steps, post_to_slack, slack_message_format, pinned_at, deleted,
                             created_by, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, FALSE, $9, $10, $11) RETURNING {COLUMNS}"
    );
    let args = args![
        action.team,
        &action.name,
        &action.description,
        json!(action.tags),
        &action.steps,
        action.post_to_slack,
        &action.slack_message_format,
        action.pinned_at,
        action.created_by,
        action.created_at,
        action.updated_at
    ];
    read(&transaction.fetch_one(&sql, args).await?)
}

pub async fn update(transaction: &mut Transaction, action: &Action) -> Result<()> {
    let sql = "UPDATE action SET name = $1, description = $2, tags = $3, steps = $4, post_to_slack = $5, slack_message_format = $6,
               pinned_at = $7, deleted = $8, updated_at = $9 WHERE id = $10";
    let args = args![
        &action.name,
        &action.description,
        json!(action.tags),
        &action.steps,
        action.post_to_slack,
        &action.slack_message_format,
        action.pinned_at,
        action.deleted,
        action.updated_at,
        action.id
    ];
    transaction.execute(sql, args).await?;
    Ok(())
}

/// Raises the project's counter; every write begins with it. On PostgreSQL this also makes writers of one project's actions queue up.
pub async fn bump(transaction: &mut Transaction, team: TeamId) -> Result<()> {
    let sql = "INSERT INTO action_version (team_id, version) VALUES ($1, 1)
               ON CONFLICT (team_id) DO UPDATE SET version = action_version.version + 1";
    transaction.execute(sql, args![team]).await?;
    Ok(())
}

/// Changes whenever an action of the project does.
pub async fn version(db: &Db, team: TeamId) -> Result<i64> {
    let row = db.fetch_optional("SELECT version FROM action_version WHERE team_id = $1", args![team]).await?;
    row.map_or(Ok(0), |row| row.get("version"))
}

fn read(row: &Row) -> Result<Action> {
    let tags: Value = row.get("tags")?;
    Ok(Action {
        id: row.get("id")?,
        team: row.get("team_id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        tags: tags.as_array().into_iter().flatten().filter_map(|tag| tag.as_str().map(str::to_owned)).collect(),
        steps: row.get("steps")?,
        post_to_slack: row.get("post_to_slack")?,
        slack_message_format: row.get("slack_message_format")?,
        pinned_at: row.get("pinned_at")?,
        deleted: row.get("deleted")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
