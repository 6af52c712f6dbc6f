//! What a series counts per bucket.

use crate::conditions::{Subject, to_float};
use crate::dates::Interval;
use crate::failure::Failure;
use crate::kinds::scan::group_key;
use crate::nodes::series::Series;
use crate::run::Run;
use query::PropertyType;
use query::ast::{ArithmeticOp, CompareOp, Expr};

#[derive(Clone, Debug, PartialEq)]
pub enum Math {
    /// One aggregate over the rows of a bucket.
    Aggregate { expr: Expr, scales: bool, needs: Option<Expr> },
    /// Distinct actors; each counts once in cumulative charts.
    Unique { actor: Expr, needs: Option<Expr> },
    /// Distinct actors of the last so many days.
    Active { actor: Expr, needs: Option<Expr>, days: i64 },
    /// Rows per actor, then over actors.
    PerActor { actor: Expr, needs: Option<Expr>, over: Statistic },
    /// One number per session, then over sessions.
    PerSession { value: Expr, over: Statistic },
    /// Actors in the bucket of their first event; `matching`: of the first event that passes the filters.
    First { actor: Expr, needs: Option<Expr>, matching: bool },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    Sum,
    Average,
    Smallest,
    Largest,
    /// Linear interpolation between neighbours.
    Quantile(f64),
}

impl Statistic {
    fn read(name: &str) -> Option<Statistic> {
        Some(match name {
            "sum" => Statistic::Sum,
            "avg" => Statistic::Average,
            "min" => Statistic::Smallest,
            "max" => Statistic::Largest,
            "median" => Statistic::Quantile(0.5),
            "p75" => Statistic::Quantile(0.75),
            "p90" => Statistic::Quantile(0.9),
            "p95" => Statistic::Quantile(0.95),
            "p99" => Statistic::Quantile(0.99),
            _ => return None,
        })
    }

    pub fn of(self, expr: Expr) -> Expr {
        match self {
            Statistic::Sum => Expr::call("sum", [expr]),
            Statistic::Average => Expr::call("avg", [expr]),
            Statistic::Smallest => Expr::call("min", [expr]),
            Statistic::Largest => Expr::call("max", [expr]),
            Statistic::Quantile(level) => Expr::parametric("quantile", [Expr::constant(level)], [expr]),
        }
    }
}

impl Math {
    /// Texts that are no math count all rows, as in PostHog.
    pub fn read(series: &Series, query_group: Option<u8>, interval: Interval, run: &Run) -> Result<Math, Failure> {
        let common = &series.common;
        let name = common.math.as_deref().unwrap_or("total");
        let (actor, needs) = actor(common.math_group_type_index.filter(|_| name != "unique_group").or(query_group), run)?;
        Ok(match name {
            "dau" => Math::Unique { actor, needs },
            "weekly_active" if matches!(interval, Interval::Week | Interval::Month) => Math::Unique { actor, needs },
            "monthly_active" if interval == Interval::Month => Math::Unique { actor, needs },
            "weekly_active" => Math::Active { actor, needs, days: 7 },
            "monthly_active" => Math::Active { actor, needs, days: 30 },
            "unique_session" => {
                let session = Expr::field(["$session_id"]);
                Math::Aggregate { expr: Expr::count_distinct(session), scales: true, needs: None }
            }
            "unique_group" => {
                let index = common.math_group_type_index.ok_or_else(|| Failure::invalid("unique_group needs math_group_type_index"))?;
                let (group, needs) = group(index)?;
                Math::Unique { actor: group, needs }
            }
            "first_time_for_user" => Math::First { actor, needs, matching: false },
            "first_matching_event_for_user" => Math::First { actor, needs, matching: true },
            "hogql" => {
                let text = common.math_hogql.as_deref().ok_or_else(|| Failure::invalid("The math \"hogql\" needs math_hogql"))?;
                Math::Aggregate { expr: query::parse_expr(text)?, scales: false, needs: None }
            }
            _ => match (Statistic::read(name), name.strip_suffix("_count_per_actor").and_then(Statistic::read)) {
                (_, Some(over)) => Math::PerActor { actor, needs, over },
                (Some(over), _) => of_property(series, over, run)?,
                (None, None) => Math::Aggregate { expr: Expr::call("count", []), scales: true, needs: None },
            },
        })
    }

    /// Conditions that the math itself puts on rows.
    pub fn needs(&self) -> Option<Expr> {
        match self {
            Math::Aggregate { needs, .. }
            | Math::Unique { needs, .. }
            | Math::Active { needs, .. }
            | Math::PerActor { needs, .. }
            | Math::First { needs, .. } => needs.clone(),
            Math::PerSession { .. } => None,
        }
    }

    /// Do the numbers of a sample have to be multiplied to stand for the whole?
    pub fn scales(&self) -> bool {
        match self {
            Math::Aggregate { scales, .. } => *scales,
            Math::Unique { .. } | Math::Active { .. } | Math::First { .. } => true,
            Math::PerActor { .. } => false,
            Math::PerSession { over, .. } => *over == Statistic::Sum,
        }
    }

    /// Who stands behind a number of this series; persons unless it counts groups.
    pub fn actor(&self) -> Option<&Expr> {
        match self {
            Math::Unique { actor, .. } | Math::Active { actor, .. } | Math::PerActor { actor, .. } | Math::First { actor, .. } => {
                Some(actor)
            }
            Math::Aggregate { .. } | Math::PerSession { .. } => None,
        }
    }
}

/// The actor of a row, and the condition that it has one.
fn actor(group_index: Option<u8>, run: &Run) -> Result<(Expr, Option<Expr>), Failure> {
    if let Some(index) = group_index {
        return group(index);
    }
    let by_distinct_id = run.team.settings.get("aggregate_users_by_distinct_id").and_then(serde_json::Value::as_bool).unwrap_or(false);
    Ok((Expr::field([if by_distinct_id { "distinct_id" } else { "person_id" }]), None))
}

fn group(index: u8) -> Result<(Expr, Option<Expr>), Failure> {
    let key = group_key(index)?;
    let present = Expr::and([Expr::is_not_null(key.clone()), Expr::compare(CompareOp::NotEq, key.clone(), Expr::constant(""))]);
    Ok((key, Some(present)))
}

fn of_property(series: &Series, over: Statistic, run: &Run) -> Result<Math, Failure> {
    let common = &series.common;
    let property = common.math_property.as_deref().filter(|property| !property.is_empty());
    let property = property
        .ok_or_else(|| Failure::invalid(format!("The math \"{}\" needs math_property", common.math.as_deref().unwrap_or_default())))?;
    let multiply = |value: Expr| match common.math_multiplier {
        Some(factor) => Expr::arithmetic(ArithmeticOp::Multiply, value, Expr::constant(factor)),
        None => value,
    };
    if property == "$session_duration" {
        return Ok(Math::PerSession { value: multiply(to_float(Expr::field(["session", "$session_duration"]))), over });
    }
    Ok(Math::Aggregate { expr: over.of(multiply(number(series, property, run)?)), scales: over == Statistic::Sum, needs: None })
}

/// The number that an event has in a property.
pub fn number(series: &Series, property: &str, run: &Run) -> Result<Expr, Failure> {
    if property == "$time" {
        return Ok(to_float(Expr::call("toUnixTimestamp", [Expr::field(["timestamp"])])));
    }
    let kind = series.common.math_property_type.as_deref().unwrap_or("event_properties");
    let (value, kind) = run.scope(Subject::Events).read(kind, property, series.common.math_group_type_index)?;
    Ok(if kind == PropertyType::Numeric { value } else { to_float(value) })
}
