//! Funnels. Bits of a row's mask: `i` for step `i` (0-based), `32 + j` for exclusion `j`. `Row::key` is the breakdown's value.
//! Rows of strict funnels are all events that pass the funnel's filters; other funnels ignore rows that meet no condition.

mod chain;
mod tally;
#[cfg(test)]
mod tests;
mod trends;
mod unordered;

use crate::{EMPTY_KEY, Periods, Row};
use chain::{Chain, Codes};
use tally::Groups;
use trends::{Entered, Trends};
use unordered::Unordered;

pub const STEPS_MAX: usize = 32;
/// Those of the same steps can share a bit.
pub const EXCLUSIONS_MAX: usize = 23;

#[derive(Clone, Debug, PartialEq)]
pub struct FunnelPlan {
    pub steps: usize,
    pub order: FunnelOrder,
    pub window_us: i64,
    /// Bit `i`: step `i` may be skipped.
    pub optional: u32,
    pub exclusions: Vec<Exclusion>,
    pub attribution: Attribution,
    pub want: FunnelWant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunnelOrder {
    Ordered,
    /// Rows that meet no condition matter: they break the chain.
    Strict,
    Unordered,
}

/// Must not happen between these steps, 0-based, `from < to`. Its position in the list is its bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exclusion {
    pub from: usize,
    pub to: usize,
}

