//! Paths. `Row::key` is the path's item. Bits of a row's mask: 0 the item is the start point, 1 the item is the end point,
//! 2 and 3 the item is the one of [`PathsWant`]'s keys, 8 + `i` step `i` of the funnel, 40 + `j` its exclusion `j`,
//! 4 the row is among the events of the funnel though it meets none of its conditions (only strict funnels ask),
//! 63 the row is part of paths (rows without it only serve the funnel). The empty item has the key `EMPTY_KEY`.

use crate::{FunnelPlan, Row};

#[derive(Clone, Debug, PartialEq)]
pub struct PathsPlan {
    /// A gap at least this long begins a new session.
    pub gap_us: i64,
    pub from_start: bool,
    pub to_end: bool,
    pub step_limit: usize,
    /// Paths before, between or after steps of a funnel only.
    pub funnel: Option<PathFunnel>,
    pub want: PathsWant,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PathFunnel {
    /// Its bits are counted from 8 (steps) and 40 (exclusions) on; `want` is not looked at.
    pub plan: FunnelPlan,
    /// 0-based.
    pub step: usize,
    /// Of those who came to the step before and no further, instead of those who reached the step: the last step that they reached
    /// counts as the step, and what is after it begins a conversion window later.
    pub dropped: bool,
    pub part: PathPart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathPart {
    BeforeStep,
    BetweenSteps,
    AfterStep,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PathsWant {
    Edges,
    /// Who went an edge: its ends, as far as they are given; which items they hold, mask bits 2 (from) and 3 (to) say.
    /// With `dropped`, whose session ended at `from`.
    Actors {
        from: Option<PathEnd>,
        to: Option<PathEnd>,
        dropped: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathEnd {
    /// 1-based.
    pub position: usize,
    /// It holds [`Item::Ellipsis`]; no row's bit says so.
    pub ellipsis: bool,
}

/// What a path has at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    Key(u32),
    /// Steps that were left out between a start and an end point.
    Ellipsis,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PathsAnswer {
    /// Every edge, in no order; see [`PathsAnswer::strongest`].
    pub edges: Vec<Edge>,
    pub actors: Vec<PathsActor>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// Position of `from`, 1-based; `to` is one further.
    pub position: usize,
    pub from: Item,
    pub to: Item,
    pub count: u64,
    pub average_ms: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PathsActor {
    pub actor: u32,
    /// Times of the matching steps, for recordings; bounded.
    pub at: Vec<i64>,
}

impl PathsAnswer {
    /// The edges that a client sees: within the weights, strongest first (then by `source` and `target` text such as `1_/`), at most
    /// `limit`, and only what an edge of the first position leads to.
    pub fn strongest(self, _weights: (Option<u64>, Option<u64>), _limit: usize, _text: &dyn Fn(Item) -> String) -> Vec<Edge> {
        unimplemented!()
    }
}

#[derive(Clone, Debug)]
pub struct Paths {
    #[allow(dead_code)]
    plan: PathsPlan,
}

impl Paths {
    pub fn new(plan: &PathsPlan) -> Paths {
        Paths { plan: plan.clone() }
    }

    pub fn actor(&mut self, _actor: u32, _rows: &[Row]) {
        unimplemented!()
    }

    pub fn join(&mut self, _other: Paths) {
        unimplemented!()
    }

    pub fn finish(self) -> PathsAnswer {
        unimplemented!()
    }

    pub fn bytes(&self) -> usize {
        unimplemented!()
    }
}
