//! Cohorts and their members in the metadata database.

use crate::Cohort;
use anyhow::Result;
use db::{Db, Row, Transaction, args};
use model::{TeamId, Timestamp, UserId};
use serde_json::Value;
use uuid::Uuid;

pub(crate) const COLUMNS: &str = "id, team_id, name, description, filters, query, is_static, deleted, version, pending_version, count, \
                       is_calculating, last_calculation, errors_calculating, last_error_message, created_by, created_at";

/// Every cohort that is not deleted, newest first.
pub async fn of_team(db: &Db, team: TeamId) -> Result<Vec<Cohort>> {
    let sql = format!("SELECT {COLUMNS} FROM cohort WHERE team_id = $1 AND deleted = FALSE ORDER BY id DESC");
    db.fetch_all(&sql, args![team]).await?.iter().map(read).collect()
}

/// Deleted ones too.
pub async fn find(db: &Db, team: TeamId, id: i64) -> Result<Option<Cohort>> {
    let sql = format!("SELECT {COLUMNS} FROM cohort WHERE team_id = $1 AND id = $2");
    db.fetch_optional(&sql, args![team, id]).await?.as_ref().map(read).transpose()
}

/// Id and name of every cohort, and whether it still exists: what queries call them.
pub async fn names(db: &Db, team: TeamId) -> Result<Vec<(i64, String, bool)>> {
    let rows = db.fetch_all("SELECT id, name, deleted FROM cohort WHERE team_id = $1", args![team]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("name")?, !row.get::<bool>("deleted")?))).collect()
}

/// The cohorts whose current membership holds this person.
pub async fn of_person(db: &Db, team: TeamId, person: Uuid) -> Result<Vec<i64>> {
    let sql = "SELECT m.cohort_id FROM cohort_member m JOIN cohort c ON c.id = m.cohort_id AND c.version = m.version
               WHERE m.team_id = $1 AND m.person_uuid = $2 AND c.deleted = FALSE";
    db.fetch_all(sql, args![team, person]).await?.iter().map(|row| row.get("cohort_id")).collect()
}

/// Like [`of_person`] for many persons at once.
pub async fn of_persons(db: &Db, team: TeamId, persons: &[Uuid]) -> Result<Vec<(Uuid, i64)>> {
    let mut found = Vec::new();
    for list in persons.chunks(500) {
        let sql = format!(
            "SELECT m.person_uuid, m.cohort_id FROM cohort_member m JOIN cohort c ON c.id = m.cohort_id AND c.version = m.version
             WHERE m.team_id = $1 AND m.person_uuid IN ({}) AND c.deleted = FALSE",
            db::parameter_list(2, list.len())
        );
        let args: Vec<db::Value> = std::iter::once(team.into()).chain(list.iter().map(|&person| person.into())).collect();
        for row in db.fetch_all(&sql, &args).await? {
            found.push((row.get("person_uuid")?, row.get("cohort_id")?));
        }
    }
    Ok(found)
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

/// What a new cohort begins with.
#[derive(Clone, Debug)]
pub struct NewCohort {
    pub name: String,
    pub description: String,
    pub filters: Value,
    pub query: Option<Value>,
    pub is_static: bool,
}

/// A computed cohort is due at once.
pub async fn insert(transaction: &mut Transaction, team: TeamId, new: &NewCohort, by: Option<UserId>, now: Timestamp) -> Result<Cohort> {
    let sql = format!(
        "INSERT INTO cohort (team_id, name, description, filters, query, is_static, deleted, version, pending_version, count,
                             is_calculating, errors_calculating, calculate_at, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, FALSE, 0, 0, $7, $8, 0, $9, $10, $11) RETURNING {COLUMNS}"
    );
    let count = new.is_static.then_some(0);
    let due = (!new.is_static).then_some(now);
    let args =
        args![team, &new.name, &new.description, &new.filters, new.query.clone(), new.is_static, count, !new.is_static, due, by, now];
    let row = transaction.fetch_one(&sql, args).await?;
    bump(transaction, team).await?;
    read(&row)
}

/// Writes what people edit. `is_due`: its criteria changed, so that runs that are under way do not count any more.
pub async fn update(transaction: &mut Transaction, cohort: &Cohort, is_due: bool, now: Timestamp) -> Result<Cohort> {
    let sql = format!(
        "UPDATE cohort SET name = $1, description = $2, filters = $3, query = $4, deleted = $5, is_static = $6 WHERE id = $7
         RETURNING {COLUMNS}"
    );
    let args = args![&cohort.name, &cohort.description, &cohort.filters, cohort.query.clone(), cohort.deleted, cohort.is_static, cohort.id];
    let mut row = transaction.fetch_one(&sql, args).await?;
    if is_due {
        let sql = format!(
            "UPDATE cohort SET pending_version = pending_version + 1, is_calculating = TRUE, errors_calculating = 0, calculate_at = $1
             WHERE id = $2 RETURNING {COLUMNS}"
        );
        row = transaction.fetch_one(&sql, args![now, cohort.id]).await?;
    }
    bump(transaction, cohort.team).await?;
    read(&row)
}

pub(crate) fn read(row: &Row) -> Result<Cohort> {
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
