//! Definitions as queries and the API read and edit them.

use anyhow::Result;
use db::{Db, Row, Value, args, parameter_list};
use model::{GroupTypeIndex, TeamId, Timestamp, UserId};
use query::{PropertyType, PropertyTypes};
use uuid::Uuid;

/// The types that queries compare with; what has none is text.
pub async fn property_types(db: &Db, team: TeamId) -> Result<PropertyTypes> {
    let sql = "SELECT name, kind, group_type_index, property_type FROM property_definition
               WHERE team_id = $1 AND property_type IS NOT NULL AND property_type <> 'String'";
    let mut types = PropertyTypes::default();
    for row in db.fetch_all(sql, args![team]).await? {
        let Some(property_type) = parse_type(&row.get::<String>("property_type")?) else { continue };
        let name: String = row.get("name")?;
        match row.get::<i64>("kind")? {
            1 => types.set_event(name, property_type),
            2 => types.set_person(name, property_type),
            3 => types.set_group(row.get::<GroupTypeIndex>("group_type_index")?, name, property_type),
            _ => {}
        }
    }
    Ok(types)
}

fn parse_type(text: &str) -> Option<PropertyType> {
    match text {
        "Numeric" | "Duration" => Some(PropertyType::Numeric),
        "Boolean" => Some(PropertyType::Boolean),
        "DateTime" => Some(PropertyType::DateTime),
        _ => None,
    }
}

/// What events and properties have in common.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub id: Uuid,
    pub name: String,
    pub created_at: Timestamp,
    pub description: Option<String>,
    pub tags: serde_json::Value,
    pub verified: bool,
    pub verified_at: Option<Timestamp>,
    pub verified_by: Option<UserId>,
    pub hidden: bool,
    pub updated_at: Option<Timestamp>,
    pub updated_by: Option<UserId>,
    pub of: Of,
}

#[derive(Clone, Debug)]
pub(crate) enum Of {
    Event { last_seen_at: Option<Timestamp>, owner: Option<UserId>, default_columns: Option<serde_json::Value> },
    Property { property_type: Option<String>, is_numerical: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Events,
    Properties,
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Table::Events => "event_definition",
            Table::Properties => "property_definition",
        }
    }

    fn read(self, row: &Row) -> Result<Definition> {
        let of = match self {
            Table::Events => {
                Of::Event { last_seen_at: row.get("last_seen_at")?, owner: row.get("owner")?, default_columns: row.get("default_columns")? }
            }
            Table::Properties => Of::Property { property_type: row.get("property_type")?, is_numerical: row.get("is_numerical")? },
        };
        Ok(Definition {
            id: row.get("id")?,
            name: row.get("name")?,
            created_at: row.get("created_at")?,
            description: row.get("description")?,
            tags: row.get("tags")?,
            verified: row.get("verified")?,
            verified_at: row.get("verified_at")?,
            verified_by: row.get("verified_by")?,
            hidden: row.get("hidden")?,
            updated_at: row.get("updated_at")?,
            updated_by: row.get("updated_by")?,
            of,
        })
    }
}

/// A condition under construction: SQL text and its arguments, the team first.
pub(crate) struct Where {
    sql: String,
    args: Vec<Value>,
}

impl Where {
    pub fn team(team: TeamId) -> Where {
        Where { sql: "d.team_id = $1".to_owned(), args: vec![team.into()] }
    }

    /// The number of another argument.
    pub fn arg(&mut self, value: impl Into<Value>) -> usize {
        self.args.push(value.into());
        self.args.len()
    }

    pub fn and(&mut self, condition: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
    }

    /// `{column} IN (…)`, or the opposite; with an empty list nothing (or everything) matches.
    pub fn and_in(&mut self, column: &str, not: bool, values: &[String]) {
        if values.is_empty() {
            return self.and(if not { "1 = 1" } else { "1 = 0" });
        }
        let list = parameter_list(self.args.len() + 1, values.len());
        self.args.extend(values.iter().map(Value::from));
        self.and(&format!("{column} {}IN ({list})", if not { "NOT " } else { "" }));
    }

