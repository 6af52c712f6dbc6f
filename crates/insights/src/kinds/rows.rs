//! What kinds that answer rows share: the tabular answer, columns as clients write them, persons behind ids.

use super::Answer;
use crate::cells;
use crate::failure::Failure;
use crate::run::{Rows, Run};
use query::ast::{Expr, ExprKind, Order, Select};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// `results`, `columns`, `types`, `hasMore`, `limit`, `offset`.
pub fn tabular(rows: &Rows, run: &Run) -> Answer {
    let mut answer = Answer::new();
    answer.insert("results".to_owned(), rows.to_json(&run.calendar).into_iter().map(Value::Array).collect());
    answer.insert("columns".to_owned(), rows.columns.iter().map(|column| Value::from(column.name.clone())).collect());
    answer.insert("types".to_owned(), rows.columns.iter().map(|column| json!([column.name, column.kind])).collect());
    answer.insert("hasMore".to_owned(), rows.has_more.into());
    answer.insert("limit".to_owned(), json!(rows.limit));
    answer.insert("offset".to_owned(), rows.offset.into());
    answer
}

/// Most columns that one table query may ask for.
const MAX_COLUMNS: usize = 300;

/// A column as clients write it: HogQL, with a display name behind ` -- `.
pub fn column(text: &str) -> Result<Expr, Failure> {
    let code = text.split(" -- ").next().unwrap_or_default().trim();
    query::parse_expr(code).map_err(|error| Failure::Invalid(format!("Column \"{code}\": {error}")))
}

pub fn check_columns(columns: &[String]) -> Result<(), Failure> {
    match columns.len() {
        0 => Err(Failure::invalid("`select` needs at least one column")),
        count if count > MAX_COLUMNS => Err(Failure::invalid(format!("`select` can have at most {MAX_COLUMNS} columns"))),
        _ => Ok(()),
    }
}

/// `timestamp DESC`, `-timestamp`, `count() asc`.
pub fn order(text: &str) -> Result<Order, Failure> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix('-') {
        return Ok(column(rest)?.descending());
    }
    let lower = text.to_ascii_lowercase();
    let (code, descending) = match (lower.strip_suffix(" desc"), lower.strip_suffix(" asc")) {
        (Some(code), _) => (&text[..code.len()], true),
        (_, Some(code)) => (&text[..code.len()], false),
        _ => (text, false),
    };
    let expr = column(code)?;
    Ok(if descending { expr.descending() } else { expr.ascending() })
}

/// The expression behind its name.
pub fn unaliased(expr: &Expr) -> Expr {
    match &expr.kind {
        ExprKind::Alias { expr, .. } => (**expr).clone(),
        _ => expr.clone(),
    }
}

/// LIMIT and OFFSET as a client asks for them.
pub fn page(limit: Option<i64>, offset: Option<i64>) -> Result<(i64, i64), Failure> {
    const DEFAULT: i64 = 100;
    let (limit, offset) = (limit.unwrap_or(DEFAULT), offset.unwrap_or(0));
    if limit < 0 || offset < 0 {
        return Err(Failure::invalid("`limit` and `offset` cannot be negative"));
    }
    Ok((limit, offset))
}

/// Does the expression aggregate rows?
pub fn is_aggregate(expr: &Expr) -> bool {
    let mut found = false;
    expr.clone().visit_mut(&mut |expr| {
        if let ExprKind::Call(call) = &expr.kind {
            found |= call.over.is_none() && aggregates(&call.name);
        }
    });
    found
}

