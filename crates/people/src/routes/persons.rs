use crate::list::{self, PersonQuery};
use crate::routes::PeopleState;
use crate::store::{self, PersonKey, Profile};
use crate::{actions, filter, wire};
use axum::extract::{OriginalUri, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use events::{Erase, EventBatch};
use http::{StatusCode, header};
use model::PropertyValue;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use uuid::Uuid;
use web::{Access, ApiError, ApiResult, Body, Page};

const MAX_CSV_ROWS: usize = 10_000;
const MAX_BULK: usize = 1_000;
const SHOWN_VALUES: usize = 20;

pub fn routes(prefix: &str) -> Router<PeopleState> {
    let at = |path: &str| format!("{prefix}/persons{path}");
    Router::new()
        .route(&at(""), get(list))
        .route(&at("/values"), get(values))
        .route(&at("/bulk_delete"), post(bulk_delete))
        .route(&at("/reset_person_distinct_id"), post(reset_distinct_id))
        .route(&at("/{id}"), get(retrieve).patch(update).delete(delete))
        .route(&at("/{id}/split"), post(split))
        .route(&at("/{id}/update_property"), post(update_property))
        .route(&at("/{id}/delete_property"), post(delete_property))
        .route(&at("/{id}/delete_events"), post(delete_events))
}

type Params = HashMap<String, String>;

/// A path below a project: `{project_id}` belongs to [`Access`].
#[derive(Deserialize)]
struct PersonPath {
    id: String,
}

fn given<'p>(params: &'p Params, name: &str) -> Option<&'p str> {
    params.get(name).map(String::as_str).filter(|text| !text.is_empty())
}

fn is_true(params: &Params, name: &str) -> bool {
    given(params, name).is_some_and(|text| matches!(text, "true" | "True" | "1"))
}

async fn list(
    access: Access,
    State(state): State<PeopleState>,
    page: Page,
    Query(params): Query<Params>,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Response> {
    access.require("person:read")?;
    let mut cohorts = Vec::new();
    let filters = match given(&params, "properties") {
        Some(text) => {
            let wrong = |message: String| ApiError::invalid(message).attr("properties");
            let mut json: Value = serde_json::from_str(text).map_err(|_| wrong("Properties are unparsable!".to_owned()))?;
            if json.get("key").is_some() {
                json = Value::Array(vec![json]);
            }
            cohorts = filter::take_cohorts(&mut json).map_err(wrong)?;
            filter::parse(&json).map_err(wrong)?
        }
        None => Vec::new(),
    };
    if let Some(text) = given(&params, "cohort") {
        let id = text.parse().map_err(|_| ApiError::invalid("Must be the id of a cohort.").attr("cohort"))?;
        cohorts.push(filter::InCohort { id, negated: false });
    }
    let (mut among, mut outside) = (Vec::new(), Vec::new());
    for cohort in cohorts {
        let members = state.dimensions.cohort_members(access.team.id, cohort.id).await?.into_iter().collect();
        if cohort.negated { outside.push(members) } else { among.push(members) }
    }
    let own = |name: &str| given(&params, name).map(str::to_owned);
    let query = PersonQuery { distinct_id: own("distinct_id"), email: own("email"), search: own("search"), filters, among, outside };
    let csv = given(&params, "format") == Some("csv");
    let limit = if csv { MAX_CSV_ROWS } else { page.limit };
    let (profiles, more) = list::persons(&state.db, access.team.id, &query, limit, page.offset).await?;
    if csv {
        let headers =
            [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CONTENT_DISPOSITION, "attachment; filename=\"persons.csv\"")];
        return Ok((headers, wire::persons_csv(&profiles, &access.team)).into_response());
    }
    let seen = page.offset + profiles.len() + usize::from(more);
    let results: Vec<Value> = profiles.iter().map(|profile| wire::person(profile, &access.team)).collect();
    let Json(mut body) = web::paginated(&page, seen, results, &uri);
    // Nobody counts all persons for one page of them.
    body.as_object_mut().and_then(|body| body.remove("count"));
    Ok(Json(body).into_response())
}

