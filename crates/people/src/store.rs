//! Persons, distinct ids and groups as ingest and the API read them: many at once, tenant first.

use crate::{Group, GroupType, Person};
use anyhow::{Context, Result};
use db::{Db, Row, Transaction, Value, args, parameter_list};
use model::{GroupTypeIndex, Properties, TeamId};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// Values in one `IN (…)`. A few fixed sizes keep the number of different statements small.
const LIST_SIZES: &[usize] = &[512, 64, 8, 1];

/// Splits into slices whose lengths are all in [`LIST_SIZES`].
fn lists<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = *LIST_SIZES.iter().find(|&&size| size <= items.len())?;
        let (head, tail) = items.split_at(size);
        items = tail;
        Some(head)
    })
}

/// Repeats the last item until one statement takes the whole list. For callers to whom one statement more matters more than a
/// few parameters more.
pub fn pad<T: Clone>(items: &mut Vec<T>) {
    let size = LIST_SIZES.iter().rev().find(|&&size| size >= items.len());
    if let (Some(&size), Some(last)) = (size, items.last().cloned()) {
        items.resize(size, last);
    }
}

/// The change counter of each team; 0 for a team that never had a person or group.
pub async fn versions(db: &Db, teams: &[TeamId]) -> Result<HashMap<TeamId, i64>> {
    let mut versions: HashMap<TeamId, i64> = teams.iter().map(|&team| (team, 0)).collect();
    for list in lists(teams) {
        let sql = format!("SELECT team_id, version FROM people_version WHERE team_id IN ({})", parameter_list(1, list.len()));
        let args: Vec<Value> = list.iter().map(|&team| team.into()).collect();
        for row in db.fetch_all(&sql, &args).await? {
            versions.insert(row.get("team_id")?, row.get("version")?);
        }
    }
    Ok(versions)
}

/// Raises the team's counter. On PostgreSQL this also makes writers of one team's persons queue up.
pub async fn bump(transaction: &mut Transaction, team: TeamId) -> Result<i64> {
    let sql = "INSERT INTO people_version (team_id, version) VALUES ($1, 1)
               ON CONFLICT (team_id) DO UPDATE SET version = people_version.version + 1 RETURNING version";
    transaction.fetch_one(sql, args![team]).await?.get("version")
}

/// Keeps others from changing the team's persons until the transaction ends.
pub async fn lock(transaction: &mut Transaction, team: TeamId) -> Result<()> {
    let sql = "INSERT INTO people_version (team_id, version) VALUES ($1, 0)
               ON CONFLICT (team_id) DO UPDATE SET version = people_version.version";
    transaction.execute(sql, args![team]).await?;
    Ok(())
}

pub(crate) const PERSON_COLUMNS: &str = "p.id, p.uuid, p.created_at, p.properties, p.is_identified, p.version, p.last_seen_at";

/// Reads the columns of [`PERSON_COLUMNS`].
pub(crate) fn person_from(row: &Row) -> Result<Person> {
    let text: String = row.get("properties")?;
    let properties = Properties::from_json_text(&text).context("stored person properties are unreadable")?;
    Ok(Person {
        uuid: row.get("uuid")?,
        created_at: row.get("created_at")?,
        properties: Arc::new(properties),
        is_identified: row.get("is_identified")?,
        version: row.get("version")?,
        last_seen_at: row.get("last_seen_at")?,
    })
}

fn with_team(team: TeamId, list: &[Arc<str>]) -> Vec<Value> {
    std::iter::once(Value::from(team)).chain(list.iter().map(|id| Value::from(&**id))).collect()
}

