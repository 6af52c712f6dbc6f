//! Protocol v1: strict, authenticated by header, answered event by event.

use super::v0::{read_body, status_class};
use crate::dates;
use crate::decompress::{DecompressError, Format, decompress};
use crate::distinct_id::is_nobody;
use crate::event::{Encoder, PERFORMANCE_EVENT};
use crate::http_edge::{JSON, Methods, RETRY_AFTER, answer, method_not_allowed, preflight, text, with_cors};
use crate::json::{JsonError, Kind, Scanner, Value, clean, write_string};
use crate::outcomes::{Example, Reason};
use crate::payload::media_type;
use crate::refusal::{Refusal, check_token};
use crate::{Capture, Resource};
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};
use model::captured::CapturedFlags;
use model::{CapturedEvent, Timestamp};
use queue::{AppendError, Topic};
use serde_json::json;
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

const MAX_COMPRESSED: usize = 10 << 20;
const MAX_PLAIN: usize = 50 << 20;
const MAX_NAME: usize = 200;
const MAX_DISTINCT_ID: usize = 200;
const MAX_SDK_INFO: usize = 200;
const LARGE: usize = 256 << 10;

const SDK_INFO: HeaderName = HeaderName::from_static("posthog-sdk-info");
const ATTEMPT: HeaderName = HeaderName::from_static("posthog-attempt");
const REQUEST_ID: HeaderName = HeaderName::from_static("posthog-request-id");
const REQUEST_TIMESTAMP: HeaderName = HeaderName::from_static("posthog-request-timestamp");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    Analytics,
    /// Takes only `$ai_` events.
    Ai,
}

impl Lane {
    fn path(self) -> &'static str {
        match self {
            Lane::Analytics => "/i/v1/analytics/events",
            Lane::Ai => "/i/v1/ai/events",
        }
    }
}

/// A refusal of the whole request.
#[derive(Debug)]
pub struct BatchError {
    status: StatusCode,
    tag: &'static str,
    description: String,
    reason: Reason,
}

impl BatchError {
    fn new(status: StatusCode, tag: &'static str, description: impl Into<String>, reason: Reason) -> Self {
        BatchError { status, tag, description: description.into(), reason }
    }

    fn bad(tag: &'static str, description: impl Into<String>, reason: Reason) -> Self {
        BatchError::new(StatusCode::BAD_REQUEST, tag, description, reason)
    }

    pub fn tag(&self) -> &'static str {
        self.tag
    }
}

pub async fn serve(capture: Arc<Capture>, lane: Lane, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if parts.method == Method::OPTIONS {
        return preflight(Methods::Post, &parts.headers);
    }
    if !Methods::Post.permit(&parts.method) {
        return method_not_allowed(Methods::Post, &parts.headers);
    }
    let started = Instant::now();
    let now = capture.clock.now();
    let mut token = String::new();
    let mut response = match handle(&capture, lane, &parts, body, now, &mut token).await {
        Ok(response) => response,
        Err(error) => {
            let user_agent = text(&parts.headers, &header::USER_AGENT).unwrap_or_default().to_owned();
            let detail = format!("{}: {}", error.tag, error.description);
            let example = Example { path: lane.path().to_owned(), detail, user_agent, event: String::new() };
            capture.outcomes.refused(&token, error.reason, 1, example);
            refused(&error)
        }
    };
    metrics::histogram!("capture_request_seconds", "path" => lane.path()).record(started.elapsed().as_secs_f64());
    metrics::counter!("capture_requests_total", "path" => lane.path(), "status" => status_class(response.status())).increment(1);
    let headers = response.headers_mut();
    if let Some(id) = parts.headers.get(&REQUEST_ID) {
        headers.insert(REQUEST_ID, id.clone());
    }
    if let Some(date) = http_date(now) {
        headers.insert(header::DATE, date);
    }
    with_cors(response, &parts.headers)
}

