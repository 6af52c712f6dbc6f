//! Experiments, holdouts and shared metrics of a project, and the list that browsers fetch.

mod experiments;
mod exposure_cohort;
mod holdouts;
mod lifecycle;
mod running_time;
mod saved_metrics;
mod timeseries;
mod web_experiments;

use crate::ExperimentsState;
use axum::Router;
use flags::Flags;

pub fn routes(state: ExperimentsState) -> Router {
    let within = |prefix: &str| {
        experiments::routes(prefix)
            .merge(lifecycle::routes(prefix))
            .merge(exposure_cohort::routes(prefix))
            .merge(timeseries::routes(prefix))
            .merge(running_time::routes(prefix))
            .merge(holdouts::routes(prefix))
            .merge(saved_metrics::routes(prefix))
            .merge(web_experiments::routes(prefix))
            .with_state(state.clone())
    };
    web::both_prefixes(within)
}

/// For browsers, which have the project's public token and nothing else.
pub fn public(flags: Flags) -> Router {
    web_experiments::public().with_state(flags).layer(axum::middleware::from_fn(web::any_origin))
}