    /// Every word of `search` occurs in the name, whatever the case.
    pub fn and_search(&mut self, search: &str) {
        for word in search.split_whitespace().take(10) {
            let escaped = word.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            let at = self.arg(format!("%{escaped}%"));
            self.and(&format!("LOWER(d.name) LIKE ${at} ESCAPE '\\'"));
        }
    }
}

/// One page and the number of all. `order` is SQL written here, never a client's text.
pub(crate) async fn list(
    db: &Db,
    table: Table,
    condition: &Where,
    order: &str,
    limit: usize,
    offset: usize,
) -> Result<(Vec<Definition>, usize)> {
    let (name, sql) = (table.name(), &condition.sql);
    let count = db.fetch_one(&format!("SELECT COUNT(*) AS n FROM {name} d WHERE {sql}"), &condition.args).await?.get("n")?;
    let mut args = condition.args.clone();
    args.extend([Value::from(limit), Value::from(offset)]);
    let page = format!("LIMIT ${} OFFSET ${}", args.len() - 1, args.len());
    let rows = db.fetch_all(&format!("SELECT d.* FROM {name} d WHERE {sql} ORDER BY {order} {page}"), &args).await?;
    let found = rows.iter().map(|row| table.read(row)).collect::<Result<_>>()?;
    Ok((found, count))
}

pub(crate) async fn get(db: &Db, table: Table, team: TeamId, id: Uuid) -> Result<Option<Definition>> {
    let sql = format!("SELECT d.* FROM {} d WHERE d.team_id = $1 AND d.id = $2", table.name());
    db.fetch_optional(&sql, args![team, id]).await?.map(|row| table.read(&row)).transpose()
}

/// Writes what people may edit.
pub(crate) async fn save(db: &Db, table: Table, team: TeamId, definition: &Definition) -> Result<()> {
    let d = definition;
    let mut set = "description = $3, tags = $4, verified = $5, verified_at = $6, verified_by = $7, hidden = $8, updated_at = $9,
                   updated_by = $10"
        .to_owned();
    let mut args = args![
        team,
        d.id,
        d.description.as_deref(),
        &d.tags,
        d.verified,
        d.verified_at,
        d.verified_by,
        d.hidden,
        d.updated_at,
        d.updated_by
    ]
    .to_vec();
    match &d.of {
        Of::Event { owner, default_columns, .. } => {
            set += ", owner = $11, default_columns = $12";
            args.extend([(*owner).into(), default_columns.as_ref().map(serde_json::Value::to_string).into()]);
        }
        Of::Property { property_type, is_numerical } => {
            set += ", property_type = $11, is_numerical = $12";
            args.extend([property_type.as_deref().into(), (*is_numerical).into()]);
        }
    }
    db.execute(&format!("UPDATE {} SET {set} WHERE team_id = $1 AND id = $2", table.name()), &args).await?;
    Ok(())
}

/// Forgets a definition, and which events had the property or which properties the event; they come back when seen again.
pub(crate) async fn delete(db: &Db, table: Table, team: TeamId, definition: &Definition) -> Result<()> {
    let mut transaction = db.begin().await?;
    transaction.execute(&format!("DELETE FROM {} WHERE team_id = $1 AND id = $2", table.name()), args![team, definition.id]).await?;
    let column = if table == Table::Events { "event" } else { "property" };
    let sql = format!("DELETE FROM event_property WHERE team_id = $1 AND {column} = $2");
    transaction.execute(&sql, args![team, &definition.name]).await?;
    transaction.commit().await
}

/// Which of these properties were seen on any of the events.
pub(crate) async fn seen_on(db: &Db, team: TeamId, events: &[String], properties: &[String]) -> Result<Vec<(String, String)>> {
    if events.is_empty() || properties.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT event, property FROM event_property WHERE team_id = $1 AND event IN ({}) AND property IN ({})",
        parameter_list(2, events.len()),
        parameter_list(2 + events.len(), properties.len())
    );
    let mut args = vec![Value::from(team)];
    args.extend(events.iter().chain(properties).map(Value::from));
    let rows = db.fetch_all(&sql, &args).await?;
    rows.iter().map(|row| Ok((row.get("event")?, row.get("property")?))).collect()
}
