//! The list of experiments, and one experiment.

use crate::draft::Draft;
use crate::experiment::{Experiment, Kind, Status};
use crate::wire::{Context, logged};
use crate::{ExperimentsState, flag, holdout, results, saved_metric, store};
use activity::{Entry, Filter};
use axum::extract::{OriginalUri, Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use flags::Flag;
use flags::manage::{Link, NewFlag};
use http::{StatusCode, Uri};
use model::TeamId;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use web::{Access, ApiError, ApiResult, Body, Page, paginated};

const MOST: usize = 10_000;
/// The activity log's word for experiments.
const SCOPE: &str = "Experiment";

pub fn routes(prefix: &str) -> Router<ExperimentsState> {
    Router::new()
        .route(&format!("{prefix}/experiments"), get(list).post(create))
        .route(&format!("{prefix}/experiments/{{id}}"), get(retrieve).patch(change).delete(refuse_delete))
        .route(&format!("{prefix}/experiments/activity"), get(activity_of_all))
        .route(&format!("{prefix}/experiments/{{id}}/activity"), get(activity_of_one))
}

pub type Names = Path<HashMap<String, String>>;

/// The number in the path.
pub fn id_of(names: &HashMap<String, String>) -> ApiResult<i64> {
    names.get("id").and_then(|text| text.parse().ok()).ok_or_else(ApiError::not_found)
}

/// An experiment that is not deleted.
pub async fn found(state: &ExperimentsState, team: TeamId, names: &HashMap<String, String>) -> ApiResult<Experiment> {
    let experiment = store::by_id(&state.db, team, id_of(names)?).await?;
    experiment.filter(|experiment| !experiment.deleted).ok_or_else(ApiError::not_found)
}

pub async fn shown(state: &ExperimentsState, access: &Access, experiment: &Experiment) -> ApiResult<Json<Value>> {
    let context = Context::gather(state, &access.team, std::slice::from_ref(experiment)).await?;
    Ok(Json(context.experiment(experiment)))
}

async fn list(
    State(state): State<ExperimentsState>,
    access: Access,
    page: Page,
    Query(asked): Query<HashMap<String, String>>,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    access.require("experiment:read")?;
    let all = store::of_team(&state.db, access.team.id).await?;
    let context = Context::gather(&state, &access.team, &all).await?;
    let of = |name: &str| asked.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let search = of("search").map(str::to_lowercase);
    let archived = of("archived").is_some_and(|text| text == "true");
    let matches = |experiment: &&Experiment| {
        let status = context.status(experiment);
        let of_status = |wanted: &str| match wanted {
            "all" => true,
            // Paused ones are running, in the words of clients that do not know the difference.
            "running" => matches!(status, Status::Running | Status::Paused),
            "complete" => status == Status::Stopped,
            wanted => status.as_str() == wanted,
        };
        experiment.archived == archived
            && of("status").is_none_or(of_status)
            && search
                .as_ref()
                .is_none_or(|text| experiment.name.to_lowercase().contains(text) || experiment.description.to_lowercase().contains(text))
            && of("created_by_id").is_none_or(|id| experiment.created_by.is_some_and(|user| user.0.to_string() == id))
            && of("feature_flag_id").is_none_or(|id| experiment.flag.to_string() == id)
            && of("holdout_id").is_none_or(|id| experiment.holdout.is_some_and(|holdout| holdout.to_string() == id))
    };
    let mut matching: Vec<&Experiment> = all.iter().filter(matches).collect();
    order(&mut matching, of("order"));
    let shown = matching.iter().skip(page.offset).take(page.limit).map(|experiment| context.experiment(experiment)).collect();
    Ok(paginated(&page, matching.len(), shown, &uri))
}

/// Names of fields that are not known order nothing.
fn order(experiments: &mut [&Experiment], by: Option<&str>) {
    let by = by.unwrap_or("-created_at");
    let (name, descending) = by.strip_prefix('-').map_or((by, false), |name| (name, true));
    match name {
        "name" => experiments.sort_by_key(|experiment| experiment.name.to_lowercase()),
        "created_at" => experiments.sort_by_key(|experiment| (experiment.created_at, experiment.id)),
        "updated_at" => experiments.sort_by_key(|experiment| experiment.updated_at),
        "start_date" => experiments.sort_by_key(|experiment| experiment.start),
        "end_date" => experiments.sort_by_key(|experiment| experiment.end),
        _ => return,
    }
    if descending {
        experiments.reverse();
    }
}

async fn retrieve(State(state): State<ExperimentsState>, access: Access, Path(names): Names) -> ApiResult<Json<Value>> {
    access.require("experiment:read")?;
    let experiment = found(&state, access.team.id, &names).await?;
    shown(&state, &access, &experiment).await
}

async fn create(State(state): State<ExperimentsState>, access: Access, Body(draft): Body<Draft>) -> ApiResult<(StatusCode, Json<Value>)> {
    let experiment = created(&state, &access, draft).await?;
    Ok((StatusCode::CREATED, shown(&state, &access, &experiment).await?))
}

/// A new experiment with its flag: the one with this key, or one made for it.
pub async fn created(state: &ExperimentsState, access: &Access, mut draft: Draft) -> ApiResult<Experiment> {
    access.require("experiment:write")?;
    let key = draft.feature_flag_key.take().map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
    let key = key.ok_or_else(|| ApiError::required("feature_flag_key"))?;
    if draft.name.is_none() {
        return Err(ApiError::required("name"));
    }
    if store::of_team(&state.db, access.team.id).await?.len() >= MOST {
        return Err(ApiError::invalid(format!("A project can have at most {MOST} experiments; delete some first.")));
    }
    let mut experiment = blank(state, access);
    experiment.holdout = draft.holdout_id.take().flatten();
    draft.apply(&mut experiment, state.checks)?;
    check_links(state, &experiment).await?;
    experiment.flag = flag_for(state, access, &experiment, &key).await?.id;
    let experiment = store::insert(&state.db, experiment).await?;
    state.flags.link(access.team.id, experiment.flag, &link(&experiment)).await?;
    log(state, access, "created", None, &experiment).await;
    Ok(experiment)
}

fn blank(state: &ExperimentsState, access: &Access) -> Experiment {
    let now = state.clock.now();
    let method = access.team.settings.get("default_experiment_stats_method").and_then(Value::as_str).unwrap_or("bayesian");
    Experiment {
        id: 0,
        team: access.team.id,
        flag: 0,
        name: String::new(),
        description: String::new(),
        kind: Kind::Product,
        holdout: None,
        exposure_cohort: None,
        start: None,
        end: None,
        archived: false,
        deleted: false,
        only_count_matured_users: false,
        conclusion: None,
        conclusion_comment: None,
        parameters: json!({}),
        exposure_criteria: Value::Null,
        metrics: json!([]),
        metrics_secondary: json!([]),
        primary_order: Value::Null,
        secondary_order: Value::Null,
        saved_metrics: json!([]),
        stats_config: json!({"method": method}),
        scheduling_config: Value::Null,
        variants: Value::Null,
        created_by: access.user(),
        created_at: now,
        updated_at: now,
    }
}

async fn flag_for(state: &ExperimentsState, access: &Access, experiment: &Experiment, key: &str) -> ApiResult<Flag> {
    let (team, by) = (access.team.id, access.user());
    if let Some(known) = state.flags.flag_by_key(team, key).await? {
        flag::check_usable(&known.filters)?;
        let (launched, holdout) = (experiment.start.is_some(), holdout_of(state, experiment).await?);
        let edit = move |flag: &mut Flag| {
            flag.has_experiment = true;
            flag.active |= launched;
            if holdout.is_some() {
                flag::set_holdout(&mut flag.filters, holdout);
            }
        };
        return state.flags.change(team, by, known.id, edit).await;
    }
    let parameters = &experiment.parameters;
    let continuity =
        parameters.get("ensure_experience_continuity").or_else(|| parameters.get("feature_flag_persist")).and_then(Value::as_bool);
    let new = NewFlag {
        key: key.to_owned(),
        name: format!("Feature Flag for Experiment {}", experiment.name),
        filters: flag::filters(parameters, holdout_of(state, experiment).await?)?,
        active: experiment.start.is_some(),
        ensure_experience_continuity: continuity.unwrap_or(false),
        has_experiment: true,
        ..NewFlag::default()
    };
    state.flags.create(team, by, new).await
}

pub async fn holdout_of(state: &ExperimentsState, experiment: &Experiment) -> ApiResult<Option<Value>> {
    let Some(id) = experiment.holdout else { return Ok(None) };
    let holdout = holdout::by_id(&state.db, experiment.team, id).await?;
    let holdout =
        holdout.ok_or_else(|| ApiError::validation("does_not_exist", format!("Holdout {id} does not exist.")).attr("holdout_id"))?;
    Ok(Some(holdout.of_flag()))
}

/// Shared metrics that it names exist.
async fn check_links(state: &ExperimentsState, experiment: &Experiment) -> ApiResult<()> {
    for id in experiment.saved_metric_ids() {
        if saved_metric::by_id(&state.db, experiment.team, id).await?.is_none() {
            let detail = format!("Shared metric {id} does not exist.");
            return Err(ApiError::validation("does_not_exist", detail).attr("saved_metrics_ids"));
        }
    }
    Ok(())
}

pub fn link(experiment: &Experiment) -> Link {
    Link { kind: "experiment", item: experiment.id.to_string(), name: experiment.name.clone() }
}

async fn change(
    State(state): State<ExperimentsState>,
    access: Access,
    Path(names): Names,
    Body(draft): Body<Draft>,
) -> ApiResult<Json<Value>> {
    access.require("experiment:write")?;
    let known = store::by_id(&state.db, access.team.id, id_of(&names)?).await?;
    // A deleted one can only come back.
    let known = known.filter(|known| !known.deleted || draft.deleted == Some(false)).ok_or_else(ApiError::not_found)?;
    let experiment = changed(&state, &access, known, draft).await?;
    shown(&state, &access, &experiment).await
}

pub async fn changed(state: &ExperimentsState, access: &Access, before: Experiment, mut draft: Draft) -> ApiResult<Experiment> {
    let flag = state.flags.flag(access.team.id, before.flag).await;
    if let (Some(key), Ok(flag)) = (draft.feature_flag_key.take(), &flag)
        && key != flag.key
    {
        let detail = "The flag of an experiment cannot be changed; duplicate the experiment with another key.";
        return Err(ApiError::invalid(detail).attr("feature_flag_key"));
    }
    let mut after = before.clone();
    if let Some(holdout) = draft.holdout_id.take() {
        if before.start.is_some() && holdout != before.holdout {
            return Err(ApiError::invalid("The holdout of a launched experiment cannot be changed.").attr("holdout_id"));
        }
        after.holdout = holdout;
    }
    let parameters = draft.parameters.clone().flatten();
    draft.apply(&mut after, state.checks)?;
    check_links(state, &after).await?;
    if let Ok(flag) = flag
        && !after.deleted
    {
        follow(state, access, &before, &mut after, &flag, parameters).await?;
    }
    save(state, access, &before, after).await
}

/// The flag follows: launching turns it on, variants and holdout are its own. An end keeps the variants as they are then.
async fn follow(
    state: &ExperimentsState,
    access: &Access,
    before: &Experiment,
    after: &mut Experiment,
    flag: &Flag,
    parameters: Option<Value>,
) -> ApiResult<()> {
    if after.end.is_some() && before.end.is_none() {
        keep_variants(after, flag);
    }
    let launched = before.start.is_none() && after.start.is_some();
    let holdout = if after.holdout == before.holdout { None } else { Some(holdout_of(state, after).await?) };
    let (old, is_draft) = (before.parameters.clone(), before.start.is_none());
    if !launched && holdout.is_none() && parameters.is_none() {
        return Ok(());
    }
    let edit = move |flag: &mut Flag| {
        flag.active |= launched;
        if let Some(holdout) = holdout {
            flag::set_holdout(&mut flag.filters, holdout);
        }
        match &parameters {
            Some(parameters) => flag::change(&mut flag.filters, &old, parameters, is_draft),
            None => Ok(()),
        }
    };
    state.flags.try_change(access.team.id, access.user(), before.flag, edit).await?;
    Ok(())
}

pub fn keep_variants(experiment: &mut Experiment, flag: &Flag) {
    if let Some(parameters) = experiment.parameters.as_object_mut() {
        parameters.insert("feature_flag_variants".to_owned(), json!(flag::of_filters(&flag.filters)));
    }
}

/// Stores a change, and lets the flag know by what it is used.
pub async fn save(state: &ExperimentsState, access: &Access, before: &Experiment, mut after: Experiment) -> ApiResult<Experiment> {
    if after == *before {
        return Ok(after);
    }
    after.updated_at = state.clock.now();
    if !store::update(&state.db, before, &after).await? {
        return Err(ApiError::conflict("Somebody else changed this experiment at the same time. Load it again and repeat your change."));
    }
    let team = access.team.id;
    if after.deleted && !before.deleted {
        state.flags.unlink(team, after.flag, "experiment", &after.id.to_string()).await?;
        results::forget(state, team, after.id, None).await?;
    } else if !after.deleted {
        state.flags.link(team, after.flag, &link(&after)).await?;
    }
    if after.deleted != before.deleted {
        mark_flag(state, access, after.flag).await?;
    }
    let activity = if after.deleted && !before.deleted { "deleted" } else { "updated" };
    log(state, access, activity, Some(before), &after).await;
    Ok(after)
}

/// A flag says whether any experiment uses it: SDKs then report calls of it in full.
async fn mark_flag(state: &ExperimentsState, access: &Access, flag: i64) -> ApiResult<()> {
    let used = store::of_team(&state.db, access.team.id).await?.iter().any(|experiment| experiment.flag == flag);
    match state.flags.change(access.team.id, access.user(), flag, move |flag| flag.has_experiment = used).await {
        // The flag was deleted for good; nobody asks it anything.
        Err(error) if error.status() == StatusCode::NOT_FOUND => Ok(()),
        other => other.map(|_| ()),
    }
}

async fn log(state: &ExperimentsState, access: &Access, activity: &'static str, before: Option<&Experiment>, after: &Experiment) {
    let changes = activity::changes(SCOPE, &before.map_or_else(Map::new, logged), &logged(after));
    let entry = Entry {
        organization: access.team.organization,
        team: Some(access.team.id),
        user: access.user(),
        scope: SCOPE,
        activity,
        item: after.id.to_string(),
        name: &after.name,
        changes,
    };
    activity::record(&state.db, state.clock, entry).await;
}

async fn activity_of_one(
    State(state): State<ExperimentsState>,
    access: Access,
    Path(names): Names,
    page: Page,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    let item = id_of(&names)?.to_string();
    activity_page(&state, &access, Some(item), &page, &uri).await
}

async fn activity_of_all(
    State(state): State<ExperimentsState>,
    access: Access,
    page: Page,
    OriginalUri(uri): OriginalUri,
) -> ApiResult<Json<Value>> {
    activity_page(&state, &access, None, &page, &uri).await
}

async fn activity_page(state: &ExperimentsState, access: &Access, item: Option<String>, page: &Page, uri: &Uri) -> ApiResult<Json<Value>> {
    access.require("experiment:read")?;
    let filter = Filter { scopes: vec![SCOPE.to_owned()], item, user: None };
    let of = (access.team.organization, access.team.id);
    Ok(Json(activity::page(&state.db, &state.users, of, &filter, page, uri).await?))
}

/// Experiments are deleted by `PATCH {"deleted": true}`, and come back by `false`.
async fn refuse_delete(access: Access) -> ApiResult<()> {
    access.require("experiment:write")?;
    Err(ApiError::method_not_allowed())
}
