//! `/flags` and `/decide`: one pipeline, several shapes.

use crate::decode::{self, MAX_BODY_BYTES};
use crate::evaluate::{Compared, Facts};
use crate::facts;
use crate::request;
use crate::wire::{Printed, Reply, Shape, Stamp};
use crate::{Evaluation, Flags, Question, Served, Visitor, quota_limited};
use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value, json};
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::timeout;
use uuid::Uuid;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, OPTIONS, HEAD");

/// The distinct id of visitors without cookies; the server makes one up that holds for a day.
const COOKIELESS: &str = "$posthog_cookieless";

/// A salt is read from the database for it.
const NAMED_WITHIN: Duration = Duration::from_secs(1);

/// Evaluating more flags takes so long that other requests should not wait behind it.
const MANY_FLAGS: usize = 1_000;

/// Flags whose conditions are told in one reply.
const MAX_TRACES: usize = 100;

pub async fn flags(State(flags): State<Flags>, request: Request) -> Response {
    let query = Asked::parse(request.uri().query());
    let shape = Shape::of_flags(query.version.as_deref());
    // SDKs that name neither a version nor a config expect what the old endpoint gave them: both.
    let with_config = query.config.unwrap_or(query.version.is_none());
    answer(&flags, request, Asked { with_config, shape, ..query }).await
}

pub async fn decide(State(flags): State<Flags>, request: Request) -> Response {
    let query = Asked::parse(request.uri().query());
    let shape = Shape::of_decide(query.version.as_deref());
    let with_config = query.config.unwrap_or(true);
    answer(&flags, request, Asked { with_config, shape, ..query }).await
}

async fn answer(flags: &Flags, request: Request, asked: Asked) -> Response {
    let (parts, body) = request.into_parts();
    match parts.method {
        Method::POST => {
            // The client may also have gone; then it does not matter what it is answered.
            let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
                return plain(StatusCode::PAYLOAD_TOO_LARGE, format!("The request is larger than {MAX_BODY_BYTES} bytes."));
            };
            match evaluate(flags, &parts, &body, asked).await {
                Ok(reply) => json_bytes(reply),
                Err(refusal) => refusal.into_response(),
            }
        }
        Method::GET => json_bytes(unasked(flags, &parts.headers, asked.shape)),
        Method::HEAD => StatusCode::OK.into_response(),
        _ => {
            let mut response = StatusCode::METHOD_NOT_ALLOWED.into_response();
            response.headers_mut().insert(header::ALLOW, METHODS);
            response
        }
    }
}

async fn evaluate(flags: &Flags, parts: &Parts, body: &[u8], asked: Asked) -> Result<Vec<u8>, Refusal> {
    let (rates, headers) = (&flags.memory.rates, &parts.headers);
    let address = || web::client_ip_behind(&flags.proxies, &parts.extensions, headers);
    if rates.per_address.is_some() && !rates.allow_address(address()) {
        return Err(Refusal::TooMany);
    }
    let body = decode::decode(body).map_err(|error| Refusal::Undecodable(error.to_string()))?;
    let token = request::token(&body).ok_or(Refusal::TokenMissing)?;
    if !rates.allow_token(token) {
        return Err(Refusal::TooMany);
    }
    let served = flags.memory.cache.by_token(flags, token).await.map_err(Refusal::Failed)?.ok_or(Refusal::TokenUnknown)?;
    let mut question = Question::parse(body, headers).ok_or(Refusal::DistinctIdMissing)?;
    question.only_survey_flags = asked.only_survey_flags;
    question.only_override_properties = asked.only_override_properties;
    let config = asked.with_config.then(|| (flags.remote_config)(&served, headers));
    let stamp = stamp(flags, headers);
    let quota_limited = quota_limited(&served.team);
    if question.disable_flags || quota_limited.contains(&"feature_flags") {
        let printed = Printed::default();
        let evaluation = Evaluation::default();
        return Ok(Reply {
            shape: asked.shape,
            printed: &printed,
            evaluation: &evaluation,
            stamp,
            quota_limited: &quota_limited,
            config: config.as_ref(),
            traces: &[],
        }
        .print());
    }
    let is_named = question.distinct_id != COOKIELESS || name_visitor(flags, &served, &mut question, headers, address()).await;
    let place = question.ip_address.as_deref().and_then(|text| text.trim().parse().ok());
    let needs = served.project.definitions.needs(&question);
    let facts = facts::gather(flags, &served, &question, needs, place.or_else(address)).await;
    let work = Work { served, question, facts, is_named, asked, stamp, quota_limited, config };
    match work.served.project.flags.len() {
        ..MANY_FLAGS => Ok(work.print()),
        _ => tokio::task::spawn_blocking(move || work.print()).await.map_err(|error| Refusal::Failed(error.into())),
    }
}

