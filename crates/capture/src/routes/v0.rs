//! The lenient endpoints: `/e`, `/capture`, `/batch` and so on, and `/s` for replay.

use crate::body::{self, BodyError, Grant};
use crate::client_address::client_address;
use crate::event::{self, Accepted, Context, PERFORMANCE_EVENT};
use crate::http_edge::{JSON, Methods, RETRY_AFTER, TEXT, answer, empty, method_not_allowed, preflight, text, with_cors};
use crate::outcomes::{Example, Reason};
use crate::payload::{Packed, Query, unpack};
use crate::refusal::Refusal;
use crate::shape;
use crate::{Capture, MAX_EXPANSION, Resource};
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::request::Parts;
use http::{Method, StatusCode, header};
use model::Timestamp;
use queue::{AppendError, Topic};
use std::sync::Arc;
use std::time::Instant;

use super::replay;

/// Larger bodies are worked on beside the threads that serve everyone else.
const LARGE: usize = 256 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Events { engage: bool },
    Replay,
    BlackHole,
}

/// What to tell the client after everything went well.
enum Done {
    Stored,
    RecordingsLimited,
}

pub async fn serve(capture: Arc<Capture>, endpoint: Endpoint, path: &'static str, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let methods = Methods::GetAndPost;
    if parts.method == Method::OPTIONS {
        return preflight(methods, &parts.headers);
    }
    if !methods.permit(&parts.method) {
        return method_not_allowed(methods, &parts.headers);
    }
    let started = Instant::now();
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let beacon = query.beacon;
    let response = match handle(&capture, endpoint, path, &parts, query, body).await {
        Ok(Done::Stored) if beacon => empty(StatusCode::NO_CONTENT),
        Ok(Done::Stored) => answer(StatusCode::OK, JSON, r#"{"status":"Ok"}"#),
        Ok(Done::RecordingsLimited) => answer(StatusCode::OK, JSON, r#"{"status":"Ok","quota_limited":["recordings"]}"#),
        Err(refusal) => refused(&refusal),
    };
    metrics::histogram!("capture_request_seconds", "path" => path).record(started.elapsed().as_secs_f64());
    metrics::counter!("capture_requests_total", "path" => path, "status" => status_class(response.status())).increment(1);
    with_cors(response, &parts.headers)
}

pub fn status_class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        2 => "2xx",
        4 => "4xx",
        _ => "5xx",
    }
}

