//! Lifecycle: who is new, stays, comes back or is gone, period by period.

use super::Answer;
use super::listed::Listed;
use super::period::{self, Period, just_before};
use super::scan::{Scan, group_key, named};
use crate::cells::compact_number;
use crate::dates::Interval;
use crate::failure::Failure;
use crate::nodes;
use crate::nodes::lifecycle::LifecycleQuery;
use crate::nodes::series::Series;
use crate::nodes::tables::InsightActorsQuery;
use crate::run::Run;
use behaviour::{LifecycleAnswer, LifecyclePlan, LifecycleWant, Periods, Plan, Status};
use events::Behaved;
use model::Timestamp;
use query::ast::{Expr, Select};
use serde_json::{Value, json};

/// What personless events carry. It says nothing of the person that their visitor became later.
const NOBODY_CREATED_AT: Timestamp = Timestamp(5_000_000);

/// In the order of the results.
const STATUSES: [(Status, &str); 4] =
    [(Status::New, "new"), (Status::Returning, "returning"), (Status::Resurrecting, "resurrecting"), (Status::Dormant, "dormant")];

struct Settled {
    scan: Scan,
    series: Series,
    period: Period,
    group_type_index: Option<u8>,
    left_out: usize,
}

pub async fn run(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let settled = Settled::read(run, node).await?;
    let found = counts(settled.behave(run, LifecycleWant::Counts).await?)?;
    let items = STATUSES.iter().enumerate().map(|(index, (status, name))| {
        let sign = if *status == Status::Dormant { -1.0 } else { 1.0 };
        // Zero has no sign in PostHog's answers.
        let number = |count: u64| if count == 0 { 0.0 } else { sign * settled.scan.scaled(count) };
        let data: Vec<f64> = found.counts.iter().map(|counts| number(counts[index])).collect();
        settled.item(name, &data)
    });
    let mut answer = Answer::new();
    answer.insert("results".to_owned(), items.collect());
    answer.insert("resolved_date_range".to_owned(), settled.period.range());
    if settled.left_out > 0 {
        answer.insert("warnings".to_owned(), json!(["A lifecycle is about one series; the others were left out."]));
    }
    Ok(answer)
}

pub async fn time_key(run: &Run, node: &Value) -> Result<Value, Failure> {
    Ok(Settled::read(run, node).await?.period.key())
}

/// Who has a status in a period.
pub async fn actors(run: &Run, query: &InsightActorsQuery) -> Result<Listed, Failure> {
    let settled = Settled::read(run, nodes::unwrap(&query.source)?).await?;
    let day = query.day.as_ref().filter(|day| !day.is_null());
    let day = day.ok_or_else(|| Failure::invalid("The actors of a lifecycle need a `day`"))?;
    let position = settled.period.position_of(day, run)?;
    let wanted = query.status.as_deref().unwrap_or_default();
    let status = STATUSES.iter().find(|(_, name)| *name == wanted);
    let (status, _) = status.ok_or_else(|| {
        Failure::invalid("The actors of a lifecycle need a `status`: \"new\", \"returning\", \"resurrecting\" or \"dormant\"")
    })?;
    let behaved = settled.behave(run, LifecycleWant::Actors { period: position + 1, status: *status }).await?;
    Ok(Listed::of(behaved, settled.group_type_index))
}

pub async fn choices(run: &Run, node: &Value) -> Result<Answer, Failure> {
    let settled = Settled::read(run, node).await?;
    let status: Value = STATUSES.iter().map(|(_, name)| json!({"label": capitalised(name), "value": name})).collect();
    Ok(Answer::from_iter([("day".to_owned(), settled.period.choices()), ("status".to_owned(), status)]))
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn counts(behaved: Behaved) -> Result<LifecycleAnswer, Failure> {
    match behaved.answer {
        behaviour::Answer::Lifecycle(answer) => Ok(answer),
        _ => Err(anyhow::anyhow!("the store answered another plan").into()),
    }
}

impl Settled {
    async fn read(run: &Run, node: &Value) -> Result<Settled, Failure> {
        let mut query: LifecycleQuery = nodes::read(node)?;
        let span = period::settle(run, query.date_range.as_ref(), query.interval.unwrap_or(Interval::Day), false).await?;
        let scan = Scan::new(run, query.properties.as_ref(), query.filter_test_accounts, query.sampling_factor)?;
        let left_out = query.series.len() - 1;
        let series = named(query.series.swap_remove(0), run);
        let group_type_index = query.aggregation_group_type_index.or(series.common.math_group_type_index);
        group_type_index.map(group_key).transpose()?;
        Ok(Settled { scan, series, period: Period::of(span, run)?, group_type_index, left_out })
    }

    /// One period more than the range has: who was active in it returns.
    fn periods(&self, run: &Run) -> Vec<i64> {
        let mut bounds = self.period.bounds(run);
        let before = run.calendar.floor(just_before(self.period.axis[0]), self.period.interval());
        bounds.insert(0, before.timestamp_micros());
        bounds
    }

    fn rows(&self, run: &Run) -> Result<Select, Failure> {
        let from = run.calendar.floor(just_before(self.period.axis[0]), self.period.interval());
        let events = self.scan.series(&self.series, run, from, just_before(self.period.end(run)))?;
        let (actor, since) = match self.group_type_index {
            None => (
                Expr::field(["person_id"]),
                Expr::call("nullIf", [Expr::field(["person", "created_at"]), Expr::constant(NOBODY_CREATED_AT)]),
            ),
            Some(index) => (group_key(index)?, Expr::field([format!("group_{index}"), "created_at".to_owned()])),
        };
        Ok(events.column(actor.aliased("actor")).column(Expr::field(["timestamp"]).aliased("at")).column(since.aliased("number")))
    }

    async fn behave(&self, run: &Run, want: LifecycleWant) -> Result<Behaved, Failure> {
        let plan = LifecyclePlan { periods: Periods::new(self.periods(run)), want };
        run.behave("lifecycle", self.rows(run)?, Plan::Lifecycle(plan)).await
    }

    fn item(&self, status: &str, data: &[f64]) -> Value {
        let label = format!("{} - {status}", self.series.label());
        json!({
            "status": status, "label": label, "data": data.iter().map(|value| compact_number(*value)).collect::<Vec<_>>(),
            "count": data.iter().sum::<f64>(), "days": self.period.days(), "labels": self.period.labels(),
            "action": self.series.action(0, &[]),
        })
    }
}