/// Everything from here on is computing.
struct Work {
    served: Served,
    question: Question,
    facts: Facts,
    /// Whose answer it is could be found out.
    is_named: bool,
    asked: Asked,
    stamp: Stamp,
    quota_limited: Vec<&'static str>,
    config: Option<Map<String, Value>>,
}

impl Work {
    fn print(&self) -> Vec<u8> {
        let project = &self.served.project;
        let mut evaluation = project.definitions.evaluate(&self.question, &self.facts);
        evaluation.has_errors |= self.served.is_stale || self.facts.failed || !self.is_named;
        let traces = match self.asked.detailed_analysis {
            true => evaluation.decisions.iter().take(MAX_TRACES).map(|decision| self.trace(&decision.flag.key)).collect(),
            false => Vec::new(),
        };
        let reply = Reply {
            shape: self.asked.shape,
            printed: &project.printed,
            evaluation: &evaluation,
            stamp: self.stamp,
            quota_limited: &self.quota_limited,
            config: self.config.as_ref(),
            traces: &traces,
        };
        reply.print()
    }

    /// What came of each condition of a flag. Whoever has the public token may ask, so nothing that is stored of the person is told.
    fn trace(&self, key: &str) -> Value {
        let explained = self.served.project.definitions.explain(key, &self.question, &self.facts);
        let steps = explained.into_iter().flat_map(|explanation| explanation.steps);
        steps
            .map(|step| {
                let compared = |one: Compared| json!({"key": one.key, "type": one.kind, "operator": one.operator, "matched": one.matched});
                json!({
                    "kind": step.kind.as_str(),
                    "condition_index": step.condition_index,
                    "matched": step.matched,
                    "reason": step.reason.as_str(),
                    "rollout_percentage": step.rollout_percentage,
                    "variant": step.variant,
                    "properties": step.properties.into_iter().map(compared).collect::<Vec<_>>(),
                })
            })
            .collect()
    }
}

/// Visitors about whom the request does not tell enough all share the id that it came with, and so do all while the database is away:
/// then false, since that id is not theirs.
async fn name_visitor(flags: &Flags, served: &Served, question: &mut Question, headers: &HeaderMap, ip: Option<IpAddr>) -> bool {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let page = text(header::ORIGIN).or(text(header::REFERER));
    let (Some(ip), Some(user_agent), Some(host)) = (ip, text(header::USER_AGENT), page.and_then(host)) else { return true };
    let visitor = Visitor {
        team: served.team.clone(),
        ip,
        user_agent: user_agent.to_owned(),
        host: host.to_owned(),
        timezone: question.timezone.clone(),
        extra: question.cookieless_extra.clone().unwrap_or_default(),
    };
    match timeout(NAMED_WITHIN, (flags.cookieless_id_of)(visitor)).await {
        Ok(Ok(id)) => {
            question.distinct_id = id.unwrap_or_else(|| COOKIELESS.to_owned());
            true
        }
        Ok(Err(error)) => {
            tracing::error!("the id of a visitor without cookies could not be made: {error:#}");
            false
        }
        Err(_) => false,
    }
}

