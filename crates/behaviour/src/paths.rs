//! Paths. `Row::key` is the path's item. Bits of a row's mask: 0 the item is the start point, 1 the item is the end point,
//! 2 and 3 the item is the one of [`PathsWant`]'s keys, 8 + `i` step `i` of the funnel, 40 + `j` its exclusion `j`,
//! 4 the row is among the events of the funnel though it meets none of its conditions (only strict funnels ask),
//! 63 the row is part of paths (rows without it only serve the funnel). The empty item has the key `EMPTY_KEY`.

use crate::funnel::{Steps, bits_below, dropped_before};
use crate::{EMPTY_KEY, FunnelOrder, FunnelPlan, Row};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

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
    pub fn strongest(self, weights: (Option<u64>, Option<u64>), limit: usize, text: &dyn Fn(Item) -> String) -> Vec<Edge> {
        let (least, most) = (weights.0.unwrap_or(0), weights.1.unwrap_or(u64::MAX));
        let place = |position: usize, item: Item| format!("{position}_{}", text(item));
        let mut edges = self.edges;
        edges.retain(|edge| (least..=most).contains(&edge.count));
        // Texts are made for those only that may be kept.
        edges.sort_unstable_by_key(|edge| std::cmp::Reverse(edge.count));
        let weakest = edges.get(limit.saturating_sub(1)).map_or(0, |edge| edge.count);
        edges.retain(|edge| edge.count >= weakest);
        let mut named: Vec<_> =
            edges.into_iter().map(|edge| (place(edge.position, edge.from), place(edge.position + 1, edge.to), edge)).collect();
        named.sort_by(|a, b| b.2.count.cmp(&a.2.count).then_with(|| (&a.0, &a.1).cmp(&(&b.0, &b.1))));
        named.truncate(limit);
        let mut reached: HashSet<&str> = named.iter().filter(|(_, _, edge)| edge.position == 1).map(|(from, _, _)| from.as_str()).collect();
        let mut by_position: Vec<_> = named.iter().collect();
        by_position.sort_by_key(|(_, _, edge)| edge.position);
        for (from, to, _) in by_position {
            if reached.contains(from.as_str()) {
                reached.insert(to);
            }
        }
        let kept: Vec<bool> = named.iter().map(|(from, _, _)| reached.contains(from.as_str())).collect();
        named.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|((_, _, edge), _)| edge).collect()
    }
}

#[derive(Clone, Debug)]
pub struct Paths {
    plan: PathsPlan,
    steps: Option<Steps>,
    edges: HashMap<Place, Weight, BuildHasherDefault<Mix>>,
    actors: Vec<PathsActor>,
    /// Times that `actors` tell.
    told: usize,
    /// Reused from session to session.
    session: Vec<Visit>,
    rows: Vec<Row>,
}

/// An edge of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    position: u32,
    from: u32,
    to: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Weight {
    count: u64,
    micros: i64,
}

/// A stay at an item.
#[derive(Clone, Copy, Debug)]
struct Visit {
    key: u32,
    mask: u64,
    /// When it was seen last.
    at: i64,
}

const START: u64 = 1;
const END: u64 = 2;
const FROM: u64 = 4;
const TO: u64 = 8;
const IN_FUNNEL: u64 = 16;
const IN_PATHS: u64 = 1 << 63;
/// Feeders number texts from 0 on and never come so far.
const ELLIPSIS: u32 = u32::MAX;
/// Times of one actor for recordings.
const TIMES_MAX: usize = 100;

impl Paths {
    pub fn new(plan: &PathsPlan) -> Paths {
        Paths {
            plan: plan.clone(),
            steps: plan.funnel.as_ref().map(|funnel| Steps::new(&funnel.plan)),
            edges: HashMap::default(),
            actors: Vec::new(),
            told: 0,
            session: Vec::new(),
            rows: Vec::new(),
        }
    }

    pub fn actor(&mut self, actor: u32, rows: &[Row]) {
        let Some((from, to)) = self.bounds(rows) else { return };
        let mut session = std::mem::take(&mut self.session);
        let mut found = Vec::new();
        session.clear();
        let mut before = i64::MAX;
        for row in rows.iter().filter(|row| row.mask & IN_PATHS != 0 && (from..=to).contains(&row.at)) {
            if row.at.saturating_sub(before) >= self.plan.gap_us {
                self.end_session(&mut session, &mut found);
            }
            before = row.at;
            match session.last_mut() {
                Some(visit) if visit.key == row.key => visit.at = row.at,
                _ => session.push(Visit { key: row.key, mask: row.mask, at: row.at }),
            }
        }
        self.end_session(&mut session, &mut found);
        self.session = session;
        if !found.is_empty() {
            self.told += found.len();
            self.actors.push(PathsActor { actor, at: found });
        }
    }