fn refused(error: &BatchError) -> Response {
    let body = json!({ "error": error.tag, "error_description": error.description, "error_uri": "https://posthog.com/docs/api" });
    let mut response = answer(error.status, JSON, body.to_string());
    if matches!(error.status.as_u16(), 408 | 500 | 503 | 504) {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}

fn http_date(at: Timestamp) -> Option<HeaderValue> {
    HeaderValue::from_str(&at.to_utc()?.format("%a, %d %b %Y %H:%M:%S GMT").to_string()).ok()
}

/// What the headers say.
struct Envelope {
    token: String,
    format: Option<Format>,
    lib: Option<(String, String)>,
    sent_at: Timestamp,
}

fn read_headers(headers: &HeaderMap) -> Result<Envelope, BatchError> {
    let unauthorized = |tag, text: &str, reason| BatchError::new(StatusCode::UNAUTHORIZED, tag, text, reason);
    let unsupported = |tag, text: String| BatchError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, tag, text, Reason::InvalidHeaders);
    let invalid = |text: &str| BatchError::bad("invalid_header_value", text, Reason::InvalidHeaders);
    let Some(authorization) = text(headers, &header::AUTHORIZATION) else {
        return Err(unauthorized("missing_authorization", "the Authorization header is missing", Reason::NoToken));
    };
    let required: [(&str, &HeaderName); 6] = [
        ("Content-Type", &header::CONTENT_TYPE),
        ("User-Agent", &header::USER_AGENT),
        ("PostHog-Sdk-Info", &SDK_INFO),
        ("PostHog-Attempt", &ATTEMPT),
        ("PostHog-Request-Id", &REQUEST_ID),
        ("PostHog-Request-Timestamp", &REQUEST_TIMESTAMP),
    ];
    let missing: Vec<&str> = required.iter().filter(|(_, name)| !headers.contains_key(*name)).map(|(name, _)| *name).collect();
    if !missing.is_empty() {
        return Err(BatchError::bad("missing_required_headers", format!("missing headers: {}", missing.join(", ")), Reason::InvalidHeaders));
    }
    let (scheme, token) = authorization.split_once(' ').unwrap_or((authorization, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(invalid("Authorization must use the Bearer scheme"));
    }
    let token = check_token(token).map_err(|error| {
        let refusal = Refusal::InvalidToken(error);
        unauthorized("invalid_api_token", &refusal.to_string(), refusal.reason())
    })?;
    let content_type = text(headers, &header::CONTENT_TYPE).unwrap_or_default();
    if media_type(content_type) != "application/json" {
        return Err(unsupported("unsupported_content_type", format!("{content_type} is not application/json")));
    }
    let encoding = text(headers, &header::CONTENT_ENCODING).unwrap_or_default().trim().to_ascii_lowercase();
    let format = match encoding.as_str() {
        "" | "identity" => None,
        "gzip" => Some(Format::Gzip),
        "deflate" => Some(Format::Deflate),
        "br" => Some(Format::Brotli),
        "zstd" => Some(Format::Zstd),
        other => return Err(unsupported("unsupported_encoding", format!("{other} is none of gzip, deflate, br, zstd"))),
    };
    if Uuid::try_parse(trimmed(headers, &REQUEST_ID)).is_err() {
        return Err(invalid("PostHog-Request-Id is not a UUID"));
    }
    if !trimmed(headers, &ATTEMPT).parse::<u32>().is_ok_and(|attempt| attempt >= 1) {
        return Err(invalid("PostHog-Attempt is not a number from 1 on"));
    }
    let sent_at = Timestamp::parse_rfc3339(trimmed(headers, &REQUEST_TIMESTAMP)).ok_or_else(|| invalid("PostHog-Request-Timestamp is not RFC 3339"))?;
    Ok(Envelope { token: token.to_owned(), format, lib: read_sdk_info(trimmed(headers, &SDK_INFO)), sent_at })
}

fn trimmed<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    text(headers, name).unwrap_or_default().trim()
}

