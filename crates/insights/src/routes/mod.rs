//! The HTTP surface: queries, saved insights, the events list.

mod dashboards;
mod events;
mod insights;
mod query;
mod sessions;

use crate::InsightsState;
use axum::Router;
use axum::extract::DefaultBodyLimit;

/// Bodies of queries and insights.
const MAX_BODY: usize = 4 << 20;

pub fn routes(state: InsightsState) -> Router {
    web::both_prefixes(|prefix| {
        Router::new()
            .merge(query::routes(prefix))
            .merge(insights::routes(prefix))
            .merge(events::routes(prefix))
            .merge(dashboards::routes(prefix))
            .merge(sessions::routes(prefix))
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(state.clone())
    })
}

/// `true`, `1`, `True` … in a query string.
fn flag(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "yes")
}

#[cfg(test)]
mod tests;