/// The persons of these distinct ids; ids without a person are absent.
pub async fn persons_of(db: &Db, team: TeamId, distinct_ids: &[Arc<str>]) -> Result<Vec<(Arc<str>, Person)>> {
    let mut found = Vec::with_capacity(distinct_ids.len());
    for list in lists(distinct_ids) {
        let sql = format!(
            "SELECT d.distinct_id, {PERSON_COLUMNS} FROM person_distinct_id d
             JOIN person p ON p.team_id = d.team_id AND p.uuid = d.person_uuid
             WHERE d.team_id = $1 AND d.distinct_id IN ({})",
            parameter_list(2, list.len())
        );
        for row in db.fetch_all(&sql, &with_team(team, list)).await? {
            found.push((row.get("distinct_id")?, person_from(&row)?));
        }
    }
    Ok(found)
}

/// Which of these ids were used without a person, and the highest version an override of each has had.
pub async fn personless(db: &Db, team: TeamId, distinct_ids: &[Arc<str>]) -> Result<Vec<(Arc<str>, i64)>> {
    let mut found = Vec::new();
    for list in lists(distinct_ids) {
        let sql = format!(
            "SELECT distinct_id, version FROM personless_distinct_id WHERE team_id = $1 AND distinct_id IN ({})",
            parameter_list(2, list.len())
        );
        for row in db.fetch_all(&sql, &with_team(team, list)).await? {
            found.push((row.get("distinct_id")?, row.get("version")?));
        }
    }
    Ok(found)
}

pub async fn group_types(db: &Db, team: TeamId) -> Result<Vec<GroupType>> {
    let sql = "SELECT group_type, group_type_index, name_singular, name_plural, default_columns
               FROM group_type_mapping WHERE team_id = $1 ORDER BY group_type_index";
    let rows = db.fetch_all(sql, args![team]).await?;
    rows.iter()
        .map(|row| {
            Ok(GroupType {
                name: row.get("group_type")?,
                index: row.get("group_type_index")?,
                name_singular: row.get("name_singular")?,
                name_plural: row.get("name_plural")?,
                default_columns: row.get("default_columns")?,
            })
        })
        .collect()
}

