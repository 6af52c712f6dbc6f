//! Answers of the operator as PostHog's results.

use super::plan::Funnel;
use super::rows::rows;
use super::values::{self, OTHER, Valued};
use crate::cells::{compact_number, number_json};
use crate::dates::Span;
use crate::failure::Failure;
use crate::kinds::period::Period;
use crate::nodes::funnels::StepOrder;
use crate::nodes::series::{Entity, Series};
use crate::run::Run;
use behaviour::{FunnelAnswer, FunnelGroup, FunnelPeriod, FunnelWant, Plan};
use events::Behaved;
use serde_json::{Map, Value, json};

/// Numbers of all results together.
const MAX_NUMBERS: usize = 1_000_000;

pub async fn behave(funnel: &Funnel, span: &Span, want: FunnelWant, run: &Run) -> Result<(FunnelAnswer, Behaved), Failure> {
    let mut behaved = run.behave("funnel", rows(funnel, span, run)?, Plan::Funnel(funnel.plan(want))).await?;
    match &mut behaved.answer {
        behaviour::Answer::Funnel(answer) => Ok((std::mem::take(answer), behaved)),
        _ => Err(anyhow::anyhow!("the store answered another plan").into()),
    }
}

/// The values with a place of their own; the rest comes last.
async fn valued(funnel: &Funnel, span: &Span, want: FunnelWant, run: &Run) -> Result<Vec<Valued>, Failure> {
    let (answer, behaved) = behave(funnel, span, want, run).await?;
    let (mut shown, other) = values::ranked(answer.groups, &behaved.keys, funnel);
    if let Some(group) = other.filter(|_| !funnel.hide_other) {
        shown.push(Valued { texts: vec![OTHER.to_owned()], group });
    }
    Ok(shown)
}

/// The values that the funnel shows, "Other" included.
pub async fn shown_values(funnel: &Funnel, run: &Run) -> Result<Vec<Vec<String>>, Failure> {
    let shown = valued(funnel, &funnel.current, FunnelWant::Steps, run).await?;
    Ok(shown.into_iter().map(|valued| valued.texts).collect())
}

pub async fn steps(funnel: &Funnel, run: &Run) -> Result<Value, Failure> {
    let mut periods = Vec::new();
    for (span, label) in funnel.spans() {
        periods.push((valued(funnel, span, FunnelWant::Steps, run).await?, label));
    }
    if funnel.breakdowns.is_empty() {
        let all = periods.into_iter().flat_map(|(shown, label)| {
            let group = shown.into_iter().next().map(|valued| valued.group).unwrap_or_default();
            step_items(funnel, &group, None, label)
        });
        return Ok(all.collect());
    }
    if funnel.previous.is_some() {
        align(&mut periods);
    }
    let items = |(shown, label): (Vec<Valued>, Option<&'static str>)| {
        shown.into_iter().map(move |valued| Value::Array(step_items(funnel, &valued.group, Some(&valued.texts), label)))
    };
    Ok(periods.into_iter().flat_map(items).collect())
}

