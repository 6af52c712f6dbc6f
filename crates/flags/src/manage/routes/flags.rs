//! The list of flags, and one flag.

use super::draft::{Draft, warnings};
use super::listing::Listing;
use super::named;
use crate::manage::wire::Context;
use crate::{Flag, Flags, store};
use axum::Json;
use axum::extract::{OriginalUri, Path, RawQuery, State};
use http::StatusCode;
use serde_json::Value;
use web::{Access, ApiError, ApiResult, Body, Page, paginated};

pub async fn list(
    State(state): State<Flags>,
    access: Access,
    page: Page,
    RawQuery(query): RawQuery,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    access.require("feature_flag:read")?;
    let listing = Listing::parse(query.as_deref().unwrap_or_default())?;
    let links = if listing.wants_links() { state.links(access.team.id).await? } else { Default::default() };
    let flags = listing.apply(store::of_team(&state.db, access.team.id).await?, &links, state.clock.now());
    let count = flags.len();
    let shown: Vec<Flag> = flags.into_iter().skip(page.offset).take(page.limit).collect();
    let context = Context::of_team(&state, &access.team, &shown).await?;
    Ok(paginated(&page, count, shown.iter().map(|flag| context.flag(flag)).collect(), &uri))
}

pub async fn create(State(state): State<Flags>, access: Access, Body(draft): Body<Draft>) -> ApiResult<(StatusCode, Json<Value>)> {
    access.require("feature_flag:write")?;
    let flag = state.create(access.team.id, access.user(), draft.into_new()?).await?;
    Ok((StatusCode::CREATED, Json(shown(&state, &access, &flag).await?)))
}

pub async fn retrieve(State(state): State<Flags>, access: Access, Path((_, name)): Path<(String, String)>) -> ApiResult<Json<Value>> {
    access.require("feature_flag:read")?;
    let flag = named(&state, &access, &name).await?;
    Ok(Json(shown(&state, &access, &flag).await?))
}

pub async fn change(
    State(state): State<Flags>,
    access: Access,
    Path((_, name)): Path<(String, String)>,
    Body(draft): Body<Draft>,
) -> ApiResult<Json<Value>> {
    access.require("feature_flag:write")?;
    let id = match name.parse() {
        Ok(id) => id,
        Err(_) => named(&state, &access, &name).await?.id,
    };
    let change = state.try_change(access.team.id, access.user(), id, |flag: &mut Flag| draft.apply(flag)).await?;
    let mut reply = shown(&state, &access, &change.after).await?;
    let warnings = warnings(&state, access.team.id, &change.before, &change.after).await?;
    if !warnings.is_empty() {
        reply["warnings"] = warnings.into();
    }
    Ok(Json(reply))
}

/// Flags are deleted by `PATCH {"deleted": true}`, and come back by `false`.
pub async fn refuse_delete(access: Access) -> ApiResult<()> {
    access.require("feature_flag:write")?;
    Err(ApiError::method_not_allowed())
}

pub async fn shown(state: &Flags, access: &Access, flag: &Flag) -> ApiResult<Value> {
    Ok(Context::of_flag(state, &access.team, flag).await?.flag(flag))
}
