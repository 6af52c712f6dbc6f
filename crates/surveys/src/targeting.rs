//! The flags that a survey keeps: whom it is shown to, and who has seen enough of it.
//!
//! Both follow the survey: they are on while it runs, answer for its current iteration, and go with it. A flag that the team made
//! itself and only named is never touched.

use crate::SurveysState;
use crate::change::Targeting;
use crate::survey::{Kind, Survey};
use flags::{Flag, Link, NewFlag};
use model::UserId;
use serde_json::{Value, json};
use uuid::Uuid;
use web::{ApiError, ApiResult};

/// SDKs say nothing of flags whose key begins like this.
const PREFIX: &str = "survey-targeting-";
const LINK: &str = "survey";

/// Makes the flags what the survey needs, and notes in it which they are.
pub async fn align(state: &SurveysState, by: Option<UserId>, survey: &mut Survey, targeting: Targeting) -> ApiResult<()> {
    check_linked(state, survey).await?;
    align_audience(state, by, survey, targeting).await?;
    align_internal(state, by, survey).await
}

/// Takes away the flags that were made for the survey.
pub async fn remove(state: &SurveysState, by: Option<UserId>, survey: &Survey) -> ApiResult<()> {
    for flag in [survey.targeting_flag, survey.internal_flag].into_iter().flatten() {
        delete_own(state, by, survey, flag).await?;
    }
    relink(state, survey, &Survey { linked_flag: None, ..survey.clone() }).await
}

/// Tells the flag that the team linked that it is in use, and the one before that it no longer is.
pub async fn relink(state: &SurveysState, before: &Survey, after: &Survey) -> ApiResult<()> {
    let item = after.id.to_string();
    if let Some(old) = before.linked_flag.filter(|_| before.linked_flag != after.linked_flag) {
        state.flags.unlink(after.team, old, LINK, &item).await?;
    }
    if let Some(new) = after.linked_flag {
        state.flags.link(after.team, new, &Link { kind: LINK, item, name: after.name.clone() }).await?;
    }
    Ok(())
}

async fn check_linked(state: &SurveysState, survey: &Survey) -> ApiResult<()> {
    let Some(id) = survey.linked_flag else { return Ok(()) };
    let flag = existing(state, survey, id, "linked_flag_id").await?;
    let Some(wanted) = survey.conditions["linkedFlagVariant"].as_str().filter(|wanted| *wanted != "any") else { return Ok(()) };
    let variants = flag.filters["multivariate"]["variants"].as_array();
    match variants.into_iter().flatten().any(|variant| variant["key"] == wanted) {
        true => Ok(()),
        false => Err(ApiError::invalid(format!("The flag {} has no variant {wanted}.", flag.key)).attr("conditions")),
    }
}

async fn existing(state: &SurveysState, survey: &Survey, id: i64, field: &'static str) -> ApiResult<Flag> {
    let flag = flags::store::by_id(&state.db, survey.team, id).await?.filter(|flag| !flag.deleted);
    flag.ok_or_else(|| ApiError::validation("does_not_exist", format!("There is no feature flag {id} in this project.")).attr(field))
}

async fn align_audience(state: &SurveysState, by: Option<UserId>, survey: &mut Survey, targeting: Targeting) -> ApiResult<()> {
    match targeting {
        Targeting::Keep => {
            if let Some(flag) = survey.targeting_flag {
                change_own(state, by, survey, flag, None).await?;
            }
        }
        Targeting::Remove => {
            if let Some(flag) = survey.targeting_flag.take() {
                delete_own(state, by, survey, flag).await?;
            }
        }
        Targeting::Filters(filters) => {
            let changed = match survey.targeting_flag {
                Some(flag) => change_own(state, by, survey, flag, Some(filters.clone())).await?,
                None => false,
            };
            if !changed {
                survey.targeting_flag = Some(create(state, by, survey, "", filters).await?);
            }
        }
        Targeting::Flag(flag) => {
            existing(state, survey, flag, "targeting_flag_id").await?;
            if let Some(old) = survey.targeting_flag.replace(flag).filter(|old| *old != flag) {
                delete_own(state, by, survey, old).await?;
            }
            change_own(state, by, survey, flag, None).await?;
        }
    }
    Ok(())
}

/// A hosted page shows its survey to whoever has the address, so it needs no such flag.
async fn align_internal(state: &SurveysState, by: Option<UserId>, survey: &mut Survey) -> ApiResult<()> {
    if survey.kind == Kind::External {
        if let Some(flag) = survey.internal_flag.take() {
            delete_own(state, by, survey, flag).await?;
        }
        return Ok(());
    }
    let filters = not_met_yet(survey);
    let changed = match survey.internal_flag {
        Some(flag) => change_own(state, by, survey, flag, Some(filters.clone())).await?,
        None => false,
    };
    if !changed {
        survey.internal_flag = Some(create(state, by, survey, "-custom", filters).await?);
    }
    Ok(())
}

/// Persons who neither answered nor dismissed it; SDKs note both on the person, per iteration.
fn not_met_yet(survey: &Survey) -> Value {
    let iteration = survey.current_iteration.map(|iteration| format!("/{iteration}")).unwrap_or_default();
    let unset = |what: &str| {
        let key = format!("$survey_{what}/{}{iteration}", survey.id);
        json!({"key": key, "type": "person", "operator": "is_not_set", "value": "is_not_set"})
    };
    json!({"groups": [{"rollout_percentage": 100, "properties": [unset("dismissed"), unset("responded")]}]})
}

async fn create(state: &SurveysState, by: Option<UserId>, survey: &Survey, suffix: &str, filters: Value) -> ApiResult<i64> {
    let random = Uuid::new_v4().simple().to_string();
    let new = NewFlag {
        key: format!("{PREFIX}{}{suffix}", &random[..12]),
        name: format!("Targeting flag for survey {}", survey.name),
        filters,
        active: survey.is_running(),
        is_internal: true,
        ..NewFlag::default()
    };
    let flag = state.flags.create(survey.team, by, new).await.map_err(of_filters)?;
    Ok(flag.id)
}

fn of_filters(error: ApiError) -> ApiError {
    if error.status().is_client_error() { error.attr("targeting_flag_filters") } else { error }
}

/// False when the flag is not ours to change, or is gone.
async fn change_own(state: &SurveysState, by: Option<UserId>, survey: &Survey, id: i64, filters: Option<Value>) -> ApiResult<bool> {
    if !is_own(state, survey, id).await? {
        return Ok(false);
    }
    let active = survey.is_running();
    let edit = move |flag: &mut Flag| {
        flag.active = active;
        if let Some(filters) = filters {
            flag.filters = filters;
        }
    };
    state.flags.change(survey.team, by, id, edit).await.map_err(of_filters)?;
    Ok(true)
}

async fn delete_own(state: &SurveysState, by: Option<UserId>, survey: &Survey, id: i64) -> ApiResult<()> {
    if is_own(state, survey, id).await? {
        let edit = |flag: &mut Flag| (flag.active, flag.deleted) = (false, true);
        state.flags.change(survey.team, by, id, edit).await?;
    }
    Ok(())
}

async fn is_own(state: &SurveysState, survey: &Survey, id: i64) -> ApiResult<bool> {
    let flag = flags::store::by_id(&state.db, survey.team, id).await?;
    Ok(flag.is_some_and(|flag| flag.is_internal && !flag.deleted && flag.key.starts_with(PREFIX)))
}
