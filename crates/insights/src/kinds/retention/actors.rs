//! Who is in a row of the grid, and where they were seen again.

use super::plan::Retention;
use super::results::{Shown, behave, shown};
use crate::failure::Failure;
use crate::kinds::funnels::values;
use crate::kinds::listed::{Listed, ListedActor};
use crate::kinds::trends::breakdown::{NULL, OTHER};
use crate::nodes;
use crate::nodes::retention::RetentionQuery;
use crate::nodes::tables::InsightActorsQuery;
use crate::run::Run;
use behaviour::{RetentionActor, RetentionWant};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// `source` is an `InsightActorsQuery` about retention.
pub async fn list(run: &Run, source: &Value) -> Result<Listed, Failure> {
    let asked: InsightActorsQuery = nodes::read(source)?;
    let query: RetentionQuery = nodes::read(nodes::unwrap(&asked.source)?)?;
    let retention = Retention::settle(run, query).await?;
    let cohort = row(asked.interval.as_ref(), &retention)?;
    let chosen = match asked.breakdown.as_ref().filter(|_| retention.breakdown.is_some()) {
        Some(value) => Some(chosen(value, &retention, run).await?),
        None => None,
    };
    let (answer, behaved) = behave(&retention, RetentionWant::Actors { cohort }, run).await?;
    let matches = |actor: &&RetentionActor| {
        let text = behaved.keys.get(actor.key as usize).and_then(|texts| texts.first()).map_or("", String::as_str);
        chosen.as_ref().is_none_or(|values| values.has(text))
    };
    // An actor counts once per value of the breakdown; here they are one.
    let mut seen: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for actor in answer.actors.iter().filter(matches) {
        if let Some(id) = behaved.actors.get(&actor.actor) {
            seen.entry(id).or_default().extend(&actor.appearances);
        }
    }
    let listed = |(id, columns): (&str, BTreeSet<usize>)| ListedActor {
        id: id.to_owned(),
        appearances: Some(columns.into_iter().collect()),
        ..ListedActor::default()
    };
    Ok(Listed { actors: seen.into_iter().map(listed).collect(), group_type_index: retention.group_type_index })
}

fn row(interval: Option<&Value>, retention: &Retention) -> Result<usize, Failure> {
    let row = match interval {
        None | Some(Value::Null) => Some(0),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    let row = row.and_then(|row| usize::try_from(row).ok()).filter(|row| *row < retention.cohorts());
    row.ok_or_else(|| Failure::Invalid(format!("`interval` must be a row of the grid, from 0 to {}", retention.cohorts() - 1)))
}

enum Chosen {
    Text(String),
    /// All but these.
    Other(Vec<Shown>),
}

impl Chosen {
    fn has(&self, text: &str) -> bool {
        match self {
            Chosen::Text(chosen) => chosen == text,
            Chosen::Other(shown) => !shown.contains(&Shown::Text(text.to_owned())),
        }
    }
}

async fn chosen(value: &Value, retention: &Retention, run: &Run) -> Result<Chosen, Failure> {
    let text = values::read(value).into_iter().next().unwrap_or_default();
    Ok(match text.as_str() {
        NULL => Chosen::Text(String::new()),
        OTHER => Chosen::Other(shown(retention, run).await?),
        _ => Chosen::Text(text),
    })
}
