//! `/s`: the snapshots of one request become one record.

use crate::dates;
use crate::distinct_id;
use crate::event::{Context, Encoder, clues, new_uuid};
use crate::json::{Kind, Value, write_string};
use crate::refusal::Refusal;
use crate::shape::{RawEvent, Request};
use bytes::Bytes;
use model::CapturedEvent;
use model::captured::CapturedFlags;
use std::borrow::Cow;

const EVENT: &str = "$snapshot_items";
const MAX_SESSION_ID: usize = 70;

/// One record for the whole request: the first event says whose session it is, and the items of all follow in order.
pub fn gather(request: &Request<'_>, token: &str, user_agent: &str, context: &Context<'_>) -> Result<Bytes, Refusal> {
    let first = request.events.first().ok_or(Refusal::NoEvent)?;
    let session_id = session_id(first)?;
    let distinct_id = distinct_id::choose(first.distinct_id, first.noticed.distinct_id).ok_or(Refusal::NoDistinctId)?;
    let properties = properties(request, first, &session_id, &distinct_id, user_agent)?;
    let sent_at = request.sent_at.as_deref().and_then(dates::parse_zoned).or(context.sent_at);
    let mut encoder = Encoder::new();
    encoder.push(&CapturedEvent {
        token: Cow::Borrowed(token),
        uuid: first.uuid.unwrap_or_else(|| new_uuid(context.now)),
        event: Cow::Borrowed(EVENT),
        distinct_id,
        timestamp: clues(first, sent_at).resolve(context.now),
        now: context.now,
        sent_at,
        ip: Cow::Borrowed(context.ip),
        properties: Cow::Owned(properties),
        set: Cow::Borrowed(""),
        set_once: Cow::Borrowed(""),
        flags: CapturedFlags::default(),
    });
    encoder.finish().pop().ok_or(Refusal::NoEvent)
}

fn session_id<'a>(event: &RawEvent<'a>) -> Result<Cow<'a, str>, Refusal> {
    let value = event.noticed.session_id.filter(|value| !value.is_null()).ok_or(Refusal::NoSessionId)?;
    let id = value.as_string().ok_or(Refusal::InvalidSessionId)?;
    let allowed = id.len() <= MAX_SESSION_ID && !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if allowed { Ok(id) } else { Err(Refusal::InvalidSessionId) }
}

fn properties(
    request: &Request<'_>,
    first: &RawEvent<'_>,
    session_id: &str,
    distinct_id: &str,
    user_agent: &str,
) -> Result<String, Refusal> {
    let string = |value: Option<Value<'_>>| value.and_then(|value| value.as_string().map(Cow::into_owned));
    let window_id = string(first.noticed.window_id).unwrap_or_else(|| session_id.to_owned());
    let source = string(first.noticed.snapshot_source).unwrap_or_else(|| "web".to_owned());
    let lib = string(first.noticed.lib).unwrap_or_else(|| library(user_agent).to_owned());
    let size: usize = request.events.iter().filter_map(|event| event.noticed.snapshot_data).map(|data| data.raw.len() + 1).sum();
    let mut out = String::with_capacity(size + 512);
    for (name, value) in [
        ("distinct_id", distinct_id),
        ("$session_id", session_id),
        ("$window_id", &window_id),
        ("$snapshot_source", &source),
        ("$lib", &lib),
    ] {
        out.push_str(if out.is_empty() { "{" } else { "," });
        write_string(&mut out, name);
        out.push(':');
        write_string(&mut out, value);
    }
    out.push_str(",\"$snapshot_items\":[");
    let start = out.len();
    for event in &request.events {
        let items = items(event)?;
        if !items.is_empty() && out.len() > start {
            out.push(',');
        }
        out.push_str(items);
    }
    out.push_str("]}");
    Ok(out)
}

/// The items of one event as they stand between the brackets of a list.
fn items<'a>(event: &RawEvent<'a>) -> Result<&'a str, Refusal> {
    match event.noticed.snapshot_data {
        Some(Value { kind: Kind::Array, raw }) => Ok(raw[1..raw.len() - 1].trim()),
        Some(Value { kind: Kind::Object, raw }) => Ok(raw),
        _ => Err(Refusal::NoSnapshotData),
    }
}

/// `posthog-ios/3.0` names its library; everything else is a browser.
fn library(user_agent: &str) -> &str {
    let name = user_agent.split(['/', ' ']).next().unwrap_or_default();
    if name.contains("posthog") { name } else { "web" }
}
