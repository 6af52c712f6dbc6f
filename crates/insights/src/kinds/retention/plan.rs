//! A retention query settled: cohorts, columns, entities, actors and breakdown, and the rows that its operator is fed with.

use crate::conditions::{Subject, to_float};
use crate::dates::{DateRange, Interval, MAX_BUCKETS};
use crate::failure::Failure;
use crate::kinds::funnels::rows::condition;
use crate::kinds::funnels::values;
use crate::kinds::period::{self, just_before};
use crate::kinds::scan::{Scan, also, entity, group_key};
use crate::nodes::retention::{AggregationType, RetentionFilter, RetentionQuery, RetentionType};
use crate::nodes::series::{Breakdown, BreakdownFilter};
use crate::run::{Purpose, Run};
use behaviour::{Aggregation, Periods, RetentionKind, RetentionMode, RetentionPlan, RetentionWant};
use chrono::DateTime;
use chrono_tz::Tz;
use query::PropertyType;
use query::ast::{Expr, Select};

pub struct Retention {
    pub period: Interval,
    /// Numbers of each cohort.
    pub columns: usize,
    pub brackets: Option<Vec<usize>>,
    pub aggregation: Option<Aggregation>,
    pub breakdown: Option<Breakdown>,
    /// Values of the breakdown that have a place of their own.
    pub limit: usize,
    pub hide_other: bool,
    pub scan: Scan,
    pub group_type_index: Option<u8>,
    /// Where the cohorts begin, and where the last one ends.
    bounds: Vec<DateTime<Tz>>,
    kind: RetentionKind,
    mode: RetentionMode,
    minimum: u32,
    cumulative: bool,
    /// The target event, its return event, and any event that the target may be.
    conditions: [Expr; 3],
    actor: Expr,
    number: Option<Expr>,
}

/// Numbers of one answer.
const MAX_CELLS: usize = 1_000_000;

impl Retention {
    pub async fn settle(run: &Run, query: RetentionQuery) -> Result<Retention, Failure> {
        let filter = query.filter;
        if filter.rolling && filter.cumulative {
            return Err(Failure::invalid("Cumulative retention is not possible with 24 hour windows."));
        }
        let intervals = intervals(&filter)?;
        let bounds = bounds(run, query.date_range.as_ref(), filter.period, intervals).await?;
        let brackets = filter.brackets.as_deref().map(brackets).transpose()?;
        let columns = brackets.as_ref().map_or(intervals, |brackets| brackets.len() + 1);
        if bounds.len().saturating_mul(columns) > MAX_CELLS {
            return Err(Failure::invalid("The answer has too many numbers. Choose a longer period, fewer days or fewer intervals."));
        }
        let breakdown = query.breakdown.unwrap_or_default();
        let (target, returning) = (condition(&filter.target, run)?, condition(&filter.returning, run)?);
        Ok(Retention {
            period: filter.period,
            columns,
            brackets,
            aggregation: match filter.aggregation {
                AggregationType::Count => None,
                AggregationType::Sum => Some(Aggregation::Sum),
                AggregationType::Avg => Some(Aggregation::Average),
            },
            limit: limit(&breakdown, run.purpose),
            hide_other: breakdown.breakdown_hide_other_aggregation.unwrap_or(false),
            breakdown: only(&breakdown)?,
            scan: Scan::new(run, query.properties.as_ref(), query.filter_test_accounts, query.sampling_factor)?,
            group_type_index: query.aggregation_group_type_index,
            kind: match filter.kind {
                RetentionType::Recurring => RetentionKind::Recurring,
                RetentionType::FirstTime => RetentionKind::FirstTime,
                RetentionType::FirstEver => RetentionKind::FirstEver,
            },
            mode: if filter.rolling { windows(run, filter.period, &bounds)? } else { RetentionMode::Calendar },
            bounds,
            minimum: minimum(&filter)?,
            cumulative: filter.cumulative,
            conditions: [target, returning, entity(&filter.target, run)?],
            actor: query.aggregation_group_type_index.map_or_else(|| Ok(person(run)), group_key)?,
            number: number(&filter, run)?,
        })
    }

    pub fn start(&self) -> DateTime<Tz> {
        self.bounds[0]
    }

