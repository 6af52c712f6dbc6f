//! JSON as clients see it.

use crate::survey::{EXTRA, Survey};
use anyhow::Result;
use db::Db;
use flags::Flag;
use model::TeamId;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use web::UserSource;

/// Flags by id, deleted ones too: a survey whose flag is gone must not become one that needs no flag.
pub struct FlagsById(HashMap<i64, Flag>);

impl FlagsById {
    pub async fn of(db: &Db, team: TeamId, surveys: &[Survey]) -> Result<FlagsById> {
        let wanted: Vec<i64> = surveys.iter().flat_map(|one| [one.linked_flag, one.targeting_flag, one.internal_flag]).flatten().collect();
        if wanted.is_empty() {
            return Ok(FlagsById(HashMap::new()));
        }
        let mut known: HashMap<i64, Flag> = flags::store::of_team(db, team).await?.into_iter().map(|flag| (flag.id, flag)).collect();
        for id in wanted {
            if !known.contains_key(&id)
                && let Some(flag) = flags::store::by_id(db, team, id).await?
            {
                known.insert(id, flag);
            }
        }
        Ok(FlagsById(known))
    }

    fn key(&self, id: Option<i64>) -> Option<&str> {
        self.0.get(&id?).map(|flag| flag.key.as_str())
    }

    fn shown(&self, id: Option<i64>) -> Value {
        let Some(flag) = id.and_then(|id| self.0.get(&id)) else { return Value::Null };
        json!({
            "id": flag.id,
            "team_id": flag.team,
            "name": flag.name,
            "key": flag.key,
            "filters": flag.filters,
            "deleted": flag.deleted,
            "active": flag.active,
            "ensure_experience_continuity": flag.ensure_experience_continuity,
            "version": flag.version,
        })
    }
}

/// For those who manage it.
pub async fn managed(survey: &Survey, flags: &FlagsById, users: &UserSource) -> Result<Value> {
    let created_by = match survey.created_by {
        Some(user) => users(user).await?,
        None => None,
    };
    let mut shown = fields(survey);
    let of_flags = json!({
        "linked_flag": flags.shown(survey.linked_flag),
        "targeting_flag": flags.shown(survey.targeting_flag),
        "internal_targeting_flag": flags.shown(survey.internal_flag),
        "feature_flag_keys": flag_keys(survey, flags),
        "created_by": created_by,
        "user_access_level": "editor",
        "search": null,
    });
    if let Value::Object(of_flags) = of_flags {
        shown.extend(of_flags);
    }
    Ok(Value::Object(shown))
}

/// What the survey itself holds; the activity log shows changes of these.
pub fn fields(survey: &Survey) -> Map<String, Value> {
    let mut shown = Map::from_iter(
        [
            ("id", json!(survey.id)),
            ("name", json!(survey.name)),
            ("description", json!(survey.description)),
            ("type", json!(survey.kind.as_str())),
            ("schedule", json!(survey.schedule.as_str())),
            ("questions", json!(survey.questions)),
            ("conditions", survey.conditions.clone()),
            ("appearance", survey.appearance.clone()),
            ("linked_flag_id", json!(survey.linked_flag)),
            ("linked_insight_id", json!(survey.linked_insight)),
            ("targeting_flag_id", json!(survey.targeting_flag)),
            ("created_at", json!(survey.created_at)),
            ("updated_at", json!(survey.updated_at)),
            ("start_date", json!(survey.start)),
            ("end_date", json!(survey.end)),
            ("archived", json!(survey.archived)),
            ("responses_limit", json!(survey.responses_limit)),
            ("iteration_count", json!(survey.iteration_count)),
            ("iteration_frequency_days", json!(survey.iteration_frequency_days)),
            ("iteration_start_dates", iteration_starts(survey)),
            ("current_iteration", json!(survey.current_iteration)),
            ("current_iteration_start_date", json!(survey.current_iteration_start())),
            ("enable_partial_responses", json!(survey.counts_partial)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    shown.extend(EXTRA.iter().map(|name| ((*name).to_owned(), survey.extra.get(*name).cloned().unwrap_or_default())));
    shown
}

fn iteration_starts(survey: &Survey) -> Value {
    if survey.iteration_starts.is_empty() { Value::Null } else { json!(survey.iteration_starts) }
}

/// For SDKs. `steps` holds what the actions of its conditions match, by their ids.
pub fn public(survey: &Survey, flags: &FlagsById, steps: &HashMap<i64, Value>) -> Value {
    let mut conditions = survey.conditions.clone();
    for action in conditions.pointer_mut("/actions/values").and_then(Value::as_array_mut).into_iter().flatten() {
        let known = action["id"].as_i64().and_then(|id| steps.get(&id));
        action["steps"] = known.cloned().unwrap_or_else(|| json!([]));
    }
    // SDKs sign what they show with the name of a company that has no part in it, unless the survey says otherwise.
    let mut appearance = survey.appearance.as_object().cloned().unwrap_or_default();
    appearance.entry("whiteLabel").or_insert(Value::Bool(true));
    json!({
        "id": survey.id,
        "name": survey.name,
        "type": survey.kind.as_str(),
        "linked_flag_key": flags.key(survey.linked_flag),
        "targeting_flag_key": flags.key(survey.targeting_flag),
        "internal_targeting_flag_key": flags.key(survey.internal_flag),
        "feature_flag_keys": flag_keys(survey, flags),
        "questions": survey.questions,
        "conditions": conditions,
        "appearance": appearance,
        "start_date": survey.start,
        "end_date": survey.end,
        "current_iteration": survey.current_iteration,
        "current_iteration_start_date": survey.current_iteration_start(),
        "schedule": survey.schedule.as_str(),
        "enable_partial_responses": survey.counts_partial,
        "translations": survey.extra.get("translations"),
    })
}

/// Flags that must be on. The internal one is not among them: SDKs leave it aside for surveys that may be answered again.
fn flag_keys(survey: &Survey, flags: &FlagsById) -> Value {
    let named = [("linked_flag_key", survey.linked_flag), ("targeting_flag_key", survey.targeting_flag)];
    let keys: Vec<Value> =
        named.into_iter().filter_map(|(name, flag)| flags.key(flag).map(|key| json!({"key": name, "value": key}))).collect();
    if keys.is_empty() { Value::Null } else { Value::Array(keys) }
}
