//! Who is in a cohort: reading, the lists of static cohorts, and following persons that were merged.

use crate::{Cohort, store};
use anyhow::Result;
use async_trait::async_trait;
use db::{Db, Transaction, Value, args, parameter_list};
use events::{CohortRow, Dimensions, DistinctIdRow, GroupRow, PersonRow};
use model::{Properties, TeamId};
use std::collections::HashSet;
use std::sync::Arc;
use uuid::Uuid;

/// Persons in one statement that reads or deletes.
const CHUNK: usize = 500;
/// Persons that are looked at together.
const SCANNED: usize = 5_000;
/// Merges that are followed in one transaction.
const MERGES: usize = 2_000;
/// Merges before the last one that is known are looked at again: their transactions may have ended later.
const OVERLAP: i64 = 1_000;

/// The persons and groups of `people`, with cohorts.
pub struct WithCohorts {
    pub people: Arc<dyn Dimensions>,
    pub db: Db,
}

#[async_trait]
impl Dimensions for WithCohorts {
    async fn version(&self, team: TeamId) -> Result<u64> {
        self.people.version(team).await
    }

    async fn persons(&self, team: TeamId) -> Result<Vec<PersonRow>> {
        self.people.persons(team).await
    }

    async fn distinct_ids(&self, team: TeamId) -> Result<Vec<DistinctIdRow>> {
        self.people.distinct_ids(team).await
    }

    async fn groups(&self, team: TeamId) -> Result<Vec<GroupRow>> {
        self.people.groups(team).await
    }

    async fn cohorts_version(&self, team: TeamId) -> Result<u64> {
        Ok(store::version(&self.db, team).await? as u64)
    }

    async fn cohort_members(&self, team: TeamId, cohort: i64) -> Result<Vec<Uuid>> {
        all(&self.db, team, cohort).await
    }

    async fn cohort_people(&self, team: TeamId, is_static: bool) -> Result<Vec<CohortRow>> {
        let sql = "SELECT m.cohort_id, m.person_uuid, m.version FROM cohort_member m
                   JOIN cohort c ON c.id = m.cohort_id AND c.version = m.version
                   WHERE c.team_id = $1 AND c.deleted = FALSE AND c.is_static = $2";
        let rows = self.db.fetch_all(sql, args![team, is_static]).await?;
        rows.iter()
            .map(|row| Ok(CohortRow { cohort_id: row.get("cohort_id")?, person_id: row.get("person_uuid")?, version: row.get("version")? }))
            .collect()
    }
}

/// Everybody in the cohort; nobody in one that is deleted or another project's.
pub async fn all(db: &Db, team: TeamId, cohort: i64) -> Result<Vec<Uuid>> {
    let sql = "SELECT m.person_uuid FROM cohort_member m JOIN cohort c ON c.id = m.cohort_id AND c.version = m.version
               WHERE c.team_id = $1 AND c.id = $2 AND c.deleted = FALSE";
    db.fetch_all(sql, args![team, cohort]).await?.iter().map(|row| row.get("person_uuid")).collect()
}

/// Some of them, in the order of their ids, without persons that were deleted since.
pub async fn page(db: &Db, cohort: &Cohort, limit: usize, offset: usize) -> Result<Vec<Uuid>> {
    let sql = "SELECT m.person_uuid FROM cohort_member m JOIN person p ON p.team_id = m.team_id AND p.uuid = m.person_uuid
               WHERE m.cohort_id = $1 AND m.version = $2 ORDER BY m.person_uuid LIMIT $3 OFFSET $4";
    let rows = db.fetch_all(sql, args![cohort.id, cohort.version, limit, offset]).await?;
    rows.iter().map(|row| row.get("person_uuid")).collect()
}

/// Puts persons on the list of a static cohort. Those that are on it already stay; ids that nobody has are left out.
pub async fn add(db: &Db, cohort: &Cohort, persons: &[Uuid]) -> Result<()> {
    for chunk in persons.chunks(CHUNK) {
        let mut transaction = db.begin().await?;
        let sql = format!("SELECT uuid FROM person WHERE team_id = $1 AND uuid IN ({})", parameter_list(2, chunk.len()));
        let args: Vec<Value> = std::iter::once(cohort.team.into()).chain(chunk.iter().map(|person| Value::from(*person))).collect();
        let known = transaction.fetch_all(&sql, &args).await?;
        let rows = known.iter().map(|row| Ok(row_of(cohort, cohort.version, row.get("uuid")?))).collect::<Result<Vec<_>>>()?;
        transaction.insert_many(INSERT, "ON CONFLICT DO NOTHING", rows).await?;
        transaction.commit().await?;
    }
    counted(db, cohort).await
}

pub async fn remove(db: &Db, cohort: &Cohort, person: Uuid) -> Result<bool> {
    let sql = "DELETE FROM cohort_member WHERE cohort_id = $1 AND version = $2 AND person_uuid = $3";
    let removed = db.execute(sql, args![cohort.id, cohort.version, person]).await? > 0;
    counted(db, cohort).await?;
    Ok(removed)
}

