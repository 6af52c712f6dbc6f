//! Storing a survey together with everything that follows it: its flags, the links of others, the list for SDKs, the log.

use crate::change::Targeting;
use crate::survey::Survey;
use crate::{SurveysState, store, targeting, wire};
use activity::Entry;
use model::{Timestamp, UserId};
use serde_json::{Map, Value};
use teams::Team;
use web::{ApiError, ApiResult};

/// The activity log's word for surveys.
pub const SCOPE: &str = "Survey";
const MAX_SURVEYS: usize = 1_000;

/// Stores a survey that was checked, with its flags. The caller holds `state.writing`.
pub async fn save(
    state: &SurveysState,
    team: &Team,
    by: Option<UserId>,
    before: Option<&Survey>,
    mut after: Survey,
    targeting: Targeting,
) -> ApiResult<Survey> {
    if store::is_name_taken(&state.db, after.team, &after.name, after.id).await? {
        return Err(ApiError::validation("unique", "There is already another survey with this name.").attr("name"));
    }
    if before.is_none() && store::count(&state.db, after.team).await? >= MAX_SURVEYS {
        return Err(ApiError::invalid(format!("A project can have at most {MAX_SURVEYS} surveys; delete some first.")));
    }
    targeting::align(state, by, &mut after, targeting).await?;
    match before {
        None => store::insert(&state.db, &after).await?,
        Some(before) => {
            // Later than before also when the clock stands still, so that a change of another process shows.
            after.updated_at = Timestamp(state.clock.now().0.max(before.updated_at.0 + 1));
            if !store::update(&state.db, &after, before.updated_at).await? {
                return Err(ApiError::conflict("Somebody else changed this survey at the same time. Load it again."));
            }
        }
    }
    targeting::relink(state, before.unwrap_or(&after), &after).await?;
    if after.is_running() {
        opt_in(state, team).await?;
    }
    state.public.invalidate(&after.team);
    let (activity, old) = before.map_or(("created", Map::new()), |before| ("updated", logged(before)));
    log(state, team, by, &after, activity, activity::changes(SCOPE, &old, &logged(&after))).await;
    Ok(after)
}

/// SDKs ask for surveys only where the project says that it has any.
async fn opt_in(state: &SurveysState, team: &Team) -> ApiResult<()> {
    if team.settings.get("surveys_opt_in") != Some(&Value::Bool(true)) {
        let switch_on = |team: &mut Team| drop(team.settings.insert("surveys_opt_in".to_owned(), Value::Bool(true)));
        state.teams.update(team.id, state.clock.now(), switch_on).await?;
    }
    Ok(())
}

async fn log(state: &SurveysState, team: &Team, user: Option<UserId>, survey: &Survey, activity: &'static str, changes: Vec<Value>) {
    let (organization, item) = (team.organization, survey.id.to_string());
    let entry = Entry { organization, team: Some(team.id), user, scope: SCOPE, activity, item, name: &survey.name, changes };
    activity::record(&state.db, state.clock, entry).await;
}

/// Its answers stay: they are events.
pub async fn delete(state: &SurveysState, team: &Team, by: Option<UserId>, survey: &Survey) -> ApiResult<()> {
    targeting::remove(state, by, survey).await?;
    store::delete(&state.db, survey.team, survey.id).await?;
    state.public.invalidate(&survey.team);
    log(state, team, by, survey, "deleted", activity::changes(SCOPE, &logged(survey), &Map::new())).await;
    Ok(())
}

/// What the activity log shows changes of.
fn logged(survey: &Survey) -> Map<String, Value> {
    let mut fields = wire::fields(survey);
    fields.retain(|name, _| !["id", "created_at", "updated_at"].contains(&name.as_str()));
    fields
}
