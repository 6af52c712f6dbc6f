//! Definitions for SDKs that evaluate flags by themselves, and single remote config flags. Server keys only.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::{
    extract::{Path, RawQuery, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use teams::Team;
use web::{Access, ApiError, ApiResult, ProjectRef};

use crate::Flags;

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

/// No flag carries a remote config yet, so every key is unknown.
pub async fn remote_config(access: Access, Path(_): Path<(String, String)>) -> ApiResult<Response> {
    access.require(SCOPE)?;
    Err(ApiError::not_found())
}

async fn definitions(flags: &Flags, team: &Team, headers: &HeaderMap) -> ApiResult<Response> {
    let group_types = (flags.group_types)(team.id).await?;
    let body = json!({"flags": [], "group_type_mapping": group_types, "cohorts": {}}).to_string();
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let hash = format!("{:016x}", hasher.finish());
    let caching = [(header::ETAG, format!("W/\"{hash}\"")), (header::CACHE_CONTROL, "private, must-revalidate".to_owned())];
    if already_has(headers, &hash) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    Ok((caching, [(header::CONTENT_TYPE, "application/json")], body).into_response())
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
