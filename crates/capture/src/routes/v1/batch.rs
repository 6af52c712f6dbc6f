//! The body of a v1 request: its JSON, types checked.

use super::error::{BatchError, too_large};
use crate::json::{JsonError, Kind, Scanner, Value};
use crate::outcomes::Reason;
use std::borrow::Cow;
use std::collections::HashSet;
use uuid::Uuid;

/// An event as sent, its types checked.
#[derive(Default)]
pub struct V1Event<'a> {
    pub name: Cow<'a, str>,
    pub uuid: Cow<'a, str>,
    pub distinct_id: Cow<'a, str>,
    pub timestamp: Cow<'a, str>,
    pub session_id: Option<Cow<'a, str>>,
    pub window_id: Option<Cow<'a, str>>,
    pub options: Option<Value<'a>>,
    pub properties: Option<Value<'a>>,
}

/// A request's JSON.
pub struct V1Batch<'a> {
    pub created_at: Cow<'a, str>,
    pub historical_migration: bool,
    pub capture_internal: bool,
    pub events: Vec<V1Event<'a>>,
}

/// Reads the body of a v1 request. Any wrong type refuses it whole.
pub fn decode_batch(text: &str, max_events: usize) -> Result<V1Batch<'_>, BatchError> {
    let mut batch = V1Batch { created_at: Cow::Borrowed(""), historical_migration: false, capture_internal: false, events: Vec::new() };
    let mut wrong: Option<String> = None;
    let mut seen = (false, false);
    let syntax = |error: JsonError| BatchError::bad("request_parsing_error", error.to_string(), Reason::Unparsable);
    let mut scanner = Scanner::new(text);
    if scanner.peek_kind() != Some(Kind::Object) {
        scanner.value().map_err(syntax)?;
        return Err(BatchError::bad("request_parsing_error", "the body is not an object", Reason::Unparsable));
    }
    let mut count = 0;
    let read = scanner.object(|scanner, name| {
        match name {
            "batch" if scanner.peek_kind() == Some(Kind::Array) => {
                seen.1 = true;
                scanner.array(|scanner| {
                    count += 1;
                    let event = read_event(scanner, count - 1, &mut wrong)?;
                    if count <= max_events {
                        batch.events.push(event);
                    }
                    Ok(())
                })?;
            }
            "created_at" => {
                seen.0 = true;
                match scanner.value()?.as_string() {
                    Some(text) => batch.created_at = text,
                    None => note(&mut wrong, || "created_at is not a string".to_owned()),
                }
            }
            "historical_migration" | "capture_internal" => {
                let value = scanner.value()?;
                match value.as_bool() {
                    Some(flag) if name == "capture_internal" => batch.capture_internal = flag,
                    Some(flag) => batch.historical_migration = flag,
                    None if value.is_null() => {}
                    None => note(&mut wrong, || format!("{name} is not true or false")),
                }
            }
            "batch" => {
                scanner.value()?;
                note(&mut wrong, || "batch is not a list".to_owned());
            }
            _ => drop(scanner.value()?),
        }
        Ok(())
    });
    read.and_then(|()| scanner.finish()).map_err(syntax)?;
    for (present, name) in [(seen.0, "created_at"), (seen.1, "batch")] {
        if !present {
            note(&mut wrong, || format!("missing field `{name}`"));
        }
    }
    if let Some(wrong) = wrong {
        return Err(BatchError::bad("request_parsing_error", wrong, Reason::Unparsable));
    }
    if count > max_events {
        return Err(too_large(format!("a request may hold at most {max_events} events")));
    }
    Ok(batch)
}

fn note(wrong: &mut Option<String>, what: impl FnOnce() -> String) {
    wrong.get_or_insert_with(what);
}