pub fn refused(refusal: &Refusal) -> Response {
    let mut response = answer(refusal.status(), TEXT, refusal.to_string());
    if *refusal == Refusal::Unavailable {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}

async fn handle(capture: &Arc<Capture>, endpoint: Endpoint, path: &str, parts: &Parts, query: Query, body: Body) -> Result<Done, Refusal> {
    let limit = match endpoint {
        Endpoint::Replay => capture.config.max_replay_body_bytes,
        _ => capture.config.max_body_bytes,
    };
    let mut grant = capture.budget.grant();
    let read = read_body(capture, parts, body, limit, &mut grant).await;
    let user_agent = text(&parts.headers, &header::USER_AGENT).unwrap_or_default().to_owned();
    let worked = match read {
        Err(refusal) => Worked { trail: Trail::default(), result: Err(refusal) },
        Ok(_) if endpoint == Endpoint::BlackHole => return Ok(Done::Stored),
        Ok(body) => {
            let work = Work {
                endpoint,
                query,
                content_type: text(&parts.headers, &header::CONTENT_TYPE).map(str::to_owned),
                content_encoding: text(&parts.headers, &header::CONTENT_ENCODING).map(str::to_owned),
                user_agent: user_agent.clone(),
                ip: client_address(&capture.config.trusted_proxies, &parts.extensions, &parts.headers),
                now: capture.clock.now(),
                limit: limit * MAX_EXPANSION,
                body,
                grant,
            };
            work.run_where_it_fits(capture).await
        }
    };
    let Trail { token, event } = worked.trail;
    let example = |detail: String| Example { path: path.to_owned(), detail, user_agent: user_agent.clone(), event: event.clone() };
    let ready = match worked.result {
        Ok(ready) => ready,
        Err(refusal) => {
            capture.outcomes.refused(&token, refusal.reason(), 1, example(refusal.to_string()));
            return Err(refusal);
        }
    };
    let events = ready.accepted.records.len() as u64;
    if events > 0
        && let Err(error) = capture.queue.append(ready.topic, ready.accepted.records).await
    {
        let refusal = not_stored(&error);
        capture.outcomes.refused(&token, refusal.reason(), 1, example(error.to_string()));
        return Err(refusal);
    }
    // Only what is durable counts as accepted.
    if events > 0 {
        capture.outcomes.accepted(&token, events);
    }
    for (reason, count) in ready.accepted.dropped {
        capture.outcomes.refused(&token, reason, count, example(reason.how_to_fix().to_owned()));
    }
    Ok(if ready.recordings_limited { Done::RecordingsLimited } else { Done::Stored })
}

pub async fn read_body(capture: &Capture, parts: &Parts, body: Body, limit: usize, grant: &mut Grant) -> Result<Vec<u8>, Refusal> {
    let read = body::read(&parts.headers, body, limit, capture.config.body_patience, grant).await;
    read.inspect(|body| metrics::counter!("capture_bytes_received_total").increment(body.len() as u64)).map_err(|error| match error {
        BodyError::TooLarge { limit } => Refusal::TooLarge(format!("Request body exceeds limit of {limit} bytes")),
        BodyError::Stalled => Refusal::Stalled,
        BodyError::Busy => Refusal::Unavailable,
        BodyError::Broken(error) => Refusal::Decode(format!("Error reading request body: {error}")),
    })
}

pub fn not_stored(error: &AppendError) -> Refusal {
    match error {
        AppendError::TooLarge { got, limit } => {
            Refusal::TooLarge(format!("Event of {got} bytes exceeds the limit of {limit} bytes for one event"))
        }
        AppendError::Full(_) | AppendError::Failed(_) => Refusal::Unavailable,
    }
}

/// A request that has been read, as far as the work on it needs it.
struct Work {
    endpoint: Endpoint,
    query: Query,
    content_type: Option<String>,
    content_encoding: Option<String>,
    user_agent: String,
    ip: String,
    now: Timestamp,
    limit: usize,
    body: Vec<u8>,
    grant: Grant,
}

/// What was found out about a request, for the statistics.
#[derive(Default)]
struct Trail {
    token: String,
    /// The name of the event that is to blame.
    event: String,
}

struct Worked {
    trail: Trail,
    result: Result<Ready, Refusal>,
}

struct Ready {
    topic: Topic,
    accepted: Accepted,
    recordings_limited: bool,
    /// Held until the records are written.
    _grant: Grant,
}

impl Work {
    async fn run_where_it_fits(self, capture: &Arc<Capture>) -> Worked {
        if self.body.len() <= LARGE {
            return self.run(capture);
        }
        let capture = capture.clone();
        let running = tokio::task::spawn_blocking(move || self.run(&capture)).await;
        running.unwrap_or_else(|_| Worked { trail: Trail::default(), result: Err(Refusal::Unavailable) })
    }

    fn run(self, capture: &Capture) -> Worked {
        let mut trail = Trail::default();
        let result = self.prepare(capture, &mut trail);
        Worked { trail, result }
    }

    fn prepare(mut self, capture: &Capture, trail: &mut Trail) -> Result<Ready, Refusal> {
        let packed = Packed {
            query: &self.query,
            content_type: self.content_type.as_deref(),
            content_encoding: self.content_encoding.as_deref(),
            body: std::mem::take(&mut self.body),
        };
        let json = unpack(packed, self.limit, &mut self.grant)?;
        // The text, the records and the queue's frame exist side by side for a moment.
        if !self.grant.reach(json.len() * 3) {
            return Err(Refusal::Unavailable);
        }
        let engage = self.endpoint == Endpoint::Events { engage: true };
        let mut request = shape::read(&json, engage, capture.config.max_events_per_request)?;
        if request.events.is_empty() {
            return Err(Refusal::NoEvent);
        }
        let sent = request.events.len();
        metrics::counter!("capture_events_received_total").increment(sent as u64);
        request.events.retain(|event| event.name.as_deref() != Some(PERFORMANCE_EVENT));
        let discarded = (sent - request.events.len()) as u64;
        let mut ready = Ready { topic: Topic::Events, accepted: Accepted::default(), recordings_limited: false, _grant: self.grant };
        if !request.events.is_empty() {
            trail.token = event::request_token(&request)?;
            let token = &trail.token;
            let context = Context {
                now: self.now,
                sent_at: query_sent_at(&self.query),
                ip: &self.ip,
                quota: &capture.config.quota,
                drop_list: &capture.config.drop_list,
                max_event_bytes: capture.config.max_event_bytes,
            };
            if self.endpoint == Endpoint::Replay {
                ready.topic = Topic::Replay;
                ready.recordings_limited = capture.config.quota.is_used_up(token, Resource::Recordings);
                if ready.recordings_limited {
                    ready.accepted.dropped.push((Reason::Quota, sent as u64));
                } else {
                    ready.accepted.records.push(replay::gather(&request, token, &self.user_agent, &context)?);
                }
            } else {
                ready.accepted =
                    event::accept(&request, token, &context).inspect_err(|_| trail.event = event::culprit(&request, token, &context))?;
            }
        }
        if discarded > 0 {
            ready.accepted.dropped.push((Reason::PerformanceEvent, discarded));
        }
        Ok(ready)
    }
}

/// Milliseconds since 1970; what lies before 2021 was meant as seconds, and is ignored.
fn query_sent_at(query: &Query) -> Option<Timestamp> {
    const YEAR_2021_MS: i64 = 1_609_459_200_000;
    query.sent_at_ms.filter(|millis| *millis >= YEAR_2021_MS).map(Timestamp::from_millis)
}
