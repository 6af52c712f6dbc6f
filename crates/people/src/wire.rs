//! Persons and groups exactly as PostHog's clients read them.

use crate::store::Profile;
use crate::{Group, GroupType};
use model::{Properties, PropertyValue};
use serde_json::{Map, Value, json};
use teams::Team;

const DEFAULT_NAME_PROPERTIES: &[&str] = &["email", "Email", "$email", "name", "Name", "username", "Username", "UserName"];

pub fn person(profile: &Profile, team: &Team) -> Value {
    let person = &profile.person;
    json!({
        "id": person.uuid,
        "uuid": person.uuid,
        "name": display_name(profile, team),
        "distinct_ids": profile.distinct_ids,
        "properties": *person.properties,
        "created_at": person.created_at,
        "is_identified": person.is_identified,
        "last_seen_at": person.last_seen_at,
    })
}

/// The first of the project's naming properties that the person has, else its most telling id.
pub fn display_name(profile: &Profile, team: &Team) -> String {
    let named = |name: &str| match profile.person.properties.get(name) {
        Some(PropertyValue::String(text)) if !text.is_empty() => Some(text.to_string()),
        Some(number @ (PropertyValue::Int(_) | PropertyValue::Float(_))) => number.to_text().map(|text| text.to_string()),
        _ => None,
    };
    let configured = team.settings.get("person_display_name_properties").and_then(Value::as_array);
    let name = match configured.filter(|names| !names.is_empty()) {
        Some(names) => names.iter().filter_map(Value::as_str).find_map(named),
        None => DEFAULT_NAME_PROPERTIES.iter().copied().find_map(named),
    };
    let ids = &profile.distinct_ids;
    name.or_else(|| ids.iter().find(|id| !is_anonymous(id)).or(ids.first()).cloned()).unwrap_or_else(|| profile.person.uuid.to_string())
}

/// Ids that SDKs make up for visitors.
fn is_anonymous(id: &str) -> bool {
    uuid::Uuid::try_parse(id).is_ok()
        || id.starts_with("cookieless_")
        || id.len() > 40 && id.bytes().filter(|byte| *byte == b'-').count() == 4
}

pub fn group(group: &Group) -> Value {
    json!({
        "group_type_index": group.index.0,
        "group_key": &*group.key,
        "group_properties": *group.properties,
        "created_at": group.created_at,
    })
}

pub fn group_type(kind: &GroupType) -> Value {
    json!({
        "group_type": &*kind.name,
        "group_type_index": kind.index.0,
        "name_singular": kind.name_singular,
        "name_plural": kind.name_plural,
        "default_columns": kind.default_columns,
        "detail_dashboard": null,
        "created_at": null,
    })
}

/// Every person a line, every property a column.
pub fn persons_csv(profiles: &[Profile], team: &Team) -> String {
    let mut columns: Vec<&str> = profiles.iter().flat_map(|profile| profile.person.properties.iter().map(|(name, _)| &**name)).collect();
    columns.sort_unstable();
    columns.dedup();
    let mut out = String::from("id,name,distinct_ids,created_at,is_identified");
    for column in &columns {
        out.push(',');
        out.push_str(&csv_cell(&format!("properties.{column}")));
    }
    out.push_str("\r\n");
    for profile in profiles {
        let person = &profile.person;
        let fixed = [
            person.uuid.to_string(),
            display_name(profile, team),
            profile.distinct_ids.join(" "),
            person.created_at.to_string(),
            person.is_identified.to_string(),
        ];
        let cells = fixed.into_iter().chain(columns.iter().map(|column| property_text(&person.properties, column)));
        out.push_str(&cells.map(|cell| csv_cell(&cell)).collect::<Vec<_>>().join(","));
        out.push_str("\r\n");
    }
    out
}

fn property_text(properties: &Properties, name: &str) -> String {
    properties.get(name).and_then(PropertyValue::to_text).map(|text| text.to_string()).unwrap_or_default()
}

/// Quoted where needed. A cell that a spreadsheet would run as a formula gets a quote in front: persons write their own names.
fn csv_cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err();
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

/// `[{"name": value, "count": n}]`, the most frequent first.
pub fn value_counts(counts: std::collections::HashMap<String, (PropertyValue, u64)>, limit: usize) -> Value {
    let mut counts: Vec<(String, (PropertyValue, u64))> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.1.cmp(&a.1.1).then(a.0.cmp(&b.0)));
    let shown = counts.into_iter().take(limit).map(|(_, (value, count))| {
        let mut one = Map::new();
        one.insert("name".to_owned(), value.to_json());
        one.insert("count".to_owned(), count.into());
        Value::Object(one)
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_formulas_defused() {
        assert_eq!(csv_cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(csv_cell("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(csv_cell("-5"), "-5");
    }

    #[test]
    fn ids_made_up_by_sdks_do_not_name_a_person() {
        assert!(is_anonymous("0198a1b2-0000-7000-8000-00000000abcd"));
        assert!(is_anonymous("17f2c3b4d5e6f7-0a1b2c3d4e5f6a-1a2b3c4d-1fa400-17f2c3b4d5e6f8"));
        assert!(!is_anonymous("user-1") && !is_anonymous("a@b.c"));
    }
}
