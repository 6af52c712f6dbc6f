//! What happened to a flag, whether it still does something, and what hangs on it.

use super::flags::shown;
use super::named;
use crate::manage::{SCOPE, dependencies, history, status, wire};
use crate::{Flag, Flags, store};
use activity::Filter;
use axum::Json;
use axum::extract::{OriginalUri, Path, State};
use serde::Deserialize;
use serde_json::{Value, json};
use web::{Access, ApiError, ApiResult, Body, Page, paginated};

type Named = Path<(String, String)>;

/// Each holds a whole flag.
const MAX_VERSIONS_PER_PAGE: usize = 100;

pub async fn status(State(state): State<Flags>, access: Access, Path((_, name)): Named) -> ApiResult<Json<Value>> {
    access.require("feature_flag:read")?;
    let by_id = match name.parse() {
        Ok(id) => store::by_id(&state.db, access.team.id, id).await?,
        Err(_) => None,
    };
    let flag = match by_id {
        Some(flag) => flag,
        None => named(&state, &access, &name).await?,
    };
    let (status, reason) = status::of(&flag, state.clock.now());
    Ok(Json(json!({"status": status.as_str().to_lowercase(), "reason": reason})))
}

pub async fn of_one(
    State(state): State<Flags>,
    access: Access,
    Path((_, name)): Named,
    page: Page,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    access.require("feature_flag:read")?;
    let flag = named(&state, &access, &name).await?;
    activity(&state, &access, Some(flag.id.to_string()), &page, &uri).await
}

pub async fn of_all(State(state): State<Flags>, access: Access, page: Page, OriginalUri(uri): OriginalUri) -> ApiResult<Json<Value>> {
    access.require("feature_flag:read")?;
    activity(&state, &access, None, &page, &uri).await
}

async fn activity(state: &Flags, access: &Access, item: Option<String>, page: &Page, uri: &http::Uri) -> ApiResult<Json<Value>> {
    let filter = Filter { scopes: vec![SCOPE.to_owned()], item, user: None };
    let of = (access.team.organization, access.team.id);
    Ok(Json(activity::page(&state.db, &state.users, of, &filter, page, uri).await?))
}

pub async fn dependents(State(state): State<Flags>, access: Access, Path((_, name)): Named) -> ApiResult<Json<Value>> {
    access.require("feature_flag:read")?;
    let flag = named(&state, &access, &name).await?;
    let flags = store::of_team(&state.db, access.team.id).await?;
    Ok(Json(wire::brief(dependencies::dependents(&flags, flag.id)).into()))
}

/// Newest first, each with the whole flag as it was.
pub async fn versions(
    State(state): State<Flags>,
    access: Access,
    Path((_, name)): Named,
    mut page: Page,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    access.require("feature_flag:read")?;
    page.limit = page.limit.min(MAX_VERSIONS_PER_PAGE);
    let flag = named(&state, &access, &name).await?;
    let (count, versions) = history::versions(&state.db, access.team.id, flag.id, page.limit, page.offset).await?;
    let known: Vec<_> = versions.iter().filter_map(|version| version.user).collect();
    let users = wire::users(&state, &known).await?;
    let shown = versions.iter().map(|version| {
        let mut was = flag.clone();
        version.restore(&mut was);
        json!({
            "version": version.version,
            "created_at": version.created_at,
            "user": version.user.and_then(|user| users.get(&user).cloned().flatten()),
            "flag": {
                "key": was.key,
                "name": was.name,
                "active": was.active,
                "deleted": was.deleted,
                "filters": wire::shown_filters(&was),
                "ensure_experience_continuity": was.ensure_experience_continuity,
                "bucketing_identifier": was.bucketing_identifier,
                "evaluation_runtime": was.evaluation_runtime,
                "evaluation_contexts": was.evaluation_contexts,
                "is_remote_configuration": was.is_remote_configuration,
                "has_encrypted_payloads": was.has_encrypted_payloads,
                "tags": was.tags,
            },
        })
    });
    Ok(paginated(&page, count, shown.collect(), &uri))
}

#[derive(Deserialize)]
pub struct Revert {
    version: i64,
}

/// Makes the flag what it was in that version; that is a change like any other, and a new version.
pub async fn revert(
    State(state): State<Flags>,
    access: Access,
    Path((_, name)): Named,
    Body(body): Body<Revert>,
) -> ApiResult<Json<Value>> {
    access.require("feature_flag:write")?;
    let flag = named(&state, &access, &name).await?;
    let version = history::version(&state.db, access.team.id, flag.id, body.version).await?;
    let version = version.ok_or_else(|| ApiError::invalid(format!("The flag has no version {}.", body.version)).attr("version"))?;
    let edit = |flag: &mut Flag| {
        version.restore(flag);
        Ok(())
    };
    let change = state.try_change(access.team.id, access.user(), flag.id, edit).await?;
    Ok(Json(shown(&state, &access, &change.after).await?))
}