/// `posthog-node/5.50.0`; what is malformed is ignored.
fn read_sdk_info(text: &str) -> Option<(String, String)> {
    let (name, version) = text.rsplit_once('/')?;
    let fine = text.len() <= MAX_SDK_INFO && !name.is_empty() && !version.is_empty();
    fine.then(|| (name.to_owned(), version.to_owned()))
}

async fn handle(
    capture: &Arc<Capture>,
    lane: Lane,
    parts: &Parts,
    body: Body,
    now: Timestamp,
    token: &mut String,
) -> Result<Response, BatchError> {
    let envelope = read_headers(&parts.headers)?;
    envelope.token.clone_into(token);
    let mut grant = capture.budget.grant();
    let body = read_body(capture, parts, body, MAX_COMPRESSED, &mut grant).await.map_err(body_error)?;
    let ip = crate::client_address::client_address(&capture.config.trusted_proxies, &parts.extensions, &parts.headers);
    let work = {
        let (capture, ip) = (capture.clone(), ip);
        move || {
            let json = plain_text(envelope.format, body, &mut grant)?;
            if !grant.reach(json.len() * 3) {
                return Err(busy());
            }
            let judged = Judge { capture: &capture, lane, envelope: &envelope, now, ip: &ip }.judge(&json)?;
            Ok((judged, grant))
        }
    };
    let large = parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok()).is_none_or(|size| size > LARGE);
    let (judged, _grant) = if large { tokio::task::spawn_blocking(work).await.map_err(|_| busy())?? } else { work()? };
    store(capture, lane, parts, token, judged).await
}

fn busy() -> BatchError {
    BatchError::new(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable", "the server cannot store events now, please retry", Reason::Unavailable)
}

fn body_error(refusal: Refusal) -> BatchError {
    match refusal {
        Refusal::TooLarge(detail) => too_large(detail),
        Refusal::Stalled => BatchError::new(StatusCode::REQUEST_TIMEOUT, "body_read_timeout", "the body was not received in time", Reason::Stalled),
        Refusal::Unavailable => busy(),
        other => BatchError::bad("request_decoding_error", other.to_string(), Reason::Undecodable),
    }
}

fn too_large(detail: String) -> BatchError {
    BatchError::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", detail, Reason::TooLarge)
}

fn plain_text(format: Option<Format>, body: Vec<u8>, grant: &mut crate::body::Grant) -> Result<String, BatchError> {
    if body.is_empty() {
        return Err(BatchError::bad("empty_body", "the request has no body", Reason::Empty));
    }
    let undecodable = |text: &str| BatchError::bad("request_decoding_error", text, Reason::Undecodable);
    let plain = match format {
        None => body,
        Some(format) => decompress(format, &body, MAX_PLAIN, grant).map_err(|error| match error {
            DecompressError::Invalid => undecodable("the body is not what Content-Encoding says"),
            DecompressError::TooLarge { limit, got } => too_large(format!("Decompressed payload would exceed {limit} bytes (got {got} bytes)")),
            DecompressError::Busy => busy(),
        })?,
    };
    String::from_utf8(clean(plain)).map_err(|_| undecodable("the body is not UTF-8"))
}

/// What the answer says about one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Ok,
    NoPerson,
    Drop(&'static str, Reason),
}

struct Judged {
    verdicts: Vec<(Uuid, Verdict)>,
    records: Vec<bytes::Bytes>,
}

/// An event as sent, its types checked.
#[derive(Default)]
pub struct V1Event<'a> {
    name: Cow<'a, str>,
    uuid: Cow<'a, str>,
    distinct_id: Cow<'a, str>,
    timestamp: Cow<'a, str>,
    session_id: Option<Cow<'a, str>>,
    window_id: Option<Cow<'a, str>>,
    options: Option<Value<'a>>,
    properties: Option<Value<'a>>,
}

/// A request's JSON.
pub struct V1Batch<'a> {
    created_at: Cow<'a, str>,
    historical_migration: bool,
    capture_internal: bool,
    events: Vec<V1Event<'a>>,
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
struct Options {
    cookieless_mode: Option<bool>,
    disable_skew_correction: Option<bool>,
    process_person_profile: Option<bool>,
    /// JSON text.
    product_tour_id: Option<String>,
}

