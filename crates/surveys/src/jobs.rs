//! What happens to surveys by the clock.

use crate::change::Targeting;
use crate::results::stats;
use crate::survey::Survey;
use crate::{SurveysState, iterations, saving, store};
use std::time::Duration;
use web::ApiResult;

/// How late an iteration may begin, and a full survey end.
const EVERY: Duration = Duration::from_secs(10);

/// Runs until it is dropped.
pub async fn run(state: SurveysState) {
    loop {
        tokio::time::sleep(EVERY).await;
        if let Err(error) = tick(&state).await {
            tracing::warn!(error = format!("{error:#}"), "surveys were not looked after");
        }
    }
}

/// Once for every running survey. One that fails does not hold up the others.
pub async fn tick(state: &SurveysState) -> anyhow::Result<()> {
    for survey in store::timed(&state.db).await? {
        let (id, team) = (survey.id, survey.team);
        if let Err(error) = look_after(state, survey).await {
            tracing::warn!(%error, %id, %team, "a survey was not looked after");
        }
    }
    Ok(())
}

async fn look_after(state: &SurveysState, survey: Survey) -> ApiResult<()> {
    let now = state.clock.now();
    let mut after = survey.clone();
    after.current_iteration = iterations::current(&survey, now);
    if let Some(limit) = survey.responses_limit
        && stats::responses_since_start(state, &survey).await? >= limit as u64
    {
        after.end = Some(now);
    }
    if after == survey {
        return Ok(());
    }
    let Some(team) = state.teams.by_id(survey.team).await? else { return Ok(()) };
    let _writing = state.writing.lock().await;
    saving::save(state, &team, None, Some(&survey), after, Targeting::Keep).await.map(|_| ())
}
