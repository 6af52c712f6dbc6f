//! The URL space of this crate: management and results below a project, what SDKs and respondents fetch outside of it.

mod hosted;
mod list;
pub mod manage;
mod results;

use crate::SurveysState;
use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;

/// For those who manage surveys.
pub fn routes(state: SurveysState) -> Router {
    web::both_prefixes(|prefix| {
        let one = format!("{prefix}/surveys/{{id}}");
        Router::new()
            .route(&format!("{prefix}/surveys"), get(manage::list).post(manage::create))
            .route(&format!("{prefix}/surveys/stats"), get(results::stats_of_all))
            .route(&format!("{prefix}/surveys/responses_count"), get(results::responses_count))
            .route(&format!("{prefix}/surveys/activity"), get(manage::activity_of_all))
            .route(&one, get(manage::read).patch(manage::update).delete(manage::delete))
            .route(&format!("{one}/duplicate"), axum::routing::post(manage::duplicate))
            .route(&format!("{one}/activity"), get(manage::activity))
            .route(&format!("{one}/stats"), get(results::stats))
            .route(&format!("{one}/summary"), get(results::summary))
            .route(&format!("{one}/responses"), get(results::responses))
            .route(&format!("{one}/responses.csv"), get(results::csv))
            .with_state(state.clone())
    })
}

/// For everyone: the list for SDKs, and the pages of surveys that have one.
pub fn public(state: SurveysState) -> Router {
    let for_sdks = Router::new().route("/api/surveys", get(list::list)).layer(from_fn(web::any_origin));
    let pages = Router::new()
        .route("/external_surveys/page.js", get(hosted::script))
        .route("/external_surveys/page.css", get(hosted::style))
        .route("/external_surveys/{id}", get(hosted::page));
    for_sdks.merge(pages).with_state(state)
}
