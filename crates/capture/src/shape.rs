//! The shapes in which events arrive at the lenient endpoints: a list, a batch, one event, or a person update.

use crate::json::{JsonError, Kind, Scanner, Value};
use crate::refusal::Refusal;
use std::borrow::Cow;
use uuid::Uuid;

/// What PostHog says about JSON that is none of the shapes.
const NO_SHAPE: &str = "data did not match any variant of untagged enum RawRequest";

pub struct Request<'a> {
    /// The token of a batch object.
    pub batch_token: Option<Cow<'a, str>>,
    pub is_batch: bool,
    pub sent_at: Option<Cow<'a, str>>,
    pub historical_migration: bool,
    pub events: Vec<RawEvent<'a>>,
}

/// An event as sent: fields checked for their type, nothing looked at yet.
#[derive(Debug, Default)]
pub struct RawEvent<'a> {
    pub name: Option<Cow<'a, str>>,
    pub token: Option<Cow<'a, str>>,
    pub distinct_id: Option<Value<'a>>,
    pub uuid: Option<Uuid>,
    pub timestamp: Option<Cow<'a, str>>,
    pub offset_ms: Option<i64>,
    /// JSON object text.
    pub properties: Option<&'a str>,
    pub set: Option<&'a str>,
    pub set_once: Option<&'a str>,
    pub noticed: Noticed<'a>,
}

/// Properties that capture itself looks at. A repeated name keeps its last value, as in JavaScript.
#[derive(Debug, Default, Clone, Copy)]
pub struct Noticed<'a> {
    pub token: Option<Value<'a>>,
    pub distinct_id: Option<Value<'a>>,
    pub ignore_sent_at: Option<Value<'a>>,
    pub cookieless_mode: Option<Value<'a>>,
    pub product_tour_id: Option<Value<'a>>,
    pub capture_internal: bool,
    pub session_id: Option<Value<'a>>,
    pub window_id: Option<Value<'a>>,
    pub snapshot_data: Option<Value<'a>>,
    pub snapshot_source: Option<Value<'a>>,
    pub lib: Option<Value<'a>>,
}

/// Reads a request. `engage` allows an event without a name; at most `max_events` are accepted.
pub fn read(text: &str, engage: bool, max_events: usize) -> Result<Request<'_>, Refusal> {
    let mut scanner = Scanner::new(text);
    let mut reader = Reader { max_events, ..Reader::default() };
    let syntax = |error: JsonError| Refusal::Parse(error.to_string());
    let mut root = RootObject::default();
    let kind = scanner.peek_kind();
    match kind {
        Some(Kind::Array) => root.batch = Some(reader.events(&mut scanner).map_err(syntax)?),
        Some(Kind::Object) => reader.root(&mut scanner, &mut root).map_err(syntax)?,
        _ => {
            scanner.value().map_err(syntax)?;
            reader.wrong = Some(Wrong { event: None, what: "" });
        }
    }
    scanner.finish().map_err(syntax)?;
    if reader.too_many {
        return Err(Refusal::TooLarge(format!("a request may hold at most {max_events} events")));
    }
    let is_batch = kind == Some(Kind::Object) && root.batch.is_some() && root.event.token.is_some();
    if kind == Some(Kind::Object) && !is_batch {
        // A batch without a token is no batch, so errors inside it do not matter.
        if root.event.name.is_none() && !engage {
            return Err(reader.root_wrong.map_or(Refusal::NoEventName, Wrong::into_refusal));
        }
        reader.wrong = reader.root_wrong;
    } else if is_batch && reader.wrong.is_none() {
        reader.wrong = reader.envelope_wrong;
    }
    if let Some(wrong) = reader.wrong {
        return Err(wrong.into_refusal());
    }
    let (sent_at, historical_migration) = if is_batch { (root.sent_at, root.historical_migration) } else { (None, false) };
    let batch_token = if is_batch { root.event.token.take() } else { None };
    let events = match root.batch {
        Some(events) if is_batch || kind == Some(Kind::Array) => events,
        _ => vec![named(root.event)],
    };
    Ok(Request { batch_token, is_batch, sent_at, historical_migration, events })
}

/// A person update is an `$identify` without its name.
fn named(mut event: RawEvent<'_>) -> RawEvent<'_> {
    event.name.get_or_insert(Cow::Borrowed("$identify"));
    event
}

#[derive(Clone, Copy)]
struct Wrong {
    /// Which event of the list.
    event: Option<usize>,
    what: &'static str,
}

impl Wrong {
    fn into_refusal(self) -> Refusal {
        Refusal::Parse(match (self.event, self.what) {
            (_, "") => NO_SHAPE.to_owned(),
            (Some(event), what) => format!("{NO_SHAPE} (event {event}: {what})"),
            (None, what) => format!("{NO_SHAPE} ({what})"),
        })
    }
}

#[derive(Default)]
struct RootObject<'a> {
    /// The root's own fields, in case it is an event.
    event: RawEvent<'a>,
    batch: Option<Vec<RawEvent<'a>>>,
    sent_at: Option<Cow<'a, str>>,
    historical_migration: bool,
}

