//! What can be asked about sessions.

use super::events::{answered, suggestions};
use crate::InsightsState;
use crate::run::Purpose;
use axum::extract::{OriginalUri, Query, State};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use query::PropertyType;
use serde_json::{Value, json};
use std::collections::HashMap;
use web::{Access, ApiError, ApiResult, Page};

pub fn routes(prefix: &str) -> Router<InsightsState> {
    Router::new()
        .route(&format!("{prefix}/sessions/property_definitions"), get(definitions))
        .route(&format!("{prefix}/sessions/values"), get(values))
}

async fn definitions(
    access: Access,
    page: Page,
    Query(parameters): Query<HashMap<String, String>>,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<impl IntoResponse> {
    access.require("property_definition:read")?;
    let search = parameters.get("search").map(|text| text.trim().to_lowercase()).unwrap_or_default();
    let matching: Vec<Value> = query::session_properties()
        .filter(|(name, _)| name.contains(&search))
        .map(|(name, kind)| {
            let (kind, is_numerical) = match kind {
                PropertyType::Numeric => ("Numeric", true),
                PropertyType::Boolean => ("Boolean", false),
                PropertyType::DateTime => ("DateTime", false),
                PropertyType::String => ("String", false),
            };
            json!({"id": name, "name": name, "property_type": kind, "is_numerical": is_numerical, "is_seen_on_filtered_events": null, "tags": []})
        })
        .collect();
    let shown = matching.iter().skip(page.offset).take(page.limit).cloned().collect();
    Ok(web::paginated(&page, matching.len(), shown, &uri))
}

async fn values(
    State(state): State<InsightsState>,
    access: Access,
    Query(parameters): Query<HashMap<String, String>>,
) -> ApiResult<Json<Value>> {
    access.require("query:read")?;
    let key = parameters.get("key").filter(|key| !key.is_empty()).ok_or_else(|| ApiError::required("key"))?;
    let body = answered(&state, &access, suggestions(key, "session", &parameters), Purpose::Api).await?;
    Ok(Json(body["results"].clone()))
}
