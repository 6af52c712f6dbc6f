//! `scheduled_changes` of a project.

use crate::manage::dependencies;
use crate::manage::schedule::{self, Interval, Scheduled};
use crate::{Flags, store};
use axum::extract::{OriginalUri, Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use model::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use web::{Access, ApiError, ApiResult, Body, Page, paginated};

const MAX_WAITING: i64 = 1_000;
const MAX_PAYLOAD_BYTES: usize = 64 * 1024;

pub fn routes(prefix: &str) -> Router<Flags> {
    Router::new()
        .route(&format!("{prefix}/scheduled_changes"), get(list).post(create))
        .route(&format!("{prefix}/scheduled_changes/{{id}}"), get(retrieve).patch(change).delete(remove))
}

#[derive(Debug, Default, Deserialize)]
struct Draft {
    record_id: Option<Value>,
    model_name: Option<String>,
    payload: Option<Value>,
    scheduled_at: Option<Timestamp>,
    is_recurring: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    recurrence_interval: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    end_date: Option<Option<Timestamp>>,
}

fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
struct Which {
    record_id: Option<String>,
    model_name: Option<String>,
}

async fn list(
    State(state): State<Flags>,
    access: Access,
    Query(which): Query<Which>,
    page: Page,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    access.require("feature_flag:read")?;
    // An id that is none, and another kind of thing, have no changes.
    let flag = which.record_id.as_deref().map(|id| id.parse().unwrap_or(-1));
    let flag = if which.model_name.as_deref().is_some_and(|name| name != "FeatureFlag") { Some(-1) } else { flag };
    let (count, changes) = schedule::of_team(&state.db, access.team.id, flag, page.limit, page.offset).await?;
    let mut shown = Vec::new();
    for scheduled in changes {
        shown.push(show(&state, &scheduled).await?);
    }
    Ok(paginated(&page, count, shown, &uri))
}

async fn retrieve(State(state): State<Flags>, access: Access, Path((_, id)): Path<(String, String)>) -> ApiResult<Json<Value>> {
    access.require("feature_flag:read")?;
    let scheduled = schedule::by_id(&state.db, access.team.id, parse(&id)?).await?.ok_or_else(ApiError::not_found)?;
    Ok(Json(show(&state, &scheduled).await?))
}

async fn create(State(state): State<Flags>, access: Access, Body(draft): Body<Draft>) -> ApiResult<(StatusCode, Json<Value>)> {
    access.require("feature_flag:write")?;
    if draft.model_name.as_deref() != Some("FeatureFlag") {
        return Err(ApiError::invalid("Changes can be scheduled for FeatureFlag.").attr("model_name"));
    }
    let record = draft.record_id.as_ref().ok_or_else(|| ApiError::required("record_id"))?;
    let missing = || ApiError::invalid("There is no flag with this id.").attr("record_id");
    let flag = state.flag(access.team.id, dependencies::id(record).ok_or_else(missing)?).await.map_err(|_| missing())?;
    if schedule::waiting(&state.db, access.team.id).await? >= MAX_WAITING {
        return Err(ApiError::invalid(format!("At most {MAX_WAITING} changes of a project can be waiting.")));
    }
    let now = state.clock.now();
    let mut scheduled = Scheduled {
        id: 0,
        team: access.team.id,
        flag: flag.id,
        payload: draft.payload.clone().ok_or_else(|| ApiError::required("payload"))?,
        scheduled_at: draft.scheduled_at.ok_or_else(|| ApiError::required("scheduled_at"))?,
        first_at: now,
        is_recurring: false,
        interval: None,
        end_date: None,
        executed_at: None,
        failure_reason: None,
        last_executed_at: None,
        created_by: access.user(),
        created_at: now,
        updated_at: now,
    };
    draft.apply(&mut scheduled)?;
    check(&state, &scheduled, now).await?;
    scheduled.id = schedule::insert(&state.db, &scheduled).await?;
    Ok((StatusCode::CREATED, Json(show(&state, &scheduled).await?)))
}

async fn change(
    State(state): State<Flags>,
    access: Access,
    Path((_, id)): Path<(String, String)>,
    Body(draft): Body<Draft>,
) -> ApiResult<Json<Value>> {
    access.require("feature_flag:write")?;
    let (team, id, now) = (access.team.id, parse(&id)?, state.clock.now());
    let mut planned = schedule::by_id(&state.db, team, id).await?.ok_or_else(ApiError::not_found)?;
    draft.apply(&mut planned)?;
    check(&state, &planned, now).await?;
    let mut transaction = state.db.begin().await?;
    store::bump(&mut transaction, team).await?;
    let mut scheduled = schedule::in_transaction(&mut transaction, team, id).await?.ok_or_else(ApiError::not_found)?;
    if scheduled.executed_at.is_some() {
        return Err(ApiError::invalid("The change was made already; schedule another one."));
    }
    draft.apply(&mut scheduled)?;
    scheduled.updated_at = now;
    schedule::update(&mut transaction, &scheduled).await?;
    transaction.commit().await?;
    Ok(Json(show(&state, &scheduled).await?))
}

async fn remove(State(state): State<Flags>, access: Access, Path((_, id)): Path<(String, String)>) -> ApiResult<StatusCode> {
    access.require("feature_flag:write")?;
    match schedule::delete(&state.db, access.team.id, parse(&id)?).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(ApiError::not_found()),
    }
}

