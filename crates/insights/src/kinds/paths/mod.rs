//! Paths: what people did one after the other.

pub mod actors;
mod funnel;
mod items;

pub use items::cleaned;

use super::Answer;
use super::period::{self, range};
use super::scan::{Scan, all_of, also, group_key};
use crate::cells::compact_number;
use crate::dates::{Interval, Span};
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::paths::{PathsFilter, PathsQuery};
use crate::run::Run;
use behaviour::{EMPTY_KEY, Item, PathsAnswer, PathsPlan, PathsWant, Plan};
use chrono::DateTime;
use chrono_tz::Tz;
use events::Behaved;
use funnel::OfFunnel;
use query::ast::{CompareOp, Expr, Select};
use serde_json::{Value, json};

/// A pause this long begins a new session.
const GAP_SECONDS: i64 = 1_800;
const DEFAULT_STEPS: i64 = 5;
const MOST_STEPS: i64 = 50;
const DEFAULT_EDGES: i64 = 50;
const MOST_EDGES: i64 = 10_000;
/// What stands for the steps between a start and an end that are left out.
const ELLIPSIS: &str = "...";

struct Settled {
    scan: Scan,
    span: Span,
    from: DateTime<Tz>,
    filter: PathsFilter,
    step_limit: usize,
    edge_limit: usize,
    item: Expr,
    group_type_index: Option<u8>,
    funnel: Option<OfFunnel>,
    warnings: Vec<&'static str>,
}

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let settled = Settled::read(run, node).await?;
    let behaved = settled.behave(run, PathsWant::Edges, (None, None)).await?;
    let keys = behaved.keys;
    let behaviour::Answer::Paths(found) = behaved.answer else {
        return Err(anyhow::anyhow!("the store answered another plan").into());
    };
    let mut answer = Answer::new();
    answer.insert("results".to_owned(), settled.edges(found, &keys));
    answer.insert("resolved_date_range".to_owned(), range(&settled.span));
    if !settled.warnings.is_empty() {
        answer.insert("warnings".to_owned(), json!(settled.warnings));
    }
    Ok(answer)
}

pub async fn time_key(run: &Run, node: &Value) -> Result<Value, Failure> {
    let settled = Settled::read(run, node).await?;
    Ok(json!([settled.from.timestamp_micros(), settled.span.to.timestamp_micros()]))
}

impl Settled {
    async fn read(run: &Run, node: &Value) -> Result<Settled, Failure> {
        let query: PathsQuery = nodes::read(node)?;
        let explicit = query.date_range.as_ref().and_then(|range| range.explicit_date).unwrap_or(false);
        let span = period::settle(run, query.date_range.as_ref(), Interval::Day, false).await?;
        let from = if explicit { span.from } else { run.calendar.start_of_day(span.from) };
        let filter = query.filter.unwrap_or_default();
        let funnel = match &query.funnel {
            Some(funnel) => Some(OfFunnel::read(funnel, run).await?),
            None => None,
        };
        let mut warnings = Vec::new();
        let excludes = filter.exclude_events.as_ref().is_some_and(|list| !list.is_empty());
        if excludes && filter.include_event_types.as_ref().is_none_or(Vec::is_empty) {
            warnings.push("excludeEvents has an effect only together with includeEventTypes.");
        }
        let bounded = |name: &str, value: Option<i64>, usual: i64, most: i64| match value.unwrap_or(usual) {
            value if (1..=most).contains(&value) => Ok(value as usize),
            _ => Err(Failure::Invalid(format!("{name} can be from 1 to {most}"))),
        };
        if let Some(index) = query.aggregation_group_type_index {
            group_key(index)?;
        }
        Ok(Settled {
            scan: Scan::new(run, query.properties.as_ref(), query.filter_test_accounts, query.sampling_factor)?,
            span,
            from,
            step_limit: bounded("stepLimit", filter.step_limit, DEFAULT_STEPS, MOST_STEPS)?,
            edge_limit: bounded("edgeLimit", filter.edge_limit, DEFAULT_EDGES, MOST_EDGES)?,
            item: items::expression(&filter, run)?,
            group_type_index: funnel.as_ref().map_or(query.aggregation_group_type_index, |of| of.funnel.group_type_index),
            funnel,
            filter,
            warnings,
        })
    }

