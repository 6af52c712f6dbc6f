use crate::ExperimentsState;
use axum::Router;

pub fn routes(_state: ExperimentsState) -> Router {
    Router::new()
}