impl Draft {
    fn apply(&self, scheduled: &mut Scheduled) -> ApiResult<()> {
        if let Some(payload) = &self.payload {
            scheduled.payload = payload.clone();
        }
        if let Some(at) = self.scheduled_at {
            (scheduled.scheduled_at, scheduled.first_at) = (at, at);
        }
        if let Some(interval) = &self.recurrence_interval {
            let known = |text: &String| {
                Interval::parse(text).ok_or_else(|| {
                    ApiError::validation("invalid_choice", "Choose daily, weekly, monthly or yearly.").attr("recurrence_interval")
                })
            };
            scheduled.interval = interval.as_ref().map(known).transpose()?;
        }
        if let Some(is_recurring) = self.is_recurring {
            scheduled.is_recurring = is_recurring;
        }
        if let Some(end) = self.end_date {
            scheduled.end_date = end;
        }
        Ok(())
    }
}

/// What can be known now: the change is one, its time is to come, and the flag as it is would take it.
async fn check(state: &Flags, scheduled: &Scheduled, now: Timestamp) -> ApiResult<()> {
    if scheduled.payload.to_string().len() > MAX_PAYLOAD_BYTES {
        return Err(ApiError::invalid(format!("The payload can be {} KiB.", MAX_PAYLOAD_BYTES / 1024)).attr("payload"));
    }
    let edit = schedule::operation(&scheduled.payload)?;
    if scheduled.executed_at.is_none() && scheduled.scheduled_at <= now && scheduled.last_executed_at.is_none() {
        return Err(ApiError::invalid("The time has passed; choose a later one.").attr("scheduled_at"));
    }
    if scheduled.is_recurring && scheduled.interval.is_none() {
        return Err(ApiError::required("recurrence_interval"));
    }
    if scheduled.interval.is_some() && scheduled.payload["operation"] != "update_status" {
        return Err(ApiError::invalid("Only update_status can be repeated.").attr("payload"));
    }
    if scheduled.end_date.is_some_and(|end| end <= scheduled.scheduled_at) {
        return Err(ApiError::invalid("The end must come after the first time.").attr("end_date"));
    }
    let refused = |error: ApiError| if error.status().is_server_error() { error } else { error.attr("payload") };
    state.try_out(scheduled.team, scheduled.flag, edit).await.map_err(refused)?;
    Ok(())
}

fn parse(id: &str) -> ApiResult<i64> {
    id.parse().map_err(|_| ApiError::not_found())
}

async fn show(state: &Flags, scheduled: &Scheduled) -> ApiResult<Value> {
    let creator = match scheduled.created_by {
        Some(user) => (state.users)(user).await?,
        None => None,
    };
    Ok(json!({
        "id": scheduled.id,
        "team_id": scheduled.team,
        "record_id": scheduled.flag.to_string(),
        "model_name": "FeatureFlag",
        "payload": scheduled.payload,
        "scheduled_at": scheduled.scheduled_at,
        "is_recurring": scheduled.is_recurring,
        "recurrence_interval": scheduled.interval.map(Interval::as_str),
        "end_date": scheduled.end_date,
        "executed_at": scheduled.executed_at,
        "failure_reason": scheduled.failure_reason,
        "last_executed_at": scheduled.last_executed_at,
        "created_by": creator,
        "created_at": scheduled.created_at,
        "updated_at": scheduled.updated_at,
    }))
}
