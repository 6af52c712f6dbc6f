//! A project's flags as server SDKs take them to evaluate by themselves: one body with its tag, printed once per change.

use crate::Flag;
use axum::body::Bytes;
use cohorts::Cohort;
use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};
use std::collections::{BTreeSet, HashMap};

/// SDKs ask the server about a flag whose dependencies are no chain that they can follow; so they do about longer ones.
const MAX_CHAIN: usize = 100;

pub struct Local {
    pub body: Bytes,
    /// Changes with the body. Without quotes.
    pub tag: String,
}

impl Local {
    /// Inactive flags are told, since SDKs answer them with false and others depend on them. Flags with encrypted payloads and those
    /// that belong to a survey are not: nobody may evaluate them elsewhere.
    pub fn print(flags: &[Flag], cohorts: &[Cohort], group_types: &[(u8, String)]) -> Self {
        let chains = Chains::new(flags);
        let told = || flags.iter().filter(|flag| !flag.has_encrypted_payloads && !flag.is_internal);
        let group_types: Map<String, Value> = group_types.iter().map(|(index, name)| (index.to_string(), json!(name))).collect();
        let body = json!({
            "flags": told().map(|flag| definition(flag, &chains)).collect::<Vec<_>>(),
            "group_type_mapping": group_types,
            "cohorts": reachable(told(), cohorts),
        });
        let body = body.to_string();
        let tag = Sha1::digest(body.as_bytes()).iter().take(10).map(|byte| format!("{byte:02x}")).collect();
        Self { body: body.into(), tag }
    }
}

fn definition(flag: &Flag, chains: &Chains) -> Value {
    let mut filters = flag.filters.clone();
    each_property(&mut filters, &mut |property| {
        if property.get("type").is_some_and(|kind| kind == "flag") {
            chains.rewrite(property);
        }
    });
    json!({
        "id": flag.id,
        "team_id": flag.team.0,
        "name": flag.name,
        "key": flag.key,
        "filters": filters,
        "deleted": false,
        "active": flag.active,
        "ensure_experience_continuity": flag.ensure_experience_continuity,
        "has_encrypted_payloads": false,
        "version": flag.version,
        "evaluation_runtime": flag.evaluation_runtime,
        "evaluation_contexts": flag.evaluation_contexts,
        // What older SDKs call the contexts.
        "evaluation_tags": flag.evaluation_contexts,
        "bucketing_identifier": flag.bucketing_identifier,
        "has_experiment": flag.has_experiment,
    })
}

fn each_property(filters: &mut Value, visit: &mut dyn FnMut(&mut Map<String, Value>)) {
    let groups = filters.get_mut("groups").and_then(Value::as_array_mut);
    for group in groups.into_iter().flatten() {
        let properties = group.get_mut("properties").and_then(Value::as_array_mut);
        properties.into_iter().flatten().filter_map(Value::as_object_mut).for_each(&mut *visit);
    }
}

/// Ids that properties name, as numbers or as text.
fn id(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Which flags have to be evaluated before a flag that others depend on.
struct Chains<'a> {
    keys: HashMap<i64, &'a str>,
    depends_on: HashMap<i64, Vec<i64>>,
}

impl<'a> Chains<'a> {
    fn new(flags: &'a [Flag]) -> Self {
        let depends_on = |flag: &Flag| -> Vec<i64> {
            let groups = flag.filters["groups"].as_array().into_iter().flatten();
            let properties = groups.flat_map(|group| group["properties"].as_array().into_iter().flatten());
            properties.filter(|property| property["type"] == "flag").filter_map(|property| id(property.get("key"))).collect()
        };
        Self {
            keys: flags.iter().map(|flag| (flag.id, flag.key.as_str())).collect(),
            depends_on: flags.iter().map(|flag| (flag.id, depends_on(flag))).collect(),
        }
    }

    /// Flags name each other by id; SDKs know them by key.
    fn rewrite(&self, property: &mut Map<String, Value>) {
        let Some(of) = id(property.get("key")) else { return };
        let chain = self.of(of).unwrap_or_default();
        if let Some(key) = self.keys.get(&of) {
            property.insert("key".into(), (*key).into());
        }
        property.insert("dependency_chain".into(), chain.into());
    }

    /// Ends with the flag itself. `None` when a flag is missing or depends on itself, or when there are too many.
    fn of(&self, id: i64) -> Option<Vec<&'a str>> {
        enum Turn {
            Enter(i64),
            Leave(i64),
        }
        let (mut turns, mut path, mut chain) = (vec![Turn::Enter(id)], Vec::new(), Vec::new());
        while let Some(turn) = turns.pop() {
            match turn {
                Turn::Leave(id) => {
                    path.pop();
                    chain.push(*self.keys.get(&id)?);
                }
                Turn::Enter(id) if path.contains(&id) => return None,
                Turn::Enter(id) if self.keys.get(&id).is_some_and(|key| chain.contains(key)) => {}
                Turn::Enter(id) => {
                    path.push(id);
                    turns.push(Turn::Leave(id));
                    turns.extend(self.depends_on.get(&id)?.iter().rev().map(|&next| Turn::Enter(next)));
                }
            }
            if path.len() + chain.len() > MAX_CHAIN {
                return None;
            }
        }
        Some(chain)
    }
}

