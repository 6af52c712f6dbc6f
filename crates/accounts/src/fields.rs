//! Typed settings: which fields a PATCH may write, and what each may hold.
//!
//! As with PostHog, a field that is not listed is ignored and a listed one of the wrong type is refused by name.

use serde_json::{Map, Value, json};
use web::{ApiError, ApiResult};

/// Settings are small; a bigger value is a mistake or an attack.
const MAX_JSON_BYTES: usize = 64 * 1024;
const MAX_ITEMS: usize = 1_000;

pub(crate) struct Field {
    pub name: &'static str,
    pub kind: Kind,
    pub nullable: bool,
    /// JSON text of what the field is before anyone sets it.
    pub default: &'static str,
}

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Bool,
    Int {
        least: i64,
        most: i64,
    },
    /// A fraction from 0 to 1, kept as text with two decimals.
    Fraction,
    Text {
        most: usize,
    },
    Choice(&'static [&'static str]),
    TextList,
    List,
    Object,
    Any,
}

impl Field {
    pub const fn new(name: &'static str, kind: Kind, default: &'static str) -> Field {
        Field { name, kind, nullable: false, default }
    }

    pub const fn nullable(name: &'static str, kind: Kind, default: &'static str) -> Field {
        Field { name, kind, nullable: true, default }
    }
}

/// The body as an object; anything else is refused.
pub(crate) fn object(body: Value) -> ApiResult<Map<String, Value>> {
    match body {
        Value::Object(object) => Ok(object),
        other => Err(ApiError::validation("invalid", format!("Invalid data. Expected a dictionary, but got {}.", type_name(&other)))),
    }
}

/// The listed fields that `body` holds, checked.
pub(crate) fn read(fields: &[Field], body: &Map<String, Value>) -> ApiResult<Map<String, Value>> {
    let mut read = Map::new();
    for field in fields {
        if let Some(value) = body.get(field.name) {
            read.insert(field.name.to_owned(), check(field, value).map_err(|error| error.attr(field.name))?);
        }
    }
    Ok(read)
}

/// Every listed field, from `stored` or with its default.
pub(crate) fn fill(fields: &[Field], stored: &Map<String, Value>, into: &mut Map<String, Value>) {
    for field in fields {
        let value = stored.get(field.name).cloned();
        let default = || serde_json::from_str(field.default).unwrap_or(Value::Null);
        into.insert(field.name.to_owned(), value.unwrap_or_else(default));
    }
}

/// One field by itself, for bodies that are not whole settings objects.
pub(crate) fn text(body: &Map<String, Value>, name: &'static str, most: usize) -> ApiResult<Option<String>> {
    let field = Field::nullable(name, Kind::Text { most }, "null");
    let Some(value) = body.get(name) else {
        return Ok(None);
    };
    let value = check(&field, value).map_err(|error| error.attr(name))?;
    Ok(value.as_str().map(str::to_owned))
}

/// Like [`text`], for a field that must be there and not be blank.
pub(crate) fn required_text(body: &Map<String, Value>, name: &'static str, most: usize) -> ApiResult<String> {
    match text(body, name, most)? {
        None if body.contains_key(name) => Err(null().attr(name)),
        None => Err(ApiError::required(name)),
        Some(text) => not_blank(text).map_err(|error| error.attr(name)),
    }
}

pub(crate) fn not_blank(text: String) -> ApiResult<String> {
    match text.trim().is_empty() {
        true => Err(ApiError::validation("blank", "This field may not be blank.")),
        false => Ok(text),
    }
}

fn null() -> ApiError {
    ApiError::validation("null", "This field may not be null.")
}

fn check(field: &Field, value: &Value) -> ApiResult<Value> {
    if value.is_null() {
        return if field.nullable { Ok(Value::Null) } else { Err(null()) };
    }
    let invalid = |detail: &'static str| ApiError::validation("invalid", detail);
    let checked = match field.kind {
        Kind::Bool => match value {
            Value::Bool(_) => value.clone(),
            _ => return Err(invalid("Must be a valid boolean.")),
        },
        Kind::Int { least, most } => json!(integer(value, least, most)?),
        Kind::Fraction => json!(fraction(value)?),
        Kind::Text { most } => match value {
            Value::String(text) => limited(text, most)?,
            _ => return Err(invalid("Not a valid string.")),
        },
        Kind::Choice(choices) => match value.as_str() {
            Some(choice) if choices.contains(&choice) => value.clone(),
            _ => return Err(invalid_choice(value)),
        },
        Kind::TextList => text_list(value)?,
        Kind::List => list(value)?.clone().into(),
        Kind::Object => match value {
            Value::Object(_) => value.clone(),
            other => {
                let detail = format!("Expected a dictionary of items but got type \"{}\".", type_name(other));
                return Err(ApiError::validation("not_a_dict", detail));
            }
        },
        Kind::Any => value.clone(),
    };
    match checked.to_string().len() <= MAX_JSON_BYTES {
        true => Ok(checked),
        false => Err(ApiError::validation("max_length", format!("This value is larger than {MAX_JSON_BYTES} bytes."))),
    }
}

