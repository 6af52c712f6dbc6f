//! From stored flags to [`Rule`]s. What makes no sense in them matches nothing; it should have been refused when it was written.

use super::{
    keys::Keys,
    operators::Operator,
    rules::{Audience, Bucketing, Check, Condition, Expected, Filter, Holdout, Predicate, Rule, RuleNeeds, Told, Variant},
    values::{self, Owner},
};
use crate::{evaluation::Payload, flag::Flag, request::Runtime};
use ahash::AHashMap;
use chrono_tz::Tz;
use serde_json::{Map, Value};

/// Instead of a payload that only some may read.
const REDACTED: &str = "\"********* (encrypted)\"";

/// The tables that fill while flags and cohorts are read.
pub struct Compiler {
    pub keys: Keys,
    pub predicates: Vec<Predicate>,
    pub told: Vec<Told>,
    /// By slot, operator and value.
    interned: AHashMap<(u32, String, String), u32>,
    /// Places by id.
    pub cohorts: AHashMap<i64, u32>,
    pub flags: AHashMap<i64, usize>,
    pub timezone: Tz,
}

impl Compiler {
    pub fn new(group_types: &[(u8, String)], timezone: Tz) -> Self {
        let (predicates, told, interned, cohorts, flags) = Default::default();
        Self { keys: Keys::new(group_types), predicates, told, interned, cohorts, flags, timezone }
    }

    pub fn rule(&mut self, flag: &Flag) -> Rule {
        let filters = &flag.filters;
        let group = group_index(filters.get("aggregation_group_type_index"));
        let payloads = Payloads { of: filters["payloads"].as_object(), redacted: flag.has_encrypted_payloads };
        let variants = variants(filters, &payloads);
        let asked = filters["groups"].as_array().map_or(&[][..], Vec::as_slice);
        let conditions: Box<[Condition]> = asked.iter().map(|asked| self.condition(asked, group, &variants)).collect();
        let enrolls = filters["feature_enrollment"] == true;
        let enrollment = enrolls.then(|| self.keys.slot(Owner::Person, &format!("$feature_enrollment/{}", flag.key)));
        let holdout = holdout(&filters["holdout"], &payloads);
        let (dependencies, is_broken) = self.dependencies(asked);
        let takes_all = variants.len() == 1 && variants[0].up_to >= 1.0;
        let hash = holdout.is_some() || !(variants.is_empty() || takes_all) || conditions.iter().any(|one| one.rollout.is_some());
        Rule {
            active: flag.active && !flag.deleted,
            audience: audience(flag),
            bucketing: bucketing(flag, group),
            group,
            needs: self.needs(&conditions, enrollment, hash),
            enrollment,
            holdout,
            conditions,
            variants,
            payload: payloads.get("true"),
            early_exit: filters["early_exit"] == true,
            dependencies,
            is_broken,
        }
    }

    fn condition(&mut self, asked: &Value, flag_group: Option<u8>, variants: &[Variant]) -> Condition {
        let group = match asked.get("aggregation_group_type_index") {
            None => flag_group,
            own => group_index(own),
        };
        let properties = asked["properties"].as_array().map_or(&[][..], Vec::as_slice);
        let mut filters: Vec<Filter> = properties.iter().map(|property| self.filter(property, group)).collect();
        filters.sort_by_key(|filter| matches!(filter.check, Check::Cohort { .. }));
        let wanted = asked["variant"].as_str();
        let variant = wanted.and_then(|wanted| variants.iter().position(|variant| &*variant.key == wanted));
        Condition { group, filters: filters.into(), rollout: rollout(&asked["rollout_percentage"]), variant }
    }

    fn filter(&mut self, property: &Value, group: Option<u8>) -> Filter {
        let kind = property["type"].as_str().unwrap_or("person");
        let check = match kind {
            "cohort" => self.cohort_check(property),
            "flag" => self.flag_check(property),
            _ => {
                let own_group = group_index(property.get("group_type_index")).or(group);
                let owner = match (kind, group) {
                    ("group", _) => own_group.map(Owner::Group),
                    ("person", Some(group)) => Some(Owner::Group(group)),
                    ("person", None) => Some(Owner::Person),
                    ("person_metadata", _) => (property["key"] == "created_at").then_some(Owner::PersonRow),
                    _ => None,
                };
                owner.map_or(Check::Never, |owner| Check::Property(self.predicate(owner, property)))
            }
        };
        let default = if kind == "cohort" { "in" } else { "exact" };
        let text = |name: &str, default: &str| property[name].as_str().unwrap_or(default).into();
        let told = Told { key: text("key", ""), kind: kind.into(), operator: text("operator", default), value: property["value"].clone() };
        self.told.push(told);
        Filter { check, told: self.told.len() as u32 - 1 }
    }

    /// The comparison that a property filter asks for; the same one for all who say the same.
    pub fn predicate(&mut self, owner: Owner, property: &Value) -> u32 {
        let slot = self.keys.slot(owner, property["key"].as_str().unwrap_or_default());
        let operator = property["operator"].as_str().unwrap_or("exact");
        let value = property.get("value");
        let said = (slot, operator.to_owned(), value.map(Value::to_string).unwrap_or_default());
        if let Some(&known) = self.interned.get(&said) {
            self.predicates[known as usize].is_shared = true;
            return known;
        }
        let place = self.predicates.len() as u32;
        self.predicates.push(Predicate { slot, is_shared: false, operator: Operator::compile(operator, value, self.timezone) });
        self.interned.insert(said, place);
        place
    }

