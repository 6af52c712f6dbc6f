//! `/surveys`: making, changing, deleting.

use crate::change::{self, Targeting};
use crate::store::{self, Filter};
use crate::survey::{Kind, Survey};
use crate::wire::{self, FlagsById};
use crate::{SurveysState, saving};
use axum::Json;
use axum::extract::{OriginalUri, Path, Query, State};
use http::StatusCode;
use serde_json::{Map, Value};
use std::collections::HashMap;
use uuid::Uuid;
use web::{Access, ApiError, ApiResult, Body, Page};

type Of = Path<HashMap<String, String>>;

const MAX_COPIES: usize = 1_000;

pub async fn list(
    access: Access,
    State(state): State<SurveysState>,
    Query(params): Query<HashMap<String, String>>,
    page: Page,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    access.require("survey:read")?;
    let given = |name: &str| params.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let filter = Filter {
        search: given("search").map(str::to_owned),
        kind: given("type").and_then(Kind::parse),
        archived: given("archived").map(|text| matches!(text, "true" | "True" | "1")),
    };
    let (count, surveys) = store::list(&state.db, access.team.id, &filter, page.limit, page.offset).await?;
    let flags = FlagsById::of(&state.db, access.team.id, &surveys).await?;
    let mut shown = Vec::with_capacity(surveys.len());
    for survey in &surveys {
        shown.push(wire::managed(survey, &flags, &state.users).await?);
    }
    Ok(web::paginated(&page, count, shown, &uri))
}

pub async fn read(access: Access, State(state): State<SurveysState>, path: Of) -> ApiResult<Json<Value>> {
    access.require("survey:read")?;
    let survey = find(&state, &access, &path).await?;
    shown(&state, &survey).await
}

pub async fn create(
    access: Access,
    State(state): State<SurveysState>,
    Body(body): Body<Map<String, Value>>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    access.require("survey:write")?;
    if !body.contains_key("type") {
        return Err(ApiError::required("type"));
    }
    let _writing = state.writing.lock().await;
    let now = state.clock.now();
    let mut survey = change::draft(access.team.id, access.user(), now);
    let targeting = change::apply(&body, &mut survey, now)?;
    let survey = saving::save(&state, &access.team, access.user(), None, survey, targeting).await?;
    Ok((StatusCode::CREATED, shown(&state, &survey).await?))
}

pub async fn update(
    access: Access,
    State(state): State<SurveysState>,
    path: Of,
    Body(body): Body<Map<String, Value>>,
) -> ApiResult<Json<Value>> {
    access.require("survey:write")?;
    let _writing = state.writing.lock().await;
    let before = find(&state, &access, &path).await?;
    let mut after = before.clone();
    let targeting = change::apply(&body, &mut after, state.clock.now())?;
    let survey = saving::save(&state, &access.team, access.user(), Some(&before), after, targeting).await?;
    shown(&state, &survey).await
}

pub async fn delete(access: Access, State(state): State<SurveysState>, path: Of) -> ApiResult<StatusCode> {
    access.require("survey:write")?;
    let _writing = state.writing.lock().await;
    let survey = find(&state, &access, &path).await?;
    saving::delete(&state, &access.team, access.user(), &survey).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A draft like it, under a name of its own.
pub async fn duplicate(access: Access, State(state): State<SurveysState>, path: Of) -> ApiResult<(StatusCode, Json<Value>)> {
    access.require("survey:write")?;
    let _writing = state.writing.lock().await;
    let original = find(&state, &access, &path).await?;
    let now = state.clock.now();
    let fresh = change::draft(access.team.id, access.user(), now);
    let mut copy = Survey { id: fresh.id, created_by: fresh.created_by, created_at: now, updated_at: now, ..original.clone() };
    (copy.start, copy.end, copy.archived) = (None, None, false);
    (copy.internal_flag, copy.iteration_starts, copy.current_iteration) = (None, Vec::new(), None);
    for question in copy.questions.iter_mut().filter_map(Value::as_object_mut) {
        question.insert("id".to_owned(), Uuid::new_v4().to_string().into());
    }
    copy.name = free_name(&state, &original).await?;
    let filters = match copy.targeting_flag.take() {
        Some(flag) => flags::store::by_id(&state.db, copy.team, flag).await?.map(|flag| flag.filters),
        None => None,
    };
    let targeting = filters.map_or(Targeting::Keep, Targeting::Filters);
    let copy = saving::save(&state, &access.team, access.user(), None, copy, targeting).await?;
    Ok((StatusCode::CREATED, shown(&state, &copy).await?))
}

async fn free_name(state: &SurveysState, original: &Survey) -> ApiResult<String> {
    let base: String = original.name.chars().take(380).collect();
    for number in 1..=MAX_COPIES {
        let name = if number == 1 { format!("{base} (copy)") } else { format!("{base} (copy {number})") };
        if !store::is_name_taken(&state.db, original.team, &name, Uuid::nil()).await? {
            return Ok(name);
        }
    }
    Err(ApiError::invalid("There are too many copies of this survey; delete some first."))
}

pub async fn activity_of_all(
    access: Access,
    State(state): State<SurveysState>,
    page: Page,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    access.require("activity_log:read")?;
    activity_page(&state, &access, None, page, &uri).await
}

pub async fn activity(
    access: Access,
    State(state): State<SurveysState>,
    path: Of,
    page: Page,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    access.require("activity_log:read")?;
    let item = id_in(&path)?.to_string();
    activity_page(&state, &access, Some(item), page, &uri).await
}

async fn activity_page(state: &SurveysState, access: &Access, item: Option<String>, page: Page, uri: &http::Uri) -> ApiResult<Json<Value>> {
    let filter = activity::Filter { scopes: vec![saving::SCOPE.to_owned()], item, user: None };
    let project = (access.team.organization, access.team.id);
    Ok(Json(activity::page(&state.db, &state.users, project, &filter, &page, uri).await?))
}

async fn shown(state: &SurveysState, survey: &Survey) -> ApiResult<Json<Value>> {
    let flags = FlagsById::of(&state.db, survey.team, std::slice::from_ref(survey)).await?;
    Ok(Json(wire::managed(survey, &flags, &state.users).await?))
}

fn id_in(path: &HashMap<String, String>) -> ApiResult<Uuid> {
    path.get("id").and_then(|id| Uuid::parse_str(id).ok()).ok_or_else(ApiError::not_found)
}

pub async fn find(state: &SurveysState, access: &Access, path: &HashMap<String, String>) -> ApiResult<Survey> {
    store::by_id(&state.db, access.team.id, id_in(path)?).await?.ok_or_else(ApiError::not_found)
}
