//! What a client may write of a flag.

use crate::manage::NewFlag;
use crate::{Flag, Flags};
use model::TeamId;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use web::{ApiError, ApiResult};

/// A field that is absent stays as it is.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Draft {
    pub key: Option<String>,
    /// The description.
    pub name: Option<String>,
    pub filters: Option<Value>,
    pub active: Option<bool>,
    pub deleted: Option<bool>,
    pub ensure_experience_continuity: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    pub bucketing_identifier: Option<Option<String>>,
    pub evaluation_runtime: Option<String>,
    pub evaluation_contexts: Option<Vec<String>>,
    /// The older name of `evaluation_contexts`.
    pub evaluation_tags: Option<Vec<String>>,
    pub is_remote_configuration: Option<bool>,
    pub has_encrypted_payloads: Option<bool>,
    pub tags: Option<Vec<String>>,
    /// The version that the client read: the change is refused when there is a newer one.
    pub version: Option<i64>,
    /// How flags were written before they had condition sets.
    pub rollout_percentage: Option<f64>,
}

fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

impl Draft {
    pub fn into_new(self) -> ApiResult<NewFlag> {
        let default = NewFlag::default();
        let filters = match (self.filters, self.rollout_percentage) {
            (Some(filters), _) => filters,
            (None, Some(share)) => json!({"groups": [{"properties": [], "rollout_percentage": share}]}),
            (None, None) => default.filters,
        };
        Ok(NewFlag {
            key: self.key.ok_or_else(|| ApiError::required("key"))?,
            name: self.name.unwrap_or_default(),
            filters,
            active: self.active.unwrap_or(true),
            ensure_experience_continuity: self.ensure_experience_continuity.unwrap_or(false),
            bucketing_identifier: self.bucketing_identifier.flatten(),
            evaluation_runtime: self.evaluation_runtime.unwrap_or(default.evaluation_runtime),
            evaluation_contexts: unique(self.evaluation_contexts.or(self.evaluation_tags).unwrap_or_default()),
            is_remote_configuration: self.is_remote_configuration.unwrap_or(false),
            has_encrypted_payloads: self.has_encrypted_payloads.unwrap_or(false),
            tags: unique(self.tags.unwrap_or_default()),
            ..NewFlag::default()
        })
    }

    /// Fails with 409 when the client has read an older version, with 404 for a deleted flag that is not restored.
    pub fn apply(self, flag: &mut Flag) -> ApiResult<()> {
        if flag.is_internal || (flag.deleted && self.deleted != Some(false)) {
            return Err(ApiError::not_found());
        }
        if self.version.is_some_and(|version| version != flag.version) {
            let detail = format!(
                "The flag was changed in the meantime and has version {} now. Load it again, look at what changed, and repeat your change.",
                flag.version
            );
            return Err(ApiError::conflict(detail).with("version", flag.version));
        }
        set(&mut flag.key, self.key);
        set(&mut flag.name, self.name);
        set(&mut flag.filters, self.filters);
        set(&mut flag.active, self.active);
        set(&mut flag.deleted, self.deleted);
        set(&mut flag.ensure_experience_continuity, self.ensure_experience_continuity);
        set(&mut flag.bucketing_identifier, self.bucketing_identifier);
        set(&mut flag.evaluation_runtime, self.evaluation_runtime);
        set(&mut flag.evaluation_contexts, self.evaluation_contexts.or(self.evaluation_tags).map(unique));
        set(&mut flag.is_remote_configuration, self.is_remote_configuration);
        set(&mut flag.has_encrypted_payloads, self.has_encrypted_payloads);
        set(&mut flag.tags, self.tags.map(unique));
        Ok(())
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// Each name once, without the spaces around it, in the client's order.
fn unique(names: Vec<String>) -> Vec<String> {
    let mut seen = Vec::with_capacity(names.len().min(100));
    for name in names {
        let name = name.trim().to_owned();
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

/// What a person should know who switches a flag off or deletes it: which others then answer otherwise.
pub async fn warnings(state: &Flags, team: TeamId, before: &Flag, after: &Flag) -> ApiResult<Vec<String>> {
    let goes = (after.deleted && !before.deleted) || (!after.active && before.active);
    if !goes {
        return Ok(Vec::new());
    }
    let flags = crate::store::of_team(&state.db, team).await?;
    let mut dependents = crate::manage::dependencies::dependents(&flags, after.id).filter(|flag| flag.active).peekable();
    if dependents.peek().is_none() {
        return Ok(Vec::new());
    }
    let keys: Vec<&str> = dependents.map(|flag| flag.key.as_str()).collect();
    let what = if after.deleted { "deleted" } else { "off" };
    Ok(vec![format!(
        "{} depend{} on this flag, which is {what} now.",
        crate::manage::wire::named(&keys),
        if keys.len() == 1 { "s" } else { "" }
    )])
}
