//! Fields of a body: absent ones change nothing, null clears.

use model::Timestamp;
use serde_json::{Map, Value};
use web::{ApiError, ApiResult};

pub struct Fields<'a>(pub &'a Map<String, Value>);

impl Fields<'_> {
    pub fn given(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A text of at most `most` characters; null is the empty text.
    pub fn text(&self, name: &'static str, most: usize) -> ApiResult<Option<String>> {
        match self.given(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(String::new())),
            Some(Value::String(text)) if text.chars().count() <= most => Ok(Some(text.clone())),
            Some(Value::String(_)) => {
                Err(ApiError::validation("max_length", format!("Ensure this field has no more than {most} characters.")).attr(name))
            }
            Some(_) => Err(ApiError::invalid("Not a valid string.").attr(name)),
        }
    }

    pub fn word<T>(&self, name: &'static str, words: &[&str], parse: impl Fn(&str) -> Option<T>) -> ApiResult<Option<T>> {
        let Some(value) = self.given(name) else { return Ok(None) };
        match value.as_str().and_then(parse) {
            Some(parsed) => Ok(Some(parsed)),
            None => {
                let detail = format!("{value} is not a valid choice; one of {} is.", words.join(", "));
                Err(ApiError::validation("invalid_choice", detail).attr(name))
            }
        }
    }

    pub fn flag(&self, name: &'static str) -> ApiResult<Option<bool>> {
        match self.given(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(false)),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(ApiError::invalid("Must be a valid boolean.").attr(name)),
        }
    }

    /// A whole number within a range, or null.
    pub fn number(&self, name: &'static str, least: i64, most: i64) -> ApiResult<Option<Option<i64>>> {
        let Some(value) = self.given(name) else { return Ok(None) };
        if value.is_null() {
            return Ok(Some(None));
        }
        match value.as_i64().filter(|number| (least..=most).contains(number)) {
            Some(number) => Ok(Some(Some(number))),
            None => Err(ApiError::invalid(format!("Must be a whole number from {least} to {most}, or null.")).attr(name)),
        }
    }

    pub fn instant(&self, name: &'static str) -> ApiResult<Option<Option<Timestamp>>> {
        match self.given(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::String(text)) => match instant(text) {
                Some(at) => Ok(Some(Some(at))),
                None => Err(ApiError::invalid("Use a date such as 2026-01-31T12:00:00Z.").attr(name)),
            },
            Some(_) => Err(ApiError::invalid("Must be a date as text, or null.").attr(name)),
        }
    }

    /// An object or null, of at most `most` bytes.
    pub fn object(&self, name: &'static str, most: usize) -> ApiResult<Option<Value>> {
        let Some(value) = self.given(name) else { return Ok(None) };
        if !value.is_object() && !value.is_null() {
            return Err(ApiError::invalid("Must be an object or null.").attr(name));
        }
        sized(value, name, most).map(Some)
    }

    /// Any JSON of at most `most` bytes.
    pub fn any(&self, name: &'static str, most: usize) -> ApiResult<Option<Value>> {
        self.given(name).map(|value| sized(value, name, most)).transpose()
    }
}

fn sized(value: &Value, name: &'static str, most: usize) -> ApiResult<Value> {
    match value.to_string().len() > most {
        true => Err(ApiError::invalid(format!("Must be at most {} kB of JSON.", most / 1024)).attr(name)),
        false => Ok(value.clone()),
    }
}

/// An instant, or a day, which begins at midnight UTC.
pub fn instant(text: &str) -> Option<Timestamp> {
    Timestamp::parse_rfc3339(text).or_else(|| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"))).filter(|at| at.to_utc().is_some())
}
