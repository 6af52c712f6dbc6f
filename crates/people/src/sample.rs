//! Walks over all persons or groups of a project, or a share of them, for whoever counts what no index can answer.

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

/// Which rows a walk visits. Every n-th would follow any rhythm in the data; multiples of the golden ratio follow none.
#[derive(Clone, Copy, Debug)]
pub struct Share(i64);

impl Share {
    pub const ALL: Share = Share(1 << 32);

    /// About one row in `n`, always the same ones.
    pub fn one_in(n: usize) -> Share {
        Share((1 << 32) / n.max(1) as i64)
    }

    pub fn is_all(self) -> bool {
        self.0 >= Share::ALL.0
    }
}

/// Compares with [`Share`]; the row number is cut so that the product fits 64 bits.
const SPREAD: &str = "(id % 1073741824) * 2654435769 % 4294967296";

/// Where a walk over persons stands.
#[derive(Clone, Copy, Debug)]
pub struct PersonsAfter(Timestamp, i64);

impl PersonsAfter {
    pub const START: PersonsAfter = PersonsAfter(Timestamp(i64::MIN), 0);
}

/// The next `limit` persons of the share, and where to go on; `None` at the end.
pub async fn persons(
    db: &Db,
    team: TeamId,
    PersonsAfter(created_at, id): PersonsAfter,
    share: Share,
    limit: usize,
) -> Result<(Vec<Person>, Option<PersonsAfter>)> {
    let sql = format!(
        "SELECT {PERSON_COLUMNS} FROM person p
         WHERE p.team_id = $1 AND (p.created_at, p.id) > ($2, $3) AND {SPREAD} < $4 ORDER BY p.created_at, p.id LIMIT {limit}"
    );
    let rows = db.fetch_all(&sql, args![team, created_at, id, share.0]).await?;
    let next = match rows.last() {
        Some(last) if rows.len() == limit => Some(PersonsAfter(last.get("created_at")?, last.get("id")?)),
        _ => None,
    };
    Ok((rows.iter().map(person_from).collect::<Result<_>>()?, next))
}

/// The next `limit` groups of the share after the key.
pub async fn groups(db: &Db, team: TeamId, index: GroupTypeIndex, after: &str, share: Share, limit: usize) -> Result<Vec<Group>> {
    let sql = format!(
        "SELECT {GROUP_COLUMNS} FROM person_group
         WHERE team_id = $1 AND group_type_index = $2 AND group_key > $3 AND {SPREAD} < $4 ORDER BY group_key LIMIT {limit}"
    );
    db.fetch_all(&sql, args![team, index, after, share.0]).await?.iter().map(group_from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_share_is_as_large_as_it_says_whatever_the_rhythm_of_the_data() {
        for (name, db) in Db::test_databases().await {
            db.migrate(&[("people", crate::MIGRATIONS)]).await.unwrap();
            let mut transaction = db.begin().await.unwrap();
            let head = "INSERT INTO person (team_id, uuid, created_at, properties, is_identified, version) VALUES";
            let row = |at: i64| args![1, uuid::Uuid::from_u128(at as u128), at / 100, format!("{{\"n\": {}}}", at % 8), false, 0].to_vec();
            transaction.insert_many(head, "", (0..8_000).map(row).collect()).await.unwrap();
            transaction.commit().await.unwrap();
            assert_eq!(count_persons(&db, TeamId(1)).await.unwrap(), 8_000);
            for (share, expected) in [(Share::ALL, 8_000), (Share::one_in(8), 1_000)] {
                let (mut visited, mut after) = (vec![0; 8], Some(PersonsAfter::START));
                while let Some(from) = after {
                    let (batch, next) = persons(&db, TeamId(1), from, share, 300).await.unwrap();
                    for person in batch {
                        let n = person.properties.get("n").and_then(model::PropertyValue::to_text).unwrap();
                        visited[n.parse::<usize>().unwrap()] += 1;
                    }
                    after = next;
                }
                let close = |count: usize, to: usize| count.abs_diff(to) * 20 <= to;
                assert!(close(visited.iter().sum(), expected), "{name}: {visited:?}");
                assert!(visited.iter().all(|&count| close(count, expected / 8)), "{name}: {visited:?}");
            }
        }
    }
}
