//! Retention: of those who start after their exposure, who comes back within the window?

use super::sums::{Found, VariantSums};
use super::trial::{Trial, interval, of_exposed};
use crate::cells;
use crate::failure::Failure;
use crate::kinds::funnels::rows::condition;
use crate::kinds::scan::also;
use crate::nodes::experiments::{Returning, Unit};
use crate::run::Run;
use query::ast::{ArithmeticOp, CompareOp, Expr, Select};
use statistics::winsorise::Bounds;
use statistics::{Beside, Measure, Sums};
use std::collections::HashMap;

pub async fn returning(trial: &Trial, asked: &Returning, run: &Run) -> Result<Found, Failure> {
    let started = counted("starts", starts(trial, asked, run)?, run).await?;
    let completed = counted("completions", completions(trial, asked, run)?, run).await?;
    let of = |key: &String| {
        let (n, sum) = (started.get(key).copied().unwrap_or(0), completed.get(key).copied().unwrap_or(0) as f64);
        // Every starter counts one below the line.
        let beside = Beside { sum: n as f64, sum_squares: n as f64, sum_products: sum };
        VariantSums { sums: Sums { n, sum, sum_squares: sum, denominator: Some(beside), covariate: None }, steps: None }
    };
    let variants = trial.experiment.variants.iter().map(|variant| (variant.key.clone(), of(&variant.key))).collect();
    Ok(Found { measure: Measure::Ratio, counted: true, variants, bounds: Bounds::default() })
}

/// Entities per variant in the rows of a select.
async fn counted(step: &str, entities: Select, run: &Run) -> Result<HashMap<String, u64>, Failure> {
    let select = Select::from_query(entities, Some("entities"))
        .column(Expr::field(["variant"]))
        .column(Expr::call("count", []).aliased("entities"))
        .group_by([Expr::field(["variant"])]);
    let rows = run.select_all(step, select).await?;
    let each = cells::rows(&rows.batches)
        .filter_map(|(batch, row)| Some((cells::text(batch.column(0), row)?.to_owned(), cells::number(batch.column(1), row)? as u64)));
    Ok(each.collect())
}

/// `variant`, `entity`, and when and with which event each entity started.
fn starts(trial: &Trial, asked: &Returning, run: &Run) -> Result<Select, Failure> {
    let pick = if asked.last_start { "argMax" } else { "argMin" };
    let at = || Expr::field(["timestamp"]);
    Ok(also(trial.events(0, run)?, condition(&asked.start, run)?)
        .and_where(trial.counts())
        .column(of_exposed("variant").aliased("variant"))
        .column(of_exposed("entity").aliased("entity"))
        .column(Expr::call(if asked.last_start { "max" } else { "min" }, [at()]).aliased("started_at"))
        .column(Expr::call(pick, [Expr::field(["events", "uuid"]), at()]).aliased("started_with"))
        .column(Expr::call("min", [of_exposed("first_exposure")]).aliased("first_exposure"))
        .group_by([of_exposed("variant"), of_exposed("entity")]))
}

/// Starters with a completion from `from` to `to` units after the start, both times cut to the unit: with 0 days, a completion earlier
/// on the day of the start counts, too, if it came after the exposure.
pub fn completions(trial: &Trial, asked: &Returning, run: &Run) -> Result<Select, Failure> {
    let unit = asked.unit.seconds();
    let (from, to) = (asked.from * unit, (asked.to + 1) * unit);
    let last = trial.as_of.min(trial.to.plus_seconds(trial.window_seconds.unwrap_or(0)).plus_seconds(to));
    let cut = |at: Expr| Expr::call(start_of(asked.unit), [at]);
    let after = |seconds: i64| Expr::arithmetic(ArithmeticOp::Add, cut(of_exposed("started_at")), interval(seconds));
    let at = || cut(Expr::field(["timestamp"]));
    Ok(also(trial.events_until(starts(trial, asked, run)?, 0, last)?, condition(&asked.completion, run)?)
        .and_where(Expr::compare(CompareOp::GtEq, at(), after(from)))
        .and_where(Expr::compare(CompareOp::LtEq, at(), after(asked.to * unit)))
        .and_where(Expr::compare(CompareOp::GtEq, Expr::field(["timestamp"]), of_exposed("first_exposure")))
        .and_where(Expr::compare(CompareOp::NotEq, Expr::field(["events", "uuid"]), of_exposed("started_with")))
        .column(of_exposed("variant").aliased("variant"))
        .column(of_exposed("entity").aliased("entity"))
        .group_by([of_exposed("variant"), of_exposed("entity")]))
}

fn start_of(unit: Unit) -> &'static str {
    match unit {
        Unit::Second => "toStartOfSecond",
        Unit::Minute => "toStartOfMinute",
        Unit::Hour => "toStartOfHour",
        Unit::Day => "toStartOfDay",
        Unit::Week => "toStartOfWeek",
        Unit::Month => "toStartOfMonth",
    }
}