    fn cohort_check(&self, property: &Value) -> Check {
        let negated = match property["operator"].as_str() {
            None | Some("in" | "exact") => false,
            Some("not_in") => true,
            Some(_) => return Check::Never,
        };
        Check::Cohort { cohort: self.cohort(&property["value"]), negated }
    }

    /// The place of the cohort with this id.
    pub fn cohort(&self, id: &Value) -> Option<u32> {
        self.cohorts.get(&integer(id)?).copied()
    }

    fn flag_check(&self, property: &Value) -> Check {
        let expected = match &property["value"] {
            Value::Bool(true) => Expected::On,
            Value::Bool(false) => Expected::Off,
            Value::String(variant) => Expected::Variant(variant.as_str().into()),
            _ => return Check::Never,
        };
        let asks_for_value = property["operator"] == "flag_evaluates_to";
        let flag = dependency(property).and_then(|id| self.flags.get(&id)).filter(|_| asks_for_value);
        flag.map_or(Check::Never, |&flag| Check::Flag { flag, expected })
    }

    /// Which flags are asked for, and whether one of them does not exist.
    fn dependencies(&self, conditions: &[Value]) -> (Box<[usize]>, bool) {
        let mut places = Vec::new();
        let mut is_broken = false;
        for id in asked_flags(conditions) {
            match id.and_then(|id| self.flags.get(&id)) {
                Some(&place) => places.push(place),
                None => is_broken = true,
            }
        }
        places.sort_unstable();
        places.dedup();
        (places.into(), is_broken)
    }

    fn needs(&self, conditions: &[Condition], enrollment: Option<u32>, hash: bool) -> RuleNeeds {
        let (mut slots, mut cohorts): (Vec<u32>, Vec<u32>) = (enrollment.into_iter().collect(), Vec::new());
        for filter in conditions.iter().flat_map(|condition| &condition.filters) {
            match filter.check {
                Check::Property(predicate) => slots.push(self.predicates[predicate as usize].slot),
                Check::Cohort { cohort, .. } => cohorts.extend(cohort),
                Check::Flag { .. } | Check::Never => {}
            }
        }
        for list in [&mut slots, &mut cohorts] {
            list.sort_unstable();
            list.dedup();
        }
        RuleNeeds { slots: slots.into(), cohorts: cohorts.into(), hash }
    }
}

/// The ids of flags that conditions ask for; `None` for what is no id.
pub fn asked_flags(conditions: &[Value]) -> impl Iterator<Item = Option<i64>> {
    let properties = conditions.iter().filter_map(|condition| condition["properties"].as_array()).flatten();
    properties.filter(|property| property["type"] == "flag").map(dependency)
}

fn dependency(property: &Value) -> Option<i64> {
    integer(&property["key"])
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_i64(),
    }
}

/// `None` means persons. An index that cannot be is a group that nobody has.
fn group_index(value: Option<&Value>) -> Option<u8> {
    let value = value.filter(|value| !value.is_null())?;
    Some(value.as_u64().and_then(|index| u8::try_from(index).ok()).unwrap_or(u8::MAX))
}

/// Of 1; a share that cannot be read lets nobody in.
fn rollout(percentage: &Value) -> Option<f64> {
    if percentage.is_null() {
        return None;
    }
    let percentage = values::number_of(percentage).unwrap_or(-1.0);
    (percentage != 100.0).then_some(percentage / 100.0)
}

fn variants(filters: &Value, payloads: &Payloads) -> Box<[Variant]> {
    let mut up_to = 0.0;
    let variants = filters["multivariate"]["variants"].as_array().into_iter().flatten();
    let variant = |variant: &Value| {
        up_to += values::number_of(&variant["rollout_percentage"]).unwrap_or_default() / 100.0;
        let key = variant["key"].as_str().unwrap_or_default();
        Variant { key: key.into(), up_to, payload: payloads.get(key) }
    };
    variants.map(variant).collect()
}

fn holdout(holdout: &Value, payloads: &Payloads) -> Option<Holdout> {
    let percentage = values::number_of(&holdout["exclusion_percentage"])?;
    let variant = match &holdout["id"] {
        Value::Number(id) => format!("holdout-{id}"),
        Value::String(id) => format!("holdout-{id}"),
        _ => return None,
    };
    Some(Holdout { share: percentage.clamp(0.0, 100.0) / 100.0, payload: payloads.get(&variant), variant: variant.into() })
}

fn audience(flag: &Flag) -> Audience {
    let runtime = match flag.evaluation_runtime.as_str() {
        "client" => Some(Runtime::Client),
        "server" => Some(Runtime::Server),
        _ => None,
    };
    Audience { runtime, contexts: flag.evaluation_contexts.clone().into(), is_survey: flag.key.starts_with("survey-targeting-") }
}

fn bucketing(flag: &Flag, group: Option<u8>) -> Bucketing {
    match flag.bucketing_identifier.as_deref() {
        Some("device_id") => Bucketing::DeviceId,
        _ if flag.ensure_experience_continuity && group.is_none() => Bucketing::Continuous,
        _ => Bucketing::DistinctId,
    }
}

struct Payloads<'a> {
    of: Option<&'a Map<String, Value>>,
    redacted: bool,
}

impl Payloads<'_> {
    fn get(&self, key: &str) -> Option<Payload> {
        let text = match self.of?.get(key)? {
            Value::Null => return None,
            _ if self.redacted => REDACTED.to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some(Payload::new(text))
    }
}