impl Options {
    /// Tolerant: `"true"`, `"1"` and numbers count as booleans. `None` when a value cannot be read.
    fn read(value: Option<Value<'_>>) -> Option<Self> {
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

struct Judge<'a> {
    capture: &'a Capture,
    lane: Lane,
    envelope: &'a Envelope,
    now: Timestamp,
    ip: &'a str,
}

impl Judge<'_> {
    fn judge(&self, json: &str) -> Result<Judged, BatchError> {
        let batch = decode_batch(json, self.capture.config.max_events_per_request)?;
        if Timestamp::parse_rfc3339(&batch.created_at).is_none() {
            return Err(BatchError::bad("invalid_batch", "created_at is not RFC 3339", Reason::InvalidTimestamp));
        }
        if batch.events.is_empty() {
            return Err(BatchError::bad("empty_batch", "the batch holds no event", Reason::Empty));
        }
        metrics::counter!("capture_events_received_total").increment(batch.events.len() as u64);
        let uuids = read_uuids(&batch.events)?;
        let mut encoder = Encoder::new();
        let verdicts: Vec<(Uuid, Verdict)> =
            batch.events.iter().zip(uuids).map(|(event, uuid)| (uuid, self.judge_event(event, uuid, &batch, &mut encoder))).collect();
        let all_over_quota = verdicts.iter().all(|(_, verdict)| matches!(verdict, Verdict::Drop(_, Reason::Quota)));
        if all_over_quota && self.capture.config.quota.is_used_up(&self.envelope.token, Resource::Events) {
            return Err(BatchError::new(StatusCode::PAYMENT_REQUIRED, "billing_limit_exceeded", "the project's quota is used up", Reason::Quota));
        }
        Ok(Judged { verdicts, records: encoder.finish() })
    }

    fn judge_event(&self, event: &V1Event<'_>, uuid: Uuid, batch: &V1Batch<'_>, encoder: &mut Encoder) -> Verdict {
        match self.check(event, uuid, batch) {
            Err((details, reason)) => Verdict::Drop(details, reason),
            Ok(captured) if captured.encoded_len() > self.capture.config.max_event_bytes => {
                Verdict::Drop(if self.lane == Lane::Ai { "ai_event_too_big" } else { "event_too_big" }, Reason::TooLarge)
            }
            Ok(captured) => {
                encoder.push(&captured);
                if captured.flags.no_person_processing { Verdict::NoPerson } else { Verdict::Ok }
            }
        }
    }

