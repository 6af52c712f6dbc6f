//! Dashboards do not exist yet; clients that list them find none.

use crate::InsightsState;
use axum::Router;
use axum::extract::OriginalUri;
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::Value;
use web::{Access, ApiError, ApiResult, Page};

pub fn routes(prefix: &str) -> Router<InsightsState> {
    Router::new().route(&format!("{prefix}/dashboards"), get(list)).route(&format!("{prefix}/dashboards/{{id}}"), get(missing))
}

async fn list(access: Access, page: Page, OriginalUri(uri): OriginalUri) -> ApiResult<impl IntoResponse> {
    access.require("dashboard:read")?;
    Ok(web::paginated(&page, 0, Vec::<Value>::new(), &uri))
}

async fn missing(access: Access) -> ApiResult<()> {
    access.require("dashboard:read")?;
    Err(ApiError::not_found())
}
