//! What a property is, judged by the first value that says so.

use chrono::DateTime;
use model::{PropertyValue, Timestamp};
use regex::Regex;
use std::sync::LazyLock;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    DateTime,
    String,
    Numeric,
    Boolean,
}

impl ValueType {
    pub fn as_str(self) -> &'static str {
        match self {
            ValueType::DateTime => "DateTime",
            ValueType::String => "String",
            ValueType::Numeric => "Numeric",
            ValueType::Boolean => "Boolean",
        }
    }
}

const SIX_MONTHS_SECONDS: i64 = 15_768_000;
const DATE_HINTS: &[&str] = &["time", "date", "_at", "-at", "createdat", "updatedat"];

/// `None` for null, arrays and objects: the next value may tell more.
pub fn detect(name: &str, value: &PropertyValue, now: Timestamp) -> Option<ValueType> {
    let name = name.to_lowercase();
    let always_text = ["utm_", "$initial_utm_", "$feature/", "$survey_response"].iter().any(|prefix| name.starts_with(prefix));
    if always_text || name == "$feature_flag_response" {
        return Some(ValueType::String);
    }
    if DATE_HINTS.iter().any(|hint| name.contains(hint)) && is_instant(value, now) {
        return Some(ValueType::DateTime);
    }
    match value {
        PropertyValue::String(text) if matches!(text.trim(), "true" | "false" | "TRUE" | "FALSE") => Some(ValueType::Boolean),
        PropertyValue::String(text) if is_date(text) => Some(ValueType::DateTime),
        PropertyValue::String(_) => Some(ValueType::String),
        PropertyValue::Int(_) | PropertyValue::Float(_) => Some(ValueType::Numeric),
        PropertyValue::Bool(_) => Some(ValueType::Boolean),
        PropertyValue::Null | PropertyValue::Json(_) => None,
    }
}

fn is_instant(value: &PropertyValue, now: Timestamp) -> bool {
    match value {
        PropertyValue::String(text) => is_date(text),
        PropertyValue::Int(seconds) => *seconds >= (now.seconds() - SIX_MONTHS_SECONDS).max(0),
        _ => false,
    }
}

static DATE: LazyLock<Regex> = LazyLock::new(|| {
    let day = r"(?:\d{4}[-/]\d{2}[-/]\d{2}|\d{2}[-/]\d{2}[-/]\d{4})";
    let time = r"(?:[ T]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})?)?";
    Regex::new(&format!("^{day}{time}$")).expect("the pattern is a constant")
});

/// Dates are short; longer text is not worth looking at.
const MAX_DATE_BYTES: usize = 64;

fn is_date(text: &str) -> bool {
    let text = text.trim();
    let plausible = text.len() >= 8 && text.len() <= MAX_DATE_BYTES && text.bytes().any(|byte| byte.is_ascii_digit());
    plausible && (DATE.is_match(text) || DateTime::parse_from_rfc3339(text).is_ok() || DateTime::parse_from_rfc2822(text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, json: &str) -> Option<&'static str> {
        let now = Timestamp::parse_rfc3339("2025-01-01T12:00:00Z").unwrap();
        detect(name, &PropertyValue::from_json_text(json).unwrap(), now).map(ValueType::as_str)
    }

    #[test]
    fn the_value_decides() {
        for (json, expected) in [
            ("1", "Numeric"),
            ("1.5", "Numeric"),
            ("\"1\"", "String"),
            ("true", "Boolean"),
            ("\"FALSE\"", "Boolean"),
            ("\" true \"", "Boolean"),
            ("\"True\"", "String"),
            ("\"2025-01-01T00:00:00Z\"", "DateTime"),
            ("\"2025/01/31\"", "DateTime"),
            ("\"31-01-2025 10:00:00\"", "DateTime"),
            ("\"Wed, 01 Jan 2025 10:00:00 +0000\"", "DateTime"),
            ("\"2025-01-01 at noon\"", "String"),
            ("\"\"", "String"),
        ] {
            assert_eq!(of("x", json), Some(expected), "{json}");
        }
        for json in ["null", "[1]", "{}"] {
            assert_eq!(of("x", json), None);
        }
    }

    #[test]
    fn the_name_decides_first() {
        for (name, json, expected) in [
            ("utm_term", "5", "String"),
            ("$initial_utm_term", "5", "String"),
            ("$feature/f", "true", "String"),
            ("$survey_response", "3", "String"),
            ("$feature_flag_response", "true", "String"),
            ("created_at", "\"2025-01-01\"", "DateTime"),
            ("signup_time", "1735732800", "DateTime"),
            ("plain", "1735732800", "Numeric"),
            ("signup_time", "1000", "Numeric"),
            ("UpdatedAt", "1735732800", "DateTime"),
        ] {
            assert_eq!(of(name, json), Some(expected), "{name}");
        }
    }
}
