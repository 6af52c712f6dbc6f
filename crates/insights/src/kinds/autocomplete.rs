//! What could stand at the cursor of an editor: tables behind FROM, fields behind a table, properties that were seen lately,
//! functions.

use super::rows::object;
use super::{Answer, system};
use crate::cells;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::tables::HogQLAutocomplete;
use crate::run::Run;
use chrono::TimeDelta;
use model::Timestamp;
use query::ast::{CompareOp, Expr, Select};
use query::{DescribedTable, FieldKind, PropertyType, callable_functions, described_tables};
use regex::Regex;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

const MAX_SUGGESTIONS: usize = 100;
/// Longer texts are looked at up to here.
const MAX_UNITS: usize = 200_000;
/// Rows whose properties are suggested, and how old events may be.
const SAMPLE: i64 = 200;
const DAYS: i64 = 30;

struct Suggestion {
    label: String,
    insert: String,
    kind: &'static str,
    detail: String,
}

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let request: HogQLAutocomplete = nodes::read(node)?;
    let units: Vec<u16> = request.query.encode_utf16().take(MAX_UNITS).collect();
    let before = String::from_utf16_lossy(&units[..request.end_position.min(units.len())]);
    let place = Place::of(&before);
    let tables = tables_in(&String::from_utf16_lossy(&units), &request);
    let suggestions = match &place {
        Place { after_from: true, .. } => table_names(&request.query),
        Place { path, .. } if path.is_empty() => anything(&tables, &request.query),
        Place { path, .. } => behind(path, &tables, run).await?,
    };
    let mut matching: Vec<&Suggestion> = suggestions.iter().filter(|suggestion| place.begins(&suggestion.label)).collect();
    let incomplete = matching.len() > MAX_SUGGESTIONS;
    matching.truncate(MAX_SUGGESTIONS);
    let shown = matching.iter().map(|suggestion| {
        json!({"label": suggestion.label, "insertText": suggestion.insert, "kind": suggestion.kind, "detail": suggestion.detail, "documentation": null})
    });
    let mut answer = Answer::new();
    answer.insert("suggestions".to_owned(), shown.collect());
    answer.insert("incomplete_list".to_owned(), incomplete.into());
    Ok(answer)
}

/// Where the cursor is.
struct Place {
    /// `person.properties` of `person.properties.ema`.
    path: Vec<String>,
    word: String,
    after_from: bool,
}

impl Place {
    fn of(before: &str) -> Place {
        let belongs = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | '`');
        let start = before.char_indices().rev().take_while(|(_, c)| belongs(*c)).last().map_or(before.len(), |(at, _)| at);
        let mut path: Vec<String> = before[start..].split('.').map(|part| part.trim_matches('`').to_owned()).collect();
        let word = path.pop().unwrap_or_default().to_lowercase();
        let last = before[..start].split_whitespace().next_back().unwrap_or_default().to_lowercase();
        Place { after_from: matches!(last.as_str(), "from" | "join") && (path.is_empty() || path == ["system"]), path, word }
    }

    fn begins(&self, label: &str) -> bool {
        let label = label.to_lowercase();
        let word =
            if self.after_from && !self.path.is_empty() { format!("{}.{}", self.path.join("."), self.word) } else { self.word.clone() };
        // `$browser` is also found by its first letters.
        label.starts_with(&word) || label.trim_start_matches('$').starts_with(&word)
    }
}

/// A table of the query and what the query calls it.
struct Used {
    alias: String,
    table: DescribedTable,
}

static FROM: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\b(?:from|join)\s+([a-z_][\w.]*)(?:\s+(?:as\s+)?([a-z_]\w*))?").expect("a constant pattern"));

/// The text is unfinished and need not parse, so tables are looked for by their place.
fn tables_in(text: &str, request: &HogQLAutocomplete) -> Vec<Used> {
    const NOT_ALIASES: &[&str] = &["where", "group", "order", "limit", "join", "left", "inner", "on", "sample", "final", "union", "having"];
    let find = |name: &str| described_tables().into_iter().find(|table| table.name == name);
    let mut used: Vec<Used> = FROM
        .captures_iter(text)
        .filter_map(|found| {
            let alias = found.get(2).map(|alias| alias.as_str()).filter(|alias| !NOT_ALIASES.contains(&alias.to_lowercase().as_str()));
            Some(Used { alias: alias.unwrap_or(&found[1]).to_owned(), table: find(&found[1])? })
        })
        .collect();
    if used.is_empty() {
        let subject = match request.source_query.as_ref().and_then(nodes::kind_of) {
            Some("ActorsQuery" | "PersonsNode") => "persons",
            Some("GroupsQuery") => "groups",
            Some("SessionsQuery") => "sessions",
            _ => "events",
        };
        used.extend(find(subject).map(|table| Used { alias: subject.to_owned(), table }));
    }
    used
}

