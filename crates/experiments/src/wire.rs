//! Experiments in PostHog's shape, and as queries about them need them.

use crate::experiment::{Experiment, Status};
use crate::holdout::Holdout;
use crate::saved_metric::SavedMetric;
use crate::{ExperimentsState, flag, holdout, saved_metric, store};
use anyhow::Result;
use db::Db;
use flags::Flag;
use model::{TeamId, UserId};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use teams::Team;
use web::ApiResult;

/// What experiments are shown with, looked up once for a whole list.
pub struct Context {
    flags: HashMap<i64, Flag>,
    holdouts: HashMap<i64, Holdout>,
    saved_metrics: HashMap<i64, SavedMetric>,
    users: HashMap<UserId, Option<Value>>,
}

impl Context {
    pub async fn gather(state: &ExperimentsState, team: &Team, experiments: &[Experiment]) -> ApiResult<Context> {
        let flags = flags_of(state, team, experiments).await?;
        let holdouts = holdout::of_team(&state.db, team.id).await?;
        let saved_metrics = saved_metric::of_team(&state.db, team.id).await?;
        let users = users(state, experiments.iter().filter_map(|experiment| experiment.created_by)).await?;
        Ok(Context {
            flags,
            holdouts: holdouts.into_iter().map(|holdout| (holdout.id, holdout)).collect(),
            saved_metrics: saved_metrics.into_iter().map(|metric| (metric.id, metric)).collect(),
            users,
        })
    }

    pub fn status(&self, experiment: &Experiment) -> Status {
        experiment.status(self.flags.get(&experiment.flag).is_some_and(|flag| flag.active))
    }

    pub fn experiment(&self, experiment: &Experiment) -> Value {
        let flag = self.flags.get(&experiment.flag);
        let holdout = experiment.holdout.and_then(|id| self.holdouts.get(&id));
        let user = experiment.created_by.and_then(|id| self.users.get(&id).cloned().flatten());
        let mut shown = json!({
            "id": experiment.id,
            "name": experiment.name,
            "description": experiment.description,
            "type": experiment.kind.as_str(),
            "status": self.status(experiment).as_str(),
            "feature_flag_key": flag.map(|flag| &flag.key),
            "feature_flag": flag.map(flag_shown),
            "holdout_id": experiment.holdout,
            "holdout": holdout.map(|holdout| holdout_shown(holdout, None)),
            "exposure_cohort": experiment.exposure_cohort,
            "start_date": experiment.start,
            "end_date": experiment.end,
            "archived": experiment.archived,
            "deleted": experiment.deleted,
            "only_count_matured_users": experiment.only_count_matured_users,
            "conclusion": experiment.conclusion,
            "conclusion_comment": experiment.conclusion_comment,
            "parameters": parameters(experiment, flag),
            "exposure_criteria": experiment.exposure_criteria,
            "metrics": experiment.metrics,
            "metrics_secondary": experiment.metrics_secondary,
            "primary_metrics_ordered_uuids": experiment.primary_order,
            "secondary_metrics_ordered_uuids": experiment.secondary_order,
        });
        let more = json!({
            "saved_metrics": self.saved(experiment),
            "saved_metrics_ids": experiment.saved_metrics,
            "stats_config": experiment.stats_config,
            "scheduling_config": experiment.scheduling_config,
            "variants": experiment.variants,
            "secondary_metrics": [],
            "filters": {},
            "created_by": user,
            "created_at": experiment.created_at,
            "updated_at": experiment.updated_at,
            "user_access_level": "editor",
        });
        if let (Some(shown), Value::Object(more)) = (shown.as_object_mut(), more) {
            shown.extend(more);
        }
        shown
    }

    fn saved(&self, experiment: &Experiment) -> Vec<Value> {
        let links = experiment.saved_metrics.as_array().map(Vec::as_slice).unwrap_or_default();
        let shown = |link: &Value| {
            let metric = self.saved_metrics.get(&link.get("id")?.as_i64()?)?;
            Some(json!({
                "id": metric.id, "experiment": experiment.id, "saved_metric": metric.id, "metadata": link.get("metadata"),
                "name": metric.name, "query": metric.query, "created_at": metric.created_at,
            }))
        };
        links.iter().filter_map(shown).collect()
    }
}

fn parameters(experiment: &Experiment, flag: Option<&Flag>) -> Value {
    let mut parameters = experiment.parameters.clone();
    let variants = variants(experiment, flag);
    if let Some(parameters) = parameters.as_object_mut().filter(|_| !variants.is_empty()) {
        parameters.insert("feature_flag_variants".to_owned(), json!(variants));
    }
    parameters
}

