//! A flag in PostHog's shape.

use super::{Link, status};
use crate::early_access::Feature;
use crate::{Flag, Flags};
use model::{Timestamp, UserId};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use teams::Team;
use web::ApiResult;

/// What flags are shown with: who made them, and what else uses them.
pub struct Context {
    now: Timestamp,
    linked_to_replay: Value,
    links: HashMap<i64, Vec<Link>>,
    features: HashMap<i64, Vec<Feature>>,
    users: HashMap<UserId, Option<Value>>,
}

impl Context {
    /// For every flag of the project; `flags` are those that will be shown.
    pub async fn of_team(state: &Flags, team: &Team, flags: &[Flag]) -> ApiResult<Context> {
        let features = crate::early_access::store::of_team(&state.db, team.id).await?;
        let links = state.links(team.id).await?;
        Self::gather(state, team, flags, links, features).await
    }

    pub async fn of_flag(state: &Flags, team: &Team, flag: &Flag) -> ApiResult<Context> {
        let features = crate::early_access::store::of_flag(&state.db, team.id, flag.id).await?;
        let links = HashMap::from([(flag.id, state.links_of(team.id, flag.id).await?)]);
        Self::gather(state, team, std::slice::from_ref(flag), links, features.into_iter().collect()).await
    }

    async fn gather(
        state: &Flags,
        team: &Team,
        flags: &[Flag],
        links: HashMap<i64, Vec<Link>>,
        features: Vec<Feature>,
    ) -> ApiResult<Context> {
        let mut by_flag: HashMap<i64, Vec<Feature>> = HashMap::new();
        for feature in features {
            if let Some(flag) = feature.flag {
                by_flag.entry(flag).or_default().push(feature);
            }
        }
        let ids: Vec<UserId> = flags.iter().flat_map(|flag| [flag.created_by, flag.updated_by]).flatten().collect();
        let users = users(state, &ids).await?;
        let linked_to_replay = team.settings.get("session_recording_linked_flag").cloned().unwrap_or_default();
        Ok(Context { now: state.clock.now(), linked_to_replay, links, features: by_flag, users })
    }

    pub fn flag(&self, flag: &Flag) -> Value {
        let links = self.links.get(&flag.id).map(Vec::as_slice).unwrap_or_default();
        let experiments: Vec<i64> =
            links.iter().filter(|link| link.kind == "experiment").filter_map(|link| link.item.parse().ok()).collect();
        let surveys: Vec<Value> =
            links.iter().filter(|link| link.kind == "survey").map(|link| json!({"id": link.item, "name": link.name})).collect();
        let features: Vec<Value> = self.features.get(&flag.id).into_iter().flatten().map(|feature| feature.shown(Some(flag))).collect();
        let user = |id: Option<UserId>| id.and_then(|id| self.users.get(&id).cloned().flatten());
        let filters = shown_filters(flag);
        let is_simple = is_simple(&filters);
        let rollout = if is_simple { filters["groups"][0]["rollout_percentage"].clone() } else { Value::Null };
        let mut shown = json!({
            "id": flag.id,
            "key": flag.key,
            "name": flag.name,
            "filters": filters,
            "deleted": flag.deleted,
            "active": flag.active,
            "created_by": user(flag.created_by),
            "created_at": flag.created_at,
            "updated_at": flag.updated_at,
            "version": flag.version,
            "last_modified_by": user(flag.updated_by),
            "last_called_at": flag.last_called_at,
            "status": status::of(flag, self.now).0.as_str(),
            "is_simple_flag": is_simple,
            "rollout_percentage": rollout,
            "ensure_experience_continuity": flag.ensure_experience_continuity,
            "bucketing_identifier": flag.bucketing_identifier,
            "evaluation_runtime": flag.evaluation_runtime,
            "evaluation_contexts": flag.evaluation_contexts,
            "evaluation_tags": flag.evaluation_contexts,
            "is_remote_configuration": flag.is_remote_configuration,
            "has_encrypted_payloads": flag.has_encrypted_payloads,
            "tags": flag.tags,
        });
        let used = json!({
            "experiment_set": experiments,
            "surveys": surveys,
            "features": features,
            "is_used_in_replay_settings": self.is_used_by_replay(flag),
            "rollback_conditions": null,
            "performed_rollback": false,
            "usage_dashboard": null,
            "analytics_dashboards": [],
            "has_enriched_analytics": false,
            "creation_context": "feature_flags",
            "can_edit": true,
            "user_access_level": "editor",
        });
        if let (Some(shown), Value::Object(used)) = (shown.as_object_mut(), used) {
            shown.extend(used);
        }
        shown
    }

    /// The setting is the flag's key, or an object with its id and key.
    fn is_used_by_replay(&self, flag: &Flag) -> bool {
        self.linked_to_replay == flag.key.as_str()
            || self.linked_to_replay["id"] == flag.id
            || self.linked_to_replay["key"] == flag.key.as_str()
    }
}

/// Each user once.
pub async fn users(state: &Flags, ids: &[UserId]) -> ApiResult<HashMap<UserId, Option<Value>>> {
    let mut users = HashMap::new();
    for &id in ids {
        if let std::collections::hash_map::Entry::Vacant(unknown) = users.entry(id) {
            unknown.insert((state.users)(id).await?);
        }
    }
    Ok(users)
}

/// No condition, only a share of all persons.
fn is_simple(filters: &Value) -> bool {
    filters["aggregation_group_type_index"].is_null() && super::dependencies::properties(filters).next().is_none()
}

/// The filters as everyone may read them: what is encrypted is never shown.
pub fn shown_filters(flag: &Flag) -> Value {
    let mut filters = flag.filters.clone();
    if flag.has_encrypted_payloads
        && let Some(Value::Object(payloads)) = filters.get_mut("payloads")
    {
        redact(payloads);
    }
    filters
}

fn redact(payloads: &mut Map<String, Value>) {
    for payload in payloads.values_mut().filter(|payload| !payload.is_null()) {
        *payload = crate::payload::REDACTED.into();
    }
}

/// The flags that something refers to, in few words.
pub fn brief(flags: impl Iterator<Item = impl std::borrow::Borrow<Flag>>) -> Vec<Value> {
    flags
        .map(|flag| {
            let flag = flag.borrow();
            json!({"id": flag.id, "key": flag.key, "name": flag.name, "active": flag.active})
        })
        .collect()
}

/// For messages: at most five keys.
pub fn named(keys: &[&str]) -> String {
    let shown: Vec<&str> = keys.iter().take(5).copied().collect();
    match keys.len() > shown.len() {
        true => format!("{} and {} more", shown.join(", "), keys.len() - shown.len()),
        false => shown.join(", "),
    }
}