    fn check<'e>(&'e self, event: &'e V1Event<'e>, uuid: Uuid, batch: &V1Batch<'_>) -> Result<CapturedEvent<'e>, (&'static str, Reason)> {
        let config = &self.capture.config;
        let distinct_id = event.distinct_id.trim();
        if event.name.is_empty() {
            return Err(("missing_event_name", Reason::NoEventName));
        }
        if event.name.len() > MAX_NAME {
            return Err(("event_name_too_long", Reason::EventNameTooLong));
        }
        if distinct_id.is_empty() {
            return Err(("missing_distinct_id", Reason::NoDistinctId));
        }
        if distinct_id.len() > MAX_DISTINCT_ID {
            return Err(("distinct_id_too_large", Reason::DistinctIdTooLong));
        }
        let timestamp = Timestamp::parse_rfc3339(&event.timestamp).ok_or(("invalid_event_timestamp", Reason::InvalidTimestamp))?;
        let properties = match event.properties {
            None => "{}",
            Some(Value { kind: Kind::Object, raw }) => raw,
            Some(_) => return Err(("malformed_event_properties", Reason::InvalidField)),
        };
        let options = Options::read(event.options).ok_or(("invalid_options", Reason::InvalidField))?;
        if event.name == PERFORMANCE_EVENT {
            return Err(("performance_event", Reason::PerformanceEvent));
        }
        if self.lane == Lane::Ai && !event.name.starts_with("$ai_") {
            return Err(("misrouted_event", Reason::NoAiEvent));
        }
        if config.quota.drops_event(&self.envelope.token, &event.name, options.product_tour_id.is_some()) {
            return Err(("billing_limit_exceeded", Reason::Quota));
        }
        if config.drop_list.drops(&self.envelope.token, distinct_id) {
            return Err(("event_restriction_drop", Reason::DropList));
        }
        let correct = options.disable_skew_correction != Some(true);
        Ok(CapturedEvent {
            token: Cow::Borrowed(&self.envelope.token),
            uuid,
            event: Cow::Borrowed(&event.name),
            distinct_id: if distinct_id.contains('\0') { Cow::Owned(distinct_id.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(distinct_id) },
            timestamp: self.correct(timestamp, correct),
            now: self.now,
            sent_at: correct.then_some(self.envelope.sent_at),
            ip: Cow::Borrowed(if batch.capture_internal { "127.0.0.1" } else { self.ip }),
            properties: self.inject(properties, event, &options),
            set: Cow::Borrowed(""),
            set_once: Cow::Borrowed(""),
            flags: CapturedFlags {
                historical_migration: batch.historical_migration,
                cookieless: options.cookieless_mode == Some(true),
                no_person_processing: is_nobody(distinct_id),
            },
        })
    }

    fn correct(&self, timestamp: Timestamp, correct: bool) -> Timestamp {
        if !correct {
            return dates::within_reason(timestamp);
        }
        let skew = self.envelope.sent_at.since(self.now);
        let corrected = Timestamp(timestamp.0.saturating_sub(skew));
        dates::within_reason(if dates::is_far_ahead(corrected, self.now) { self.now } else { corrected })
    }

    /// The properties with what stands beside them in the protocol, which wins over what the client put inside.
    fn inject<'e>(&self, properties: &'e str, event: &V1Event<'_>, options: &Options) -> Cow<'e, str> {
        let flag = |flag: Option<bool>| flag.map(|flag| if flag { "true" } else { "false" }.to_owned());
        let string = |text: Option<&str>| {
            text.map(|text| {
                let mut out = String::new();
                write_string(&mut out, text);
                out
            })
        };
        let lib = self.envelope.lib.as_ref();
        let injected = [
            ("$session_id", string(event.session_id.as_deref())),
            ("$window_id", string(event.window_id.as_deref())),
            ("$cookieless_mode", flag(options.cookieless_mode)),
            ("$ignore_sent_at", flag(options.disable_skew_correction)),
            ("$product_tour_id", options.product_tour_id.clone()),
            ("$process_person_profile", flag(options.process_person_profile)),
            ("$lib", string(lib.map(|(name, _)| name.as_str()))),
            ("$lib_version", string(lib.map(|(_, version)| version.as_str()))),
        ];
        let injected: Vec<(&str, String)> = injected.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        overlay(properties, &injected)
    }
}

/// A JSON object with some members replaced or added.
fn overlay<'a>(object: &'a str, members: &[(&str, String)]) -> Cow<'a, str> {
    if members.is_empty() {
        return Cow::Borrowed(object);
    }
    let mut out = String::with_capacity(object.len() + 64 * members.len());
    // The object was checked before, so reading it again cannot fail.
    let kept = Scanner::new(object).object(|scanner, name| {
        let value = scanner.value()?;
        if !members.iter().any(|(replaced, _)| *replaced == name) {
            push_member(&mut out, name, value.raw);
        }
        Ok(())
    });
    debug_assert!(kept.is_ok());
    for (name, value) in members {
        push_member(&mut out, name, value);
    }
    out.push('}');
    Cow::Owned(out)
}

fn push_member(out: &mut String, name: &str, value: &str) {
    out.push(if out.is_empty() { '{' } else { ',' });
    write_string(out, name);
    out.push(':');
    out.push_str(value);
}