/// By id; deleted ones too, which are rare.
async fn flags_of(state: &ExperimentsState, team: &Team, experiments: &[Experiment]) -> ApiResult<HashMap<i64, Flag>> {
    let known = if experiments.len() > 1 { flags::store::of_team(&state.db, team.id).await? } else { Vec::new() };
    let mut flags: HashMap<i64, Flag> = known.into_iter().map(|flag| (flag.id, flag)).collect();
    for experiment in experiments {
        if !flags.contains_key(&experiment.flag)
            && let Some(flag) = flags::store::by_id(&state.db, team.id, experiment.flag).await?
        {
            flags.insert(experiment.flag, flag);
        }
    }
    Ok(flags)
}

/// Those that the flag has now, because somebody may have changed them there; of an experiment that has ended, those that it had then.
fn variants<'a>(experiment: &'a Experiment, flag: Option<&'a Flag>) -> &'a [Value] {
    let kept = experiment.parameters.get("feature_flag_variants").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let current = flag.map(|flag| flag::of_filters(&flag.filters)).unwrap_or_default();
    if (experiment.end.is_some() && !kept.is_empty()) || current.is_empty() { kept } else { current }
}

fn flag_shown(flag: &Flag) -> Value {
    json!({
        "id": flag.id, "team_id": flag.team.0, "name": flag.name, "key": flag.key, "filters": flag.filters, "deleted": flag.deleted,
        "active": flag.active, "ensure_experience_continuity": flag.ensure_experience_continuity, "version": flag.version,
        "has_encrypted_payloads": flag.has_encrypted_payloads, "bucketing_identifier": flag.bucketing_identifier,
        "evaluation_runtime": flag.evaluation_runtime, "evaluation_contexts": flag.evaluation_contexts,
    })
}

pub fn holdout_shown(holdout: &Holdout, created_by: Option<Value>) -> Value {
    json!({
        "id": holdout.id, "name": holdout.name, "description": holdout.description, "filters": holdout.named(),
        "created_by": created_by, "created_at": holdout.created_at, "updated_at": holdout.updated_at, "user_access_level": "editor",
    })
}

pub fn saved_metric_shown(metric: &SavedMetric, created_by: Option<Value>) -> Value {
    json!({
        "id": metric.id, "name": metric.name, "description": metric.description, "query": metric.query, "tags": metric.tags,
        "created_by": created_by, "created_at": metric.created_at, "updated_at": metric.updated_at, "user_access_level": "editor",
    })
}

/// Each user once.
pub async fn users(state: &ExperimentsState, ids: impl Iterator<Item = UserId>) -> ApiResult<HashMap<UserId, Option<Value>>> {
    let mut users = HashMap::new();
    for id in ids {
        if let std::collections::hash_map::Entry::Vacant(unknown) = users.entry(id) {
            unknown.insert((state.users)(id).await?);
        }
    }
    Ok(users)
}

/// The fields whose changes the activity log shows.
pub fn logged(experiment: &Experiment) -> Map<String, Value> {
    let shown = json!({
        "name": experiment.name, "description": experiment.description, "start_date": experiment.start, "end_date": experiment.end,
        "archived": experiment.archived, "deleted": experiment.deleted, "holdout_id": experiment.holdout,
        "conclusion": experiment.conclusion, "conclusion_comment": experiment.conclusion_comment, "parameters": experiment.parameters,
        "exposure_criteria": experiment.exposure_criteria, "metrics": experiment.metrics,
        "metrics_secondary": experiment.metrics_secondary, "saved_metrics": experiment.saved_metrics,
        "stats_config": experiment.stats_config, "only_count_matured_users": experiment.only_count_matured_users,
        "variants": experiment.variants,
    });
    shown.as_object().cloned().unwrap_or_default()
}

/// What queries need to know of an experiment that is not deleted: `{"id", "flag_key", "variants": [{"key", "share"}], "group_type_index",
/// "start", "end", "holdout", "exposure_criteria", "stats_config", "only_count_matured_users"}`.
pub async fn for_queries(db: &Db, team: TeamId, id: i64) -> Result<Option<Value>> {
    let Some(experiment) = store::by_id(db, team, id).await?.filter(|experiment| !experiment.deleted) else { return Ok(None) };
    let Some(flag) = flags::store::by_id(db, team, experiment.flag).await? else { return Ok(None) };
    let excluded = experiment.parameters.get("excluded_variants").and_then(Value::as_array).cloned().unwrap_or_default();
    let variants: Vec<Value> = flag::shares(variants(&experiment, Some(&flag)))
        .into_iter()
        .filter(|(key, _)| !excluded.iter().any(|excluded| excluded == key.as_str()))
        .map(|(key, share)| json!({"key": key, "share": share}))
        .collect();
    Ok(Some(json!({
        "id": experiment.id,
        "flag_key": flag.key,
        "variants": variants,
        "group_type_index": flag.filters.get("aggregation_group_type_index"),
        "start": experiment.start,
        "end": experiment.end,
        "holdout": experiment.holdout.map(|id| format!("holdout-{id}")),
        "exposure_criteria": experiment.exposure_criteria,
        "stats_config": experiment.stats_config,
        "only_count_matured_users": experiment.only_count_matured_users,
    })))
}