    /// The first instant after the last cohort.
    pub fn end(&self) -> DateTime<Tz> {
        self.bounds[self.bounds.len() - 1]
    }

    pub fn cohorts(&self) -> usize {
        self.bounds.len() - 1
    }

    pub fn cohort(&self, row: usize) -> DateTime<Tz> {
        self.bounds[row]
    }

    pub fn row_label(&self, row: usize) -> String {
        format!("{} {row}", self.unit())
    }

    pub fn column_label(&self, column: usize) -> String {
        let Some(brackets) = self.brackets.as_ref().filter(|_| column > 0) else { return self.row_label(column) };
        let from = 1 + brackets[..column - 1].iter().sum::<usize>();
        match brackets[column - 1] {
            1 => self.row_label(from),
            length => format!("{} {from}-{}", self.unit(), from + length - 1),
        }
    }

    fn unit(&self) -> &'static str {
        match self.period {
            Interval::Minute => "Minute",
            Interval::Hour => "Hour",
            Interval::Day => "Day",
            Interval::Week => "Week",
            Interval::Month => "Month",
        }
    }

    pub fn plan(&self, want: RetentionWant) -> RetentionPlan {
        RetentionPlan {
            kind: self.kind,
            periods: periods(&self.bounds),
            columns: self.columns,
            mode: self.mode.clone(),
            brackets: self.brackets.clone(),
            minimum: self.minimum,
            cumulative: self.cumulative,
            aggregation: self.aggregation,
            same_event: self.conditions[0] == self.conditions[1],
            breakdown: self.breakdown.is_some(),
            want,
        }
    }

    pub fn rows(&self, run: &Run) -> Result<Select, Failure> {
        let [target, returning, whatever] = self.conditions.clone();
        // Who does something for the first time, all of history tells.
        let from = (self.kind == RetentionKind::Recurring).then(|| self.start());
        let first = if self.kind == RetentionKind::FirstEver { whatever.clone() } else { target.clone() };
        let any = match first == returning || [&first, &returning].contains(&&Expr::constant(true)) {
            true if first == returning => first,
            true => Expr::constant(true),
            false => Expr::or([first, returning.clone()]),
        };
        let select = also(also(self.scan.between(from, just_before(self.end())), self.scan.own_filters()), any);
        let mut select = select.column(self.actor.clone().aliased("actor")).column(Expr::field(["timestamp"]).aliased("at"));
        select = select.column(target.aliased("c0")).column(returning.aliased("c1"));
        if self.kind == RetentionKind::FirstEver {
            select = select.column(whatever.aliased("c2"));
        }
        if let Some(number) = &self.number {
            select = select.column(number.clone().aliased("number"));
        }
        values::onto(select, self.breakdown.as_slice(), run)
    }
}

fn person(run: &Run) -> Expr {
    let by_distinct_id = run.team.settings.get("aggregate_users_by_distinct_id").and_then(serde_json::Value::as_bool).unwrap_or(false);
    Expr::field([if by_distinct_id { "distinct_id" } else { "person_id" }])
}

fn periods(bounds: &[DateTime<Tz>]) -> Periods {
    Periods::new(bounds.iter().map(|at| at.timestamp_micros()).collect())
}

fn intervals(filter: &RetentionFilter) -> Result<usize, Failure> {
    const DEFAULT: i64 = 7;
    const MOST: i64 = 10_000;
    let count = filter.intervals.filter(|count| *count != 0).unwrap_or(DEFAULT);
    match (1..=MOST).contains(&count) {
        true => Ok(count as usize),
        false => Err(Failure::Invalid(format!("totalIntervals must be from 1 to {MOST}."))),
    }
}

fn minimum(filter: &RetentionFilter) -> Result<u32, Failure> {
    const MOST: i64 = 1_000_000;
    match filter.minimum_occurrences.unwrap_or(1) {
        0 => Ok(1),
        count if (1..=MOST).contains(&count) => Ok(count as u32),
        _ => Err(Failure::Invalid(format!("minimumOccurrences must be from 1 to {MOST}."))),
    }
}

