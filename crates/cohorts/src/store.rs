//! Cohorts and their members in the metadata database.

use crate::Cohort;
use anyhow::Result;
use db::{Db, Row, Transaction, args};
use model::TeamId;
use uuid::Uuid;

const COLUMNS: &str = "id, team_id, name, description, filters, query, is_static, deleted, version, pending_version, count, \
                       is_calculating, last_calculation, errors_calculating, last_error_message, created_by, created_at";

/// Every cohort that is not deleted, newest first.
pub async fn of_team(db: &Db, team: TeamId) -> Result<Vec<Cohort>> {
    let sql = format!("SELECT {COLUMNS} FROM cohort WHERE team_id = $1 AND deleted = FALSE ORDER BY id DESC");
    db.fetch_all(&sql, args![team]).await?.iter().map(read).collect()
}

/// The cohorts whose current membership holds this person.
pub async fn of_person(db: &Db, team: TeamId, person: Uuid) -> Result<Vec<i64>> {
    let sql = "SELECT m.cohort_id FROM cohort_member m JOIN cohort c ON c.id = m.cohort_id AND c.version = m.version
               WHERE m.team_id = $1 AND m.person_uuid = $2 AND c.deleted = FALSE";
    db.fetch_all(sql, args![team, person]).await?.iter().map(|row| row.get("cohort_id")).collect()
}

/// Tells every process that definitions or memberships of this project changed.
pub async fn bump(transaction: &mut Transaction, team: TeamId) -> Result<()> {
    let sql = "INSERT INTO cohort_version (team_id, version) VALUES ($1, 1)
               ON CONFLICT (team_id) DO UPDATE SET version = cohort_version.version + 1";
    transaction.execute(sql, args![team]).await?;
    Ok(())
}

pub async fn version(db: &Db, team: TeamId) -> Result<i64> {
    let row = db.fetch_optional("SELECT version FROM cohort_version WHERE team_id = $1", args![team]).await?;
    row.map_or(Ok(0), |row| row.get("version"))
}

fn read(row: &Row) -> Result<Cohort> {
    Ok(Cohort {
        id: row.get("id")?,
        team: row.get("team_id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        filters: row.get("filters")?,
        query: row.get("query")?,
        is_static: row.get("is_static")?,
        deleted: row.get("deleted")?,
        version: row.get("version")?,
        pending_version: row.get("pending_version")?,
        count: row.get("count")?,
        is_calculating: row.get("is_calculating")?,
        last_calculation: row.get("last_calculation")?,
        errors_calculating: row.get("errors_calculating")?,
        last_error_message: row.get("last_error_message")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
    })
}
