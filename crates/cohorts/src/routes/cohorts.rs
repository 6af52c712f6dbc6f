use super::upload::{self, Form};
use crate::criteria::from_groups;
use crate::store::NewCohort;
use crate::{Cohort, CohortsState, SCOPE, store, wire};
use activity::Filter;
use axum::extract::{DefaultBodyLimit, OriginalUri, Path, Query, Request, State};
use axum::routing::get;
use axum::{Json, Router};
use db::args;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use web::{Access, ApiError, ApiResult, Page, paginated};

pub fn routes(prefix: &str) -> Router<CohortsState> {
    let at = |path: &str| format!("{prefix}/cohorts{path}");
    Router::new()
        .route(&at(""), get(list).post(create).layer(DefaultBodyLimit::max(crate::csv::MAX_BYTES)))
        .route(&at("/activity"), get(activity_of_all))
        .route(&at("/{id}"), get(retrieve).patch(update).put(update).delete(delete).layer(DefaultBodyLimit::max(crate::csv::MAX_BYTES)))
        .route(&at("/{id}/activity"), get(activity_of_one))
        .route(&at("/{id}/calculation_history"), get(calculation_history))
        .route(&at("/{id}/duplicate_as_static_cohort"), get(duplicate).post(duplicate))
}

/// A path below a project: `{project_id}` belongs to [`Access`].
#[derive(Deserialize)]
pub struct CohortPath {
    pub id: i64,
}

pub async fn shown(state: &CohortsState, cohort: &Cohort) -> ApiResult<Value> {
    let creator = match cohort.created_by {
        Some(user) => (state.users)(user).await?,
        None => None,
    };
    Ok(wire::cohort(cohort, creator))
}

async fn shown_all<'c>(state: &CohortsState, cohorts: impl Iterator<Item = &'c Cohort>) -> ApiResult<Vec<Value>> {
    let (mut creators, mut all) = (HashMap::new(), Vec::new());
    for cohort in cohorts {
        let creator = match cohort.created_by {
            Some(user) => {
                if let std::collections::hash_map::Entry::Vacant(free) = creators.entry(user) {
                    free.insert((state.users)(user).await?);
                }
                creators[&user].clone()
            }
            None => None,
        };
        all.push(wire::cohort(cohort, creator));
    }
    Ok(all)
}

/// `?search=&type=static|dynamic|behavioral|person_property&created_by_id=&hide_behavioral_cohorts=true`
async fn list(
    access: Access,
    State(state): State<CohortsState>,
    page: Page,
    Query(params): Query<HashMap<String, String>>,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    access.require("cohort:read")?;
    let given = |name: &str| params.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let search = given("search").map(str::to_lowercase);
    let hide_behavioral = given("hide_behavioral_cohorts").is_some_and(|text| matches!(text, "true" | "1"));
    let matches = |cohort: &Cohort| {
        let kind = wire::kind(cohort);
        search.as_ref().is_none_or(|search| cohort.name.to_lowercase().contains(search))
            && given("type").is_none_or(|wanted| wanted == kind || wanted == "dynamic" && !cohort.is_static)
            && given("created_by_id").is_none_or(|wanted| cohort.created_by.is_some_and(|user| user.0.to_string() == wanted))
            && !(hide_behavioral && kind == "behavioral")
    };
    let cohorts = store::of_team(&state.db, access.team.id).await?;
    let found: Vec<&Cohort> = cohorts.iter().filter(|cohort| matches(cohort)).collect();
    let results = shown_all(&state, found.iter().skip(page.offset).take(page.limit).copied()).await?;
    Ok(paginated(&page, found.len(), results, &uri))
}

/// The fields that clients write; others are ignored.
#[derive(Debug, Default, Deserialize)]
pub struct Written {
    name: Option<String>,
    description: Option<String>,
    filters: Option<Value>,
    /// What cohorts were made of before there were filters.
    groups: Option<Vec<Value>>,
    #[serde(default, deserialize_with = "given")]
    query: Option<Option<Value>>,
    is_static: Option<bool>,
    deleted: Option<bool>,
    /// Persons of a new static cohort.
    #[serde(rename = "_create_static_person_ids")]
    person_ids: Option<Vec<String>>,
}

/// `null` is given, too.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Value>>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(Some(Some(value).filter(|value| !value.is_null())))
}

impl Written {
    /// Given criteria, in today's form.
    fn criteria(&self) -> Option<Value> {
        let groups = self.groups.as_ref().filter(|groups| !groups.is_empty()).map(|groups| from_groups(groups));
        self.filters.clone().filter(|filters| !filters.is_null()).or(groups)
    }
}

async fn create(access: Access, State(state): State<CohortsState>, request: Request) -> ApiResult<(StatusCode, Json<Value>)> {
    access.require("cohort:write")?;
    let Form { written, listed } = upload::read(request).await?;
    let name = written.name.clone().ok_or_else(|| ApiError::required("name"))?;
    let is_static = written.is_static.unwrap_or(listed.is_some() || written.person_ids.is_some());
    if listed.is_some() && !is_static {
        return Err(ApiError::invalid("A CSV file can only fill a static cohort.").attr("csv"));
    }
    let new = NewCohort {
        name,
        description: written.description.clone().unwrap_or_default(),
        filters: if is_static { json!({}) } else { written.criteria().unwrap_or_else(|| json!({})) },
        query: written.query.clone().flatten(),
        is_static,
    };
    let persons = persons(&state, &access, &written, listed).await?;
    let mut cohort = state.create(&access.team, access.user(), new).await?;
    if let Some(persons) = persons.filter(|_| is_static) {
        cohort = state.add_persons(&cohort, &persons).await?;
    }
    Ok((StatusCode::CREATED, Json(shown(&state, &cohort).await?)))
}

