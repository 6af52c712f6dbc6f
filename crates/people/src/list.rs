//! Lists of persons and groups, newest first.

use crate::Group;
use crate::filter::Filter;
use crate::store::{GROUP_COLUMNS, PERSON_COLUMNS, Profile, group_from, person_from, profiles};
use anyhow::Result;
use db::{Db, Row, Value};
use model::{GroupTypeIndex, PropertyValue, TeamId, Timestamp};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Rows read at once while filters are applied.
const CHUNK: usize = 1_000;
/// A filter that matches next to nothing stops here instead of reading millions of persons for one request.
const MAX_SCANNED: usize = 500_000;
/// Values are counted over this many of the newest rows.
const MAX_COUNTED: i64 = 20_000;

#[derive(Default)]
pub struct PersonQuery {
    pub distinct_id: Option<String>,
    pub email: Option<String>,
    pub search: Option<String>,
    pub filters: Vec<Filter>,
    /// Everybody is in each of these, and in none of the others.
    pub among: Vec<HashSet<Uuid>>,
    pub outside: Vec<HashSet<Uuid>>,
}

impl PersonQuery {
    fn has_filters(&self) -> bool {
        self.email.is_some() || self.search.is_some() || !self.filters.is_empty() || !self.among.is_empty() || !self.outside.is_empty()
    }

    fn matches(&self, row: &Row) -> Result<bool> {
        let person = person_from(row)?;
        let is_in = |persons: &HashSet<Uuid>| persons.contains(&person.uuid);
        if !self.among.iter().all(is_in) || self.outside.iter().any(is_in) {
            return Ok(false);
        }
        let text = |name: &str| person.properties.get_str(name).unwrap_or_default();
        if self.email.as_deref().is_some_and(|email| text("email") != email) {
            return Ok(false);
        }
        if let Some(search) = &self.search {
            let search = search.to_lowercase();
            let found = row.get::<i64>("by_id")? != 0
                || person.uuid.to_string() == search
                || ["email", "name"].iter().any(|name| text(name).to_lowercase().contains(&search));
            if !found {
                return Ok(false);
            }
        }
        Ok(self.filters.iter().all(|filter| filter.matches(&person.properties)))
    }
}

/// `limit` persons from `offset` on, and whether there are more.
pub async fn persons(db: &Db, team: TeamId, query: &PersonQuery, limit: usize, offset: usize) -> Result<(Vec<Profile>, bool)> {
    let mut found = Vec::new();
    if query.has_filters() {
        let mut after = None;
        let mut scanned = 0;
        while found.len() <= offset + limit && scanned < MAX_SCANNED {
            let rows = persons_after(db, team, query, after, CHUNK, 0).await?;
            scanned += CHUNK;
            let Some(last) = rows.last() else { break };
            after = Some((last.get::<Timestamp>("created_at")?, last.get::<i64>("id")?));
            for row in rows {
                if query.matches(&row)? {
                    found.push(row);
                }
            }
        }
        found = found.into_iter().skip(offset).collect();
    } else {
        found = persons_after(db, team, query, None, limit + 1, offset).await?;
    }
    let more = found.len() > limit;
    found.truncate(limit);
    Ok((profiles(db, team, found).await?, more))
}

async fn persons_after(
    db: &Db,
    team: TeamId,
    query: &PersonQuery,
    after: Option<(Timestamp, i64)>,
    limit: usize,
    offset: usize,
) -> Result<Vec<Row>> {
    let mut args = vec![Value::from(team)];
    let mut add = |value: Value| {
        args.push(value);
        args.len()
    };
    let mut sql = format!("SELECT {PERSON_COLUMNS}");
    match &query.search {
        Some(search) => {
            let at = add(format!("%{}%", like(&search.to_lowercase())).into());
            sql += &format!(
                ", CASE WHEN EXISTS (SELECT 1 FROM person_distinct_id d WHERE d.team_id = p.team_id AND d.person_uuid = p.uuid
                   AND LOWER(d.distinct_id) LIKE ${at} ESCAPE '\\') THEN 1 ELSE 0 END AS by_id"
            );
        }
        None => sql += ", 0 AS by_id",
    }
    sql += " FROM person p WHERE p.team_id = $1";
    if let Some(distinct_id) = &query.distinct_id {
        let at = add(distinct_id.into());
        sql += &format!(" AND p.uuid = (SELECT d.person_uuid FROM person_distinct_id d WHERE d.team_id = $1 AND d.distinct_id = ${at})");
    }
    if let Some(email) = &query.email {
        let quoted = serde_json::to_string(email)?;
        sql += &format!(" AND p.properties LIKE ${} ESCAPE '\\'", add(format!("%{}%", like(&quoted)).into()));
    }
    if let Some((created_at, id)) = after {
        let at = add(created_at.into());
        sql += &format!(" AND (p.created_at < ${at} OR p.created_at = ${at} AND p.id < ${})", add(id.into()));
    }
    sql += &format!(" ORDER BY p.created_at DESC, p.id DESC LIMIT ${} OFFSET ${}", add(limit.into()), add(offset.into()));
    db.fetch_all(&sql, &args).await
}

