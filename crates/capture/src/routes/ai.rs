//! `/i/v0/ai`: one `$ai_` event as multipart, large values in parts of their own. They become properties.

use super::v0::{not_stored, read_body, refused, status_class};
use crate::Capture;
use crate::client_address::client_address;
use crate::dates::{self, TimeClues};
use crate::decompress::{Format, decompress};
use crate::event::{Encoder, new_uuid};
use crate::http_edge::{JSON, Methods, answer, method_not_allowed, preflight, text, with_cors};
use crate::json::{Kind, Scanner, Value, clean, write_string};
use crate::outcomes::Example;
use crate::payload;
use crate::refusal::{Refusal, check_token};
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use model::CapturedEvent;
use model::captured::CapturedFlags;
use queue::Topic;
use serde_json::json;
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

const PATH: &str = "/i/v0/ai";
const MAX_PARTS_BYTES: usize = 25 << 20;
const MAX_BODY: usize = MAX_PARTS_BYTES / 10 * 11;
const MAX_EVENT_PART: usize = 32 << 10;
const MAX_EVENT_AND_PROPERTIES: usize = 960 << 10;
const MAX_PARTS: usize = 100;
const BLOB_PREFIX: &str = "event.properties.";

pub async fn serve(capture: Arc<Capture>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if parts.method == Method::OPTIONS {
        return preflight(Methods::Post, &parts.headers);
    }
    if !Methods::Post.permit(&parts.method) {
        return method_not_allowed(Methods::Post, &parts.headers);
    }
    let mut token = String::new();
    let response = match handle(&capture, &parts, body, &mut token).await {
        Ok(accepted) => answer(StatusCode::OK, JSON, accepted.to_string()),
        Err(refusal) => {
            let user_agent = text(&parts.headers, &header::USER_AGENT).unwrap_or_default().to_owned();
            let example = Example { path: PATH.to_owned(), detail: refusal.to_string(), user_agent, event: String::new() };
            capture.outcomes.refused(&token, refusal.reason(), 1, example);
            refused(&refusal)
        }
    };
    metrics::counter!("capture_requests_total", "path" => PATH, "status" => status_class(response.status())).increment(1);
    with_cors(response, &parts.headers)
}

/// The project's token from `Authorization: Bearer`.
pub fn bearer_token(headers: &HeaderMap) -> Result<String, Refusal> {
    let authorization = text(headers, &header::AUTHORIZATION).ok_or(Refusal::NoToken)?;
    let token = authorization.strip_prefix("Bearer ").ok_or(Refusal::NoToken)?;
    check_token(token).map(str::to_owned).map_err(Refusal::InvalidToken)
}

async fn handle(capture: &Arc<Capture>, parts: &Parts, body: Body, token: &mut String) -> Result<serde_json::Value, Refusal> {
    *token = bearer_token(&parts.headers)?;
    let mut grant = capture.budget.grant();
    let mut body = read_body(capture, parts, body, MAX_BODY, &mut grant).await?;
    if text(&parts.headers, &header::CONTENT_ENCODING).is_some_and(|encoding| encoding.eq_ignore_ascii_case("gzip")) {
        body = decompress(Format::Gzip, &body, MAX_BODY, &mut grant).map_err(|error| payload::refuse(error, "invalid GZIP data"))?;
    }
    if !grant.reach(body.len() * 4) {
        return Err(Refusal::Unavailable);
    }
    let gathered = gather(split(&parts.headers, body).await?)?;
    let now = capture.clock.now();
    let ip = client_address(&capture.config.trusted_proxies, &parts.extensions, &parts.headers);
    let limit = capture.config.max_event_bytes.max(MAX_PARTS_BYTES * 2);
    let captured = gathered.event.capture(token, &gathered.properties, now, &ip);
    if captured.encoded_len() > limit {
        return Err(Refusal::TooLarge(format!(
            "Event of {} bytes exceeds the limit of {limit} bytes for one event",
            captured.encoded_len()
        )));
    }
    let mut encoder = Encoder::new();
    encoder.push(&captured);
    capture.queue.append(Topic::Events, encoder.finish()).await.map_err(|error| not_stored(&error))?;
    capture.outcomes.accepted(token, 1);
    Ok(json!({ "accepted_parts": gathered.listing }))
}

struct Part {
    name: String,
    content_type: Option<String>,
    content_encoding: Option<String>,
    bytes: Bytes,
}

