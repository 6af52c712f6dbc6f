//! Property filters as HogQL conditions.
//!
//! HogQL's comparisons never yield NULL (a missing value fails `=`, passes `!=`), so most operators are one comparison.

use crate::catalog::{Catalog, Named};
use crate::dates::{Calendar, parse_instant};
use crate::elements;
use crate::nodes::filters::{Properties, PropertyFilter};
use crate::sessions;
use model::{GroupTypeIndex, Timestamp};
use query::ast::{CompareOp, Constant, Expr, Select};
use query::{PropertyType, PropertyTypes};
use regex::Regex;
use serde_json::Value;

/// What filters are read against.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub calendar: &'a Calendar,
    pub types: &'a PropertyTypes,
    pub settings: &'a serde_json::Map<String, Value>,
    pub subject: Subject,
    pub catalog: &'a Catalog,
}

/// The rows that a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Events,
    Persons,
    Groups(u8),
}

/// A condition that the client got wrong; the text says how.
pub type Compiled = Result<Expr, String>;

impl Scope<'_> {
    pub fn properties(&self, properties: &Properties) -> Compiled {
        match properties {
            Properties::All(terms) => Ok(Expr::and(self.each(terms)?)),
            Properties::Any(terms) => Ok(Expr::or(self.each(terms)?)),
            Properties::One(filter) => self.filter(filter),
        }
    }

    fn each(&self, terms: &[Properties]) -> Result<Vec<Expr>, String> {
        terms.iter().filter(|term| !term.is_empty()).map(|term| self.properties(term)).collect()
    }

    /// The project's filter for "internal and test accounts".
    pub fn test_accounts(&self) -> Compiled {
        let filters = self.settings.get("test_account_filters").cloned().unwrap_or(Value::Null);
        self.properties(&Properties::try_from(filters)?)
    }

    fn filter(&self, filter: &PropertyFilter) -> Compiled {
        let kind = filter.kind.as_deref().unwrap_or("event");
        // PostHog ignores filters that are too incomplete to mean anything.
        let Some(key) = filter.key_text() else { return Ok(Expr::constant(true)) };
        match kind {
            "hogql" => query::parse_expr(&key).map_err(|error| format!("Invalid HogQL filter: {error}")),
            "element" => elements::condition(&key, &operator(filter), &values(filter)),
            "empty" | "flag" | "workflow_variable" => Ok(Expr::constant(true)),
            "cohort" | "static-cohort" | "precalculated-cohort" => self.in_cohort(filter),
            "person" if key == "distinct_id" => self.any_distinct_id(filter),
            "event" | "feature" if is_exception_list(&key) => self.any_element(&key, filter),
            _ => {
                let (property, kind) = self.read(kind, &key, filter.group_type_index)?;
                self.operate(property, kind, &operator(filter), filter.value.as_ref())
            }
        }
    }

    /// The value of a property, and its type.
    pub fn read(&self, kind: &str, key: &str, group: Option<u8>) -> Result<(Expr, PropertyType), String> {
        let wrong = || format!("Filters of type \"{kind}\" are not supported here");
        Ok(match (self.subject, kind) {
            (Subject::Events, "event" | "feature") if key == "$elements_chain" => (Expr::field(["elements_chain"]), PropertyType::String),
            (Subject::Events, "event" | "feature" | "event_properties") => (Expr::field(["properties", key]), self.types.event(key)),
            (Subject::Events, "person" | "person_properties") => (Expr::field(["person", "properties", key]), self.types.person(key)),
            (Subject::Events, "person_metadata") if key == "created_at" => (Expr::field(["person", "created_at"]), PropertyType::DateTime),
            (Subject::Persons, "person_metadata") if key == "created_at" => (Expr::field(["created_at"]), PropertyType::DateTime),
            (Subject::Persons, "person" | "person_properties") => (Expr::field(["properties", key]), self.types.person(key)),
            (Subject::Events, "group" | "group_properties") => {
                let index = group.filter(|index| *index < 5).ok_or("group filters need group_type_index from 0 to 4")?;
                (
                    Expr::field([format!("group_{index}"), "properties".to_owned(), key.to_owned()]),
                    self.types.group(GroupTypeIndex(index), key),
                )
            }
            (Subject::Groups(index), "group") => (Expr::field(["properties", key]), self.types.group(GroupTypeIndex(index), key)),
            (Subject::Events, "session" | "session_properties") => (Expr::field(["session", key]), sessions::kind_of(key)),
            (Subject::Events, "event_metadata") => {
                if !METADATA.contains(&key) {
                    return Err(format!("\"{key}\" is not a field of events"));
                }
                let kind = if matches!(key, "timestamp" | "created_at") { PropertyType::DateTime } else { PropertyType::String };
                (Expr::field([key]), kind)
            }
            _ => return Err(wrong()),
        })
    }

    fn in_cohort(&self, filter: &PropertyFilter) -> Compiled {
        let Some(value) = filter.value.as_ref().filter(|value| !value.is_null()) else { return Ok(Expr::constant(true)) };
        let id = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
        let id = id.ok_or_else(|| format!("A cohort filter needs the id of a cohort as `value`, not {value}"))?;
        let negated = match filter.operator.as_deref() {
            None | Some("in" | "exact") => false,
            Some("not_in" | "is_not") => true,
            Some(other) => return Err(format!("The operator of a cohort filter is in or not_in, not \"{other}\"")),
        };
        self.member(id, negated ^ filter.negation.unwrap_or(false))
    }

    /// Is the row's person in the cohort, or is it not?
    pub fn member(&self, cohort: i64, negated: bool) -> Compiled {
        let person = match self.subject {
            Subject::Events => "person_id",
            Subject::Persons => "id",
            Subject::Groups(_) => return Err("Cohort filters are not possible on groups".to_owned()),
        };
        match self.catalog.cohort(cohort) {
            Named::Cohort => {
                let op = if negated { CompareOp::NotInCohort } else { CompareOp::InCohort };
                Ok(Expr::compare(op, Expr::field([person]), Expr::constant(cohort)))
            }
            Named::Gone => Ok(Expr::constant(negated)),
            Named::Unknown => Err(format!("There is no cohort {cohort}")),
        }
    }

    /// The person key `distinct_id` means any distinct id of the person.
    fn any_distinct_id(&self, filter: &PropertyFilter) -> Compiled {
        let id = match self.subject {
            Subject::Events => "person_id",
            Subject::Persons => "id",
            Subject::Groups(_) => return Err("Person filters are not supported here".to_owned()),
        };
        let operator = operator(filter);
        let (positive, negated) = match operator.as_str() {
            "is_not" => ("exact", true),
            "not_icontains" => ("icontains", true),
            "not_regex" => ("regex", true),
            "not_in" => ("in", true),
            other => (other, false),
        };
        let matches = self.operate(Expr::field(["distinct_id"]), PropertyType::String, positive, filter.value.as_ref())?;
        let persons = Select::from_table("person_distinct_ids").column(Expr::field(["person_id"])).and_where(matches);
        let op = if negated { CompareOp::NotIn } else { CompareOp::In };
        Ok(Expr::compare(op, Expr::field([id]), Expr::subquery(persons)))
    }

    /// Lists of exception types, values … match when one element does.
    fn any_element(&self, key: &str, filter: &PropertyFilter) -> Compiled {
        let list = Expr::call("JSONExtract", [ifnull(Expr::field(["properties", key]), "[]"), Expr::constant("Array(String)")]);
        let matches = self.operate(Expr::field(["element"]), PropertyType::String, &operator(filter), filter.value.as_ref())?;
        Ok(Expr::call("arrayExists", [Expr::lambda(["element"], matches), list]))
    }

    pub fn operate(&self, x: Expr, kind: PropertyType, operator: &str, value: Option<&Value>) -> Compiled {
        match operator {
            "is_set" => return Ok(Expr::is_not_null(x)),
            "is_not_set" => return Ok(Expr::is_null(x)),
            "flag_evaluates_to" => return Ok(Expr::constant(true)),
            _ => {}
        }
        let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(Expr::constant(true)) };
        if matches!(operator, "between" | "not_between") {
            return between(x, operator, value);
        }
        let Value::Array(list) = value else { return self.single(x, kind, operator, value) };
        match operator {
            _ if list.is_empty() => Ok(Expr::constant(true)),
            "exact" | "in" => Ok(Expr::is_in(x, self.constants(list, kind))),
            "is_not" | "not_in" => Ok(Expr::compare(CompareOp::NotIn, x, Expr::tuple(self.constants(list, kind)))),
            "icontains" | "not_icontains" if list.len() == 1 => self.single(x, kind, operator, &list[0]),
            "icontains" | "icontains_multi" => Ok(Expr::or(list.iter().map(|item| contains(as_text(x.clone(), kind), item)))),
            "not_icontains" | "not_icontains_multi" => {
                let none = Expr::not(Expr::or(list.iter().map(|item| contains(as_text(x.clone(), kind), item))));
                // As in PostHog, a missing value fails the form with several texts.
                Ok(if list.len() > 1 { Expr::and([Expr::is_not_null(x), none]) } else { none })
            }
            _ => {
                let each: Result<Vec<Expr>, String> = list.iter().map(|item| self.single(x.clone(), kind, operator, item)).collect();
                Ok(if operator.starts_with("not_") || operator == "semver_neq" { Expr::and(each?) } else { Expr::or(each?) })
            }
        }
    }

    fn single(&self, x: Expr, kind: PropertyType, operator: &str, value: &Value) -> Compiled {
        let text = plain_text(value);
        let pattern = || format!("%{text}%");
        Ok(match operator {
            "exact" | "in" => match self.constant(value, kind) {
                Some(constant) => Expr::eq(x, constant),
                None => Expr::constant(false),
            },
            "is_not" | "not_in" => match self.constant(value, kind) {
                Some(constant) => Expr::compare(CompareOp::NotEq, x, constant),
                None => Expr::constant(true),
            },
            "icontains" => Expr::compare(CompareOp::ILike, as_text(x, kind), Expr::constant(pattern())),
            "not_icontains" => Expr::compare(CompareOp::NotILike, as_text(x, kind), Expr::constant(pattern())),
            "icontains_multi" => contains(as_text(x, kind), value),
            "not_icontains_multi" => Expr::not(contains(as_text(x, kind), value)),
            "regex" | "not_regex" => {
                check_regex(&text)?;
                let op = if operator == "regex" { CompareOp::Regex } else { CompareOp::NotRegex };
                Expr::compare(op, as_text(x, kind), Expr::constant(text))
            }
            "gt" => self.order(x, kind, CompareOp::Gt, value),
            "gte" | "min" => self.order(x, kind, CompareOp::GtEq, value),
            "lt" => self.order(x, kind, CompareOp::Lt, value),
            "lte" | "max" => self.order(x, kind, CompareOp::LtEq, value),
            "is_date_exact" => self.date(x, CompareOp::Eq, &text),
            "is_date_before" => self.date(x, CompareOp::Lt, &text),
            "is_date_after" => self.date(x, CompareOp::Gt, &text),
            "is_cleaned_path_exact" => self.cleaned_path(as_text(x, kind), &text)?,
            _ if operator.starts_with("semver_") => crate::semver::condition(as_text(x, kind), operator, &text)?,
            _ => return Err(format!("\"{operator}\" is not a known operator")),
        })
    }

    fn order(&self, x: Expr, kind: PropertyType, op: CompareOp, value: &Value) -> Expr {
        let number = value.as_f64().or_else(|| plain_text(value).trim().parse::<f64>().ok());
        match (kind, number) {
            (PropertyType::Numeric, Some(number)) => Expr::compare(op, x, Expr::constant(number)),
            (PropertyType::Numeric, None) => Expr::constant(false),
            // A number can only be meant as a number, whatever the property's type.
            (_, Some(number)) if value.is_number() => Expr::compare(op, to_float(x), Expr::constant(number)),
            (PropertyType::DateTime, _) => match parse_instant(&plain_text(value), self.calendar) {
                Some(at) => Expr::compare(op, x, Expr::constant(Timestamp(at.timestamp_micros()))),
                None => Expr::constant(false),
            },
            _ => Expr::compare(op, as_text(x, kind), Expr::constant(plain_text(value))),
        }
    }

    fn date(&self, x: Expr, op: CompareOp, text: &str) -> Expr {
        match parse_instant(text, self.calendar) {
            Some(at) => Expr::compare(op, Expr::call("toDateTime", [x]), Expr::constant(Timestamp(at.timestamp_micros()))),
            None => Expr::constant(false),
        }
    }

    fn cleaned_path(&self, x: Expr, text: &str) -> Compiled {
        let rules = self.settings.get("path_cleaning_filters").and_then(Value::as_array);
        let (mut cleaned, mut wanted) = (x, text.to_owned());
        for rule in rules.into_iter().flatten() {
            let part = |name: &str| rule.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let (pattern, alias) = (part("regex"), part("alias"));
            let compiled = check_regex(&pattern)?;
            wanted = compiled.replace_all(&wanted, regex::NoExpand(&alias)).into_owned();
            cleaned = Expr::call("replaceRegexpAll", [cleaned, Expr::constant(pattern), Expr::constant(alias)]);
        }
        Ok(Expr::eq(cleaned, Expr::constant(wanted)))
    }

    fn constants(&self, list: &[Value], kind: PropertyType) -> Vec<Expr> {
        let mut constants: Vec<Expr> = list.iter().filter_map(|value| self.constant(value, kind)).collect();
        if constants.is_empty() {
            // Nothing in the list can be equal to a value of this type.
            constants.push(Expr::null());
        }
        constants
    }

    /// The value in the property's own type. `None` when no value of that type can equal it.
    fn constant(&self, value: &Value, kind: PropertyType) -> Option<Expr> {
        let text = plain_text(value);
        let constant = match kind {
            PropertyType::String => Constant::String(text),
            PropertyType::Numeric => Constant::Float(value.as_f64().or_else(|| text.trim().parse().ok())?),
            PropertyType::Boolean => Constant::Bool(match text.as_str() {
                "true" | "1" => true,
                "false" | "0" => false,
                _ => return None,
            }),
            PropertyType::DateTime => Constant::Timestamp(Timestamp(parse_instant(&text, self.calendar)?.timestamp_micros())),
        };
        Some(Expr::constant(constant))
    }
}

