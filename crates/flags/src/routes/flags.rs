//! `/flags` and `/decide`: one pipeline, several shapes.

use axum::{
    Json,
    body::Bytes,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value, json};
use teams::Team;
use uuid::Uuid;

use crate::{
    Evaluation, Flags, Question, decode, request,
    wire::{self, Shape, Stamp},
};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, OPTIONS, HEAD");

pub async fn flags(
    State(flags): State<Flags>,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Response {
    let query = Asked::parse(query.as_deref());
    let shape = Shape::of_flags(query.version.as_deref());
    // SDKs that name neither a version nor a config expect what the old endpoint gave them: both.
    let with_config = query.config.unwrap_or(query.version.is_none());
    answer(&flags, method, &headers, body, Asked { with_config, shape, ..query }).await
}

pub async fn decide(
    State(flags): State<Flags>,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Response {
    let query = Asked::parse(query.as_deref());
    let shape = Shape::of_decide(query.version.as_deref());
    let with_config = query.config.unwrap_or(true);
    answer(&flags, method, &headers, body, Asked { with_config, shape, ..query }).await
}

async fn answer(
    flags: &Flags,
    method: Method,
    headers: &HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
    asked: Asked,
) -> Response {
    match method {
        Method::POST => {
            let body = match body {
                Ok(body) => body,
                Err(rejection) => return plain(rejection.status(), rejection.body_text()),
            };
            match evaluate(flags, headers, &body, &asked).await {
                Ok(reply) => Json(reply).into_response(),
                Err(refusal) => refusal.into_response(),
            }
        }
        Method::GET => Json(unasked(flags, headers, asked.shape)).into_response(),
        Method::HEAD => StatusCode::OK.into_response(),
        _ => {
            let mut response = StatusCode::METHOD_NOT_ALLOWED.into_response();
            response.headers_mut().insert(header::ALLOW, METHODS);
            response
        }
    }
}

async fn evaluate(flags: &Flags, headers: &HeaderMap, body: &[u8], asked: &Asked) -> Result<Map<String, Value>, Refusal> {
    let body = decode::decode(body).map_err(|error| Refusal::Undecodable(error.to_string()))?;
    let token = request::token(&body).ok_or(Refusal::TokenMissing)?;
    let team = flags.teams.by_token(token).await.map_err(Refusal::Failed)?.ok_or(Refusal::TokenUnknown)?;
    let mut question = Question::parse(body).ok_or(Refusal::DistinctIdMissing)?;
    question.only_survey_flags = asked.only_survey_flags;
    let evaluation = match question.disable_flags {
        true => Evaluation::default(),
        false => flags.answer(&team, &question).await.map_err(Refusal::Failed)?,
    };
    let mut reply = wire::reply(asked.shape, &evaluation, stamp(flags, headers));
    if asked.with_config {
        add_config(&mut reply, flags, &team, headers);
    }
    Ok(reply)
}

/// The evaluation's own fields win: the config must never hide an answer.
fn add_config(reply: &mut Map<String, Value>, flags: &Flags, team: &Team, headers: &HeaderMap) {
    for (name, value) in (flags.remote_config)(team, headers) {
        reply.entry(name).or_insert(value);
    }
}

/// A GET names no project. SDKs and health checks that send one get an empty evaluation with everything off.
fn unasked(flags: &Flags, headers: &HeaderMap, shape: Shape) -> Map<String, Value> {
    let shape = match shape {
        Shape::Records | Shape::TypedRecords => shape,
        Shape::EnabledKeys | Shape::EnabledValues | Shape::Legacy => Shape::Legacy,
    };
    let mut reply = wire::reply(shape, &Evaluation::default(), stamp(flags, headers));
    let Value::Object(config) = json!({
        "supportedCompression": ["gzip", "gzip-js"], "config": {"enable_collect_everything": true}, "toolbarParams": {},
        "isAuthenticated": false, "sessionRecording": false,
    }) else {
        unreachable!("the literal above is an object");
    };
    reply.extend(config);
    reply
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
            Self::Failed(error) => {
                tracing::error!("answering a flag request failed: {error:#}");
                plain(StatusCode::SERVICE_UNAVAILABLE, "Flags cannot be evaluated at the moment. Please try again.")
            }
        }
    }
}

fn plain(status: StatusCode, text: impl Into<String>) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text.into()).into_response()
}