/// Wrong types are remembered, not returned, because the rest must still be JSON, and because what a field of the root
/// has to be depends on fields that may come later.
#[derive(Default)]
struct Reader {
    max_events: usize,
    too_many: bool,
    wrong: Option<Wrong>,
    root_wrong: Option<Wrong>,
    envelope_wrong: Option<Wrong>,
}

impl Reader {
    fn root<'a>(&mut self, scanner: &mut Scanner<'a>, root: &mut RootObject<'a>) -> Result<(), JsonError> {
        let mut wrong = None;
        scanner.object(|scanner, name| {
            match name {
                "batch" if root.batch.is_none() => {
                    if scanner.peek_kind() == Some(Kind::Array) {
                        root.batch = Some(self.events(scanner)?);
                    } else {
                        scanner.value()?;
                    }
                }
                "sent_at" => root.sent_at = scanner.value()?.as_string(),
                "historical_migration" => {
                    let value = scanner.value()?;
                    root.historical_migration = value.as_bool().unwrap_or(false);
                    if value.as_bool().is_none() && !value.is_null() {
                        self.envelope_wrong = Some(Wrong { event: None, what: "historical_migration is not true or false" });
                    }
                }
                name => event_field(scanner, name, &mut root.event, &mut wrong)?,
            }
            Ok(())
        })?;
        self.root_wrong = wrong.map(|what| Wrong { event: None, what });
        Ok(())
    }

    fn events<'a>(&mut self, scanner: &mut Scanner<'a>) -> Result<Vec<RawEvent<'a>>, JsonError> {
        let mut events = Vec::new();
        let mut index = 0;
        scanner.array(|scanner| {
            let mut what = None;
            if index >= self.max_events {
                self.too_many = true;
                scanner.value()?;
                return Ok(());
            }
            if scanner.peek_kind() == Some(Kind::Object) {
                let mut event = RawEvent::default();
                scanner.object(|scanner, name| event_field(scanner, name, &mut event, &mut what))?;
                if event.name.is_none() && what.is_none() {
                    what = Some("missing field `event`");
                }
                if self.wrong.is_none() {
                    events.push(event);
                }
            } else {
                scanner.value()?;
                what = Some("an event is an object");
            }
            if let (Some(what), None) = (what, self.wrong) {
                self.wrong = Some(Wrong { event: Some(index), what });
            }
            index += 1;
            Ok(())
        })?;
        Ok(events)
    }
}

/// Takes one member of an event object. Several names for one thing: the first one counts.
fn event_field<'a>(
    scanner: &mut Scanner<'a>,
    name: &str,
    event: &mut RawEvent<'a>,
    wrong: &mut Option<&'static str>,
) -> Result<(), JsonError> {
    match name {
        "properties" => {
            if scanner.peek_kind() == Some(Kind::Object) {
                event.properties = Some(properties(scanner, &mut event.noticed)?);
                return Ok(());
            }
            scanner.value()?;
            *wrong = wrong.or(Some("properties is not an object"));
            return Ok(());
        }
        "event" | "token" | "$token" | "api_key" | "distinct_id" | "$distinct_id" | "uuid" | "timestamp" | "offset" | "$set"
        | "$set_once" => {}
        _ => return scanner.value().map(drop),
    }
    let value = scanner.value()?;
    let problem = match name {
        "event" => take_string(value, &mut event.name, "event is not a string"),
        "token" | "$token" | "api_key" => take_string(value, &mut event.token, "the token is not a string"),
        "timestamp" => take_string(value, &mut event.timestamp, "timestamp is not a string"),
        "uuid" => take_uuid(value, &mut event.uuid),
        "offset" => take_integer(value, &mut event.offset_ms),
        "$set" => take_object(value, &mut event.set, "$set is not an object"),
        "$set_once" => take_object(value, &mut event.set_once, "$set_once is not an object"),
        _ => {
            event.distinct_id.get_or_insert(value);
            None
        }
    };
    *wrong = wrong.or(problem);
    Ok(())
}

fn take_string<'a>(value: Value<'a>, into: &mut Option<Cow<'a, str>>, otherwise: &'static str) -> Option<&'static str> {
    match value.as_string() {
        Some(text) => {
            into.get_or_insert(text);
            None
        }
        None if value.is_null() => None,
        None => Some(otherwise),
    }
}

fn take_uuid(value: Value<'_>, into: &mut Option<Uuid>) -> Option<&'static str> {
    let text = value.as_string();
    match text.as_deref() {
        Some("") => None,
        Some(text) => match Uuid::try_parse(text) {
            Ok(uuid) => {
                into.get_or_insert(uuid);
                None
            }
            Err(_) => Some("uuid is not a UUID"),
        },
        None if value.is_null() => None,
        None => Some("uuid is not a string"),
    }
}

fn take_integer(value: Value<'_>, into: &mut Option<i64>) -> Option<&'static str> {
    match value.as_integer() {
        Some(number) => {
            into.get_or_insert(number);
            None
        }
        None if value.is_null() => None,
        None => Some("offset is not an integer"),
    }
}

fn take_object<'a>(value: Value<'a>, into: &mut Option<&'a str>, otherwise: &'static str) -> Option<&'static str> {
    match value.kind {
        Kind::Object => {
            into.get_or_insert(value.raw);
            None
        }
        Kind::Null => None,
        _ => Some(otherwise),
    }
}

