//! Web analytics: visits and what they looked at. Everything counts sessions by when they *began*.
//!
//! | file | kind |
//! |---|---|
//! | `overview` | WebOverviewQuery |
//! | `stats` | WebStatsTableQuery; `breakdowns` says what its rows are, `pages` adds what only pages have |
//! | `goals` | WebGoalsQuery |
//! | `external_clicks` | WebExternalClicksTableQuery |
//! | `vitals`, `vitals_paths` | WebVitalsQuery, WebVitalsPathBreakdownQuery |
//! | `url_search` | WebPageURLSearchQuery |

mod breakdowns;
pub mod external_clicks;
pub mod goals;
pub mod overview;
mod pages;
pub mod stats;
pub mod url_search;
pub mod vitals;
pub mod vitals_paths;

use super::{Answer, scan};
use crate::compare;
use crate::conditions::Subject;
use crate::dates::{Span, iso};
use crate::failure::Failure;
use crate::nodes::filters::Properties;
use crate::nodes::web::{ConversionGoal, WebFilters};
use crate::run::Run;
use chrono::DateTime;
use chrono_tz::Tz;
use model::Timestamp;
use query::ast::{CompareOp, Expr, Select};
use serde_json::{Value, json};

/// A question about the web: when, and about whom.
struct Web<'a> {
    run: &'a Run,
    filters: WebFilters,
    goal: Option<Expr>,
    current: Period,
    previous: Option<Period>,
}

/// First and last instant.
#[derive(Clone, Copy)]
struct Period {
    from: DateTime<Tz>,
    to: DateTime<Tz>,
}

/// A number of the current and of the previous period.
type Pair = [Option<f64>; 2];

impl Period {
    fn has(self, at: Expr) -> Expr {
        let bound = |at: DateTime<Tz>| Expr::constant(Timestamp(at.timestamp_micros()));
        let from = Expr::compare(CompareOp::GtEq, at.clone(), bound(self.from));
        Expr::and([from, Expr::compare(CompareOp::LtEq, at, bound(self.to))])
    }
}

impl<'a> Web<'a> {
    async fn settle(run: &'a Run, filters: WebFilters) -> Result<Web<'a>, Failure> {
        let goal = match &filters.goal {
            Some(ConversionGoal { action: Some(id), .. }) => Some(scan::action(*id, run)?),
            Some(ConversionGoal { event: Some(event), .. }) => Some(Expr::eq(Expr::field(["event"]), Expr::constant(event))),
            _ => None,
        };
        let since_ever = filters.date_range.date_from.as_deref() == Some("all");
        let first = if since_ever { run.first_event().await? } else { None };
        let span = Span::settle(&filters.date_range, filters.interval, false, first, &run.calendar);
        let period = |span: &Span| Period { from: span.lower(&run.calendar), to: span.to };
        let previous = filters.compare.is_on().then(|| period(&compare::previous(&span, &filters.compare, &run.calendar)));
        Ok(Web { run, filters, goal, current: period(&span), previous })
    }

    fn periods(&self) -> impl Iterator<Item = Period> {
        std::iter::once(self.current).chain(self.previous)
    }

    fn in_any_period(&self, at: &Expr) -> Expr {
        Expr::or(self.periods().map(|period| period.has(at.clone())))
    }

    /// The event that is a conversion.
    fn goal(&self) -> Option<Expr> {
        self.goal.clone()
    }

    /// Events of sessions in the periods that pass `properties`; what else is selected of them is up to the caller.
    fn events_with(&self, properties: &Properties) -> Result<Select, Failure> {
        let scope = self.run.scope(Subject::Events);
        let at = || Expr::field(["timestamp"]);
        let whole = Period {
            from: self.periods().map(|period| period.from).min().unwrap_or(self.current.from),
            to: self.periods().map(|period| period.to).max().unwrap_or(self.current.to),
        };
        // The store prunes by what holds for all rows, so the whole range is said first.
        let mut select = Select::from_table("events").and_where(whole.has(at()));
        if self.previous.is_some() {
            select = select.and_where(self.in_any_period(&at()));
        }
        select = select.and_where(Expr::call("notEmpty", [Expr::field(["$session_id"])]));
        if !properties.is_empty() {
            select = select.and_where(scope.properties(properties)?);
        }
        if self.filters.without_test_accounts {
            select = select.and_where(scope.test_accounts()?);
        }
        Ok(select)
    }

    fn events(&self) -> Result<Select, Failure> {
        self.events_with(&self.filters.properties)
    }

    /// The events that count: views, and conversions if there is a goal.
    fn counted(&self) -> Expr {
        match self.goal() {
            Some(goal) => Expr::or([is_view(), goal]),
            None => is_view(),
        }
    }

    /// `function` over the rows of each period, as the columns `name_0` and `name_1`.
    fn per_period(&self, select: Select, function: &str, of: &[&str], name: &str) -> Select {
        self.periods().enumerate().fold(select, |select, (at, period)| {
            let args = of.iter().map(|column| Expr::field([*column])).chain([period.has(Expr::field(["start"]))]);
            select.column(Expr::call(function, args).aliased(&format!("{name}_{at}")))
        })
    }

    /// What the answers of all kinds say about their question.
    fn describe(&self, answer: &mut Answer) {
        answer.insert("samplingRate".to_owned(), json!({"numerator": 1, "denominator": 1}));
        answer.insert("dateFrom".to_owned(), iso(self.current.from).into());
        answer.insert("dateTo".to_owned(), iso(self.current.to).into());
        answer.insert("usedPreAggregatedTables".to_owned(), false.into());
        answer.insert("preaggregated".to_owned(), false.into());
    }
}

fn is_view() -> Expr {
    Expr::is_in(Expr::field(["event"]), ["$pageview", "$screen"].map(Expr::constant))
}

/// HogQL that we wrote ourselves.
fn hogql(text: &str) -> Result<Expr, Failure> {
    Ok(query::parse_expr(text)?)
}

/// The cells of a table that compares two periods: `[current, previous]`.
fn pair(pair: Pair) -> Value {
    Value::Array(pair.iter().map(|value| value.map_or(Value::Null, crate::cells::compact_number)).collect())
}

/// `[name, DESC]` of a question; the first name when it asks for none.
fn order<'q>(order_by: Option<&'q [String]>, default: &'q str) -> (&'q str, bool) {
    let name = order_by.and_then(|order| order.first()).map_or(default, String::as_str);
    let ascending = order_by.and_then(|order| order.get(1)).is_some_and(|direction| direction.eq_ignore_ascii_case("asc"));
    (name, !ascending)
}

/// Rows of one page, and whether there are more.
fn paged<T>(mut rows: Vec<T>, limit: Option<i64>, offset: Option<i64>) -> Result<(Vec<T>, bool, i64, i64), Failure> {
    const MOST: i64 = 10_000;
    let (limit, offset) = super::rows::page(limit, offset)?;
    let limit = limit.min(MOST);
    let mut page = rows.split_off(rows.len().min(offset as usize));
    let has_more = page.len() > limit as usize;
    page.truncate(limit as usize);
    Ok((page, has_more, limit, offset))
}

/// Groups that one table chooses its page from.
const MOST_GROUPS: i64 = 100_000;