/// Text as a literal part of a LIKE pattern.
fn like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

pub struct GroupQuery {
    pub index: GroupTypeIndex,
    pub search: Option<String>,
    pub filters: Vec<Filter>,
}

pub async fn groups(db: &Db, team: TeamId, query: &GroupQuery, limit: usize, offset: usize) -> Result<(Vec<Group>, bool)> {
    let (mut found, mut skipped, mut read) = (Vec::new(), 0, 0);
    while found.len() <= limit && read < MAX_SCANNED {
        let mut args = vec![Value::from(team), query.index.into(), Value::from(CHUNK), Value::from(read)];
        let mut search = String::new();
        if let Some(text) = &query.search {
            args.push(format!("%{}%", like(&text.to_lowercase())).into());
            search = " AND (LOWER(group_key) LIKE $5 ESCAPE '\\' OR LOWER(properties) LIKE $5 ESCAPE '\\')".to_owned();
        }
        let sql = format!(
            "SELECT {GROUP_COLUMNS} FROM person_group WHERE team_id = $1 AND group_type_index = $2{search}
             ORDER BY created_at DESC, group_key LIMIT $3 OFFSET $4"
        );
        let rows = db.fetch_all(&sql, &args).await?;
        read += CHUNK;
        let last = rows.len() < CHUNK;
        for row in rows {
            let group = group_from(&row)?;
            if !query.filters.iter().all(|filter| filter.matches(&group.properties)) {
                continue;
            }
            match skipped < offset {
                true => skipped += 1,
                false => found.push(group),
            }
        }
        if last {
            break;
        }
    }
    let more = found.len() > limit;
    found.truncate(limit);
    Ok((found, more))
}

/// How often each value of a property occurs among the newest persons, or groups of a type.
pub async fn values(
    db: &Db,
    team: TeamId,
    groups: Option<GroupTypeIndex>,
    key: &str,
    search: Option<&str>,
) -> Result<HashMap<String, (PropertyValue, u64)>> {
    let name = format!("%{}%", like(&serde_json::to_string(key)?));
    let mut args = vec![Value::from(team), name.into(), Value::Int(MAX_COUNTED)];
    let sql = match groups {
        None => "SELECT properties FROM person WHERE team_id = $1 AND properties LIKE $2 ESCAPE '\\' ORDER BY created_at DESC LIMIT $3",
        Some(index) => {
            args.push(index.into());
            "SELECT properties FROM person_group WHERE team_id = $1 AND properties LIKE $2 ESCAPE '\\' AND group_type_index = $4
             ORDER BY created_at DESC LIMIT $3"
        }
    };
    let search = search.map(str::to_lowercase);
    let mut counts: HashMap<String, (PropertyValue, u64)> = HashMap::new();
    for row in db.fetch_all(sql, &args).await? {
        let properties = model::Properties::from_json_text(&row.get::<String>("properties")?)?;
        let Some(value) = properties.get(key) else { continue };
        let Some(text) = value.to_text() else { continue };
        if search.as_ref().is_none_or(|search| text.to_lowercase().contains(search)) {
            counts.entry(text.to_string()).or_insert((value.clone(), 0)).1 += 1;
        }
    }
    Ok(counts)
}

/// How often each property name occurs among the newest groups, by type.
pub async fn group_property_names(db: &Db, team: TeamId) -> Result<HashMap<u8, HashMap<String, u64>>> {
    let sql = "SELECT group_type_index, properties FROM person_group WHERE team_id = $1 ORDER BY created_at DESC LIMIT $2";
    let mut names: HashMap<u8, HashMap<String, u64>> = HashMap::new();
    for row in db.fetch_all(sql, db::args![team, MAX_COUNTED]).await? {
        let properties = model::Properties::from_json_text(&row.get::<String>("properties")?)?;
        let of_type = names.entry(row.get("group_type_index")?).or_default();
        for (name, _) in properties.iter() {
            *of_type.entry(name.to_string()).or_default() += 1;
        }
    }
    Ok(names)
}