/// Reads the properties object that comes next and picks out what capture looks at.
pub fn properties<'a>(scanner: &mut Scanner<'a>, noticed: &mut Noticed<'a>) -> Result<&'a str, JsonError> {
    scanner.raw(|scanner| {
        scanner.object(|scanner, name| {
            let value = scanner.value()?;
            match name {
                "token" => noticed.token = Some(value),
                "distinct_id" => noticed.distinct_id = Some(value),
                "$ignore_sent_at" => noticed.ignore_sent_at = Some(value),
                "$cookieless_mode" => noticed.cookieless_mode = Some(value),
                "$product_tour_id" => noticed.product_tour_id = Some(value),
                "capture_internal" => noticed.capture_internal = true,
                "$session_id" => noticed.session_id = Some(value),
                "$window_id" => noticed.window_id = Some(value),
                "$snapshot_data" => noticed.snapshot_data = Some(value),
                "$snapshot_source" => noticed.snapshot_source = Some(value),
                "$lib" => noticed.lib = Some(value),
                _ => {}
            }
            Ok(())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(text: &str) -> String {
        read(text, false, 1000).err().unwrap().to_string()
    }

    #[test]
    fn the_four_shapes_are_told_apart() {
        let list = read(r#"[{"event":"a"},{"event":"b"}]"#, false, 10).unwrap();
        assert_eq!((list.is_batch, list.events.len()), (false, 2));
        let batch = read(r#"{"batch":[{"event":"a"}],"sent_at":"x","historical_migration":true,"api_key":"t"}"#, false, 10).unwrap();
        assert_eq!((batch.batch_token.as_deref(), batch.sent_at.as_deref(), batch.historical_migration), (Some("t"), Some("x"), true));
        let single = read(r#"{"event":"a","$token":"t","sent_at":"x"}"#, false, 10).unwrap();
        assert_eq!((single.events[0].token.as_deref(), single.sent_at), (Some("t"), None));
        let engage = read(r#"{"token":"t","$set":{"a":1}}"#, true, 10).unwrap();
        assert_eq!((engage.events[0].name.as_deref(), engage.events[0].set), (Some("$identify"), Some(r#"{"a":1}"#)));
    }

    #[test]
    fn wrong_shapes_name_the_culprit() {
        let shape = |what: &str| format!("failed to parse request: {NO_SHAPE}{what}");
        for (text, expected) in [
            ("\"str\"", shape("")),
            ("123", shape("")),
            (r#"[{"event":"a"},{"event":"b","uuid":"nope"}]"#, shape(" (event 1: uuid is not a UUID)")),
            (r#"[{"distinct_id":"a"}]"#, shape(" (event 0: missing field `event`)")),
            (r#"{"event":"a","properties":null}"#, shape(" (properties is not an object)")),
            (r#"{"event":"a","properties":[]}"#, shape(" (properties is not an object)")),
            (r#"{"event":"a","timestamp":1}"#, shape(" (timestamp is not a string)")),
            (r#"{"event":"a","offset":1.5}"#, shape(" (offset is not an integer)")),
            (r#"{"api_key":"t","batch":[],"historical_migration":"yes"}"#, shape(" (historical_migration is not true or false)")),
            ("{}", "failed to hydrate events from request: non-engage request missing event name attribute".to_owned()),
            (
                r#"{"batch":[{"event":"a"}]}"#,
                "failed to hydrate events from request: non-engage request missing event name attribute".to_owned(),
            ),
            ("[", "failed to parse request: EOF while parsing a list at line 1 column 1".to_owned()),
        ] {
            assert_eq!(refusal(text), expected, "{text}");
        }
    }

    #[test]
    fn the_first_of_several_names_counts_and_the_last_of_equal_properties() {
        let text = r#"{"event":"a","api_key":"one","token":"two","distinct_id":1,"$distinct_id":2,"properties":{"distinct_id":"x","distinct_id":"y"}}"#;
        let request = read(text, false, 10).unwrap();
        let event = &request.events[0];
        assert_eq!((event.token.as_deref(), event.distinct_id.unwrap().raw), (Some("one"), "1"));
        assert_eq!(event.noticed.distinct_id.unwrap().as_string().as_deref(), Some("y"));
    }

    #[test]
    fn the_number_of_events_is_bounded() {
        let text = format!("[{}]", vec![r#"{"event":"a"}"#; 11].join(","));
        assert_eq!(read(&text, false, 10).err(), Some(Refusal::TooLarge("a request may hold at most 10 events".to_owned())));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in ".*", jsonish in r#"[\[\]{}",:eventokn0-9\\ ]{0,120}"#) {
            let _ = read(&text, false, 10).map(|request| request.events.len());
            let _ = read(&jsonish, true, 10).map(|request| request.events.len());
        }
    }
}