async fn find(state: &PeopleState, access: &Access, id: &str) -> ApiResult<Profile> {
    let Some(key) = PersonKey::parse(id) else {
        let detail = "The ID provided does not look like a personID. If you are using a distinctId, please use /persons?distinct_id=";
        return Err(ApiError::invalid(format!("{detail}{id}")));
    };
    store::profile(&state.db, access.team.id, key).await?.ok_or_else(ApiError::not_found)
}

async fn retrieve(access: Access, State(state): State<PeopleState>, Path(path): Path<PersonPath>) -> ApiResult<Json<Value>> {
    access.require("person:read")?;
    Ok(Json(wire::person(&find(&state, &access, &path.id).await?, &access.team)))
}

#[derive(Deserialize)]
struct Update {
    #[serde(default)]
    properties: Map<String, Value>,
}

/// Sets the named properties and leaves the others.
async fn update(
    access: Access,
    State(state): State<PeopleState>,
    Path(path): Path<PersonPath>,
    Body(body): Body<Update>,
) -> ApiResult<Json<Value>> {
    access.require("person:write")?;
    let uuid = find(&state, &access, &path.id).await?.person.uuid;
    let edited = actions::edit_person(&state.db, access.team.id, uuid, |properties| {
        for (name, value) in &body.properties {
            properties.set(name.as_str(), PropertyValue::from(value));
        }
    });
    if !edited.await? {
        return Err(ApiError::not_found());
    }
    Ok(Json(wire::person(&find(&state, &access, &path.id).await?, &access.team)))
}