    /// The rows of paths; `ends` are items that an edge is asked about.
    fn rows(&self, ends: (Option<&str>, Option<&str>), run: &Run) -> Result<Select, Failure> {
        let (start, end) = (point(&self.filter.start_point), point(&self.filter.end_point));
        // With both points, PostHog compares them as they are.
        let is = |wanted: &str| match (start, end) {
            (Some(_), Some(_)) => Expr::eq(self.item.clone(), Expr::constant(wanted)),
            _ => Expr::eq(items::without_slash(self.item.clone()), Expr::constant(strip_slash(wanted))),
        };
        let excluded = self.filter.exclude_events.iter().flatten().filter(|_| self.warnings.is_empty());
        let excluded: Vec<Expr> = excluded.map(Expr::constant).collect();
        let mut wanted = vec![self.scan.own_filters(), items::types(&self.filter)];
        if !excluded.is_empty() {
            wanted.push(Expr::compare(CompareOp::NotIn, self.item.clone(), Expr::tuple(excluded)));
        }
        let actor = match (&self.funnel, self.group_type_index) {
            (Some(of), _) => of.funnel.actor.clone(),
            (None, Some(index)) => group_key(index)?,
            (None, None) => Expr::field(["person_id"]),
        };
        let (events, is_path) = match &self.funnel {
            None => (also(self.scan.between(Some(self.from), self.span.to), all_of(wanted)), Expr::constant(true)),
            Some(of) => {
                let (from, to) = (self.from.min(of.funnel.current.from), self.span.to.max(of.funnel.current.to));
                wanted.push(funnel::within(&self.span.moved(self.from, self.span.to)));
                let is_path = all_of(wanted);
                (of.onto(self.scan.between(Some(from), to), &is_path, run)?, is_path)
            }
        };
        let mut rows = events
            .column(actor.aliased("actor"))
            .column(Expr::field(["timestamp"]).aliased("at"))
            .column(self.item.clone().aliased("k0"))
            .column(is_path.aliased("c63"));
        let exactly = |wanted: &str| Expr::eq(self.item.clone(), Expr::constant(wanted));
        let conditions = [("c0", start.map(is)), ("c1", end.map(is)), ("c2", ends.0.map(exactly)), ("c3", ends.1.map(exactly))];
        for (name, condition) in conditions {
            if let Some(condition) = condition {
                rows = rows.column(condition.aliased(name));
            }
        }
        Ok(rows)
    }

    async fn behave(&self, run: &Run, want: PathsWant, ends: (Option<&str>, Option<&str>)) -> Result<Behaved, Failure> {
        // In a funnel, what is within its window belongs together.
        let of_funnel = self.funnel.as_ref().map(OfFunnel::plan);
        let plan = PathsPlan {
            gap_us: of_funnel.as_ref().map_or(GAP_SECONDS * 1_000_000, |of| of.plan.window_us),
            from_start: point(&self.filter.start_point).is_some(),
            to_end: point(&self.filter.end_point).is_some(),
            step_limit: self.step_limit,
            funnel: of_funnel,
            want,
        };
        run.behave("paths", self.rows(ends, run)?, Plan::Paths(plan)).await
    }

    fn edges(&self, found: PathsAnswer, keys: &[Vec<String>]) -> Value {
        let text = |item: Item| match item {
            Item::Ellipsis => ELLIPSIS.to_owned(),
            Item::Key(EMPTY_KEY) => String::new(),
            Item::Key(key) => keys.get(key as usize).and_then(|texts| texts.first()).cloned().unwrap_or_default(),
        };
        let weight = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok()).filter(|value| *value > 0);
        let weights = (weight(self.filter.min_edge_weight), weight(self.filter.max_edge_weight));
        let edges = found.strongest(weights, self.edge_limit, &text);
        edges
            .into_iter()
            .map(|edge| {
                json!({
                    "source": format!("{}_{}", edge.position, text(edge.from)),
                    "target": format!("{}_{}", edge.position + 1, text(edge.to)),
                    "value": compact_number(self.scan.scaled(edge.count)),
                    "average_conversion_time": edge.average_ms,
                })
            })
            .collect()
    }
}

fn point(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

/// One `/` at the end says nothing, unless it is all there is.
fn strip_slash(text: &str) -> &str {
    if text.len() > 1 { text.strip_suffix('/').unwrap_or(text) } else { text }
}