const METADATA: &[&str] = &[
    "event",
    "uuid",
    "distinct_id",
    "person_id",
    "timestamp",
    "created_at",
    "elements_chain",
    "person_mode",
    "$session_id",
    "$window_id",
    "$group_0",
    "$group_1",
    "$group_2",
    "$group_3",
    "$group_4",
];

fn is_exception_list(key: &str) -> bool {
    matches!(key, "$exception_types" | "$exception_values" | "$exception_sources" | "$exception_functions")
}

fn operator(filter: &PropertyFilter) -> String {
    filter.operator.clone().unwrap_or_else(|| "exact".to_owned())
}

fn values(filter: &PropertyFilter) -> Vec<String> {
    match &filter.value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list.iter().map(plain_text).collect(),
        Some(value) => vec![plain_text(value)],
    }
}

fn between(x: Expr, operator: &str, value: &Value) -> Compiled {
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    let bounds: Option<Vec<f64>> = value.as_array().and_then(|list| list.iter().map(number).collect());
    let Some([low, high]) = bounds.as_deref() else {
        return Err(format!("{operator} needs a list of two numbers"));
    };
    if low > high {
        return Err(format!("{operator} needs the smaller number first"));
    }
    let x = to_float(x);
    let (low, high) = (Expr::constant(*low), Expr::constant(*high));
    Ok(match operator {
        "between" => Expr::and([Expr::compare(CompareOp::GtEq, x.clone(), low), Expr::compare(CompareOp::LtEq, x, high)]),
        _ => Expr::or([Expr::compare(CompareOp::Lt, x.clone(), low), Expr::compare(CompareOp::Gt, x, high)]),
    })
}

/// Case-insensitive substring, taken literally.
fn contains(x: Expr, value: &Value) -> Expr {
    let mut pattern = String::from("%");
    for c in plain_text(value).chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    Expr::compare(CompareOp::ILike, x, Expr::constant(pattern))
}

pub fn to_float(x: Expr) -> Expr {
    Expr::call("toFloat", [x])
}

fn as_text(x: Expr, kind: PropertyType) -> Expr {
    if kind == PropertyType::String { x } else { Expr::call("toString", [x]) }
}

fn ifnull(x: Expr, otherwise: &str) -> Expr {
    Expr::call("ifNull", [x, Expr::constant(otherwise)])
}

/// The text that a property holding this JSON value reads as.
pub fn plain_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub fn check_regex(pattern: &str) -> Result<Regex, String> {
    regex::RegexBuilder::new(pattern).size_limit(1 << 20).build().map_err(|_| format!("Invalid regex: {pattern}"))
}
