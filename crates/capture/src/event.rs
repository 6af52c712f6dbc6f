//! From events as sent to records of the queue: tokens, names, ids, times, quotas.

use crate::dates::{self, TimeClues};
use crate::distinct_id;
use crate::json::{Kind, Value};
use crate::outcomes::Reason;
use crate::quota::{DropList, Quota};
use crate::refusal::{Refusal, check_token};
use crate::shape::{RawEvent, Request};
use bytes::Bytes;
use model::captured::CapturedFlags;
use model::{CapturedEvent, Timestamp};
use std::borrow::Cow;
use uuid::Uuid;

pub const PERFORMANCE_EVENT: &str = "$performance_event";

/// What the edge knows about the request that events came in.
pub struct Context<'a> {
    pub now: Timestamp,
    /// From the query; one in the body wins.
    pub sent_at: Option<Timestamp>,
    pub ip: &'a str,
    pub quota: &'a Quota,
    pub drop_list: &'a DropList,
    pub max_event_bytes: usize,
}

/// Records to append, and what was left out on purpose.
#[derive(Debug, Default)]
pub struct Accepted {
    pub records: Vec<Bytes>,
    pub dropped: Vec<(Reason, u64)>,
}

/// The one token that a request's events share, trimmed. Call it after discarded events are gone.
pub fn request_token(request: &Request<'_>) -> Result<String, Refusal> {
    let mut tokens = request.events.iter().filter_map(token_of);
    let token = match &request.batch_token {
        Some(token) => Cow::Borrowed(token.as_ref()),
        None => {
            let first = tokens.next().ok_or(Refusal::NoToken)?;
            if tokens.any(|token| token != first) {
                return Err(Refusal::DifferentTokens);
            }
            first
        }
    };
    check_token(&token).map(str::to_owned).map_err(Refusal::InvalidToken)
}

fn token_of<'a>(event: &'a RawEvent<'_>) -> Option<Cow<'a, str>> {
    match &event.token {
        Some(token) => Some(Cow::Borrowed(token.as_ref())),
        None => event.noticed.token.and_then(|token| token.as_string()),
    }
}

/// Checks every event and encodes it. The first bad one refuses the whole request, so that nothing is half stored.
pub fn accept(request: &Request<'_>, token: &str, context: &Context<'_>) -> Result<Accepted, Refusal> {
    let sent_at = request.sent_at.as_deref().and_then(dates::parse_zoned).or(context.sent_at);
    let mut accepted = Accepted::default();
    let (mut over_quota, mut listed) = (0, 0);
    let mut encoder = Encoder::with_capacity(&request.events);
    for event in &request.events {
        let name = event.name.as_deref().unwrap_or_default();
        if context.quota.drops_event(token, name, event.noticed.product_tour_id.is_some()) {
            over_quota += 1;
            continue;
        }
        let captured = check(event, token, sent_at, request.historical_migration, context)?;
        if context.drop_list.drops(token, &captured.distinct_id) {
            listed += 1;
            continue;
        }
        let size = captured.encoded_len();
        if size > context.max_event_bytes {
            return Err(Refusal::TooLarge(format!(
                "Event of {size} bytes exceeds the limit of {} bytes for one event",
                context.max_event_bytes
            )));
        }
        encoder.push(&captured);
    }
    accepted.records = encoder.finish();
    accepted.dropped.extend([(Reason::Quota, over_quota), (Reason::DropList, listed)].into_iter().filter(|(_, count)| *count > 0));
    Ok(accepted)
}

/// The name of the event for which [`accept`] refuses the request; empty if no single one is to blame.
pub fn culprit(request: &Request<'_>, token: &str, context: &Context<'_>) -> String {
    let refused = |event: &&RawEvent<'_>| match check(event, token, None, false, context) {
        Err(_) => true,
        Ok(captured) => captured.encoded_len() > context.max_event_bytes,
    };
    request.events.iter().find(refused).and_then(|event| event.name.as_deref()).unwrap_or_default().to_owned()
}

fn check<'a>(
    event: &'a RawEvent<'a>,
    token: &'a str,
    sent_at: Option<Timestamp>,
    historical_migration: bool,
    context: &Context<'a>,
) -> Result<CapturedEvent<'a>, Refusal> {
    let name = event.name.as_deref().unwrap_or_default();
    if name.is_empty() {
        return Err(Refusal::EmptyEventName);
    }
    let distinct_id = distinct_id::choose(event.distinct_id, event.noticed.distinct_id).ok_or(Refusal::NoDistinctId)?;
    let cookieless = match event.noticed.cookieless_mode {
        None => false,
        Some(value) => value.as_bool().ok_or(Refusal::InvalidCookielessMode)?,
    };
    Ok(CapturedEvent {
        token: Cow::Borrowed(token),
        uuid: event.uuid.unwrap_or_else(|| new_uuid(context.now)),
        event: Cow::Borrowed(name),
        distinct_id,
        timestamp: clues(event, sent_at).resolve(context.now),
        now: context.now,
        sent_at,
        ip: Cow::Borrowed(if event.noticed.capture_internal { "127.0.0.1" } else { context.ip }),
        properties: Cow::Borrowed(event.properties.unwrap_or("{}")),
        set: Cow::Borrowed(event.set.unwrap_or_default()),
        set_once: Cow::Borrowed(event.set_once.unwrap_or_default()),
        flags: CapturedFlags { historical_migration, cookieless, no_person_processing: false },
    })
}

pub fn clues(event: &RawEvent<'_>, sent_at: Option<Timestamp>) -> TimeClues {
    TimeClues {
        timestamp: event.timestamp.as_deref().and_then(dates::parse),
        offset_ms: event.offset_ms,
        sent_at,
        ignore_sent_at: event.noticed.ignore_sent_at.is_some_and(is_true),
    }
}

fn is_true(value: Value<'_>) -> bool {
    value.kind == Kind::True
}

/// Version 7, so that ids sort by the time of capture.
pub fn new_uuid(now: Timestamp) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(now.millis().max(0) as u64, &rand::random()).into_uuid()
}

/// Puts records into one buffer and cuts it up at the end.
pub struct Encoder {
    buffer: Vec<u8>,
    ends: Vec<usize>,
}

impl Encoder {
    fn with_capacity(events: &[RawEvent<'_>]) -> Self {
        const FIXED: usize = 200;
        let variable =
            |event: &RawEvent<'_>| [event.properties, event.set, event.set_once].into_iter().flatten().map(str::len).sum::<usize>();
        let bytes = events.iter().map(|event| FIXED + variable(event)).sum();
        Encoder { buffer: Vec::with_capacity(bytes), ends: Vec::with_capacity(events.len()) }
    }

    pub fn new() -> Self {
        Encoder::with_capacity(&[])
    }

    pub fn push(&mut self, event: &CapturedEvent<'_>) {
        event.encode(&mut self.buffer);
        self.ends.push(self.buffer.len());
    }

    pub fn finish(self) -> Vec<Bytes> {
        let buffer = Bytes::from(self.buffer);
        let mut start = 0;
        let records = self.ends.into_iter().map(|end| {
            let record = buffer.slice(start..end);
            start = end;
            record
        });
        records.collect()
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Encoder::new()
    }
}