fn brackets(lengths: &[f64]) -> Result<Vec<usize>, Failure> {
    const MOST: usize = 1_000;
    const LONGEST: f64 = 10_000.0;
    if lengths.len() > MOST {
        return Err(Failure::Invalid(format!("retentionCustomBrackets can have at most {MOST} entries.")));
    }
    let length = |length: &f64| match length.fract() == 0.0 && (1.0..=LONGEST).contains(length) {
        true => Ok(*length as usize),
        false => Err(Failure::Invalid(format!("The lengths in retentionCustomBrackets must be whole numbers from 1 to {LONGEST}."))),
    };
    lengths.iter().map(length).collect()
}

/// The cohorts' bounds. Without a lower end, as many cohorts as there are columns.
async fn bounds(run: &Run, range: Option<&DateRange>, period: Interval, intervals: usize) -> Result<Vec<DateTime<Tz>>, Failure> {
    let calendar = &run.calendar;
    let span = period::settle(run, range, period, false).await?;
    let end = calendar.next(calendar.floor(span.to, period), period);
    let is_given = range.and_then(|range| range.date_from.as_deref()).is_some_and(|text| !text.is_empty());
    let mut start = calendar.floor(span.from, period);
    if !is_given {
        start = (0..intervals).fold(end, |at, _| calendar.floor(just_before(at), period));
    }
    let too_many = || Failure::Invalid(format!("The date range has too many {}s to show. Choose a longer period.", period.as_str()));
    let bounds = between(run, start, end, period, MAX_BUCKETS).ok_or_else(too_many)?;
    match bounds.len() < 2 {
        true => Err(Failure::invalid("The date range ends before it begins.")),
        false => Ok(bounds),
    }
}

/// Where the periods between two bounds begin, and the upper bound. `None` when there are more than `most`.
fn between(run: &Run, start: DateTime<Tz>, end: DateTime<Tz>, period: Interval, most: usize) -> Option<Vec<DateTime<Tz>>> {
    let (mut bounds, mut at) = (Vec::new(), start);
    while at < end {
        if bounds.len() == most {
            return None;
        }
        bounds.push(at);
        at = run.calendar.next(at, period);
    }
    bounds.push(end);
    Some(bounds)
}

/// Windows count the hours that passed; of weeks and months, the days.
fn windows(run: &Run, period: Interval, bounds: &[DateTime<Tz>]) -> Result<RetentionMode, Failure> {
    const MOST_TICKS: usize = 24 * MAX_BUCKETS;
    let (tick, length) = match period {
        Interval::Week => (Interval::Day, 7),
        Interval::Month => (Interval::Day, 30),
        Interval::Day => (Interval::Hour, 24),
        Interval::Hour | Interval::Minute => (Interval::Hour, 1),
    };
    let (start, end) = (bounds[0], bounds[bounds.len() - 1]);
    let ticks = between(run, start, end, tick, MOST_TICKS);
    let ticks = ticks.ok_or_else(|| Failure::invalid("The date range is too long for 24 hour windows."))?;
    Ok(RetentionMode::Windows { ticks: periods(&ticks), length })
}

fn only(filter: &BreakdownFilter) -> Result<Option<Breakdown>, Failure> {
    let mut breakdowns = filter.list()?;
    match breakdowns.len() > 1 {
        true => Err(Failure::invalid("Retention can have one breakdown.")),
        false => Ok(breakdowns.pop()),
    }
}

fn limit(filter: &BreakdownFilter, purpose: Purpose) -> usize {
    const MOST: u32 = 1_000;
    let usual = if purpose == Purpose::Export { 512 } else { 25 };
    filter.breakdown_limit.unwrap_or(usual).clamp(1, MOST) as usize
}

fn number(filter: &RetentionFilter, run: &Run) -> Result<Option<Expr>, Failure> {
    if filter.aggregation == AggregationType::Count {
        return Ok(None);
    }
    let name = filter.aggregation_property.as_deref();
    let name = name.ok_or_else(|| Failure::invalid("Retention that sums or averages needs aggregationProperty."))?;
    let owner = match filter.aggregation_property_type.as_deref() {
        None | Some("event" | "event_properties") => "event",
        Some("person" | "person_properties") => "person",
        Some(other) => return Err(Failure::Invalid(format!("aggregationPropertyType is event or person, not \"{other}\"."))),
    };
    let (value, kind) = run.scope(Subject::Events).read(owner, name, None)?;
    Ok(Some(if kind == PropertyType::Numeric { value } else { to_float(value) }))
}
