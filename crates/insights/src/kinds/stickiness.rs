//! Stickiness: in how many periods actors were active.

use super::Answer;
use super::listed::Listed;
use super::period::{self, Period};
use super::scan::{Scan, exists, group_key, left_out, named};
use crate::cells::compact_number;
use crate::compare;
use crate::dates::Interval;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::series::Series;
use crate::nodes::stickiness::{Criteria, StickinessQuery};
use crate::run::Run;
use behaviour::{Criterion, Periods, Plan, StickinessPlan, StickinessWant};
use events::Behaved;
use query::ast::{Expr, Select};
use serde_json::{Map, Value, json};

struct Settled {
    scan: Scan,
    /// With their positions among the series as asked for.
    series: Vec<(usize, Series)>,
    current: Period,
    previous: Option<Period>,
    interval_count: usize,
    cumulative: bool,
    criterion: Option<Criterion>,
    warnings: Vec<String>,
    query_group: Option<u8>,
}

/// Which number of an insight is asked about.
pub struct Point<'a> {
    pub day: Option<&'a Value>,
    pub operator: Option<&'a str>,
    pub series: usize,
    pub compare: Option<&'a str>,
}

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let settled = Settled::read(run, node).await?;
    let mut items = Vec::new();
    for (period, compare) in settled.periods() {
        for (order, series) in &settled.series {
            let behaved = settled.behave(run, series, period, StickinessWant::Counts).await?;
            let behaviour::Answer::Stickiness(found) = behaved.answer else {
                return Err(anyhow::anyhow!("the store answered another plan").into());
            };
            let mut data: Vec<f64> = found.counts.iter().map(|count| settled.scan.scaled(*count)).collect();
            let count: f64 = data.iter().sum();
            if settled.cumulative {
                (0..data.len()).rev().skip(1).for_each(|at| data[at] += data[at + 1]);
            }
            items.push(settled.item(series, *order, compare, &data, count));
        }
    }
    let mut answer = Answer::new();
    answer.insert("results".to_owned(), items.into());
    answer.insert("resolved_date_range".to_owned(), settled.current.range());
    if !settled.warnings.is_empty() {
        answer.insert("warnings".to_owned(), json!(settled.warnings));
    }
    if let Some(previous) = &settled.previous {
        answer.insert("resolved_compare_date_range".to_owned(), previous.range());
    }
    Ok(answer)
}

pub async fn time_key(run: &Run, node: &Value) -> Result<Value, Failure> {
    let settled = Settled::read(run, node).await?;
    Ok(json!([settled.current.key(), settled.previous.as_ref().map(Period::key)]))
}

