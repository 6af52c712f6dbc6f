//! Breakdowns by cohort. A person may be in several, so each cohort is the insight once more, narrowed to its members.

use super::Answer;
use crate::catalog::Named;
use crate::failure::Failure;
use crate::nodes;
use crate::run::Run;
use serde_json::{Map, Value, json};

/// Cohorts that one insight can be broken down by.
const MOST: usize = 50;

/// What a breakdown names: a cohort, or all users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    Cohort(i64),
    All,
}

impl Chosen {
    fn read(value: &Value) -> Result<Chosen, Failure> {
        let id = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
        match (id, value.as_str()) {
            (Some(0), _) | (_, Some("all")) => Ok(Chosen::All),
            (Some(id), _) => Ok(Chosen::Cohort(id)),
            _ => Err(Failure::Invalid(format!("A breakdown by cohort names cohorts by their ids, or \"all\"; {value} is neither"))),
        }
    }

    pub fn value(self) -> Value {
        match self {
            Chosen::Cohort(id) => id.into(),
            Chosen::All => "all".into(),
        }
    }

    pub fn label(self, run: &Run) -> String {
        match self {
            Chosen::Cohort(id) => run.catalog.cohorts.name(id).map_or_else(|| format!("Cohort {id}"), str::to_owned),
            Chosen::All => "all users".to_owned(),
        }
    }
}

/// The cohorts that an insight is broken down by; `None` when it is not.
pub fn of(insight: &Value) -> Result<Option<Vec<Chosen>>, Failure> {
    let Some(filter) = insight.get("breakdownFilter").and_then(Value::as_object) else { return Ok(None) };
    let list = filter.get("breakdowns").and_then(Value::as_array).filter(|list| !list.is_empty());
    let is_cohort = |kind: Option<&Value>| kind.and_then(Value::as_str) == Some("cohort");
    let properties: Vec<&Value> = match list {
        Some(list) if list.iter().any(|breakdown| is_cohort(breakdown.get("type"))) => match list.as_slice() {
            [only] => flat(only.get("property")),
            _ => return Err(Failure::invalid("A breakdown by cohort cannot be combined with other breakdowns")),
        },
        None if is_cohort(filter.get("breakdown_type")) => flat(filter.get("breakdown")),
        _ => return Ok(None),
    };
    let chosen = properties.into_iter().map(Chosen::read).collect::<Result<Vec<_>, _>>()?;
    match chosen.len() {
        0 => Err(Failure::invalid("A breakdown by cohort needs the ids of cohorts in `breakdown`")),
        count if count > MOST => Err(Failure::Invalid(format!("An insight can be broken down by at most {MOST} cohorts"))),
        _ => Ok(Some(chosen)),
    }
}

fn flat(property: Option<&Value>) -> Vec<&Value> {
    match property {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
    }
}

/// The insight without its breakdown, about the members only.
pub fn narrowed(insight: &Value, chosen: Chosen, run: &Run) -> Result<Value, Failure> {
    let mut narrowed = insight.clone();
    if let Some(members) = narrowed.as_object_mut() {
        members.remove("breakdownFilter");
    }
    if let Chosen::Cohort(id) = chosen {
        if matches!(run.catalog.cohort(id), Named::Unknown) {
            return Err(Failure::Invalid(format!("There is no cohort {id}")));
        }
        let member = json!({"type": "cohort", "key": "id", "value": id, "operator": "in"});
        let own = insight.get("properties").filter(|own| !own.is_null()).cloned();
        narrowed["properties"] = json!({"type": "AND", "values": own.into_iter().chain([member]).map(grouped).collect::<Vec<_>>()});
    }
    Ok(narrowed)
}

/// Lists stand in groups as groups of their own.
fn grouped(filters: Value) -> Value {
    match filters {
        Value::Array(list) => json!({"type": "AND", "values": list}),
        other => other,
    }
}

/// The node without the breakdown: what its range and its other parts depend on.
pub fn without(insight: &Value) -> Result<Option<Value>, Failure> {
    Ok(of(insight)?.map(|_| {
        let mut plain = insight.clone();
        if let Some(members) = plain.as_object_mut() {
            members.remove("breakdownFilter");
        }
        plain
    }))
}

/// Runs the insight for each of its cohorts. `None`: it is not broken down by cohort.
pub async fn run(run: &Run, insight: &Value) -> Result<Option<Answer>, Failure> {
    let Some(all) = of(insight)? else { return Ok(None) };
    let kind = super::find(insight)?;
    let (mut whole, mut results): (Option<Answer>, Vec<Value>) = (None, Vec::new());
    for chosen in all {
        let mut answer = (kind.run)(run, &narrowed(insight, chosen, run)?).await?;
        let found = answer.remove("results").unwrap_or_default();
        results.extend(labelled(insight, found, chosen, run));
        whole.get_or_insert(answer);
    }
    // The current period comes before the one it is compared with.
    let is_previous = |item: &Value| item.get(0).unwrap_or(item).get("compare_label").and_then(Value::as_str) == Some("previous");
    results.sort_by_key(is_previous);
    let mut answer = whole.unwrap_or_default();
    answer.insert("results".to_owned(), results.into());
    Ok(Some(answer))
}

