//! Which distinct ids may name a person, and which two persons may become one.

use crate::editor::Editor;
use crate::{Person, Update};
use model::{Properties, TeamId, Timestamp};
use std::sync::Arc;
use uuid::Uuid;

/// Placeholders that broken integrations send for everybody: merging on one would make strangers one person.
const ILLEGAL_IN_ANY_CASE: &[&str] =
    &["anonymous", "guest", "distinctid", "distinct_id", "id", "not_authenticated", "email", "undefined", "true", "false"];
const ILLEGAL_AS_WRITTEN: &[&str] = &["[object Object]", "NaN", "None", "none", "null", "0", "undefined"];

/// True for ids that must not take part in a merge, bare or in single or double quotes.
pub fn is_illegal_distinct_id(id: &str) -> bool {
    let id = id.trim();
    let bare = ['"', '\''].iter().find_map(|&quote| id.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(id);
    bare.is_empty() || ILLEGAL_AS_WRITTEN.contains(&bare) || ILLEGAL_IN_ANY_CASE.iter().any(|illegal| illegal.eq_ignore_ascii_case(bare))
}

/// Why two persons stay two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The person to be merged away was identified before.
    AlreadyIdentified,
}

/// May `other` be merged away into another person?
pub fn may_merge(other: &Person, dangerously: bool) -> Result<(), Refusal> {
    match other.is_identified && !dangerously {
        true => Err(Refusal::AlreadyIdentified),
        false => Ok(()),
    }
}

/// One person out of two, before the properties of the event that asked for it are applied.
pub fn merged(into: &Person, other: &Person) -> Person {
    let mut editor = Editor::new(&into.properties);
    for (name, value) in other.properties.iter() {
        if editor.get(name).is_none() {
            editor.set(name, value);
        }
    }
    Person {
        uuid: into.uuid,
        created_at: into.created_at.min(other.created_at),
        properties: Arc::new(editor.finish()),
        is_identified: true,
        version: into.version.max(other.version) + 1,
        last_seen_at: into.last_seen_at.max(other.last_seen_at),
    }
}

/// What a new person knows after the event that made it: `$set_once`, then `$set`.
pub fn first_properties(update: &Update) -> Properties {
    let mut editor = Editor::new(&Properties::new());
    for (name, value) in update.set_once.iter().chain(&update.set) {
        editor.set(name, value);
    }
    for name in &update.unset {
        editor.remove(name);
    }
    editor.finish()
}

/// The id of the person that a distinct id gets when it has none. `used_version` is the highest version of an override that the
/// id has had: an id whose person was deleted starts over as somebody new, since the old id may live on in deleted events.
pub fn new_person_uuid(team: TeamId, distinct_id: &str, used_version: i64) -> Uuid {
    match used_version {
        0 => model::person_uuid(team, distinct_id),
        version => model::person_uuid(team, &format!("{distinct_id}\0{version}")),
    }
}

/// `last_seen_at` as stored: the hour, so that it is rarely written.
pub fn hour_of(at: Timestamp) -> Timestamp {
    const HOUR_US: i64 = 3_600_000_000;
    Timestamp(at.0.div_euclid(HOUR_US) * HOUR_US)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholder_ids_are_illegal_in_quotes_and_with_space_around_them() {
        for id in ["", "  ", "anonymous", "ANONYMOUS", "'null'", "\"None\"", " undefined ", "[object Object]", "0", "NaN", "Guest"] {
            assert!(is_illegal_distinct_id(id), "{id:?} was allowed");
        }
        for id in ["NONE", "Null", "00", "nan", "a", "[OBJECT OBJECT]", "user@example.com", "'x\""] {
            assert!(!is_illegal_distinct_id(id), "{id:?} was refused");
        }
    }

    fn person(uuid: u128, created: i64, identified: bool, json: &str) -> Person {
        Person {
            uuid: Uuid::from_u128(uuid),
            created_at: Timestamp(created),
            properties: Arc::new(Properties::from_json_text(json).unwrap()),
            is_identified: identified,
            version: 3,
            last_seen_at: None,
        }
    }

    #[test]
    fn the_target_of_a_merge_wins_and_keeps_the_older_birthday() {
        let one = merged(&person(1, 50, false, r#"{"a":1,"b":1}"#), &person(2, 20, false, r#"{"a":2,"c":2}"#));
        assert_eq!(one.properties.to_json_text(), r#"{"a":1,"b":1,"c":2}"#);
        assert_eq!((one.created_at, one.is_identified, one.version), (Timestamp(20), true, 4));
    }

    #[test]
    fn an_identified_person_is_merged_away_only_dangerously() {
        let identified = person(1, 0, true, "{}");
        assert_eq!(may_merge(&identified, false), Err(Refusal::AlreadyIdentified));
        assert_eq!(may_merge(&identified, true), Ok(()));
        assert_eq!(may_merge(&person(1, 0, false, "{}"), false), Ok(()));
    }
}
