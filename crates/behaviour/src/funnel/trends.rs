//! Ordered and strict funnels by the period of the entry: each period that an actor enters in has attempts of its own.

use super::chain::{Codes, UNSET, window_of};
use super::{FunnelOrder, FunnelPlan, Required, bits_below};
use crate::{Periods, Row};

/// An actor's funnel of one period.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entered {
    pub period: usize,
    pub reached: u32,
    pub began: i64,
    pub converted: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Excluded {
    No,
    /// After the deepest step.
    Partly,
    /// The deepest step was reached across an exclusion.
    Fully,
}

#[derive(Clone, Debug)]
struct Open {
    period: usize,
    /// The latest first step of the period.
    began: i64,
    converted: Option<i64>,
    deepest: usize,
    deepest_at: i64,
    excluded: Excluded,
}

/// When the attempt that came to a step began, and whether it may not go on.
type Mark = (i64, bool);
const NO_MARK: Mark = (UNSET, false);

#[derive(Clone, Debug)]
pub(super) struct Trends {
    codes: Codes,
    window: i64,
    strict: bool,
    /// By period.
    opens: Vec<Open>,
    /// `codes.steps + 1` of each period, by 1-based step.
    marks: Vec<Mark>,
    /// Periods before it are out of their windows for good.
    active: usize,
}

impl Trends {
    /// Steps after `to` do not matter.
    pub fn new(plan: &FunnelPlan, to: usize) -> Trends {
        Trends {
            codes: Codes::new(plan, to + 1),
            window: window_of(plan),
            strict: plan.order == FunnelOrder::Strict,
            opens: Vec::new(),
            marks: Vec::new(),
            active: 0,
        }
    }

    pub fn walk(&mut self, rows: &[Row], required: Option<Required>, periods: &Periods, entered: &mut Vec<Entered>) {
        self.opens.clear();
        self.marks.clear();
        self.active = 0;
        for row in rows {
            if !self.codes.ignores(row.mask) {
                self.event(row, required, periods);
            }
        }
        entered.clear();
        let suppressed = self.opens.iter().any(|open| open.converted.is_none() && open.excluded == Excluded::Fully);
        entered.extend(self.opens.iter().filter_map(|open| {
            let counts = open.converted.is_some() || (!suppressed && open.excluded == Excluded::No);
            let reached = if open.converted.is_some() { self.codes.steps } else { open.deepest };
            counts.then(|| Entered { period: open.period, reached: bits_below(reached), began: open.began, converted: open.converted })
        }));
    }

    fn event(&mut self, row: &Row, required: Option<Required>, periods: &Periods) {
        let last = self.opens.len().saturating_sub(1);
        while self.active < last && row.at - self.opens[self.active].began > self.window {
            self.active += 1;
        }
        let mut guards = self.codes.guards_of(row.mask);
        while guards != 0 {
            self.exclude(guards.trailing_zeros() as usize + 1, row.at);
            guards &= guards - 1;
        }
        let steps = self.codes.steps_of(row.mask);
        let mut left = steps;
        while left != 0 {
            let step = left.ilog2() as usize + 1;
            left ^= 1 << (step - 1);
            if required.is_some_and(|required| required.step + 1 == step && required.key != row.key) {
                continue;
            }
            match step {
                1 => self.enter(row.at, periods),
                _ => self.step(step, row.at),
            }
        }
        if self.strict {
            let stride = self.codes.steps + 1;
            for marks in self.marks[self.active * stride..].chunks_exact_mut(stride) {
                for (step, mark) in marks[1..].iter_mut().enumerate() {
                    if steps >> step & 1 == 0 {
                        *mark = NO_MARK;
                    }
                }
            }
        }
    }

    fn enter(&mut self, at: i64, periods: &Periods) {
        let Some(period) = periods.of(at) else { return };
        let stride = self.codes.steps + 1;
        let marks = self.marks.len().saturating_sub(stride);
        match self.opens.last_mut() {
            Some(open) if open.period == period => {
                if open.converted.is_some() {
                    return;
                }
                open.began = at;
                if open.deepest == 1 && open.excluded != Excluded::No {
                    (open.deepest_at, open.excluded) = (at, Excluded::No);
                    self.marks[marks..].fill(NO_MARK);
                }
                self.marks[marks + 1] = (at, false);
            }
            _ => {
                self.opens.push(Open { period, began: at, converted: None, deepest: 1, deepest_at: at, excluded: Excluded::No });
                self.marks.resize(self.marks.len() + stride, NO_MARK);
                let marks = self.marks.len() - stride;
                self.marks[marks + 1] = (at, false);
            }
        }
    }

    /// Can the period's attempt go on to a step?
    #[inline]
    fn ready(&self, open: usize, step: usize, at: i64) -> bool {
        let here = open * (self.codes.steps + 1) + step;
        let (before, here) = (self.marks[here - 1].0, self.marks[here].0);
        at - before <= self.window && before != here && self.opens[open].converted.is_none()
    }

    fn exclude(&mut self, step: usize, at: i64) {
        for open in self.active..self.opens.len() {
            if !self.ready(open, step, at) {
                continue;
            }
            let before = open * (self.codes.steps + 1) + step - 1;
            let open = &mut self.opens[open];
            if !self.marks[before].1 && open.deepest == step - 1 && at - open.deepest_at <= self.window {
                open.excluded = Excluded::Partly;
            }
            self.marks[before].1 = true;
        }
    }

    fn step(&mut self, step: usize, at: i64) {
        for open in self.active..self.opens.len() {
            if !self.ready(open, step, at) {
                continue;
            }
            let here = open * (self.codes.steps + 1) + step;
            let open = &mut self.opens[open];
            let (began, excluded) = self.marks[here - 1];
            if !excluded {
                self.marks[here] = (began, false);
                if step == self.codes.steps {
                    open.converted = Some(at);
                    open.began = began;
                    continue;
                }
            }
            if step > open.deepest || (step == open.deepest && open.excluded == Excluded::Partly) {
                (open.deepest, open.deepest_at) = (step, at);
                open.excluded = if excluded { Excluded::Fully } else { Excluded::No };
            }
        }
    }

    pub fn bytes(&self) -> usize {
        self.opens.capacity() * size_of::<Open>() + self.marks.capacity() * size_of::<Mark>()
    }
}