fn labelled(insight: &Value, results: Value, chosen: Chosen, run: &Run) -> Vec<Value> {
    let name = chosen.label(run);
    let items = match results {
        Value::Array(items) => items,
        // Times to convert are one object.
        one => vec![one],
    };
    match nodes::kind_of(insight) {
        Some("FunnelsQuery") if items.iter().any(|item| item.get("action_id").is_some()) => {
            let steps = insight.get("series").and_then(Value::as_array).map_or(1, Vec::len).max(1);
            let named = items.into_iter().map(|item| with(item, &[("breakdown", json!(name)), ("breakdown_value", chosen.value())]));
            let named: Vec<Value> = named.collect();
            named.chunks(steps).map(|steps| Value::Array(steps.to_vec())).collect()
        }
        Some("TrendsQuery") => {
            let several = count_of(insight) > 1;
            let label = |item: &Value| match item.get("label").and_then(Value::as_str).filter(|_| several) {
                Some(own) => format!("{own} - {name}"),
                None => name.clone(),
            };
            items
                .into_iter()
                .map(|item| {
                    let label = label(&item);
                    with(item, &[("label", json!(label)), ("breakdown_value", chosen.value())])
                })
                .collect()
        }
        _ => items.into_iter().map(|item| with(item, &[("breakdown_value", chosen.value())])).collect(),
    }
}

/// Lines that a trends query has without breakdown.
fn count_of(trends: &Value) -> usize {
    let filter = trends.get("trendsFilter");
    let list = |name: &str| filter.and_then(|filter| filter.get(name)).and_then(Value::as_array).map_or(0, Vec::len);
    let formula = filter.and_then(|filter| filter.get("formula")).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    match list("formulas").max(list("formulaNodes")).max(usize::from(formula)) {
        0 => trends.get("series").and_then(Value::as_array).map_or(1, Vec::len),
        formulas => formulas,
    }
}

fn with(mut item: Value, members: &[(&str, Value)]) -> Value {
    if let Some(object) = item.as_object_mut() {
        object.extend(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<Map<_, _>>());
    }
    item
}

/// A drill-down into an insight that is broken down by cohort, as one into the insight of the chosen cohort.
pub fn drill_down(source: &Value, run: &Run) -> Result<Option<Value>, Failure> {
    let Some(insight) = source.get("source").filter(|insight| insight.is_object()) else { return Ok(None) };
    let insight = nodes::unwrap(insight)?;
    if of(insight)?.is_none() {
        return Ok(None);
    }
    let named = ["breakdown", "funnelStepBreakdown"].into_iter().find_map(|name| source.get(name).filter(|value| !value.is_null()));
    let chosen = match named {
        Some(Value::Array(list)) => list.first().map(Chosen::read).transpose()?,
        Some(one) => Some(Chosen::read(one)?),
        None => None,
    };
    let mut drilled = source.clone();
    drilled["source"] = narrowed(insight, chosen.unwrap_or(Chosen::All), run)?;
    if let Some(members) = drilled.as_object_mut() {
        members.remove("breakdown");
        members.remove("funnelStepBreakdown");
    }
    Ok(Some(drilled))
}

/// `breakdown` of the choices that a drill-down has.
pub fn choices(insight: &Value, run: &Run) -> Result<Option<Value>, Failure> {
    let all = of(insight)?;
    Ok(all.map(|all| all.into_iter().map(|chosen| json!({"label": chosen.label(run), "value": chosen.value()})).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cohorts_are_read_in_both_spellings() {
        let read = |filter: Value| of(&json!({"kind": "TrendsQuery", "breakdownFilter": filter}));
        let several = read(json!({"breakdown_type": "cohort", "breakdown": [3, "4", "all"]})).unwrap();
        assert_eq!(several, Some(vec![Chosen::Cohort(3), Chosen::Cohort(4), Chosen::All]));
        assert_eq!(read(json!({"breakdowns": [{"type": "cohort", "property": 0}]})).unwrap(), Some(vec![Chosen::All]));
        assert_eq!(read(json!({"breakdown_type": "event", "breakdown": "x"})).unwrap(), None);
        assert_eq!(of(&json!({"kind": "TrendsQuery"})).unwrap(), None);
        for (filter, message) in [
            (json!({"breakdown_type": "cohort"}), "needs the ids"),
            (json!({"breakdown_type": "cohort", "breakdown": ["x"]}), "is neither"),
            (json!({"breakdowns": [{"type": "cohort", "property": 1}, {"property": "b"}]}), "cannot be combined"),
            (json!({"breakdown_type": "cohort", "breakdown": (1..52).collect::<Vec<i64>>()}), "at most 50"),
        ] {
            let error = read(filter).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