/// The parts of a multipart body, within limits.
async fn split(headers: &HeaderMap, body: Vec<u8>) -> Result<Vec<Part>, Refusal> {
    let broken = |error: String| Refusal::Decode(format!("invalid multipart data: {error}"));
    let mut request = Request::new(Body::from(body));
    if let Some(content_type) = headers.get(header::CONTENT_TYPE) {
        request.headers_mut().insert(header::CONTENT_TYPE, content_type.clone());
    }
    DefaultBodyLimit::max(MAX_BODY).apply(&mut request);
    let mut multipart = Multipart::from_request(request, &()).await.map_err(|error| broken(error.body_text()))?;
    let (mut parts, mut total) = (Vec::new(), 0);
    while let Some(field) = multipart.next_field().await.map_err(|error| broken(error.body_text()))? {
        let header = |name| field.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let content_encoding = header(header::CONTENT_ENCODING);
        let content_type = header(header::CONTENT_TYPE);
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(|error| broken(error.body_text()))?;
        total += bytes.len();
        if total > MAX_PARTS_BYTES || parts.len() == MAX_PARTS {
            return Err(Refusal::TooLarge(format!("the parts exceed {MAX_PARTS_BYTES} bytes or are more than {MAX_PARTS}")));
        }
        parts.push(Part { name, content_type, content_encoding, bytes });
    }
    Ok(parts)
}

struct Gathered {
    event: AiEvent,
    /// JSON object.
    properties: String,
    listing: Vec<serde_json::Value>,
}

struct AiEvent {
    name: String,
    distinct_id: String,
    uuid: Option<uuid::Uuid>,
    timestamp: Option<String>,
    properties: Option<String>,
}

impl AiEvent {
    fn capture<'a>(&'a self, token: &'a str, properties: &'a str, now: model::Timestamp, ip: &'a str) -> CapturedEvent<'a> {
        let timestamp = self.timestamp.as_deref().and_then(dates::parse);
        CapturedEvent {
            token: Cow::Borrowed(token),
            uuid: self.uuid.unwrap_or_else(|| new_uuid(now)),
            event: Cow::Borrowed(&self.name),
            distinct_id: Cow::Borrowed(&self.distinct_id),
            timestamp: TimeClues { timestamp, offset_ms: None, sent_at: None, ignore_sent_at: false }.resolve(now),
            now,
            sent_at: None,
            ip: Cow::Borrowed(ip),
            properties: Cow::Borrowed(properties),
            set: Cow::Borrowed(""),
            set_once: Cow::Borrowed(""),
            flags: CapturedFlags::default(),
        }
    }
}

fn invalid(text: impl Into<String>) -> Refusal {
    Refusal::Invalid(text.into())
}

fn gather(parts: Vec<Part>) -> Result<Gathered, Refusal> {
    let Some(first) = parts.first().filter(|part| part.name == "event") else {
        return Err(invalid("the first part must be named `event`"));
    };
    if first.bytes.len() > MAX_EVENT_PART {
        return Err(Refusal::TooLarge(format!("the `event` part exceeds {MAX_EVENT_PART} bytes")));
    }
    let mut event = read_event(&text_of(first)?)?;
    let (mut properties, mut blobs, mut names) = (event.properties.take(), Vec::new(), HashSet::new());
    for part in &parts[1..] {
        if !names.insert(part.name.as_str()) {
            return Err(invalid(format!("the part `{}` occurs twice", part.name)));
        }
        if part.name == "event.properties" {
            if properties.is_some() {
                return Err(invalid("properties are given in the `event` part and in a part of their own"));
            }
            properties = Some(text_of(part)?);
        } else if let Some(name) = part.name.strip_prefix(BLOB_PREFIX).filter(|name| !name.is_empty()) {
            let value = blob_text(part.content_type.as_deref(), part.content_encoding.as_deref(), &part.bytes)?;
            blobs.push((name, value));
        } else {
            return Err(invalid(format!("unknown part `{}`", part.name)));
        }
    }
    let properties = properties.unwrap_or_else(|| "{}".to_owned());
    if first.bytes.len() + properties.len() > MAX_EVENT_AND_PROPERTIES {
        return Err(Refusal::TooLarge(format!("event and properties exceed {MAX_EVENT_AND_PROPERTIES} bytes")));
    }
    let properties = with_blobs(&properties, &blobs)?;
    let listing = parts.iter().map(|part| {
        json!({ "name": part.name, "length": part.bytes.len(), "content-type": part.content_type, "content-encoding": part.content_encoding })
    });
    Ok(Gathered { event, properties, listing: listing.collect() })
}

fn text_of(part: &Part) -> Result<String, Refusal> {
    String::from_utf8(clean(part.bytes.to_vec())).map_err(|_| Refusal::Decode(format!("the part `{}` is not UTF-8", part.name)))
}

