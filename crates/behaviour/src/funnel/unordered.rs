//! Unordered funnels: as many different steps as possible within a window. Also by the period that the first of them falls into.

use super::chain::{Codes, window_of};
use super::trends::Entered;
use super::{FunnelPlan, Required, bits_below};
use crate::{Periods, Row};
use std::collections::VecDeque;

#[derive(Clone, Debug)]
pub(crate) struct Unordered {
    codes: Codes,
    window: i64,
    /// So many different steps end a window.
    complete: usize,
    /// Of each step, the times of its rows in the window.
    queues: Vec<VecDeque<i64>>,
    filled: usize,
    best: usize,
    /// Of the last walk: the steps of the best window, by time.
    pub at: Vec<(usize, i64)>,
}

impl Unordered {
    pub fn new(plan: &FunnelPlan, complete: usize) -> Unordered {
        Unordered {
            codes: Codes::new(plan, plan.steps),
            window: window_of(plan),
            complete,
            queues: vec![VecDeque::new(); plan.steps],
            filled: 0,
            best: 0,
            at: Vec::new(),
        }
    }

    /// One bit for each of the steps that an actor did, whichever they are.
    pub fn walk(&mut self, rows: &[Row], required: Option<Required>) -> u32 {
        self.clear();
        self.at.clear();
        self.best = 0;
        for row in rows {
            if self.codes.ignores(row.mask) {
                continue;
            }
            while let Some(oldest) = self.past(row.at) {
                self.record();
                self.drop(oldest);
            }
            self.take(row, required);
            if self.filled == self.complete {
                break;
            }
        }
        self.record();
        bits_below(self.best)
    }

    /// Every row that is the oldest of a window decides for its period.
    pub fn walk_periods(&mut self, rows: &[Row], required: Option<Required>, periods: &Periods, entered: &mut Vec<Entered>) {
        self.clear();
        entered.clear();
        for row in rows {
            if self.codes.ignores(row.mask) {
                continue;
            }
            while let Some(oldest) = self.past(row.at) {
                self.record_period(oldest, periods, entered);
                self.drop(oldest);
            }
            self.take(row, required);
        }
        while let Some(oldest) = self.oldest() {
            self.record_period(oldest, periods, entered);
            self.drop(oldest);
        }
    }

    fn clear(&mut self) {
        self.queues.iter_mut().for_each(VecDeque::clear);
        self.filled = 0;
    }

    fn oldest(&self) -> Option<usize> {
        (0..self.queues.len()).filter(|step| !self.queues[*step].is_empty()).min_by_key(|step| self.queues[*step][0])
    }

    /// The step whose oldest row has to go before a row of this time can come.
    fn past(&self, at: i64) -> Option<usize> {
        let oldest = self.oldest()?;
        (self.filled >= self.complete || at - self.queues[oldest][0] > self.window).then_some(oldest)
    }

    fn drop(&mut self, step: usize) {
        self.queues[step].pop_front();
        self.filled -= usize::from(self.queues[step].is_empty());
    }

    fn take(&mut self, row: &Row, required: Option<Required>) {
        let steps = self.codes.steps_of(row.mask);
        if steps == 0 {
            // Nothing but an exclusion: what was begun is forgotten.
            self.clear();
            return;
        }
        if self.filled == 0 && required.is_some_and(|required| required.key != row.key) {
            return;
        }
        let matching = (0..self.queues.len()).filter(|step| steps >> step & 1 == 1);
        let step = matching.min_by_key(|step| self.queues[*step].back()).expect("a bit is set");
        self.filled += usize::from(self.queues[step].is_empty());
        self.queues[step].push_back(row.at);
    }

    fn record(&mut self) {
        if self.filled > self.best {
            self.best = self.filled;
            self.at.clear();
            self.at.extend(self.queues.iter().enumerate().filter_map(|(step, queue)| queue.front().map(|at| (step, *at))));
            self.at.sort_by_key(|(_, at)| *at);
        }
    }

    fn record_period(&self, oldest: usize, periods: &Periods, entered: &mut Vec<Entered>) {
        let began = self.queues[oldest][0];
        let Some(period) = periods.of(began) else { return };
        let converted = (self.filled >= self.complete).then(|| self.queues.iter().filter_map(|queue| queue.front()).copied().max());
        let now = Entered { period, reached: bits_below(self.filled), began, converted: converted.flatten() };
        match entered.last_mut() {
            Some(last) if last.period == period => {
                if now.reached > last.reached {
                    *last = now;
                }
            }
            _ => entered.push(now),
        }
    }

    pub fn bytes(&self) -> usize {
        self.queues.iter().map(|queue| queue.capacity() * size_of::<i64>()).sum()
    }
}
