use crate::ActionsState;
use axum::Router;

pub fn routes(_state: ActionsState) -> Router {
    Router::new()
}