fn read_event(text: &str) -> Result<AiEvent, Refusal> {
    let mut event = AiEvent { name: String::new(), distinct_id: String::new(), uuid: None, timestamp: None, properties: None };
    let mut wrong = None;
    let mut scanner = Scanner::new(text);
    if scanner.peek_kind() != Some(Kind::Object) {
        return Err(invalid("the `event` part is not a JSON object"));
    }
    let read = scanner.object(|scanner, name| {
        let value = scanner.value()?;
        let string = || value.as_string().map(Cow::into_owned);
        match name {
            "event" => event.name = string().unwrap_or_default(),
            "distinct_id" => event.distinct_id = string().unwrap_or_default(),
            "timestamp" => event.timestamp = string(),
            "uuid" => match string().map(|text| uuid::Uuid::try_parse(&text)) {
                Some(Ok(uuid)) => event.uuid = Some(uuid),
                Some(Err(_)) => wrong = Some("`uuid` is not a UUID"),
                None => {}
            },
            "properties" if value.is_object() => event.properties = Some(value.raw.to_owned()),
            "properties" => wrong = Some("`properties` is not an object"),
            _ => {}
        }
        Ok(())
    });
    read.and_then(|()| scanner.finish()).map_err(|error| Refusal::Parse(error.to_string()))?;
    if let Some(wrong) = wrong {
        return Err(invalid(wrong));
    }
    if !event.name.starts_with("$ai_") {
        return Err(invalid("the name of an AI event starts with `$ai_`"));
    }
    if event.distinct_id.trim().is_empty() {
        return Err(Refusal::NoDistinctId);
    }
    Ok(event)
}

/// The properties with the blobs added; a blob replaces a property of the same name.
fn with_blobs(properties: &str, blobs: &[(&str, String)]) -> Result<String, Refusal> {
    let mut scanner = Scanner::new(properties);
    if scanner.peek_kind() != Some(Kind::Object) {
        return Err(invalid("the properties are not a JSON object"));
    }
    let mut out = String::with_capacity(properties.len() + blobs.iter().map(|(_, value)| value.len() + 64).sum::<usize>());
    let mut push = |name: &str, value: &str| {
        out.push(if out.is_empty() { '{' } else { ',' });
        write_string(&mut out, name);
        out.push(':');
        out.push_str(value);
    };
    let mut model: Option<Value<'_>> = None;
    let read = scanner.object(|scanner, name| {
        let value = scanner.value()?;
        if name == "$ai_model" {
            model = Some(value);
        }
        if !blobs.iter().any(|(blob, _)| *blob == name) {
            push(name, value.raw);
        }
        Ok(())
    });
    read.and_then(|()| scanner.finish()).map_err(|error| Refusal::Parse(error.to_string()))?;
    if model.and_then(|model| model.as_string()).is_none_or(|model| model.trim().is_empty()) {
        return Err(invalid("`$ai_model` must be a non-empty string"));
    }
    for (name, value) in blobs {
        push(name, value);
    }
    out.push('}');
    Ok(out)
}

/// A part as a JSON value: JSON as it is, text as a string, anything else as a `data:` URL.
pub fn blob_text(content_type: Option<&str>, content_encoding: Option<&str>, bytes: &[u8]) -> Result<String, Refusal> {
    let unpacked;
    let bytes = if content_encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case("gzip")) {
        let mut grant = crate::body::Budget::new(MAX_PARTS_BYTES * 2).grant();
        unpacked =
            decompress(Format::Gzip, bytes, MAX_PARTS_BYTES, &mut grant).map_err(|error| payload::refuse(error, "invalid GZIP data"))?;
        &unpacked[..]
    } else {
        bytes
    };
    let media = content_type.map(payload::media_type).unwrap_or(Cow::Borrowed("application/octet-stream"));
    let readable = media == "application/json" || media.starts_with("text/");
    let text = if readable { String::from_utf8(clean(bytes.to_vec())).ok() } else { None };
    let mut out = String::new();
    match text {
        Some(text) if media == "application/json" => {
            let mut scanner = Scanner::new(&text);
            let value =
                scanner.value().and_then(|value| scanner.finish().map(|()| value)).map_err(|error| Refusal::Parse(error.to_string()))?;
            out.push_str(value.raw);
        }
        Some(text) => write_string(&mut out, &text),
        None => write_string(&mut out, &format!("data:{media};base64,{}", STANDARD.encode(bytes))),
    }
    Ok(out)
}
