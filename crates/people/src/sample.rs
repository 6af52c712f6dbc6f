//! Walks over all persons or groups of a project, whole or every n-th, for whoever counts what no index can answer.

use crate::store::{GROUP_COLUMNS, PERSON_COLUMNS, group_from, person_from};
use crate::{Group, Person};
use anyhow::Result;
use db::{Db, args};
use model::{GroupTypeIndex, TeamId, Timestamp};

pub async fn count_persons(db: &Db, team: TeamId) -> Result<usize> {
    db.fetch_one("SELECT COUNT(*) AS n FROM person WHERE team_id = $1", args![team]).await?.get("n")
}

pub async fn count_groups(db: &Db, team: TeamId, index: GroupTypeIndex) -> Result<usize> {
    let sql = "SELECT COUNT(*) AS n FROM person_group WHERE team_id = $1 AND group_type_index = $2";
    db.fetch_one(sql, args![team, index]).await?.get("n")
}

/// Where a walk over persons stands.
#[derive(Clone, Copy, Debug)]
pub struct PersonsAfter(Timestamp, i64);

impl PersonsAfter {
    pub const START: PersonsAfter = PersonsAfter(Timestamp(i64::MIN), 0);
}

/// The next `limit` persons whose row number `every` divides, and where to go on; `None` at the end.
pub async fn persons(
    db: &Db,
    team: TeamId,
    PersonsAfter(created_at, id): PersonsAfter,
    every: usize,
    limit: usize,
) -> Result<(Vec<Person>, Option<PersonsAfter>)> {
    let sql = format!(
        "SELECT {PERSON_COLUMNS} FROM person p
         WHERE p.team_id = $1 AND (p.created_at, p.id) > ($2, $3) AND p.id % $4 = 0 ORDER BY p.created_at, p.id LIMIT {limit}"
    );
    let rows = db.fetch_all(&sql, args![team, created_at, id, every]).await?;
    let next = match rows.last() {
        Some(last) if rows.len() == limit => Some(PersonsAfter(last.get("created_at")?, last.get("id")?)),
        _ => None,
    };
    Ok((rows.iter().map(person_from).collect::<Result<_>>()?, next))
}

/// The next `limit` groups after the key whose row number `every` divides.
pub async fn groups(db: &Db, team: TeamId, index: GroupTypeIndex, after: &str, every: usize, limit: usize) -> Result<Vec<Group>> {
    let sql = format!(
        "SELECT {GROUP_COLUMNS} FROM person_group
         WHERE team_id = $1 AND group_type_index = $2 AND group_key > $3 AND id % $4 = 0 ORDER BY group_key LIMIT {limit}"
    );
    db.fetch_all(&sql, args![team, index, after, every]).await?.iter().map(group_from).collect()
}
