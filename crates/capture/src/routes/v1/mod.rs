//! Protocol v1: strict, authenticated by header, answered event by event.

mod batch;
mod error;
mod headers;
mod judge;

pub use batch::decode_batch;

use super::v0::{read_body, status_class};
use crate::Capture;
use crate::body::Grant;
use crate::client_address::client_address;
use crate::decompress::{DecompressError, Format, decompress};
use crate::http_edge::{JSON, Methods, RETRY_AFTER, answer, method_not_allowed, preflight, text, with_cors};
use crate::json::clean;
use crate::outcomes::{Example, Reason};
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use error::{BatchError, body_error, busy, refused, too_large};
use headers::read_headers;
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};
use judge::{Judge, Judged, Verdict};
use model::Timestamp;
use queue::{AppendError, Topic};
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

const MAX_COMPRESSED: usize = 10 << 20;
const MAX_PLAIN: usize = 50 << 20;
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

fn http_date(at: Timestamp) -> Option<HeaderValue> {
    HeaderValue::from_str(&at.to_utc()?.format("%a, %d %b %Y %H:%M:%S GMT").to_string()).ok()
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
    let ip = client_address(&capture.config.trusted_proxies, &parts.extensions, &parts.headers);
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
    let large = parts
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok())
        .is_none_or(|size| size > LARGE);
    let (judged, _grant) = if large { tokio::task::spawn_blocking(work).await.map_err(|_| busy())?? } else { work()? };
    store(capture, lane, parts, token, judged).await
}

fn plain_text(format: Option<Format>, body: Vec<u8>, grant: &mut Grant) -> Result<String, BatchError> {
    if body.is_empty() {
        return Err(BatchError::bad("empty_body", "the request has no body", Reason::Empty));
    }
    let undecodable = |text: &str| BatchError::bad("request_decoding_error", text, Reason::Undecodable);
    let plain = match format {
        None => body,
        Some(format) => decompress(format, &body, MAX_PLAIN, grant).map_err(|error| match error {
            DecompressError::Invalid => undecodable("the body is not what Content-Encoding says"),
            DecompressError::TooLarge { limit, got } => {
                too_large(format!("Decompressed payload would exceed {limit} bytes (got {got} bytes)"))
            }
            DecompressError::Busy => busy(),
        })?,
    };
    String::from_utf8(clean(plain)).map_err(|_| undecodable("the body is not UTF-8"))
}

async fn store(capture: &Capture, lane: Lane, parts: &Parts, token: &str, judged: Judged) -> Result<Response, BatchError> {
    let events = judged.records.len() as u64;
    let stored = if events == 0 { Ok(()) } else { capture.queue.append(Topic::Events, judged.records).await.map(drop) };
    let user_agent = text(&parts.headers, &header::USER_AGENT).unwrap_or_default();
    let example =
        |detail: String| Example { path: lane.path().to_owned(), detail, user_agent: user_agent.to_owned(), event: String::new() };
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