pub(crate) fn group_from(row: &Row) -> Result<Group> {
    let text: String = row.get("properties")?;
    Ok(Group {
        index: row.get("group_type_index")?,
        key: row.get("group_key")?,
        properties: Arc::new(Properties::from_json_text(&text).context("stored group properties are unreadable")?),
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

pub(crate) const GROUP_COLUMNS: &str = "group_type_index, group_key, properties, created_at, updated_at";

/// The stored groups of one type among `keys`.
pub async fn groups(db: &Db, team: TeamId, index: GroupTypeIndex, keys: &[Arc<str>]) -> Result<Vec<Group>> {
    let mut found = Vec::new();
    for list in lists(keys) {
        let sql = format!(
            "SELECT {GROUP_COLUMNS} FROM person_group WHERE team_id = $1 AND group_type_index = $2 AND group_key IN ({})",
            parameter_list(3, list.len())
        );
        let mut args = vec![Value::from(team), Value::from(index)];
        args.extend(list.iter().map(|key| Value::from(&**key)));
        for row in db.fetch_all(&sql, &args).await? {
            found.push(group_from(&row)?);
        }
    }
    Ok(found)
}

/// A person with its ids, as the API shows it.
#[derive(Clone, Debug)]
pub struct Profile {
    pub id: i64,
    pub person: Person,
    /// At most [`MAX_SHOWN_IDS`].
    pub distinct_ids: Vec<String>,
}

/// A merged-together robot may have millions of ids; nobody can read them all.
pub const MAX_SHOWN_IDS: usize = 1_000;

/// Adds the ids to persons read with [`PERSON_COLUMNS`].
pub(crate) async fn profiles(db: &Db, team: TeamId, rows: Vec<Row>) -> Result<Vec<Profile>> {
    let mut profiles = Vec::with_capacity(rows.len());
    for row in &rows {
        profiles.push(Profile { id: row.get("id")?, person: person_from(row)?, distinct_ids: Vec::new() });
    }
    let places: HashMap<Uuid, usize> = profiles.iter().enumerate().map(|(at, profile)| (profile.person.uuid, at)).collect();
    let uuids: Vec<Uuid> = profiles.iter().map(|profile| profile.person.uuid).collect();
    for list in lists(&uuids) {
        let sql = format!(
            "SELECT person_uuid, distinct_id FROM (
               SELECT person_uuid, distinct_id, ROW_NUMBER() OVER (PARTITION BY person_uuid ORDER BY version, distinct_id) AS place
               FROM person_distinct_id WHERE team_id = $1 AND person_uuid IN ({})) ids
             WHERE place <= {MAX_SHOWN_IDS} ORDER BY place",
            parameter_list(2, list.len())
        );
        let mut args = vec![Value::from(team)];
        args.extend(list.iter().map(|&uuid| Value::from(uuid)));
        for row in db.fetch_all(&sql, &args).await? {
            let uuid: Uuid = row.get("person_uuid")?;
            if let Some(&at) = places.get(&uuid) {
                profiles[at].distinct_ids.push(row.get("distinct_id")?);
            }
        }
    }
    Ok(profiles)
}

/// How a client names a person in a path: its UUID, or the number older API versions used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonKey {
    Uuid(Uuid),
    Number(i64),
}

impl PersonKey {
    pub fn parse(text: &str) -> Option<PersonKey> {
        match text.parse() {
            Ok(number) => Some(PersonKey::Number(number)),
            Err(_) => Uuid::parse_str(text).ok().map(PersonKey::Uuid),
        }
    }
}

pub async fn profile(db: &Db, team: TeamId, key: PersonKey) -> Result<Option<Profile>> {
    let (condition, value) = match key {
        PersonKey::Uuid(uuid) => ("p.uuid = $2", Value::from(uuid)),
        PersonKey::Number(number) => ("p.id = $2", Value::from(number)),
    };
    let sql = format!("SELECT {PERSON_COLUMNS} FROM person p WHERE p.team_id = $1 AND {condition}");
    let rows = db.fetch_all(&sql, &[team.into(), value]).await?;
    Ok(profiles(db, team, rows).await?.pop())
}

pub async fn profiles_of_uuids(db: &Db, team: TeamId, uuids: &[Uuid]) -> Result<Vec<Profile>> {
    let mut found = Vec::new();
    for list in lists(uuids) {
        let sql = format!("SELECT {PERSON_COLUMNS} FROM person p WHERE p.team_id = $1 AND p.uuid IN ({})", parameter_list(2, list.len()));
        let args: Vec<Value> = std::iter::once(Value::from(team)).chain(list.iter().map(|&uuid| uuid.into())).collect();
        let rows = db.fetch_all(&sql, &args).await?;
        found.extend(profiles(db, team, rows).await?);
    }
    Ok(found)
}

pub async fn person_uuid_of(db: &Db, team: TeamId, distinct_id: &str) -> Result<Option<Uuid>> {
    let sql = "SELECT person_uuid FROM person_distinct_id WHERE team_id = $1 AND distinct_id = $2";
    db.fetch_optional(sql, args![team, distinct_id]).await?.map(|row| row.get("person_uuid")).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_cover_everything_once_with_few_sizes() {
        let items: Vec<usize> = (0..1_234).collect();
        let split: Vec<&[usize]> = lists(&items).collect();
        assert_eq!(split.concat(), items);
        assert!(split.iter().all(|list| LIST_SIZES.contains(&list.len())));
    }

    #[test]
    fn a_padded_list_is_read_by_one_statement() {
        for (length, padded) in [(0, 0), (1, 1), (2, 8), (9, 64), (512, 512), (513, 513)] {
            let mut items: Vec<usize> = (0..length).collect();
            pad(&mut items);
            assert_eq!(items.len(), padded);
            assert!(items.iter().all(|item| *item < length));
        }
    }

    #[test]
    fn a_person_is_named_by_uuid_or_number() {
        assert_eq!(PersonKey::parse("12"), Some(PersonKey::Number(12)));
        assert_eq!(PersonKey::parse("00000000-0000-0000-0000-000000000007"), Some(PersonKey::Uuid(Uuid::from_u128(7))));
        assert_eq!(PersonKey::parse("x"), None);
    }
}
