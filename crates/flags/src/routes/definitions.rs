//! Definitions for SDKs that evaluate flags by themselves, and single remote config flags. Server keys only.

use crate::routes::flags::too_many;
use crate::{Flags, payload, quota_limited};
use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use teams::Team;
use web::{Access, ApiError, ApiResult, Caller, ProjectRef};

const SCOPE: &str = "feature_flag:read";

/// `/flags/definitions` and `/api/feature_flag/local_evaluation`: the project is the one of the `token` parameter.
pub async fn by_token(State(flags): State<Flags>, RawQuery(query): RawQuery, headers: HeaderMap) -> ApiResult<Response> {
    let key = bearer(&headers).ok_or_else(ApiError::unauthenticated)?;
    let project = match project_token(query.as_deref()) {
        Some(token) => match flags.teams.by_token(&token).await? {
            Some(team) => ProjectRef::Id(team.id),
            None => {
                return Err(ApiError::authentication(
                    "invalid_api_key",
                    "Project API key invalid. You can find your project API key in your project settings.",
                ));
            }
        },
        // The first SDKs sent the key alone.
        None => ProjectRef::Current,
    };
    let access = flags.authenticator.access_by_key(key, project).await.map_err(|error| named_secret(key, error))?;
    access.require(SCOPE)?;
    definitions(&flags, &access.team, &headers).await
}

pub async fn of_project(State(flags): State<Flags>, access: Access, headers: HeaderMap) -> ApiResult<Response> {
    access.require(SCOPE)?;
    definitions(&flags, &access.team, &headers).await
}

/// The payload of one remote config flag, as SDKs fetch it: JSON text inside of a JSON string, or null. Encrypted ones are opened for
/// keys only, never for a browser.
pub async fn remote_config(State(flags): State<Flags>, access: Access, Path((_, key)): Path<(String, String)>) -> ApiResult<Response> {
    access.require(SCOPE)?;
    let served = flags.served(access.team.id).await?.ok_or_else(ApiError::not_found)?;
    let all = || served.project.flags.iter().filter(|flag| flag.is_remote_configuration);
    let by_id = || key.parse().ok().and_then(|id: i64| all().find(|flag| flag.id == id));
    let flag = all().find(|flag| flag.key == key).or_else(by_id).ok_or_else(ApiError::not_found)?;
    let stored = &flag.filters["payloads"]["true"];
    let payload = match (flag.has_encrypted_payloads, stored.as_str(), &access.caller) {
        (true, Some(_), Caller::Session { .. }) => payload::REDACTED.into(),
        (true, Some(encrypted), _) => Value::from(flags.payload_key.decrypt(access.team.id, encrypted)?),
        _ => stored.clone(),
    };
    Ok(Json(payload).into_response())
}

async fn definitions(flags: &Flags, team: &Team, headers: &HeaderMap) -> ApiResult<Response> {
    if !flags.memory.rates.allow_definitions(team.id) {
        return Ok(too_many());
    }
    let served = flags.served(team.id).await?.ok_or_else(ApiError::not_found)?;
    if quota_limited(&served.team).contains(&"feature_flags") {
        let detail = "The operator of this server has switched off feature flags for this project.";
        let body = json!({"type": "quota_limited", "code": "payment_required", "detail": detail, "attr": null});
        return Ok((StatusCode::PAYMENT_REQUIRED, Json(body)).into_response());
    }
    let local = &served.project.local;
    let caching = [(header::ETAG, format!("W/\"{}\"", local.tag)), (header::CACHE_CONTROL, "private, must-revalidate".to_owned())];
    if already_has(headers, &local.tag) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    Ok((caching, [(header::CONTENT_TYPE, "application/json")], local.body.clone()).into_response())
}

/// What OPTIONS is answered. Definitions are for servers, so there are no CORS headers.
pub async fn methods() -> Response {
    (StatusCode::NO_CONTENT, [(header::ALLOW, "GET, OPTIONS, HEAD")]).into_response()
}

/// Lookups call every key a personal one; whoever sent a project secret should look for the mistake there.
fn named_secret(key: &str, error: ApiError) -> ApiError {
    match error.status() {
        StatusCode::UNAUTHORIZED if key.starts_with("phs_") => {
            ApiError::authentication("authentication_failed", "Secret API token is invalid.")
        }
        _ => error,
    }
}

/// SDKs send the tag back weak, strong or without quotes.
fn already_has(headers: &HeaderMap, hash: &str) -> bool {
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).any(|tag| tag.trim().trim_start_matches("W/").trim_matches('"') == hash)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !key.trim().is_empty()).then(|| key.trim())
}

fn project_token(query: Option<&str>) -> Option<String> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query?).ok()?;
    pairs.into_iter().find_map(|(name, value)| (name == "token" && !value.trim().is_empty()).then(|| value.trim().to_owned()))
}