fn aggregates(name: &str) -> bool {
    const PREFIXES: &[&str] = &[
        "count",
        "uniq",
        "sum",
        "avg",
        "median",
        "quantile",
        "groupArray",
        "groupUniqArray",
        "groupBit",
        "argMin",
        "argMax",
        "stddev",
        "var",
        "covar",
        "corr",
        "skew",
        "kurt",
        "topK",
        "anyLast",
        "anyHeavy",
        "array_agg",
        "string_agg",
        "json_agg",
        "deltaSum",
        "windowFunnel",
        "sequence",
        "retention",
    ];
    const NOT: &[&str] = &["countSubstrings", "countEqual"];
    const EXACT: &[&str] =
        &["min", "max", "any", "minIf", "maxIf", "anyIf", "every", "entropy", "first_value", "last_value", "minOrNull", "maxOrNull"];
    !NOT.contains(&name) && (EXACT.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
}

/// Distinct ids shown per person.
const MAX_DISTINCT_IDS: usize = 100;

/// Persons as the `person` cell shows them, by id.
pub async fn persons(ids: &[String], run: &Run) -> Result<HashMap<String, Value>, Failure> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let list = || ids.iter().map(|id| Expr::constant(id));
    let field = |name: &str| Expr::field([name]);
    let columns = ["id", "created_at", "properties", "is_identified"];
    let select = columns.iter().fold(Select::from_table("persons"), |select, name| select.column(field(name)));
    let rows = run.select_all("persons", select.and_where(Expr::is_in(field("id"), list()))).await?;
    let mut persons = HashMap::new();
    for (batch, row) in cells::rows(&rows.batches) {
        let Some(id) = cells::text(batch.column(0), row) else { continue };
        let cell = |column: usize| cells::json(batch.column(column), row, &run.calendar);
        let person = json!({
            "type": "person", "id": id, "uuid": id, "created_at": cell(1),
            "properties": object(cells::text(batch.column(2), row)),
            "is_identified": matches!(cell(3), Value::Bool(true)) || cell(3).as_f64().is_some_and(|flag| flag != 0.0),
            "last_seen_at": null, "distinct_ids": [],
        });
        persons.insert(id.to_owned(), person);
    }
    let select = Select::from_table("person_distinct_ids").column(field("person_id")).column(field("distinct_id"));
    let rows = run.select_all("distinct ids", select.and_where(Expr::is_in(field("person_id"), list()))).await?;
    for (batch, row) in cells::rows(&rows.batches) {
        let (Some(person), Some(distinct_id)) = (cells::text(batch.column(0), row), cells::text(batch.column(1), row)) else { continue };
        if let Some(Value::Array(ids)) = persons.get_mut(person).and_then(|person| person.get_mut("distinct_ids"))
            && ids.len() < MAX_DISTINCT_IDS
        {
            ids.push(distinct_id.into());
        }
    }
    for person in persons.values_mut() {
        person["name"] = display_name(person, run).into();
    }
    Ok(persons)
}

/// A JSON object from its text; anything else reads as empty.
pub fn object(text: Option<&str>) -> Value {
    let parsed = text.and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
    Value::Object(parsed.unwrap_or_default())
}

/// Properties that a person can be called by, the project's choice first.
pub fn name_properties(run: &Run) -> Vec<String> {
    let configured = run.team.settings.get("person_display_name_properties").and_then(Value::as_array);
    let configured: Vec<String> = configured.into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_owned())).collect();
    if configured.is_empty() { ["email", "name", "username"].map(str::to_owned).to_vec() } else { configured }
}

fn display_name(person: &Value, run: &Run) -> Option<String> {
    let properties = person.get("properties");
    let named =
        name_properties(run).iter().find_map(|name| Some(properties?.get(name)?.as_str().filter(|text| !text.is_empty())?.to_owned()));
    named.or_else(|| Some(person.get("distinct_ids")?.get(0)?.as_str()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregates_are_found_wherever_they_stand() {
        let is = |text: &str| is_aggregate(&column(text).unwrap());
        assert!(is("count()") && is("round(avg(toFloat(properties.x)), 2) -- Mean") && is("if(max(timestamp) > now(), 1, 2)"));
        assert!(!is("event") && !is("countSubstrings(event, 'a')") && !is("row_number() over (order by timestamp)"));
    }

    #[test]
    fn orders_are_read_in_every_spelling() {
        for (text, descending) in [("timestamp DESC", true), ("-timestamp", true), ("timestamp", false), ("timestamp ASC", false)] {
            assert_eq!(order(text).unwrap().descending, descending, "{text}");
        }
    }
}
