use super::cohorts::{CohortPath, shown};
use crate::{CohortsState, members, store};
use axum::extract::{OriginalUri, Path, Query, State};
use axum::routing::{get, patch};
use axum::{Json, Router};
use people::store::{PersonKey, profile, profiles_of_uuids};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;
use web::{Access, ApiError, ApiResult, Body, Page, paginated};

pub fn routes(prefix: &str) -> Router<CohortsState> {
    let at = |path: &str| format!("{prefix}/cohorts/{{id}}{path}");
    Router::new()
        .route(&at("/persons"), get(persons))
        .route(&at("/add_persons_to_static_cohort"), patch(add).post(add))
        .route(&at("/remove_person_from_static_cohort"), patch(remove).post(remove))
        .route(&format!("{prefix}/persons/cohorts"), get(of_person))
}

async fn persons(
    access: Access,
    State(state): State<CohortsState>,
    Path(path): Path<CohortPath>,
    page: Page,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    access.require("cohort:read")?;
    let cohort = state.cohort(access.team.id, path.id).await?;
    let ids = members::page(&state.db, &cohort, page.limit + 1, page.offset).await?;
    let found = page.offset + ids.len();
    let shown = &ids[..ids.len().min(page.limit)];
    let mut profiles = profiles_of_uuids(&state.db, access.team.id, shown).await?;
    profiles.sort_by_key(|profile| profile.person.uuid);
    let results = profiles.iter().map(|profile| people::wire::person(profile, &access.team)).collect();
    let Json(mut body) = paginated(&page, found, results, &uri);
    body["count"] = json!(cohort.count);
    Ok(Json(body))
}

#[derive(Deserialize)]
struct Add {
    person_ids: Vec<String>,
}

pub fn uuids(ids: &[String], attr: &'static str) -> ApiResult<Vec<Uuid>> {
    let parse = |id: &String| Uuid::try_parse(id).map_err(|_| ApiError::invalid(format!("\"{id}\" is not the id of a person.")).attr(attr));
    ids.iter().map(parse).collect()
}

async fn add(
    access: Access,
    State(state): State<CohortsState>,
    Path(path): Path<CohortPath>,
    Body(body): Body<Add>,
) -> ApiResult<Json<Value>> {
    access.require("cohort:write")?;
    let cohort = state.cohort(access.team.id, path.id).await?;
    let cohort = state.add_persons(&cohort, &uuids(&body.person_ids, "person_ids")?).await?;
    Ok(Json(shown(&state, &cohort).await?))
}

#[derive(Deserialize)]
struct Remove {
    person_id: String,
}

async fn remove(
    access: Access,
    State(state): State<CohortsState>,
    Path(path): Path<CohortPath>,
    Body(body): Body<Remove>,
) -> ApiResult<Json<Value>> {
    access.require("cohort:write")?;
    let cohort = state.cohort(access.team.id, path.id).await?;
    if !cohort.is_static {
        return Err(ApiError::invalid("Persons can only be removed from static cohorts."));
    }
    let person = uuids(std::slice::from_ref(&body.person_id), "person_id")?[0];
    match members::remove(&state.db, &cohort, person).await? {
        true => Ok(Json(shown(&state, &state.cohort(access.team.id, cohort.id).await?).await?)),
        false => Err(ApiError::not_found_as("The person is not in this cohort.")),
    }
}

/// `?person_id=`: the cohorts that a person is in.
async fn of_person(
    access: Access,
    State(state): State<CohortsState>,
    Query(params): Query<HashMap<String, String>>,
) -> ApiResult<Json<Value>> {
    access.require("person:read")?;
    access.require("cohort:read")?;
    let id = params.get("person_id").filter(|id| !id.is_empty()).ok_or_else(|| ApiError::required("person_id"))?;
    let key = PersonKey::parse(id).ok_or_else(|| ApiError::invalid("person_id must be the id of a person.").attr("person_id"))?;
    let person = profile(&state.db, access.team.id, key).await?.ok_or_else(ApiError::not_found)?.person.uuid;
    let ids = store::of_person(&state.db, access.team.id, person).await?;
    let mut results = Vec::new();
    for cohort in store::of_team(&state.db, access.team.id).await?.iter().filter(|cohort| ids.contains(&cohort.id)) {
        results.push(shown(&state, cohort).await?);
    }
    Ok(Json(json!({ "results": results })))
}