fn table_names(text: &str) -> Vec<Suggestion> {
    static WITH: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?i)(?:\bwith|,)\s+([a-z_]\w*)\s+as\s*\(").expect("a constant pattern"));
    let own = WITH.captures_iter(text).map(|found| (found[1].to_owned(), "defined in this query"));
    let known = described_tables().into_iter().map(|table| (table.name.to_owned(), "table"));
    let system = system::described().map(|(name, _)| (name.to_owned(), "table"));
    let suggestion =
        |(name, detail): (String, &str)| Suggestion { insert: name.clone(), label: name, kind: "Folder", detail: detail.to_owned() };
    own.chain(known).chain(system).map(suggestion).collect()
}

fn field((name, kind): &(&'static str, FieldKind)) -> Suggestion {
    let leads_on = matches!(kind, FieldKind::Table(_) | FieldKind::Json);
    let detail = if let FieldKind::Table(table) = kind { format!("→ {table}") } else { kind.name().to_owned() };
    Suggestion { label: (*name).to_owned(), insert: query::quoted(name), kind: if leads_on { "Folder" } else { "Variable" }, detail }
}

fn anything(tables: &[Used], text: &str) -> Vec<Suggestion> {
    let fields = tables.iter().flat_map(|used| used.table.fields.iter().map(field));
    let aliases = tables.iter().map(|used| Suggestion {
        label: used.alias.clone(),
        insert: used.alias.clone(),
        kind: "Folder",
        detail: used.table.name.to_owned(),
    });
    let mut functions = callable_functions();
    functions.sort_unstable();
    let functions = functions.into_iter().map(|(name, fewest, most)| Suggestion {
        label: name.to_owned(),
        insert: format!("{name}()"),
        kind: "Function",
        detail: arity(fewest, most),
    });
    fields.chain(aliases).chain(functions).chain(table_names(text)).collect()
}

fn arity(fewest: usize, most: usize) -> String {
    match (fewest, most) {
        (0, 0) => "no arguments".to_owned(),
        (1, 1) => "1 argument".to_owned(),
        (fewest, most) if fewest == most => format!("{fewest} arguments"),
        (fewest, most) if most > 100 => format!("{fewest} arguments or more"),
        (fewest, most) => format!("{fewest} to {most} arguments"),
    }
}

/// Whose properties a path leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Event,
    Person,
    Group,
}

async fn behind(path: &[String], tables: &[Used], run: &Run) -> Result<Vec<Suggestion>, Failure> {
    let known = described_tables();
    let table = |name: &str| known.iter().find(|table| table.name == name);
    let mut rest = path;
    let named = tables.iter().find(|used| used.alias == path[0]);
    let mut at = match named {
        Some(used) => {
            rest = &path[1..];
            table(used.table.name)
        }
        None => {
            tables.iter().find(|used| used.table.fields.iter().any(|(name, _)| *name == path[0])).and_then(|used| table(used.table.name))
        }
    };
    for part in rest {
        let Some(here) = at else { return Ok(Vec::new()) };
        at = match here.fields.iter().find(|(name, _)| name == part) {
            Some((_, FieldKind::Table(next))) => table(next),
            Some((_, FieldKind::Json)) => {
                let owner = match here.name {
                    "persons" => Owner::Person,
                    "groups" => Owner::Group,
                    _ => Owner::Event,
                };
                return properties(owner, run).await;
            }
            _ => None,
        };
    }
    Ok(at.map_or_else(Vec::new, |table| table.fields.iter().map(field).collect()))
}

async fn properties(owner: Owner, run: &Run) -> Result<Vec<Suggestion>, Failure> {
    let table = match owner {
        Owner::Event => "events",
        Owner::Person => "persons",
        Owner::Group => "groups",
    };
    let mut select = Select::from_table(table).column(Expr::field(["properties"])).limit(SAMPLE);
    if owner == Owner::Event {
        let since = Timestamp((run.calendar.now() - TimeDelta::days(DAYS)).timestamp_micros());
        select = select.and_where(Expr::compare(CompareOp::GtEq, Expr::field(["timestamp"]), Expr::constant(since)));
        select = select.order_by([Expr::field(["timestamp"]).descending()]);
    }
    let found = run.select_all("properties", select).await?;
    let mut names = BTreeSet::new();
    for (batch, row) in cells::rows(&found.batches) {
        if let Value::Object(properties) = object(cells::text(batch.column(0), row)) {
            names.extend(properties.into_iter().map(|(name, _)| name));
        }
    }
    let kind = |name: &str| match owner {
        Owner::Event => run.types.event(name),
        Owner::Person => run.types.person(name),
        Owner::Group => PropertyType::String,
    };
    let suggestion =
        |name: String| Suggestion { detail: format!("{:?}", kind(&name)), insert: query::quoted(&name), label: name, kind: "Variable" };
    Ok(names.into_iter().map(suggestion).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_the_cursor_is_read_from_the_text_before_it() {
        let place = Place::of("select person.properties.em");
        assert_eq!((place.path, place.word.as_str(), place.after_from), (vec!["person".to_owned(), "properties".to_owned()], "em", false));
        let place = Place::of("select 1 from system.in");
        assert!(place.after_from && place.begins("system.insights") && !place.begins("events"));
        assert!(Place::of("select properties.br").begins("$browser"));
        assert!(Place::of("").path.is_empty());
    }
}