    /// Which of an actor's rows may be part of paths, first and last.
    fn bounds(&mut self, rows: &[Row]) -> Option<(i64, i64)> {
        let (Some(funnel), Some(steps)) = (&self.plan.funnel, &mut self.steps) else { return Some((i64::MIN, i64::MAX)) };
        let strict = funnel.plan.order == FunnelOrder::Strict;
        self.rows.clear();
        self.rows.extend(rows.iter().filter_map(|row| {
            // The funnel's own bits: steps from 0, exclusions from 32 on.
            let mask = row.mask >> 8 & u64::from(bits_below(32)) | (row.mask >> 40 & u64::from(bits_below(23))) << 32;
            (mask != 0 || (strict && row.mask & IN_FUNNEL != 0)).then_some(Row { mask, ..*row })
        }));
        let reached = steps.reached(&self.rows);
        let at = steps.at();
        let place = match (funnel.dropped, funnel.plan.order) {
            (true, _) => dropped_before(&funnel.plan, funnel.step, reached).then(|| at.len() - 1)?,
            (false, _) if reached >> funnel.step & 1 == 0 => return None,
            (false, FunnelOrder::Unordered) => funnel.step,
            // An optional step has no time of its own.
            (false, _) => at.iter().rposition(|(step, _)| *step <= funnel.step)?,
        };
        let here = at.get(place)?.1;
        Some(match funnel.part {
            PathPart::BeforeStep => (i64::MIN, here),
            PathPart::BetweenSteps => (at[place.checked_sub(1)?].1, here),
            PathPart::AfterStep if funnel.dropped => (here.saturating_add(funnel.plan.window_us), i64::MAX),
            PathPart::AfterStep => (here, i64::MAX),
        })
    }

    fn end_session(&mut self, session: &mut Vec<Visit>, found: &mut Vec<i64>) {
        session.pop_if(|visit| visit.key == EMPTY_KEY);
        if cut(&self.plan, session).is_some() {
            match &self.plan.want {
                PathsWant::Edges => self.count(session),
                PathsWant::Actors { from, to, dropped } => {
                    let at = went(session, *from, *to, *dropped).filter(|_| found.len() < TIMES_MAX);
                    found.extend(at);
                }
            }
        }
        session.clear();
    }

    fn count(&mut self, session: &[Visit]) {
        for (at, pair) in session.windows(2).enumerate() {
            let weight = self.edges.entry(Place { position: at as u32 + 1, from: pair[0].key, to: pair[1].key }).or_default();
            weight.count += 1;
            weight.micros += pair[1].at - pair[0].at;
        }
    }

    pub fn join(&mut self, other: Paths) {
        for (place, weight) in other.edges {
            let mine = self.edges.entry(place).or_default();
            mine.count += weight.count;
            mine.micros += weight.micros;
        }
        self.actors.extend(other.actors);
        self.told += other.told;
    }

    pub fn finish(mut self) -> PathsAnswer {
        self.actors.sort_unstable_by_key(|actor| actor.actor);
        let item = |key: u32| if key == ELLIPSIS { Item::Ellipsis } else { Item::Key(key) };
        let edges = self.edges.into_iter().map(|(place, weight)| Edge {
            position: place.position as usize,
            from: item(place.from),
            to: item(place.to),
            count: weight.count,
            average_ms: weight.micros as f64 / weight.count as f64 / 1000.0,
        });
        PathsAnswer { edges: edges.collect(), actors: self.actors }
    }

    pub fn bytes(&self) -> usize {
        let actors = self.actors.capacity() * size_of::<PathsActor>() + self.told * size_of::<i64>();
        self.edges.capacity() * (size_of::<(Place, Weight)>() + 1) + actors
    }
}

/// Keeps what lies between the points and is within the limit; `None` when a point is missing.
fn cut(plan: &PathsPlan, session: &mut Vec<Visit>) -> Option<()> {
    if plan.from_start {
        let start = session.iter().position(|visit| visit.mask & START != 0)?;
        session.drain(..start);
    }
    if plan.to_end {
        let end = session.iter().position(|visit| visit.mask & END != 0)?;
        session.truncate(end + 1);
    }
    let (length, limit) = (session.len(), plan.step_limit);
    if length > limit {
        match (plan.from_start, plan.to_end) {
            (true, true) => {
                let half = limit / 2;
                session[half] = Visit { key: ELLIPSIS, mask: 0, ..session[half] };
                session.drain(half + 1..length - half);
            }
            (false, true) => drop(session.drain(..length - limit)),
            (_, false) => session.truncate(limit),
        }
    }
    Some(())
}

/// When a session came to the end of the wanted edge.
fn went(session: &[Visit], from: Option<PathEnd>, to: Option<PathEnd>, dropped: bool) -> Option<i64> {
    let at = |end: PathEnd, bit: u64| {
        let visit = session.get(end.position.checked_sub(1)?)?;
        let holds = if end.ellipsis { visit.key == ELLIPSIS } else { visit.mask & bit != 0 };
        holds.then_some(visit.at)
    };
    match (from, to) {
        (Some(from), _) if dropped => at(from, FROM).filter(|_| from.position == session.len()),
        (Some(from), to) => {
            at(from, FROM)?;
            let next = session.get(from.position)?.at;
            to.map_or(Some(next), |to| at(to, TO))
        }
        (None, Some(to)) => at(to, TO),
        (None, None) => session.last().map(|visit| visit.at),
    }
}

/// Places are small numbers; mixing them well is enough.
#[derive(Clone, Copy, Debug, Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        let mixed = u128::from(self.0 ^ u64::from(number) ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
        self.0 = mixed as u64 ^ (mixed >> 64) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests;