fn read_uuids(events: &[V1Event<'_>]) -> Result<Vec<Uuid>, BatchError> {
    let mut seen = HashSet::with_capacity(events.len());
    let read = events.iter().map(|event| {
        if event.uuid.is_empty() {
            return Err(BatchError::bad("missing_event_uuid", "an event has no uuid", Reason::InvalidUuid));
        }
        let invalid = || BatchError::bad("invalid_event_uuid", format!("{:?} is not a UUID", event.uuid), Reason::InvalidUuid);
        let uuid = Uuid::try_parse(&event.uuid).map_err(|_| invalid())?;
        if seen.insert(uuid) { Ok(uuid) } else { Err(BatchError::bad("duplicate_event_uuid", format!("{uuid} occurs twice"), Reason::InvalidUuid)) }
    });
    read.collect()
}

async fn store(capture: &Capture, lane: Lane, parts: &Parts, token: &str, judged: Judged) -> Result<Response, BatchError> {
    let events = judged.records.len() as u64;
    let stored = if events == 0 { Ok(()) } else { capture.queue.append(Topic::Events, judged.records).await.map(drop) };
    let user_agent = text(&parts.headers, &header::USER_AGENT).unwrap_or_default();
    let example = |detail: String| Example { path: lane.path().to_owned(), detail, user_agent: user_agent.to_owned(), event: String::new() };
    for (uuid, verdict) in &judged.verdicts {
        if let Verdict::Drop(details, reason) = verdict {
            capture.outcomes.refused(token, *reason, 1, example(format!("{details} (event {uuid})")));
        }
    }
    let retry = match stored {
        Ok(()) => false,
        // A full log will take a while; the whole request is as good as new then.
        Err(AppendError::Full(_)) => return Err(busy()),
        Err(AppendError::TooLarge { got, limit }) => return Err(too_large(format!("{got} bytes exceed the limit of {limit} bytes"))),
        Err(AppendError::Failed(error)) => {
            capture.outcomes.refused(token, Reason::Unavailable, events, example(error));
            true
        }
    };
    if events > 0 && !retry {
        capture.outcomes.accepted(token, events);
    }
    Ok(results(&judged.verdicts, retry))
}

fn results(verdicts: &[(Uuid, Verdict)], retry: bool) -> Response {
    let mut out = String::from("{\"results\":{");
    let mut any_retry = false;
    for (index, (uuid, verdict)) in verdicts.iter().enumerate() {
        let (result, details) = match verdict {
            Verdict::Drop(details, _) => ("drop", Some(*details)),
            _ if retry => ("retry", Some("not_persisted")),
            Verdict::NoPerson => ("ok", Some("person_processing_disabled")),
            Verdict::Ok => ("ok", None),
        };
        any_retry |= result == "retry";
        let comma = if index == 0 { "" } else { "," };
        let details = details.map(|details| format!(",\"details\":\"{details}\"")).unwrap_or_default();
        out.push_str(&format!("{comma}\"{uuid}\":{{\"result\":\"{result}\"{details}}}"));
    }
    out.push_str("}}");
    let mut response = answer(StatusCode::OK, JSON, out);
    if any_retry {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn injected_members_replace_those_of_the_client() {
        let overlaid = overlay(r#"{ "$lib" : "x", "a": [1, 2], "$lib": "y" }"#, &[("$lib", "\"node\"".to_owned())]);
        assert_eq!(overlaid, r#"{"a":[1, 2],"$lib":"node"}"#);
        assert_eq!(overlay("{}", &[("a", "1".to_owned())]), r#"{"a":1}"#);
        assert_eq!(overlay("{}", &[]), "{}");
    }

    #[test]
    fn options_are_read_tolerantly() {
        let read = |text| Options::read(Some(Scanner::new(text).value().unwrap()));
        let options = read(r#"{"cookieless_mode":"1","disable_skew_correction":0,"process_person_profile":"FALSE","product_tour_id":7,"x":[]}"#).unwrap();
        assert_eq!((options.cookieless_mode, options.disable_skew_correction, options.process_person_profile), (Some(true), Some(false), Some(false)));
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