pub(crate) fn invalid_choice(value: &Value) -> ApiError {
    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let shown: String = shown.chars().take(100).collect();
    ApiError::validation("invalid_choice", format!("\"{shown}\" is not a valid choice."))
}

fn limited(text: &str, most: usize) -> ApiResult<Value> {
    match text.chars().count() <= most {
        true => Ok(json!(text)),
        false => Err(ApiError::validation("max_length", format!("Ensure this field has no more than {most} characters."))),
    }
}

pub(crate) fn integer(value: &Value, least: i64, most: i64) -> ApiResult<i64> {
    let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    let Some(number) = number else {
        return Err(ApiError::validation("invalid", "A valid integer is required."));
    };
    if number < least {
        return Err(ApiError::validation("min_value", format!("Ensure this value is greater than or equal to {least}.")));
    }
    if number > most {
        return Err(ApiError::validation("max_value", format!("Ensure this value is less than or equal to {most}.")));
    }
    Ok(number)
}

fn fraction(value: &Value) -> ApiResult<String> {
    let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    match number.filter(|number| number.is_finite()) {
        None => Err(ApiError::validation("invalid", "A valid number is required.")),
        Some(number) if !(0.0..=1.0).contains(&number) => Err(ApiError::validation("invalid", "Ensure this value is between 0 and 1.")),
        Some(number) => Ok(format!("{number:.2}")),
    }
}

fn list(value: &Value) -> ApiResult<&Vec<Value>> {
    match value {
        Value::Array(items) if items.len() <= MAX_ITEMS => Ok(items),
        Value::Array(_) => Err(ApiError::validation("max_length", format!("Ensure this field has no more than {MAX_ITEMS} elements."))),
        other => Err(ApiError::validation("not_a_list", format!("Expected a list of items but got type \"{}\".", type_name(other)))),
    }
}

fn text_list(value: &Value) -> ApiResult<Value> {
    let items = list(value)?;
    if items.iter().any(|item| !item.is_string() && !item.is_null()) {
        return Err(ApiError::validation("invalid", "Not a valid string."));
    }
    Ok(value.clone())
}

/// As Python names it, because that is what clients have seen.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[Field] = &[
        Field::nullable("flag", Kind::Bool, "null"),
        Field::new("urls", Kind::TextList, "[]"),
        Field::nullable("rate", Kind::Fraction, "null"),
        Field::new("day", Kind::Int { least: 0, most: 1 }, "0"),
    ];

    fn refused(body: Value) -> String {
        read(FIELDS, body.as_object().unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn listed_fields_are_read_and_others_ignored() {
        let read = read(FIELDS, json!({"flag": null, "rate": 0.5, "urls": ["a"], "other": 1}).as_object().unwrap()).unwrap();
        assert_eq!(Value::Object(read), json!({"flag": null, "rate": "0.50", "urls": ["a"]}));
    }

    #[test]
    fn wrong_types_are_refused() {
        assert_eq!(refused(json!({"flag": "x"})), "400 invalid: Must be a valid boolean.");
        assert_eq!(refused(json!({"urls": "x"})), "400 not_a_list: Expected a list of items but got type \"str\".");
        assert_eq!(refused(json!({"urls": null})), "400 null: This field may not be null.");
        assert_eq!(refused(json!({"urls": [1]})), "400 invalid: Not a valid string.");
        assert_eq!(refused(json!({"rate": 2})), "400 invalid: Ensure this value is between 0 and 1.");
        assert_eq!(refused(json!({"day": 2})), "400 max_value: Ensure this value is less than or equal to 1.");
    }

    #[test]
    fn unset_fields_have_their_default() {
        let mut filled = Map::new();
        fill(FIELDS, json!({"day": 1}).as_object().unwrap(), &mut filled);
        assert_eq!(Value::Object(filled), json!({"flag": null, "urls": [], "rate": null, "day": 1}));
    }

    #[test]
    fn defaults_are_json() {
        for field in crate::project_fields::FIELDS.iter().chain(crate::wire::USER_FIELDS).chain(crate::wire::ORGANIZATION_FIELDS) {
            assert!(serde_json::from_str::<Value>(field.default).is_ok(), "{}", field.name);
        }
    }
}
