//! What a flag answers a person and why, for the flag as it is or as somebody is about to save it.

use super::dependencies;
use crate::evaluate::{Definitions, Explanation, Step};
use crate::{Flag, Flags, store};
use anyhow::Result;
use people::store::{PersonKey, Profile};
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use teams::Team;

/// Definitions that hold this flag, in the place of its stored self, and those that it asks about.
pub async fn definitions_with(flags: &Flags, team: &Team, flag: Flag) -> Result<Definitions> {
    let (stored, cohorts, types) = futures::try_join!(
        store::of_team(&flags.db, team.id),
        cohorts::store::of_team(&flags.db, team.id),
        people::store::group_types(&flags.db, team.id),
    )?;
    let types: Vec<(u8, String)> = types.into_iter().map(|kind| (kind.index.0, kind.name.to_string())).collect();
    let timezone = team.timezone;
    let compiled = tokio::task::spawn_blocking(move || Definitions::compile(&with_dependencies(flag, stored), &cohorts, &types, timezone));
    Ok(compiled.await?)
}

fn with_dependencies(flag: Flag, stored: Vec<Flag>) -> Vec<Flag> {
    let mut open: Vec<i64> = dependencies::of(&flag.filters).into_iter().collect();
    let mut wanted: HashSet<i64> = HashSet::new();
    while let Some(id) = open.pop() {
        if wanted.insert(id)
            && let Some(other) = stored.iter().find(|other| other.id == id)
        {
            open.extend(dependencies::of(&other.filters));
        }
    }
    let (id, key) = (flag.id, flag.key.clone());
    let others = stored.into_iter().filter(|other| wanted.contains(&other.id) && other.id != id && other.key != key);
    std::iter::once(flag).chain(others).collect()
}

/// Who is asked about: the person that the distinct id has, if any, or a person by its own id.
pub async fn profile(flags: &Flags, team: &Team, distinct_id: Option<&str>, person: Option<&str>) -> Result<Option<Profile>> {
    let key = match (distinct_id, person) {
        (Some(distinct_id), _) => people::store::person_uuid_of(&flags.db, team.id, distinct_id).await?.map(PersonKey::Uuid),
        (None, Some(person)) => PersonKey::parse(person),
        (None, None) => None,
    };
    match key {
        Some(key) => people::store::profile(&flags.db, team.id, key).await,
        None => Ok(None),
    }
}

/// The evaluation and its steps, as clients read them. `payload` is JSON text, as SDKs get it.
pub fn shown(explanation: &Explanation) -> Map<String, Value> {
    let reason = explanation.reason;
    let evaluation = json!({
        "enabled": explanation.enabled,
        "variant": explanation.variant,
        "payload": explanation.payload,
        "reason": {"code": reason.code.as_str(), "condition_index": reason.condition_index, "description": reason.description()},
    });
    let steps: Vec<Value> = explanation.steps.iter().map(step).collect();
    Map::from_iter([("evaluation".to_owned(), evaluation), ("steps".to_owned(), steps.into())])
}

fn step(step: &Step) -> Value {
    let compared = step.properties.iter().map(|compared| {
        let mut shown = json!({
            "key": compared.key,
            "type": compared.kind,
            "operator": compared.operator,
            "value": compared.value,
            "matched": compared.matched,
        });
        // What is not there at all is told apart from null.
        if let Some(found) = &compared.found {
            shown["found"] = found.clone();
        }
        if let Some(source) = compared.source {
            shown["source"] = source.as_str().into();
        }
        shown
    });
    json!({
        "kind": step.kind.as_str(),
        "condition_index": step.condition_index,
        "matched": step.matched,
        "reason": step.reason.as_str(),
        "rollout_percentage": step.rollout_percentage,
        "hash": step.hash,
        "variant": step.variant,
        "properties": compared.collect::<Vec<Value>>(),
    })
}