fn host(url: &str) -> Option<&str> {
    let host = url.split_once("://")?.1.split(['/', '?', '#']).next()?;
    (!host.is_empty()).then_some(host)
}

/// A GET names no project. SDKs and health checks that send one get an empty evaluation with everything off.
fn unasked(flags: &Flags, headers: &HeaderMap, shape: Shape) -> Vec<u8> {
    let shape = match shape {
        Shape::Records | Shape::TypedRecords => shape,
        Shape::EnabledKeys | Shape::EnabledValues | Shape::Legacy => Shape::Legacy,
    };
    let Value::Object(config) = json!({
        "supportedCompression": ["gzip", "gzip-js"], "config": {"enable_collect_everything": true}, "toolbarParams": {},
        "isAuthenticated": false, "sessionRecording": false,
    }) else {
        unreachable!("the literal above is an object");
    };
    let (printed, evaluation) = (Printed::default(), Evaluation::default());
    let stamp = stamp(flags, headers);
    Reply { shape, printed: &printed, evaluation: &evaluation, stamp, quota_limited: &[], config: Some(&config), traces: &[] }.print()
}

fn stamp(flags: &Flags, headers: &HeaderMap) -> Stamp {
    let given = headers.get("x-request-id").and_then(|value| Uuid::parse_str(value.to_str().ok()?.trim()).ok());
    Stamp { request: given.unwrap_or_else(Uuid::new_v4), evaluated_at_ms: flags.clock.now().millis() }
}

/// The query string; parameters that do not parse count as absent.
struct Asked {
    version: Option<String>,
    config: Option<bool>,
    only_survey_flags: bool,
    only_override_properties: bool,
    detailed_analysis: bool,
    with_config: bool,
    shape: Shape,
}

impl Asked {
    fn parse(query: Option<&str>) -> Self {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query.unwrap_or_default()).unwrap_or_default();
        let value = |names: &[&str]| pairs.iter().find(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.clone());
        let flag = |name: &str| match value(&[name])?.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        };
        Self {
            version: value(&["v", "version"]),
            config: flag("config"),
            only_survey_flags: flag("only_evaluate_survey_feature_flags").unwrap_or(false),
            only_override_properties: flag("only_use_override_person_properties").unwrap_or(false),
            detailed_analysis: flag("detailed_analysis").unwrap_or(false),
            with_config: false,
            shape: Shape::Records,
        }
    }
}

enum Refusal {
    Undecodable(String),
    TokenMissing,
    TokenUnknown,
    DistinctIdMissing,
    TooMany,
    Failed(anyhow::Error),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Undecodable(detail) => plain(StatusCode::BAD_REQUEST, detail),
            Self::TokenMissing => {
                plain(StatusCode::UNAUTHORIZED, "The request has no project API key: send it as \"token\" or \"api_key\".")
            }
            Self::TokenUnknown => plain(StatusCode::UNAUTHORIZED, "The project API key is not valid. Copy it from the project's settings."),
            Self::DistinctIdMissing => plain(StatusCode::BAD_REQUEST, "The request has no distinct_id: send it as text or as a number."),
            Self::TooMany => too_many(),
            Self::Failed(error) => {
                tracing::error!("answering a flag request failed: {error:#}");
                plain(StatusCode::SERVICE_UNAVAILABLE, "Flags cannot be evaluated at the moment. Please try again.")
            }
        }
    }
}

/// The operator limits how often one address or project may ask.
pub fn too_many() -> Response {
    let body = json!({"type": "validation_error", "code": "rate_limit_exceeded", "detail": "Rate limit exceeded", "attr": null});
    (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")], Json(body)).into_response()
}

fn json_bytes(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn plain(status: StatusCode, text: impl Into<String>) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text.into()).into_response()
}
