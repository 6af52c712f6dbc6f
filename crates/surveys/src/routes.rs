use crate::SurveysState;
use axum::Router;

pub fn routes(_state: SurveysState) -> Router {
    Router::new()
}