/// Which value of a breakdown an actor counts under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribution {
    /// There is no breakdown; keys are not looked at.
    None,
    FirstTouch,
    LastTouch,
    AllEvents,
    Step(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub enum FunnelWant {
    Steps,
    /// Seconds from one step to another, 0-based.
    Times {
        from: usize,
        to: usize,
    },
    /// Entries and conversions by the period of the entry.
    Trends {
        from: usize,
        to: usize,
        periods: crate::Periods,
    },
    /// Who reached a step, or came to the one before it and no further.
    Actors {
        step: usize,
        dropped: bool,
    },
    /// Who entered in a period of a trend: those who converted, or who did not.
    TrendActors {
        from: usize,
        to: usize,
        periods: crate::Periods,
        period: usize,
        dropped: bool,
    },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FunnelAnswer {
    /// One per value of the breakdown, by key; a single one without a breakdown.
    pub groups: Vec<FunnelGroup>,
    pub actors: Vec<FunnelActor>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FunnelGroup {
    pub key: u32,
    /// Actors that reached each step. Of unordered funnels: that did at least so many steps.
    pub counts: Vec<u64>,
    /// Of each step, the seconds since the recorded step before it, of every actor; zeros are left out.
    pub gaps: Vec<Vec<f64>>,
    /// For [`FunnelWant::Times`].
    pub times: Vec<f64>,
    /// For [`FunnelWant::Trends`].
    pub periods: Vec<FunnelPeriod>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FunnelPeriod {
    pub entered: u64,
    pub converted: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FunnelActor {
    pub actor: u32,
    pub key: u32,
    /// Bit `i`: step `i` was reached.
    pub reached: u32,
    /// Recorded steps and when they were done, in this order. Optional steps record none; of unordered funnels, steps are in the order
    /// they were done in; of trends, there are the entry and, if they converted, the last step.
    pub at: Vec<(usize, i64)>,
}

/// How many took how long.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    pub average: Option<f64>,
    pub median: Option<f64>,
    /// Lower edge in seconds, and how many.
    pub bins: Vec<(i64, u64)>,
}

#[derive(Clone, Debug)]
pub struct Funnel {
    plan: FunnelPlan,
    codes: Codes,
    walk: Walk,
    groups: Groups,
    actors: Vec<FunnelActor>,
    /// Steps that `actors` tell.
    told: usize,
    /// Reused from actor to actor.
    keys: Vec<u32>,
    rows: Vec<Row>,
}

/// A walk over all rows counts under one value of the breakdown: only rows of this value do the step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Required {
    step: usize,
    key: u32,
}

#[derive(Clone, Debug)]
enum Walk {
    Steps(Steps),
    Trends { walk: TrendWalk, periods: Periods, entered: Vec<Entered> },
}

#[derive(Clone, Debug)]
enum TrendWalk {
    Chain(Trends),
    Unordered(Unordered),
}

/// Which steps an actor reached; what correlation and paths ask of a funnel, too.
#[derive(Clone, Debug)]
pub(crate) enum Steps {
    Chain(Chain),
    Unordered(Unordered),
}

impl Steps {
    pub fn new(plan: &FunnelPlan) -> Steps {
        match plan.order {
            FunnelOrder::Unordered => Steps::Unordered(Unordered::new(plan, plan.steps)),
            FunnelOrder::Ordered | FunnelOrder::Strict => Steps::Chain(Chain::new(plan)),
        }
    }

    /// 0 when the actor is not in the funnel.
    #[inline]
    fn walk(&mut self, rows: &[Row], required: Option<Required>) -> u32 {
        match self {
            Steps::Chain(chain) => chain.walk(rows, required),
            Steps::Unordered(unordered) => unordered.walk(rows, required),
        }
    }

    /// Without a breakdown.
    pub fn reached(&mut self, rows: &[Row]) -> u32 {
        self.walk(rows, None)
    }

    /// Recorded steps of the last walk and when they were done.
    #[inline]
    pub fn at(&self) -> &[(usize, i64)] {
        match self {
            Steps::Chain(chain) => &chain.at,
            Steps::Unordered(unordered) => &unordered.at,
        }
    }
}

/// An actor's rows times their values of a breakdown by a step are at most so many; further values are not looked at.
/// Nobody has so many but a program that shares one id among everybody.
const ROWS_TIMES_VALUES_MAX: usize = 1 << 28;

impl Funnel {
    pub fn new(plan: &FunnelPlan) -> Funnel {
        assert!((1..=STEPS_MAX).contains(&plan.steps) && plan.exclusions.len() <= EXCLUSIONS_MAX, "callers check how large a funnel is");
        let walk = match &plan.want {
            FunnelWant::Steps | FunnelWant::Times { .. } | FunnelWant::Actors { .. } => Walk::Steps(Steps::new(plan)),
            FunnelWant::Trends { to, periods, .. } | FunnelWant::TrendActors { to, periods, .. } => Walk::Trends {
                walk: match plan.order {
                    FunnelOrder::Unordered => TrendWalk::Unordered(Unordered::new(plan, to + 1)),
                    FunnelOrder::Ordered | FunnelOrder::Strict => TrendWalk::Chain(Trends::new(plan, *to)),
                },
                periods: periods.clone(),
                entered: Vec::new(),
            },
        };
        Funnel {
            codes: Codes::new(plan, plan.steps),
            walk,
            groups: Groups::new(plan),
            actors: Vec::new(),
            told: 0,
            keys: Vec::new(),
            rows: Vec::new(),
            plan: plan.clone(),
        }
    }

    pub fn actor(&mut self, actor: u32, rows: &[Row]) {
        match self.plan.attribution {
            Attribution::None => self.walk(actor, EMPTY_KEY, rows, None),
            Attribution::FirstTouch => {
                let key = rows.iter().find(|row| self.has_key(row)).map_or(EMPTY_KEY, |row| row.key);
                self.walk(actor, key, rows, None);
            }
            Attribution::LastTouch => {
                let key = rows.iter().rfind(|row| self.has_key(row)).map_or(EMPTY_KEY, |row| row.key);
                self.walk(actor, key, rows, None);
            }
            Attribution::AllEvents => self.each_key(actor, rows),
            Attribution::Step(step) => self.each_key_of(step, actor, rows),
        }
    }

    fn has_key(&self, row: &Row) -> bool {
        row.key != EMPTY_KEY && !self.codes.ignores(row.mask)
    }

    /// Once per value, over the rows that have it.
    fn each_key(&mut self, actor: u32, rows: &[Row]) {
        let mut sorted = std::mem::take(&mut self.rows);
        sorted.clear();
        sorted.extend(rows.iter().filter(|row| !self.codes.ignores(row.mask)));
        // Stable: rows of one value stay in order.
        sorted.sort_by_key(|row| row.key);
        for rows in sorted.chunk_by(|a, b| a.key == b.key) {
            self.walk(actor, rows[0].key, rows, None);
        }
        self.rows = sorted;
    }

    /// Once per value that rows of a step have, over all rows.
    fn each_key_of(&mut self, step: usize, actor: u32, rows: &[Row]) {
        let mut keys = std::mem::take(&mut self.keys);
        keys.clear();
        // The steps of an unordered funnel have no numbers; the first one done may be any.
        let any = self.plan.order == FunnelOrder::Unordered;
        let matches = |row: &&Row| if any { !self.codes.ignores(row.mask) } else { self.codes.steps_of(row.mask) >> step & 1 == 1 };
        keys.extend(rows.iter().filter(matches).map(|row| row.key));
        keys.sort_unstable();
        keys.dedup();
        keys.truncate((ROWS_TIMES_VALUES_MAX / rows.len().max(1)).max(1));
        for key in &keys {
            self.walk(actor, *key, rows, Some(Required { step, key: *key }));
        }
        self.keys = keys;
    }

    fn walk(&mut self, actor: u32, key: u32, rows: &[Row], required: Option<Required>) {
        match &mut self.walk {
            Walk::Steps(steps) => {
                let reached = steps.walk(rows, required);
                if reached != 0 {
                    self.count(actor, key, reached);
                }
            }
            Walk::Trends { walk, periods, entered } => {
                match walk {
                    TrendWalk::Chain(trends) => trends.walk(rows, required, periods, entered),
                    TrendWalk::Unordered(unordered) => unordered.walk_periods(rows, required, periods, entered),
                }
                self.count_periods(actor, key);
            }
        }
    }

    #[inline]
    fn count(&mut self, actor: u32, key: u32, reached: u32) {
        let Walk::Steps(steps) = &self.walk else { unreachable!("periods are counted by themselves") };
        let at = steps.at();
        match self.plan.want {
            FunnelWant::Times { from, to } => {
                if reached >> to & 1 == 1
                    && let (Some(first), Some(last)) = (at.get(from), at.get(to))
                {
                    self.groups.of(key).times.push(seconds(last.1 - first.1));
                }
            }
            FunnelWant::Actors { step, dropped } => {
                let wanted = if dropped { dropped_before(&self.plan, step, reached) } else { reached >> step & 1 == 1 };
                if wanted {
                    self.told += at.len();
                    self.actors.push(FunnelActor { actor, key, reached, at: at.to_vec() });
                }
            }
            _ => self.groups.of(key).count(reached, at),
        }
    }

    fn count_periods(&mut self, actor: u32, key: u32) {
        let Walk::Trends { entered, .. } = &self.walk else { unreachable!("only trends have periods") };
        match self.plan.want {
            FunnelWant::Trends { from, .. } => {
                for entered in entered.iter().filter(|entered| entered.reached >> from & 1 == 1) {
                    let period = &mut self.groups.of(key).periods[entered.period];
                    period.entered += 1;
                    period.converted += u64::from(entered.converted.is_some());
                }
            }
            FunnelWant::TrendActors { from, to, period, dropped, .. } => {
                let wanted = |entered: &&Entered| {
                    entered.period == period && entered.reached >> from & 1 == 1 && entered.converted.is_none() == dropped
                };
                if let Some(entered) = entered.iter().find(wanted) {
                    self.told += 2;
                    let at = std::iter::once((0, entered.began)).chain(entered.converted.map(|at| (to, at))).collect();
                    self.actors.push(FunnelActor { actor, key, reached: entered.reached, at });
                }
            }
            _ => unreachable!("others do not walk by periods"),
        }
    }

    pub fn join(&mut self, other: Funnel) {
        self.groups.join(other.groups);
        self.actors.extend(other.actors);
        self.told += other.told;
    }

    pub fn finish(mut self) -> FunnelAnswer {
        if self.plan.attribution == Attribution::None {
            self.groups.of(EMPTY_KEY);
        }
        self.actors.sort_unstable_by_key(|actor| (actor.actor, actor.key));
        FunnelAnswer { groups: self.groups.finish(), actors: self.actors }
    }

    pub fn bytes(&self) -> usize {
        let walk = match &self.walk {
            Walk::Steps(Steps::Chain(chain)) => chain.bytes(),
            Walk::Steps(Steps::Unordered(unordered)) | Walk::Trends { walk: TrendWalk::Unordered(unordered), .. } => unordered.bytes(),
            Walk::Trends { walk: TrendWalk::Chain(trends), .. } => trends.bytes(),
        };
        let actors = self.actors.capacity() * size_of::<FunnelActor>() + self.told * size_of::<(usize, i64)>();
        walk + self.groups.bytes() + actors
    }
}

/// Came to the required step before this one and no further.
pub(crate) fn dropped_before(plan: &FunnelPlan, step: usize, reached: u32) -> bool {
    let before = (0..step).rev().find(|before| *before == 0 || plan.optional >> before & 1 == 0);
    before.is_some_and(|before| reached >> before & 1 == 1 && reached >> step & 1 == 0)
}

pub(crate) fn bits_below(end: usize) -> u32 {
    if end >= 32 { u32::MAX } else { (1 << end) - 1 }
}

fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}