/// The persons that a request names, by a file or by their ids.
async fn persons(
    state: &CohortsState,
    access: &Access,
    written: &Written,
    listed: Option<crate::csv::Listed>,
) -> ApiResult<Option<Vec<uuid::Uuid>>> {
    if let Some(listed) = listed {
        return Ok(Some(crate::members::persons_named(&state.db, access.team.id, &listed.ids, listed.by).await?));
    }
    written.person_ids.as_ref().map(|ids| super::persons::uuids(ids, "_create_static_person_ids")).transpose()
}

async fn retrieve(access: Access, State(state): State<CohortsState>, Path(path): Path<CohortPath>) -> ApiResult<Json<Value>> {
    access.require("cohort:read")?;
    Ok(Json(shown(&state, &state.cohort(access.team.id, path.id).await?).await?))
}

async fn update(
    access: Access,
    State(state): State<CohortsState>,
    Path(path): Path<CohortPath>,
    request: Request,
) -> ApiResult<Json<Value>> {
    access.require("cohort:write")?;
    let Form { written, listed } = upload::read(request).await?;
    let persons = persons(&state, &access, &written, listed).await?;
    let edit = |cohort: &mut Cohort| {
        let criteria = written.criteria();
        if let Some(name) = written.name {
            cohort.name = name;
        }
        if let Some(description) = written.description {
            cohort.description = description;
        }
        if let Some(filters) = criteria.filter(|_| !cohort.is_static) {
            cohort.filters = filters;
        }
        if let Some(query) = written.query {
            cohort.query = query;
        }
        cohort.is_static = written.is_static.unwrap_or(cohort.is_static);
        cohort.deleted = written.deleted.unwrap_or(cohort.deleted);
        Ok(())
    };
    let mut cohort = state.change(&access.team, access.user(), path.id, edit).await?;
    if let Some(persons) = persons {
        cohort = state.add_persons(&cohort, &persons).await?;
    }
    Ok(Json(shown(&state, &cohort).await?))
}

/// Cohorts are deleted with `PATCH {"deleted": true}`, so that they can come back.
async fn delete(access: Access) -> ApiResult<StatusCode> {
    access.require("cohort:write")?;
    Err(ApiError::method_not_allowed())
}

async fn duplicate(access: Access, State(state): State<CohortsState>, Path(path): Path<CohortPath>) -> ApiResult<Json<Value>> {
    access.require("cohort:write")?;
    let cohort = state.cohort(access.team.id, path.id).await?;
    if cohort.is_static {
        return Err(ApiError::invalid("This cohort is static already."));
    }
    let persons = crate::members::all(&state.db, access.team.id, cohort.id).await?;
    let copy = state.create_static(&access.team, access.user(), format!("{} (static copy)", cohort.name), &persons).await?;
    Ok(Json(shown(&state, &copy).await?))
}

async fn activity_of_all(
    access: Access,
    State(state): State<CohortsState>,
    page: Page,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    activity_of(&access, &state, None, &page, &uri).await
}

async fn activity_of_one(
    access: Access,
    State(state): State<CohortsState>,
    Path(path): Path<CohortPath>,
    page: Page,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    store::find(&state.db, access.team.id, path.id).await?.ok_or_else(ApiError::not_found)?;
    activity_of(&access, &state, Some(path.id.to_string()), &page, &uri).await
}

async fn activity_of(access: &Access, state: &CohortsState, item: Option<String>, page: &Page, uri: &http::Uri) -> ApiResult<Json<Value>> {
    access.require("activity_log:read")?;
    let filter = Filter { scopes: vec![SCOPE.to_owned()], item, user: None };
    let of = (access.team.organization, access.team.id);
    Ok(Json(activity::page(&state.db, &state.users, of, &filter, page, uri).await?))
}

/// The last computations, newest first.
async fn calculation_history(
    access: Access,
    State(state): State<CohortsState>,
    Path(path): Path<CohortPath>,
    page: Page,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    access.require("cohort:read")?;
    let cohort = state.cohort(access.team.id, path.id).await?;
    let sql = "SELECT id, version, started_at, finished_at, count, error FROM cohort_calculation WHERE cohort_id = $1 ORDER BY id DESC";
    let rows = state.db.fetch_all(sql, args![cohort.id]).await?;
    let total = rows.len();
    let mut results = Vec::new();
    for row in rows.iter().skip(page.offset).take(page.limit) {
        let (started, finished): (model::Timestamp, model::Timestamp) = (row.get("started_at")?, row.get("finished_at")?);
        let error: Option<String> = row.get("error")?;
        let mut entry = Map::new();
        entry.insert("id".to_owned(), row.get::<i64>("id")?.into());
        entry.insert("version".to_owned(), row.get::<i64>("version")?.into());
        entry.insert("count".to_owned(), row.get::<Option<i64>>("count")?.into());
        entry.insert("started_at".to_owned(), json!(started));
        entry.insert("finished_at".to_owned(), json!(finished));
        entry.insert("total_query_ms".to_owned(), ((finished.0 - started.0) / 1_000).into());
        entry.insert("is_successful".to_owned(), error.is_none().into());
        entry.insert("error".to_owned(), error.into());
        results.push(Value::Object(entry));
    }
    Ok(paginated(&page, total, results, &uri))
}
