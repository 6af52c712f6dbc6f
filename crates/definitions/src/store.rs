//! Definitions as queries and the API read them.

use anyhow::Result;
use db::{Db, args};
use model::{GroupTypeIndex, TeamId};
use query::{PropertyType, PropertyTypes};

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
