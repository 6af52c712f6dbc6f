use crate::routes::{self, DefinitionPath, DefinitionsState, Edit, Params, flag, given, names};
use crate::store::{self, Table, Where};
use crate::wire;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use db::parameter_list;
use http::StatusCode;
use serde_json::{Map, Value};
use std::collections::HashSet;
use web::{Access, ApiError, ApiResult, Body, Page};

pub fn routes(prefix: &str) -> Router<DefinitionsState> {
    let at = |path: &str| format!("{prefix}/property_definitions{path}");
    Router::new()
        .route(&at(""), get(list))
        .route(&at("/seen_together"), get(seen_together))
        .route(&at("/{id}"), get(retrieve).patch(update).put(update).delete(delete))
}

/// Sent with every event of PostHog's SDKs and of no use in a list of choices.
const CORE_PROPERTIES: &[&str] = &[
    "$set",
    "$set_once",
    "$initial_referrer",
    "$initial_referring_domain",
    "$feature_flag_payloads",
    "token",
    "distinct_id",
    "$ip",
    "$sent_at",
    "$lib_custom_api_host",
    "$time",
    "$insert_id",
];

async fn list(
    access: Access,
    State(state): State<DefinitionsState>,
    page: Page,
    Query(params): Query<Params>,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    access.require("property_definition:read")?;
    let mut condition = Where::team(access.team.id);
    kind_condition(&mut condition, &params)?;
    condition.and_search(given(&params, "search").unwrap_or_default());
    name_conditions(&mut condition, &params)?;
    let events = names(&params, "event_names")?.unwrap_or_default();
    if flag(&params, "filter_by_event_names") == Some(true) && !events.is_empty() {
        let first = condition.arg(events[0].clone());
        events[1..].iter().for_each(|event| _ = condition.arg(event.clone()));
        let list = parameter_list(first, events.len());
        condition.and(&format!("d.name IN (SELECT property FROM event_property WHERE team_id = $1 AND event IN ({list}))"));
    }
    // Those of the chosen events first, then what the project calls its own.
    let order = "CASE WHEN d.verified THEN 0 ELSE 1 END, CASE WHEN d.name LIKE '$%' THEN 1 ELSE 0 END, d.name";
    let (found, count) = store::list(&state.db, Table::Properties, &condition, order, page.limit, page.offset).await?;
    let shown: Vec<String> = found.iter().map(|found| found.name.clone()).collect();
    let seen: HashSet<String> =
        store::seen_on(&state.db, access.team.id, &events, &shown).await?.into_iter().map(|(_, property)| property).collect();
    let results = found.iter().map(|found| {
        let mut answer = wire::definition(found);
        if !events.is_empty() {
            answer["is_seen_on_filtered_events"] = seen.contains(&found.name).into();
        }
        answer
    });
    Ok(web::paginated(&page, count, results.collect(), &uri))
}

fn kind_condition(condition: &mut Where, params: &Params) -> ApiResult<()> {
    let kind = match given(params, "type").unwrap_or("event") {
        "event" => 1,
        "person" => 2,
        "group" => 3,
        "session" => 4,
        other => return Err(ApiError::validation("invalid_choice", format!("\"{other}\" is not a valid choice.")).attr("type")),
    };
    let at = condition.arg(kind);
    condition.and(&format!("d.kind = ${at}"));
    if kind == 3 {
        let index = given(params, "group_type_index").and_then(|text| text.parse::<i64>().ok());
        let index = index.ok_or_else(|| ApiError::invalid("`group_type_index` must be set for `group` type.").attr("group_type_index"))?;
        let at = condition.arg(index);
        condition.and(&format!("d.group_type_index = ${at}"));
    }
    Ok(())
}

fn name_conditions(condition: &mut Where, params: &Params) -> ApiResult<()> {
    if let Some(wanted) = names(params, "properties")? {
        condition.and_in("d.name", false, &wanted);
    }
    if let Some(excluded) = names(params, "excluded_properties")? {
        condition.and_in("d.name", true, &excluded);
    }
    if flag(params, "exclude_core_properties") == Some(true) {
        let core: Vec<String> = CORE_PROPERTIES.iter().map(|name| (*name).to_owned()).collect();
        condition.and_in("d.name", true, &core);
    }
    match flag(params, "is_feature_flag") {
        Some(true) => condition.and("d.name LIKE '$feature/%'"),
        Some(false) => condition.and("d.name NOT LIKE '$feature/%'"),
        None => {}
    }
    for (param, column) in [("is_numerical", "d.is_numerical"), ("verified", "d.verified")] {
        if let Some(wanted) = flag(params, param) {
            let at = condition.arg(wanted);
            condition.and(&format!("{column} = ${at}"));
        }
    }
    if flag(params, "exclude_hidden") == Some(true) {
        let at = condition.arg(false);
        condition.and(&format!("d.hidden = ${at}"));
    }
    Ok(())
}

/// `{"event": true}` for every event that the property was seen on.
async fn seen_together(access: Access, State(state): State<DefinitionsState>, Query(params): Query<Params>) -> ApiResult<Json<Value>> {
    access.require("property_definition:read")?;
    let events = names(&params, "event_names")?.ok_or_else(|| ApiError::required("event_names"))?;
    let property = given(&params, "property_name").ok_or_else(|| ApiError::required("property_name"))?.to_owned();
    let seen: HashSet<String> =
        store::seen_on(&state.db, access.team.id, &events, &[property]).await?.into_iter().map(|(event, _)| event).collect();
    let answer: Map<String, Value> = events.into_iter().map(|event| (event.clone(), seen.contains(&event).into())).collect();
    Ok(Json(Value::Object(answer)))
}

async fn retrieve(access: Access, State(state): State<DefinitionsState>, Path(path): Path<DefinitionPath>) -> ApiResult<Json<Value>> {
    access.require("property_definition:read")?;
    Ok(Json(wire::definition(&routes::find(&state, &access, Table::Properties, &path.id).await?)))
}

async fn update(
    access: Access,
    State(state): State<DefinitionsState>,
    Path(path): Path<DefinitionPath>,
    Body(edit): Body<Edit>,
) -> ApiResult<Json<Value>> {
    access.require("property_definition:write")?;
    Ok(Json(wire::definition(&routes::edit(&state, &access, Table::Properties, &path.id, edit).await?)))
}

async fn delete(access: Access, State(state): State<DefinitionsState>, Path(path): Path<DefinitionPath>) -> ApiResult<StatusCode> {
    access.require("property_definition:write")?;
    routes::delete(&state, &access, Table::Properties, &path.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