async fn delete(
    access: Access,
    State(state): State<PeopleState>,
    Path(path): Path<PersonPath>,
    Query(params): Query<Params>,
) -> ApiResult<StatusCode> {
    access.require("person:write")?;
    let uuid = find(&state, &access, &path.id).await?.person.uuid;
    if is_true(&params, "delete_events") {
        state.store.erase(Erase::Persons(access.team.id, vec![uuid])).await?;
    }
    actions::delete(&state.db, access.team.id, &[uuid]).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn delete_events(access: Access, State(state): State<PeopleState>, Path(path): Path<PersonPath>) -> ApiResult<StatusCode> {
    access.require("person:write")?;
    let uuid = find(&state, &access, &path.id).await?.person.uuid;
    state.store.erase(Erase::Persons(access.team.id, vec![uuid])).await?;
    Ok(StatusCode::ACCEPTED)
}

#[derive(Deserialize)]
struct BulkDelete {
    #[serde(default)]
    ids: Vec<String>,
    #[serde(default)]
    distinct_ids: Vec<String>,
    #[serde(default)]
    delete_events: bool,
    #[serde(default)]
    keep_person: bool,
}

async fn bulk_delete(
    access: Access,
    State(state): State<PeopleState>,
    Query(params): Query<Params>,
    Body(body): Body<BulkDelete>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    access.require("person:write")?;
    if body.ids.len() + body.distinct_ids.len() > MAX_BULK {
        return Err(ApiError::invalid(format!("You can only pass {MAX_BULK} ids in one call")).attr("ids"));
    }
    if body.ids.is_empty() && body.distinct_ids.is_empty() {
        return Err(ApiError::invalid("You need to specify either distinct_ids or ids"));
    }
    let team = access.team.id;
    let mut wanted: Vec<Uuid> = body.ids.iter().filter_map(|id| Uuid::parse_str(id).ok()).collect();
    let ids: Vec<std::sync::Arc<str>> = body.distinct_ids.iter().map(|id| id.as_str().into()).collect();
    wanted.extend(store::persons_of(&state.db, team, &ids).await?.into_iter().map(|(_, person)| person.uuid));
    wanted.sort_unstable();
    wanted.dedup();
    let found: Vec<Uuid> = store::profiles_of_uuids(&state.db, team, &wanted).await?.iter().map(|profile| profile.person.uuid).collect();
    let erased = body.delete_events || is_true(&params, "delete_events");
    if erased && !found.is_empty() {
        state.store.erase(Erase::Persons(team, found.clone())).await?;
    }
    let deleted = match body.keep_person || is_true(&params, "keep_person") {
        true => 0,
        false => actions::delete(&state.db, team, &found).await?,
    };
    let answer =
        json!({"persons_found": found.len(), "persons_deleted": deleted, "events_queued_for_deletion": erased, "deletion_errors": []});
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

#[derive(Deserialize)]
struct Split {
    main_distinct_id: Option<String>,
}

async fn split(
    access: Access,
    State(state): State<PeopleState>,
    Path(path): Path<PersonPath>,
    Body(body): Body<Split>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    access.require("person:write")?;
    let profile = find(&state, &access, &path.id).await?;
    let main = body.main_distinct_id.as_deref().filter(|id| !id.is_empty());
    if let Some(main) = main
        && store::person_uuid_of(&state.db, access.team.id, main).await? != Some(profile.person.uuid)
    {
        return Err(ApiError::invalid("The distinct ID does not belong to this person.").attr("main_distinct_id"));
    }
    let split = actions::split(&state.db, access.team.id, profile.person.uuid, main).await?;
    let overrides = split.ok_or_else(ApiError::not_found)?;
    let batch = EventBatch { overrides, ..EventBatch::default() };
    state.store.append(batch).await.map_err(anyhow::Error::from)?;
    Ok((StatusCode::CREATED, Json(json!({"success": true}))))
}

#[derive(Deserialize)]
struct SetProperty {
    key: String,
    value: Option<Value>,
}

async fn update_property(
    access: Access,
    State(state): State<PeopleState>,
    Path(path): Path<PersonPath>,
    Body(body): Body<SetProperty>,
) -> ApiResult<StatusCode> {
    access.require("person:write")?;
    let value = PropertyValue::from(&body.value.ok_or_else(|| ApiError::required("value"))?);
    let uuid = find(&state, &access, &path.id).await?.person.uuid;
    let edited = actions::edit_person(&state.db, access.team.id, uuid, |properties| properties.set(body.key.as_str(), value));
    edited.await?.then_some(StatusCode::CREATED).ok_or_else(ApiError::not_found)
}

#[derive(Deserialize)]
struct UnsetProperty {
    #[serde(rename = "$unset")]
    unset: String,
}

async fn delete_property(
    access: Access,
    State(state): State<PeopleState>,
    Path(path): Path<PersonPath>,
    Body(body): Body<UnsetProperty>,
) -> ApiResult<StatusCode> {
    access.require("person:write")?;
    let uuid = find(&state, &access, &path.id).await?.person.uuid;
    let edited = actions::edit_person(&state.db, access.team.id, uuid, |properties| _ = properties.remove(&body.unset));
    edited.await?.then_some(StatusCode::CREATED).ok_or_else(ApiError::not_found)
}

async fn values(access: Access, State(state): State<PeopleState>, Query(params): Query<Params>) -> ApiResult<Json<Value>> {
    access.require("person:read")?;
    let key = given(&params, "key").ok_or_else(|| ApiError::required("key"))?;
    let counts = list::values(&state.db, access.team.id, None, key, given(&params, "value")).await?;
    Ok(Json(wire::value_counts(counts, SHOWN_VALUES)))
}

#[derive(Deserialize)]
struct ResetDistinctId {
    distinct_id: Option<String>,
}

/// Ids of deleted persons can always be used again here, so that there is nothing to reset; the call is answered as PostHog does.
async fn reset_distinct_id(access: Access, Body(body): Body<ResetDistinctId>) -> ApiResult<StatusCode> {
    access.require("person:write")?;
    body.distinct_id.filter(|id| !id.is_empty()).ok_or_else(|| ApiError::required("distinct_id"))?;
    Ok(StatusCode::ACCEPTED)
}