/// The conditions of every cohort that some flag uses, directly or through another. Lists of persons and what persons did cannot be
/// told; SDKs that miss a cohort ask the server.
fn reachable<'a>(flags: impl Iterator<Item = &'a Flag>, cohorts: &[Cohort]) -> Map<String, Value> {
    let known: HashMap<i64, &Cohort> =
        cohorts.iter().filter(|cohort| !cohort.needs_membership()).map(|cohort| (cohort.id, cohort)).collect();
    let mut wanted = BTreeSet::new();
    flags.for_each(|flag| cohorts_in(&flag.filters["groups"], &mut wanted));
    let mut found = Map::new();
    while let Some(id) = wanted.pop_first() {
        let Some(cohort) = known.get(&id).filter(|_| !found.contains_key(&id.to_string())) else { continue };
        let properties = &cohort.filters["properties"];
        cohorts_in(properties, &mut wanted);
        found.insert(id.to_string(), properties.clone());
    }
    found
}

/// Walks whatever nests, without recursion: depth is the client's choice.
fn cohorts_in(json: &Value, found: &mut BTreeSet<i64>) {
    let mut rest = vec![json];
    while let Some(json) = rest.pop() {
        match json {
            Value::Array(items) => rest.extend(items),
            Value::Object(object) if object.get("type").is_some_and(|kind| kind == "cohort") => {
                found.extend(id(object.get("value")));
            }
            Value::Object(object) => rest.extend(object.values()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn depending(id: i64, key: &str, on: &[i64]) -> Flag {
        let properties: Vec<Value> =
            on.iter().map(|on| json!({"type": "flag", "key": on.to_string(), "operator": "flag_evaluates_to", "value": true})).collect();
        Flag { id, ..testing::flag(key, json!({"groups": [{"properties": properties, "rollout_percentage": 100}]})) }
    }

    fn printed(flags: &[Flag], cohorts: &[Cohort]) -> Value {
        serde_json::from_slice(&Local::print(flags, cohorts, &[(0, "company".into())]).body).unwrap()
    }

    fn dependency(printed: &Value, flag: usize, property: usize) -> (&Value, &Value) {
        let property = &printed["flags"][flag]["filters"]["groups"][0]["properties"][property];
        (&property["key"], &property["dependency_chain"])
    }

    #[test]
    fn dependencies_are_told_by_key_with_the_chain_that_leads_there() {
        let flags = [depending(1, "a", &[2, 3]), depending(2, "b", &[3]), depending(3, "c", &[])];
        let printed = printed(&flags, &[]);
        assert_eq!(dependency(&printed, 0, 0), (&json!("b"), &json!(["c", "b"])));
        assert_eq!(dependency(&printed, 0, 1), (&json!("c"), &json!(["c"])));
    }

    #[test]
    fn missing_and_cyclic_dependencies_have_no_chain() {
        let flags = [depending(1, "a", &[9]), depending(2, "b", &[3]), depending(3, "c", &[2])];
        let printed = printed(&flags, &[]);
        assert_eq!(dependency(&printed, 0, 0), (&json!("9"), &json!([])));
        assert_eq!(dependency(&printed, 1, 0), (&json!("c"), &json!([])));
    }

    #[test]
    fn chain_of_thousands_of_flags_is_cut_off() {
        let before = |at: i64| (at > 0).then_some(at - 1);
        let flags: Vec<Flag> = (0..5_000).map(|at| depending(at, &format!("f{at:04}"), before(at).as_slice())).collect();
        let printed = printed(&flags, &[]);
        assert_eq!(dependency(&printed, 2, 0).1, &json!(["f0000", "f0001"]));
        assert_eq!(dependency(&printed, 4_999, 0).1, &json!([]));
    }

    #[test]
    fn inactive_flags_are_told_and_hidden_ones_are_not() {
        let all = json!({"groups": [{"rollout_percentage": 100}]});
        let flags = [
            Flag { active: false, ..testing::flag("off", all.clone()) },
            Flag { has_encrypted_payloads: true, ..testing::flag("secret", all.clone()) },
            Flag { is_internal: true, ..testing::flag("survey-targeting-x", all) },
        ];
        let printed = printed(&flags, &[]);
        assert_eq!(printed["flags"].as_array().unwrap().len(), 1);
        assert_eq!((&printed["flags"][0]["key"], &printed["flags"][0]["active"]), (&json!("off"), &json!(false)));
        assert_eq!(printed["group_type_mapping"], json!({"0": "company"}));
    }

    #[test]
    fn cohorts_come_with_the_cohorts_that_they_are_made_of() {
        let leaf = |id: i64| json!({"type": "cohort", "key": "id", "value": id});
        let within = |id: i64| json!({"properties": {"type": "OR", "values": [{"type": "AND", "values": [leaf(id)]}]}});
        let cohorts = [
            testing::cohort(1, within(2)),
            testing::cohort(2, within(1)),
            testing::cohort(3, within(1)),
            Cohort { is_static: true, ..testing::cohort(4, json!({})) },
        ];
        let flag = testing::flag("f", json!({"groups": [{"properties": [leaf(1), leaf(4)]}]}));
        let printed = printed(&[flag], &cohorts);
        let told: Vec<&String> = printed["cohorts"].as_object().unwrap().keys().collect();
        assert_eq!(told, ["1", "2"]);
        assert_eq!(printed["cohorts"]["1"]["values"][0]["values"][0]["value"], 2);
    }
}
