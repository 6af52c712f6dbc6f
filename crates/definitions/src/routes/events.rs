use crate::routes::{self, DefinitionPath, DefinitionsState, Edit, Params, flag, given, names};
use crate::store::{self, Table, Where};
use crate::wire;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde_json::Value;
use web::{Access, ApiError, ApiResult, Body, Page};

pub fn routes(prefix: &str) -> Router<DefinitionsState> {
    let at = |path: &str| format!("{prefix}/event_definitions{path}");
    Router::new()
        .route(&at(""), get(list))
        .route(&at("/by_name"), get(by_name))
        .route(&at("/{id}"), get(retrieve).patch(update).put(update).delete(delete))
}

/// Columns that clients may order by.
fn order(params: &Params) -> String {
    let ordering = given(params, "ordering").unwrap_or("-last_seen_at");
    let (name, direction) = match ordering.strip_prefix('-') {
        Some(name) => (name, "DESC"),
        None => (ordering, "ASC"),
    };
    match name {
        "name" => format!("d.name {direction}"),
        "created_at" => format!("d.created_at {direction}, d.name"),
        // Both databases must put the never seen last.
        _ => format!("COALESCE(d.last_seen_at, 0) {direction}, d.name"),
    }
}

async fn list(
    access: Access,
    State(state): State<DefinitionsState>,
    page: Page,
    Query(params): Query<Params>,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    access.require("event_definition:read")?;
    let mut condition = Where::team(access.team.id);
    condition.and_search(given(&params, "search").unwrap_or_default());
    match given(&params, "event_type").unwrap_or("all") {
        "event_custom" => condition.and("d.name NOT LIKE '$%'"),
        "event_posthog" => condition.and("d.name LIKE '$%'"),
        _ => {}
    }
    if flag(&params, "exclude_hidden") == Some(true) {
        let at = condition.arg(false);
        condition.and(&format!("d.hidden = ${at}"));
    }
    if let Some(verified) = flag(&params, "verified") {
        let at = condition.arg(verified);
        condition.and(&format!("d.verified = ${at}"));
    }
    if let Some(excluded) = names(&params, "excluded_events")? {
        condition.and_in("d.name", true, &excluded);
    }
    for tag in names(&params, "tags")?.unwrap_or_default().iter().take(20) {
        let at = condition.arg(format!("%{}%", Value::from(tag.to_lowercase())));
        condition.and(&format!("d.tags LIKE ${at}"));
    }
    let (found, count) = store::list(&state.db, Table::Events, &condition, &order(&params), page.limit, page.offset).await?;
    Ok(web::paginated(&page, count, found.iter().map(wire::definition).collect(), &uri))
}

async fn by_name(access: Access, State(state): State<DefinitionsState>, Query(params): Query<Params>) -> ApiResult<Json<Value>> {
    access.require("event_definition:read")?;
    let name = given(&params, "name").ok_or_else(|| ApiError::required("name"))?;
    let mut condition = Where::team(access.team.id);
    let at = condition.arg(name);
    condition.and(&format!("d.name = ${at}"));
    let (found, _) = store::list(&state.db, Table::Events, &condition, "d.name", 1, 0).await?;
    found.first().map(|found| Json(wire::definition(found))).ok_or_else(ApiError::not_found)
}

async fn retrieve(access: Access, State(state): State<DefinitionsState>, Path(path): Path<DefinitionPath>) -> ApiResult<Json<Value>> {
    access.require("event_definition:read")?;
    Ok(Json(wire::definition(&routes::find(&state, &access, Table::Events, &path.id).await?)))
}

async fn update(
    access: Access,
    State(state): State<DefinitionsState>,
    Path(path): Path<DefinitionPath>,
    Body(edit): Body<Edit>,
) -> ApiResult<Json<Value>> {
    access.require("event_definition:write")?;
    Ok(Json(wire::definition(&routes::edit(&state, &access, Table::Events, &path.id, edit).await?)))
}

async fn delete(access: Access, State(state): State<DefinitionsState>, Path(path): Path<DefinitionPath>) -> ApiResult<StatusCode> {
    access.require("event_definition:write")?;
    routes::delete(&state, &access, Table::Events, &path.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