/// Both periods get the values of both, in the order of the current one.
fn align(periods: &mut [(Vec<Valued>, Option<&'static str>)]) {
    let mut every: Vec<Vec<String>> = Vec::new();
    for valued in periods.iter().flat_map(|(shown, _)| shown) {
        if !every.contains(&valued.texts) {
            every.push(valued.texts.clone());
        }
    }
    for (shown, _) in periods {
        let mut own = std::mem::take(shown);
        *shown = every
            .iter()
            .map(|texts| match own.iter().position(|valued| valued.texts == *texts) {
                Some(position) => own.swap_remove(position),
                None => Valued { texts: texts.clone(), group: FunnelGroup::default() },
            })
            .collect();
    }
}

fn step_items(funnel: &Funnel, group: &FunnelGroup, texts: Option<&[String]>, compare: Option<&str>) -> Vec<Value> {
    let (averages, medians) = (group.averages(), group.medians());
    let seconds = |list: &[Option<f64>], step: usize| number_json(list.get(step).copied().flatten().filter(|_| step > 0));
    let mut items = Vec::new();
    for (index, step) in funnel.steps.iter().enumerate() {
        let count = group.counts.get(index).copied().unwrap_or(0);
        let mut item = names(funnel.order, step, index);
        item.insert("order".to_owned(), index.into());
        item.insert("people".to_owned(), json!([]));
        item.insert("count".to_owned(), compact_number(funnel.scan.scaled(count)));
        item.insert("average_conversion_time".to_owned(), seconds(&averages, index));
        item.insert("median_conversion_time".to_owned(), seconds(&medians, index));
        label(&mut item, texts, compare);
        if let Some(texts) = texts {
            item.insert("breakdown".to_owned(), json!(texts));
        }
        items.push(Value::Object(item));
    }
    items
}

fn names(order: StepOrder, step: &Series, index: usize) -> Map<String, Value> {
    let (action_id, name, kind) = match &step.entity {
        _ if order == StepOrder::Unordered => {
            (Value::Null, format!("Completed {} step{}", index + 1, if index == 0 { "" } else { "s" }), "events")
        }
        Entity::Event(event) => (json!(event), step.label(), "events"),
        Entity::Action(id) => (json!(id), step.label(), "actions"),
        Entity::Several { .. } => (Value::Null, step.label(), "groups"),
    };
    let custom_name = if order == StepOrder::Unordered { &None } else { &step.common.custom_name };
    let item = json!({"action_id": action_id, "name": name, "custom_name": custom_name, "type": kind});
    item.as_object().cloned().unwrap_or_default()
}

/// What every kind of item says of its place.
fn label(item: &mut Map<String, Value>, texts: Option<&[String]>, compare: Option<&str>) {
    if let Some(texts) = texts {
        item.insert("breakdown_value".to_owned(), json!(texts));
    }
    if let Some(compare) = compare {
        item.insert("compare".to_owned(), true.into());
        item.insert("compare_label".to_owned(), compare.into());
    }
}

pub async fn times(funnel: &Funnel, run: &Run) -> Result<Value, Failure> {
    let mut groups = Vec::new();
    for (span, label) in funnel.spans() {
        let (answer, _) = behave(funnel, span, FunnelWant::Times { from: funnel.from, to: funnel.to }, run).await?;
        groups.push((answer.groups.into_iter().next().unwrap_or_default(), label));
    }
    if let [(group, _)] = groups.as_slice() {
        return Ok(Value::Object(distribution(group, group.histogram(funnel.bins).bins)));
    }
    // Periods are compared bin by bin.
    let mut both = FunnelGroup::default();
    groups.iter().for_each(|(group, _)| both.add(group.clone()));
    let edges = both.histogram(funnel.bins).bins;
    let items = groups.iter().map(|(group, compare)| {
        let mut item = distribution(group, counted(&group.times, &edges));
        label(&mut item, None, *compare);
        Value::Object(item)
    });
    Ok(items.collect())
}

fn distribution(group: &FunnelGroup, bins: Vec<(i64, u64)>) -> Map<String, Value> {
    let own = group.histogram(None);
    let item = json!({
        "average_conversion_time": own.average, "median_conversion_time": own.median,
        "bins": bins.iter().map(|(edge, count)| json!([edge, count])).collect::<Value>(),
    });
    item.as_object().cloned().unwrap_or_default()
}

/// How many times lie from each edge to the next.
fn counted(times: &[f64], edges: &[(i64, u64)]) -> Vec<(i64, u64)> {
    let mut bins: Vec<(i64, u64)> = edges.iter().map(|(edge, _)| (*edge, 0)).collect();
    for time in times {
        let after = bins.partition_point(|(edge, _)| *edge as f64 <= *time);
        if let Some((_, count)) = after.checked_sub(1).and_then(|at| bins.get_mut(at)) {
            *count += 1;
        }
    }
    bins
}

pub async fn trends(funnel: &Funnel, run: &Run) -> Result<Value, Failure> {
    let (mut items, mut numbers) = (Vec::new(), 0);
    for (span, compare) in funnel.spans() {
        let periods = funnel.period(span, run)?;
        let mut shown = valued(funnel, span, funnel.trend(&periods, run), run).await?;
        if funnel.breakdowns.is_empty() && shown.is_empty() {
            shown.push(Valued { texts: Vec::new(), group: FunnelGroup::default() });
        }
        numbers += shown.len() * periods.axis.len();
        if numbers > MAX_NUMBERS {
            return Err(Failure::invalid("The answer has too many points. Choose a longer interval, fewer days or fewer values."));
        }
        for Valued { texts, group } in shown {
            let texts = (!funnel.breakdowns.is_empty()).then_some(texts);
            items.push(trend_item(&group.periods, &periods, texts.as_deref(), compare));
        }
    }
    Ok(items.into())
}

fn trend_item(found: &[FunnelPeriod], periods: &Period, texts: Option<&[String]>, compare: Option<&str>) -> Value {
    let rates = (0..periods.axis.len()).map(|at| compact_number(found.get(at).map_or(0.0, rate)));
    let mut item = Map::new();
    item.insert("count".to_owned(), periods.axis.len().into());
    item.insert("data".to_owned(), rates.collect());
    item.insert("days".to_owned(), periods.days());
    item.insert("labels".to_owned(), periods.labels());
    label(&mut item, texts, compare);
    Value::Object(item)
}

/// Percent, with two decimals.
fn rate(period: &FunnelPeriod) -> f64 {
    match period.entered {
        0 => 0.0,
        entered => (10_000.0 * period.converted as f64 / entered as f64).round() / 100.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_two_decimals() {
        let rate = |entered, converted| rate(&FunnelPeriod { entered, converted });
        assert_eq!((rate(3, 1), rate(3, 2), rate(0, 0), rate(4, 4)), (33.33, 66.67, 0.0, 100.0));
    }

    #[test]
    fn times_are_counted_between_shared_edges() {
        assert_eq!(counted(&[10.0, 19.9, 20.0, 35.0, 5.0], &[(10, 9), (20, 9), (30, 9)]), [(10, 2), (20, 1), (30, 1)]);
    }
}