pub const INSERT: &str = "INSERT INTO cohort_member (team_id, cohort_id, version, person_uuid) VALUES";

pub fn row_of(cohort: &Cohort, version: i64, person: Uuid) -> Vec<Value> {
    vec![cohort.team.into(), cohort.id.into(), version.into(), person.into()]
}

async fn counted(db: &Db, cohort: &Cohort) -> Result<()> {
    let mut transaction = db.begin().await?;
    let sql = "UPDATE cohort SET count = (SELECT COUNT(*) FROM cohort_member WHERE cohort_id = $1 AND version = $2) WHERE id = $1";
    transaction.execute(sql, args![cohort.id, cohort.version]).await?;
    store::bump(&mut transaction, cohort.team).await?;
    transaction.commit().await
}

/// Persons of these distinct ids, uuids or values of the property `email`; what nobody has is left out.
pub async fn persons_named(db: &Db, team: TeamId, ids: &[String], by: Identity) -> Result<Vec<Uuid>> {
    let mut found = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let list = parameter_list(2, chunk.len());
        let sql = match by {
            Identity::Person => format!("SELECT uuid FROM person WHERE team_id = $1 AND uuid IN ({list})"),
            Identity::DistinctId => {
                format!("SELECT person_uuid AS uuid FROM person_distinct_id WHERE team_id = $1 AND distinct_id IN ({list})")
            }
            Identity::Email => return with_emails(db, team, ids).await,
        };
        let args: Vec<Value> = std::iter::once(team.into()).chain(chunk.iter().map(Value::from)).collect();
        for row in db.fetch_all(&sql, &args).await? {
            found.push(row.get("uuid")?);
        }
    }
    Ok(found)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    Person,
    DistinctId,
    Email,
}

/// Addresses are properties, which no index knows: all persons that have one are looked at.
async fn with_emails(db: &Db, team: TeamId, emails: &[String]) -> Result<Vec<Uuid>> {
    let wanted: HashSet<&str> = emails.iter().map(String::as_str).collect();
    let sql = "SELECT id, uuid, properties FROM person WHERE team_id = $1 AND id > $2 AND properties LIKE $3 ORDER BY id LIMIT $4";
    let (mut found, mut after) = (Vec::new(), 0_i64);
    loop {
        let rows = db.fetch_all(sql, args![team, after, "%\"email\"%", SCANNED]).await?;
        let Some(last) = rows.last() else { return Ok(found) };
        after = last.get("id")?;
        for row in &rows {
            let properties = Properties::from_json_text(&row.get::<String>("properties")?)?;
            if properties.get_str("email").is_some_and(|email| wanted.contains(email)) {
                found.push(row.get("uuid")?);
            }
        }
    }
}

/// Moves memberships of persons that were merged away to those they were merged into. Says whether there may be more to follow.
pub async fn follow_merges(db: &Db) -> Result<bool> {
    let followed = db.fetch_optional("SELECT followed FROM cohort_merges WHERE id = 1", args![]).await?;
    let followed: i64 = followed.map_or(Ok(0), |row| row.get("followed"))?;
    let newest: Option<i64> = db.fetch_one("SELECT MAX(id) AS newest FROM person_tombstone", args![]).await?.get("newest")?;
    let Some(newest) = newest.filter(|newest| *newest > followed) else { return Ok(false) };
    let mut transaction = db.begin().await?;
    let sql = "SELECT id, team_id, uuid, merged_into FROM person_tombstone WHERE id > $1 ORDER BY id LIMIT $2";
    let mut last = followed;
    for row in transaction.fetch_all(sql, args![followed.saturating_sub(OVERLAP), MERGES + OVERLAP as usize]).await? {
        last = last.max(row.get("id")?);
        move_member(&mut transaction, row.get("team_id")?, row.get("uuid")?, row.get("merged_into")?).await?;
    }
    let sql = "INSERT INTO cohort_merges (id, followed) VALUES (1, $1)
               ON CONFLICT (id) DO UPDATE SET followed = CASE WHEN cohort_merges.followed > $1 THEN cohort_merges.followed ELSE $1 END";
    transaction.execute(sql, args![last]).await?;
    transaction.commit().await?;
    Ok(last < newest)
}

async fn move_member(transaction: &mut Transaction, team: TeamId, from: Uuid, to: Uuid) -> Result<()> {
    let sql = "SELECT 1 FROM cohort_member WHERE team_id = $1 AND person_uuid = $2 LIMIT 1";
    if transaction.fetch_optional(sql, args![team, from]).await?.is_none() {
        return Ok(());
    }
    let sql = "INSERT INTO cohort_member (team_id, cohort_id, version, person_uuid)
               SELECT team_id, cohort_id, version, $3 FROM cohort_member WHERE team_id = $1 AND person_uuid = $2
               ON CONFLICT DO NOTHING";
    transaction.execute(sql, args![team, from, to]).await?;
    transaction.execute("DELETE FROM cohort_member WHERE team_id = $1 AND person_uuid = $2", args![team, from]).await?;
    store::bump(transaction, team).await
}
