//! What could stand at the cursor of an editor: fields, tables and functions that begin with the word before it.

use super::Answer;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::tables::HogQLAutocomplete;
use crate::run::Run;
use serde_json::{Value, json};

const TABLES: &[&str] = &["events", "persons", "groups", "sessions", "person_distinct_ids"];

const FIELDS: &[&str] = &[
    "uuid",
    "event",
    "properties",
    "timestamp",
    "distinct_id",
    "elements_chain",
    "created_at",
    "person_id",
    "person",
    "session",
    "$session_id",
    "$window_id",
    "group_0",
    "group_1",
    "group_2",
    "group_3",
    "group_4",
];

const FUNCTIONS: &[&str] = &[
    "count",
    "countIf",
    "uniq",
    "sum",
    "avg",
    "min",
    "max",
    "median",
    "quantile",
    "argMin",
    "argMax",
    "groupArray",
    "any",
    "if",
    "multiIf",
    "coalesce",
    "ifNull",
    "nullIf",
    "toString",
    "toInt",
    "toFloat",
    "toDate",
    "toDateTime",
    "toStartOfDay",
    "toStartOfHour",
    "toStartOfWeek",
    "toStartOfMonth",
    "toStartOfInterval",
    "dateDiff",
    "now",
    "today",
    "concat",
    "lower",
    "upper",
    "substring",
    "replaceAll",
    "replaceRegexpAll",
    "match",
    "extract",
    "splitByString",
    "arrayMap",
    "arrayFilter",
    "arrayJoin",
    "has",
    "length",
    "JSONExtractString",
    "round",
    "floor",
    "abs",
];

const MAX_SUGGESTIONS: usize = 50;

pub async fn run(_: &Run, node: &Value) -> Result<Answer, Failure> {
    let request: HogQLAutocomplete = nodes::read(node)?;
    let units: Vec<u16> = request.query.encode_utf16().take(request.end_position.min(200_000)).collect();
    let before = String::from_utf16_lossy(&units);
    let word_start = before
        .rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$')))
        .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let word = before[word_start..].to_ascii_lowercase();
    let after_from = before[..word_start]
        .split_whitespace()
        .next_back()
        .is_some_and(|last| matches!(last.to_ascii_lowercase().as_str(), "from" | "join"));
    let lists: &[(&[&str], &str)] =
        if after_from { &[(TABLES, "Folder")] } else { &[(FIELDS, "Variable"), (FUNCTIONS, "Function"), (TABLES, "Folder")] };
    let mut suggestions = Vec::new();
    for (names, kind) in lists {
        for name in names.iter().filter(|name| name.to_ascii_lowercase().starts_with(&word)) {
            let insert = if *kind == "Function" { format!("{name}()") } else { (*name).to_owned() };
            suggestions.push(json!({"label": name, "insertText": insert, "kind": kind, "detail": null, "documentation": null}));
        }
    }
    let incomplete = suggestions.len() > MAX_SUGGESTIONS;
    suggestions.truncate(MAX_SUGGESTIONS);
    let mut answer = Answer::new();
    answer.insert("suggestions".to_owned(), suggestions.into());
    answer.insert("incomplete_list".to_owned(), incomplete.into());
    Ok(answer)
}
