//! The events that an insight looks at: what its series count, its filters, its sample.

use crate::conditions::Subject;
use crate::failure::Failure;
use crate::nodes::filters::Properties;
use crate::nodes::series::{Entity, Series};
use crate::run::Run;
use chrono::DateTime;
use chrono_tz::Tz;
use model::Timestamp;
use query::ast::{CompareOp, Expr, Sample, Select};

/// What holds for every series of an insight.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Share of the distinct ids that is looked at.
    pub sampling: Option<f64>,
    filters: Expr,
}

impl Scan {
    pub fn new(run: &Run, properties: Option<&Properties>, test_accounts: Option<bool>, sampling: Option<f64>) -> Result<Scan, Failure> {
        let scope = run.scope(Subject::Events);
        let mut filters = Vec::new();
        if let Some(properties) = properties {
            filters.push(scope.properties(properties)?);
        }
        if test_accounts.unwrap_or(false) {
            filters.push(scope.test_accounts()?);
        }
        Ok(Scan { sampling: sampling.filter(|factor| *factor > 0.0 && *factor < 1.0), filters: all_of(filters) })
    }

    /// Events between two instants, both included, whatever the filters.
    pub fn between(&self, from: Option<DateTime<Tz>>, to: DateTime<Tz>) -> Select {
        let at = || Expr::field(["timestamp"]);
        let mut select = Select::from_table("events");
        if let (Some(ratio), Some(table)) = (self.sampling, select.from.as_mut()) {
            table.first.sample = Some(Sample { ratio, offset: None });
        }
        if let Some(from) = from {
            select = select.and_where(Expr::compare(CompareOp::GtEq, at(), instant(from)));
        }
        select.and_where(Expr::compare(CompareOp::LtEq, at(), instant(to)))
    }

    /// The filters of the insight and those of one series.
    pub fn filters(&self, series: &Series, run: &Run) -> Result<Expr, Failure> {
        let scope = run.scope(Subject::Events);
        let own = [scope.properties(&series.common.properties)?, scope.properties(&series.common.fixed_properties)?];
        Ok(all_of(own.into_iter().chain([self.filters.clone()])))
    }

    /// The filters of the insight alone.
    pub fn own_filters(&self) -> Expr {
        self.filters.clone()
    }

    /// The events of one series, with every filter that applies to it.
    pub fn series(&self, series: &Series, run: &Run, from: DateTime<Tz>, to: DateTime<Tz>) -> Result<Select, Failure> {
        Ok(also(also(self.between(Some(from), to), entity(series, run)?), self.filters(series, run)?))
    }

    /// What a number of the sample stands for.
    pub fn scaled(&self, count: u64) -> f64 {
        match self.sampling {
            Some(factor) => (count as f64 / factor).round(),
            None => count as f64,
        }
    }
}

/// Is an event one of the series', its own filters and those of the insight aside? Several events in one series each have filters.
pub fn entity(series: &Series, run: &Run) -> Result<Expr, Failure> {
    Ok(match &series.entity {
        Entity::Event(Some(event)) => Expr::eq(Expr::field(["event"]), Expr::constant(event)),
        Entity::Event(None) => Expr::constant(true),
        Entity::Action(id) => action(*id, run)?,
        Entity::Several { all: false, nodes } if nodes.len() > 1 && nodes.iter().all(is_plain) => {
            // One list, which stores look up faster than alternatives.
            Expr::is_in(Expr::field(["event"]), nodes.iter().filter_map(event_name).map(Expr::constant))
        }
        Entity::Several { all, nodes } => {
            let scope = run.scope(Subject::Events);
            let each = nodes.iter().map(|node| {
                let filters = [scope.properties(&node.common.properties)?, scope.properties(&node.common.fixed_properties)?];
                Ok(all_of([entity(node, run)?].into_iter().chain(filters)))
            });
            let each: Vec<Expr> = each.collect::<Result<_, Failure>>()?;
            if *all { all_of(each) } else { Expr::or(each) }
        }
    })
}

/// Is an event one of the action's?
pub fn action(id: i64, run: &Run) -> Result<Expr, Failure> {
    match run.catalog.action(id) {
        Some(action) => Ok(run.scope(Subject::Events).action(action)?),
        None => Err(Failure::Invalid(format!("Action {id} does not exist."))),
    }
}

/// Do the actions that it counts exist?
pub fn exists(series: &Series, run: &Run) -> bool {
    match &series.entity {
        Entity::Action(id) => run.catalog.action(*id).is_some(),
        Entity::Several { nodes, .. } => nodes.iter().all(|node| exists(node, run)),
        Entity::Event(_) => true,
    }
}

/// With the names of its actions, where the client gave none.
pub fn named(mut series: Series, run: &Run) -> Series {
    match &mut series.entity {
        Entity::Action(id) => {
            if let Some(action) = run.catalog.action(*id).filter(|_| series.common.name.is_none()) {
                series.common.name = Some(action.name.clone());
            }
        }
        Entity::Several { nodes, .. } => *nodes = std::mem::take(nodes).into_iter().map(|node| named(node, run)).collect(),
        Entity::Event(_) => {}
    }
    series
}

/// An event of one name, whatever its properties.
fn is_plain(node: &Series) -> bool {
    event_name(node).is_some() && node.common.properties.is_empty() && node.common.fixed_properties.is_empty()
}

fn event_name(node: &Series) -> Option<&String> {
    match &node.entity {
        Entity::Event(event) => event.as_ref(),
        _ => None,
    }
}

/// Tells that series were left out because their actions do not exist; those that were are known by their positions.
pub fn left_out(series: &[Series], kept: impl IntoIterator<Item = usize>) -> Vec<String> {
    let kept: Vec<usize> = kept.into_iter().collect();
    let missing = series.iter().enumerate().filter(|(order, _)| !kept.contains(order));
    missing.map(|(_, series)| format!("The series \"{}\" was left out: its action does not exist.", series.label())).collect()
}

/// The key of the group that an event belongs to.
pub fn group_key(index: u8) -> Result<Expr, Failure> {
    match index {
        0..=4 => Ok(Expr::field([format!("$group_{index}")])),
        _ => Err(Failure::invalid("A group type index is a number from 0 to 4")),
    }
}

pub fn instant(at: DateTime<Tz>) -> Expr {
    Expr::constant(Timestamp(at.timestamp_micros()))
}

pub fn also(select: Select, condition: Expr) -> Select {
    if condition == Expr::constant(true) { select } else { select.and_where(condition) }
}

/// AND without the terms that say nothing.
pub fn all_of(terms: impl IntoIterator<Item = Expr>) -> Expr {
    Expr::and(terms.into_iter().filter(|term| *term != Expr::constant(true)))
}