fn read_event<'a>(scanner: &mut Scanner<'a>, index: usize, wrong: &mut Option<String>) -> Result<V1Event<'a>, JsonError> {
    let mut event = V1Event::default();
    if scanner.peek_kind() != Some(Kind::Object) {
        note(wrong, || format!("event {index} is not an object"));
        scanner.value()?;
        return Ok(event);
    }
    let mut seen = [false; 4];
    scanner.object(|scanner, name| {
        let value = scanner.value()?;
        let required = ["event", "uuid", "distinct_id", "timestamp"].iter().position(|required| *required == name);
        if let Some(at) = required {
            seen[at] = true;
            let Some(text) = value.as_string() else {
                note(wrong, || format!("event {index}: {name} is not a string"));
                return Ok(());
            };
            *[&mut event.name, &mut event.uuid, &mut event.distinct_id, &mut event.timestamp][at] = text;
            return Ok(());
        }
        match name {
            "session_id" | "window_id" => {
                let text = value.as_string();
                if text.is_none() && !value.is_null() {
                    note(wrong, || format!("event {index}: {name} is not a string"));
                }
                *(if name == "session_id" { &mut event.session_id } else { &mut event.window_id }) = text;
            }
            "options" => event.options = Some(value),
            "properties" => event.properties = Some(value),
            _ => {}
        }
        Ok(())
    })?;
    for (present, name) in seen.into_iter().zip(["event", "uuid", "distinct_id", "timestamp"]) {
        if !present {
            note(wrong, || format!("event {index}: missing field `{name}`"));
        }
    }
    Ok(event)
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub cookieless_mode: Option<bool>,
    pub disable_skew_correction: Option<bool>,
    pub process_person_profile: Option<bool>,
    /// JSON text.
    pub product_tour_id: Option<String>,
}

impl Options {
    /// Tolerant: `"true"`, `"1"` and numbers count as booleans. `None` when a value cannot be read.
    pub fn read(value: Option<Value<'_>>) -> Option<Self> {
        let mut options = Options::default();
        let Some(value) = value.filter(|value| !value.is_null()) else { return Some(options) };
        if !value.is_object() {
            return None;
        }
        let mut readable = true;
        let read = Scanner::new(value.raw).object(|scanner, name| {
            let value = scanner.value()?;
            if value.is_null() {
                return Ok(());
            }
            let flag = match name {
                "cookieless_mode" => &mut options.cookieless_mode,
                "disable_skew_correction" => &mut options.disable_skew_correction,
                "process_person_profile" => &mut options.process_person_profile,
                "product_tour_id" => {
                    options.product_tour_id = (value.as_string().is_some() || value.as_integer().is_some()).then(|| value.raw.to_owned());
                    readable &= options.product_tour_id.is_some();
                    return Ok(());
                }
                _ => return Ok(()),
            };
            *flag = lenient_bool(value);
            readable &= flag.is_some();
            Ok(())
        });
        (read.is_ok() && readable).then_some(options)
    }
}

fn lenient_bool(value: Value<'_>) -> Option<bool> {
    match value.kind {
        Kind::True => Some(true),
        Kind::False => Some(false),
        Kind::Number => value.raw.parse::<f64>().ok().map(|number| number != 0.0),
        _ => match value.as_string()?.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        },
    }
}

pub fn read_uuids(events: &[V1Event<'_>]) -> Result<Vec<Uuid>, BatchError> {
    let mut seen = HashSet::with_capacity(events.len());
    let read = events.iter().map(|event| {
        if event.uuid.is_empty() {
            return Err(BatchError::bad("missing_event_uuid", "an event has no uuid", Reason::InvalidUuid));
        }
        let invalid = || BatchError::bad("invalid_event_uuid", format!("{:?} is not a UUID", event.uuid), Reason::InvalidUuid);
        let uuid = Uuid::try_parse(&event.uuid).map_err(|_| invalid())?;
        if seen.insert(uuid) {
            Ok(uuid)
        } else {
            Err(BatchError::bad("duplicate_event_uuid", format!("{uuid} occurs twice"), Reason::InvalidUuid))
        }
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn options_are_read_tolerantly() {
        let read = |text| Options::read(Some(Scanner::new(text).value().unwrap()));
        let options =
            read(r#"{"cookieless_mode":"1","disable_skew_correction":0,"process_person_profile":"FALSE","product_tour_id":7,"x":[]}"#)
                .unwrap();
        assert_eq!(
            (options.cookieless_mode, options.disable_skew_correction, options.process_person_profile),
            (Some(true), Some(false), Some(false))
        );
        assert_eq!(options.product_tour_id.as_deref(), Some("7"));
        assert_eq!(read("null"), Some(Options::default()));
        for unreadable in [r#"{"cookieless_mode":[]}"#, r#"{"process_person_profile":"maybe"}"#, r#"{"product_tour_id":{}}"#, "[]"] {
            assert_eq!(read(unreadable), None, "{unreadable}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in ".*", jsonish in r#"\{"(batch|created_at)":[\[\]{}",:a-z0-9]{0,80}\}"#) {
            let _ = decode_batch(&text, 10).map(|batch| batch.events.len());
            let _ = decode_batch(&jsonish, 10).map(|batch| batch.events.len());
        }
    }
}
