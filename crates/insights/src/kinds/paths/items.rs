//! What a step of a path is called.

use crate::conditions::check_regex;
use crate::failure::Failure;
use crate::nodes::paths::{PathCleaning, PathType, PathsFilter};
use crate::run::Run;
use query::ast::{CompareOp, Expr};
use serde::Deserialize;
use serde_json::Value;

/// Rules and patterns of one query; each is asked for every event.
const MOST_RULES: usize = 100;
const MOST_LENGTH: usize = 1_000;

/// The item of an event: its address, screen or name, cleaned, then grouped.
pub fn expression(filter: &PathsFilter, run: &Run) -> Result<Expr, Failure> {
    let item = replaced(raw(filter)?, rules(filter, run)?);
    grouped(item, filter.path_groupings.as_deref().unwrap_or_default())
}

fn raw(filter: &PathsFilter) -> Result<Expr, Failure> {
    let uses_expression = filter.include_event_types.as_ref().is_none_or(|types| types.contains(&PathType::Expression));
    let other = match filter.expression.as_deref().map(str::trim).filter(|text| !text.is_empty() && uses_expression) {
        None => Expr::field(["event"]),
        Some(text) => {
            let expr = query::parse_expr(text).map_err(|error| Failure::Invalid(format!("pathsHogQLExpression: {error}")))?;
            or_empty(Expr::call("toString", [expr]))
        }
    };
    let is = |event: &str| Expr::eq(Expr::field(["event"]), Expr::constant(event));
    let property = |name: &str| or_empty(Expr::field(["properties", name]));
    let only = |wanted: PathType| filter.include_event_types.as_deref().is_some_and(|types| types == [wanted]);
    if only(PathType::PageView) {
        return Ok(without_slash(property("$current_url")));
    }
    if only(PathType::Screen) {
        return Ok(property("$screen_name"));
    }
    if only(PathType::Custom) {
        return Ok(other);
    }
    let branches = [is("$pageview"), without_slash(property("$current_url")), is("$screen"), property("$screen_name"), other];
    Ok(Expr::call("multiIf", branches))
}

fn or_empty(text: Expr) -> Expr {
    Expr::call("ifNull", [text, Expr::constant("")])
}

/// Without one `/` at the end, unless it is all there is.
pub fn without_slash(text: Expr) -> Expr {
    let shorter = Expr::call("replaceRegexpOne", [text.clone(), Expr::constant("(?s)(.)/$"), Expr::constant("\\1")]);
    Expr::call("if", [Expr::call("endsWith", [text.clone(), Expr::constant("/")]), shorter, text])
}

/// By the project's rules.
pub fn cleaned(text: Expr, run: &Run) -> Result<Expr, Failure> {
    let filter = PathsFilter { path_replacements: Some(true), ..PathsFilter::default() };
    Ok(replaced(text, rules(&filter, run)?))
}

fn replaced(text: Expr, rules: Vec<(String, String)>) -> Expr {
    let apply =
        |text: Expr, (regex, alias): (String, String)| Expr::call("replaceRegexpAll", [text, Expr::constant(regex), Expr::constant(alias)]);
    rules.into_iter().fold(text, apply)
}

/// Pairs of a pattern and what it becomes: the project's rules, then the query's own.
fn rules(filter: &PathsFilter, run: &Run) -> Result<Vec<(String, String)>, Failure> {
    let mut rules: Vec<PathCleaning> = Vec::new();
    if filter.path_replacements.unwrap_or(false) {
        let of_project = run.team.settings.get("path_cleaning_filters").and_then(Value::as_array);
        rules.extend(of_project.into_iter().flatten().filter_map(|rule| PathCleaning::deserialize(rule).ok()));
    }
    rules.extend(filter.local_path_cleaning_filters.iter().flatten().cloned());
    if rules.len() > MOST_RULES {
        return Err(Failure::Invalid(format!("At most {MOST_RULES} path-cleaning rules are possible")));
    }
    let mut read = Vec::new();
    for rule in rules {
        let (regex, alias) = (rule.regex.unwrap_or_default(), rule.alias.unwrap_or_default());
        if regex.len() > MOST_LENGTH || alias.len() > MOST_LENGTH {
            return Err(Failure::Invalid(format!("A path-cleaning rule can have at most {MOST_LENGTH} characters")));
        }
        if regex.is_empty() {
            continue;
        }
        check_regex(&regex)?;
        read.push((regex, alias));
    }
    Ok(read)
}

/// The first pattern that an item matches takes its place.
fn grouped(item: Expr, patterns: &[String]) -> Result<Expr, Failure> {
    if patterns.len() > MOST_RULES || patterns.iter().any(|pattern| pattern.len() > MOST_LENGTH) {
        let text = format!("pathGroupings can be at most {MOST_RULES} patterns of at most {MOST_LENGTH} characters");
        return Err(Failure::Invalid(text));
    }
    let mut branches = Vec::new();
    for pattern in patterns.iter().filter(|pattern| !pattern.is_empty()) {
        let regex = regex::escape(pattern).replace("\\*", ".*");
        branches.push(Expr::compare(CompareOp::Regex, item.clone(), Expr::constant(regex)));
        branches.push(Expr::constant(pattern));
    }
    if branches.is_empty() {
        return Ok(item);
    }
    branches.push(item);
    Ok(Expr::call("multiIf", branches))
}

/// Which events are part of paths.
pub fn types(filter: &PathsFilter) -> Expr {
    let is = |event: &str| Expr::eq(Expr::field(["event"]), Expr::constant(event));
    let types = filter.include_event_types.as_deref().unwrap_or_default();
    let mut terms = Vec::new();
    if types.contains(&PathType::PageView) {
        terms.push(is("$pageview"));
    }
    if types.contains(&PathType::Screen) {
        terms.push(is("$screen"));
    }
    if types.contains(&PathType::Custom) {
        terms.push(Expr::compare(CompareOp::NotLike, Expr::field(["event"]), Expr::constant("$%")));
    }
    if terms.is_empty() { Expr::constant(true) } else { Expr::or(terms) }
}