/// Who was active in so many periods.
pub async fn actors(run: &Run, insight: &Value, point: Point<'_>) -> Result<Listed, Failure> {
    let settled = Settled::read(run, insight).await?;
    let found = settled.series.iter().find(|(order, _)| *order == point.series);
    let (_, series) = found.ok_or_else(|| Failure::invalid(format!("The insight has no series {}", point.series)))?;
    let period = match (point.compare, &settled.previous) {
        (Some("previous"), Some(previous)) => previous,
        (Some("previous"), None) => return Err(Failure::invalid("The insight compares to no previous period")),
        _ => &settled.current,
    };
    let count = match point.day {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    let count = count.filter(|count| *count > 0);
    let count = count.ok_or_else(|| Failure::invalid("The actors of stickiness need `day`, the number of periods from 1 on"))?;
    let usual = if settled.cumulative { "gte" } else { "exact" };
    let wanted = criterion(point.operator.unwrap_or(usual), count)?;
    let behaved = settled.behave(run, series, period, StickinessWant::Actors(wanted)).await?;
    Ok(Listed::of(behaved, settled.group(series)))
}

pub async fn choices(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let settled = Settled::read(run, node).await?;
    let days = (1..=settled.length(&settled.current)).map(|count| json!({"label": settled.label(count), "value": count}));
    let series = settled.series.iter().map(|(order, series)| json!({"label": series.label(), "value": order}));
    let mut answer = Answer::from_iter([("day".to_owned(), days.collect()), ("series".to_owned(), series.collect())]);
    if settled.previous.is_some() {
        let periods = json!([{"label": "Current", "value": "current"}, {"label": "Previous", "value": "previous"}]);
        answer.insert("compare".to_owned(), periods);
    }
    Ok(answer)
}

fn criterion(operator: &str, value: u64) -> Result<Criterion, Failure> {
    Ok(match operator {
        "gte" => Criterion::AtLeast(value),
        "lte" => Criterion::AtMost(value),
        "exact" => Criterion::Exactly(value),
        other => return Err(Failure::Invalid(format!("\"{other}\" is not an operator of stickiness; use gte, lte or exact"))),
    })
}

fn read_criteria(criteria: &Criteria) -> Result<Criterion, Failure> {
    let value = criteria.value.as_u64().or_else(|| criteria.value.as_str()?.trim().parse().ok());
    let value = value.ok_or_else(|| Failure::invalid("stickinessCriteria needs a whole number as `value`"))?;
    criterion(&criteria.operator, value)
}

impl Settled {
    async fn read(run: &Run, node: &Value) -> Result<Settled, Failure> {
        const MOST_INTERVALS: u32 = 1_000;
        let query: StickinessQuery = nodes::read(node)?;
        let span = period::settle(run, query.date_range.as_ref(), query.interval.unwrap_or(Interval::Day), false).await?;
        let scan = Scan::new(run, query.properties.as_ref(), query.filter_test_accounts, query.sampling_factor)?;
        let filter = query.filter.unwrap_or_default();
        let interval_count = query.interval_count.unwrap_or(1);
        if !(1..=MOST_INTERVALS).contains(&interval_count) {
            return Err(Failure::Invalid(format!("intervalCount can be from 1 to {MOST_INTERVALS}")));
        }
        let compare = query.compare.unwrap_or_default();
        let previous = compare.is_on().then(|| compare::previous(&span, &compare, &run.calendar));
        // PostHog leaves out the series of an action that does not exist.
        let asked = query.series.clone();
        let known = query.series.into_iter().enumerate().filter(|(_, series)| exists(series, run));
        let series: Vec<_> = known.map(|(order, series)| (order, named(series, run))).collect();
        let settled = Settled {
            scan,
            warnings: left_out(&asked, series.iter().map(|(order, _)| *order)),
            series,
            current: Period::of(span, run)?,
            previous: previous.map(|span| Period::of(span, run)).transpose()?,
            interval_count: interval_count as usize,
            cumulative: filter.cumulative,
            criterion: filter.criteria.as_ref().map(read_criteria).transpose()?,
            query_group: query.aggregation_group_type_index,
        };
        settled.series.iter().try_for_each(|(_, series)| settled.actor(series).map(|_| ()))?;
        Ok(settled)
    }

    fn periods(&self) -> Vec<(&Period, Option<&'static str>)> {
        match &self.previous {
            None => vec![(&self.current, None)],
            Some(previous) => vec![(&self.current, Some("current")), (previous, Some("previous"))],
        }
    }

    fn group(&self, series: &Series) -> Option<u8> {
        series.common.math_group_type_index.or(self.query_group).filter(|_| series.common.math.as_deref() != Some("hogql"))
    }

    fn actor(&self, series: &Series) -> Result<Expr, Failure> {
        if let Some(index) = self.group(series) {
            return group_key(index);
        }
        match (series.common.math.as_deref(), series.common.math_hogql.as_deref()) {
            (Some("hogql"), Some(text)) => Ok(Expr::call("toString", [query::parse_expr(text)?])),
            (Some("hogql"), None) => Err(Failure::invalid("The math \"hogql\" needs math_hogql")),
            _ => Ok(Expr::field(["person_id"])),
        }
    }

    fn rows(&self, run: &Run, series: &Series, period: &Period) -> Result<Select, Failure> {
        let events = self.scan.series(series, run, period.lower, period.span.to)?;
        Ok(events.column(self.actor(series)?.aliased("actor")).column(Expr::field(["timestamp"]).aliased("at")))
    }

    async fn behave(&self, run: &Run, series: &Series, period: &Period, want: StickinessWant) -> Result<Behaved, Failure> {
        let bounds = grouped(&period.bounds(run), self.interval_count);
        let plan = StickinessPlan { periods: Periods::new(bounds), criterion: self.criterion, want };
        run.behave("stickiness", self.rows(run, series, period)?, Plan::Stickiness(plan)).await
    }

    fn length(&self, period: &Period) -> usize {
        period.axis.len().div_ceil(self.interval_count)
    }

    /// `3 days`, `1 week or more`
    fn label(&self, count: usize) -> String {
        let unit = self.current.interval().as_str();
        let plural = |count: usize, unit: &str| if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") };
        let periods = match self.interval_count {
            1 => plural(count, unit),
            length => format!("{} of {}", plural(count, "period"), plural(length, unit)),
        };
        if self.cumulative { format!("{periods} or more") } else { periods }
    }

    fn item(&self, series: &Series, order: usize, compare: Option<&str>, data: &[f64], count: f64) -> Value {
        let mut item = Map::new();
        item.insert("count".to_owned(), compact_number(count));
        item.insert("data".to_owned(), data.iter().map(|value| compact_number(*value)).collect());
        item.insert("days".to_owned(), (1..=data.len()).collect());
        item.insert("labels".to_owned(), (1..=data.len()).map(|count| self.label(count)).collect());
        item.insert("label".to_owned(), series.label().into());
        item.insert("order".to_owned(), order.into());
        item.insert("action".to_owned(), series.action(order, &[]));
        if let Some(compare) = compare {
            item.insert("compare".to_owned(), true.into());
            item.insert("compare_label".to_owned(), compare.into());
        }
        Value::Object(item)
    }
}

/// Every `count` periods as one, counted back from the last; the first may be shorter.
fn grouped(bounds: &[i64], count: usize) -> Vec<i64> {
    let last = bounds.len() - 1;
    let keep = |(at, bound): (usize, &i64)| (at == 0 || (last - at).is_multiple_of(count)).then_some(*bound);
    bounds.iter().enumerate().filter_map(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_grouped_from_the_end() {
        assert_eq!(grouped(&[0, 1, 2, 3, 4, 5, 6, 7, 8], 3), [0, 2, 5, 8]);
        assert_eq!(grouped(&[0, 1, 2, 3], 1), [0, 1, 2, 3]);
        assert_eq!(grouped(&[0, 1, 2, 3], 10), [0, 3]);
    }
}
