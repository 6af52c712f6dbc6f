use crate::CohortsState;
use axum::Router;

pub fn routes(_state: CohortsState) -> Router {
    Router::new()
}
