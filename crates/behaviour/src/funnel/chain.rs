//! Ordered and strict funnels: attempts that go from step to step in time.

use super::{FunnelOrder, FunnelPlan, Required, bits_below};
use crate::Row;

/// Before every moment by more than any window, so that an attempt which does not exist is out of its window.
pub(super) const UNSET: i64 = i64::MIN / 4;
const WINDOW_MAX: i64 = 1_000_000_000_000_000_000;
const NO_NODE: u32 = u32::MAX;

/// What the plan says about one row's mask.
#[derive(Clone, Debug)]
pub(super) struct Codes {
    pub steps: usize,
    steps_mask: u64,
    exclusions: Vec<(u64, u32)>,
    exclusions_mask: u64,
    relevant: u64,
}

impl Codes {
    /// Only the first `steps` of the plan's steps, and what guards them.
    pub fn new(plan: &FunnelPlan, steps: usize) -> Codes {
        let exclusions: Vec<(u64, u32)> = plan
            .exclusions
            .iter()
            .enumerate()
            // Guards the transitions into the steps after `from`, up to `to`.
            .map(|(at, exclusion)| (1 << (32 + at), bits_below(exclusion.to.min(steps - 1) + 1) & !bits_below(exclusion.from + 1)))
            .collect();
        let exclusions_mask = exclusions.iter().fold(0, |all, (bit, _)| all | bit);
        let steps_mask = u64::from(bits_below(steps));
        // Strict funnels are broken by rows that meet nothing.
        let relevant = if plan.order == FunnelOrder::Strict { 0 } else { steps_mask | exclusions_mask };
        Codes { steps, steps_mask, exclusions, exclusions_mask, relevant }
    }

    #[inline]
    pub fn ignores(&self, mask: u64) -> bool {
        self.relevant != 0 && mask & self.relevant == 0
    }

    #[inline]
    pub fn steps_of(&self, mask: u64) -> u32 {
        (mask & self.steps_mask) as u32
    }

    /// Bit `s`: the transition into step `s` is forbidden.
    #[inline]
    pub fn guards_of(&self, mask: u64) -> u32 {
        if mask & self.exclusions_mask == 0 {
            return 0;
        }
        self.exclusions.iter().fold(0, |all, (bit, guards)| if mask & bit != 0 { all | guards } else { all })
    }

    fn same(&self, a: u64, b: u64) -> bool {
        self.steps_of(a) == self.steps_of(b) && self.guards_of(a) == self.guards_of(b)
    }
}

pub(super) fn window_of(plan: &FunnelPlan) -> i64 {
    plan.window_us.clamp(0, WINDOW_MAX)
}

/// An attempt at the step that it came to.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    /// When its first step was done.
    began: i64,
    /// The last recorded step.
    node: u32,
    reached: u32,
    excluded: bool,
}

/// A recorded step; those before it are found by `before`. Attempts share them, so that going on copies nothing.
#[derive(Clone, Copy, Debug)]
struct Node {
    at: i64,
    before: u32,
    step: u32,
    row: u32,
}

const NOWHERE: Attempt = Attempt { began: UNSET, node: NO_NODE, reached: 0, excluded: false };

#[derive(Clone, Debug)]
pub(crate) struct Chain {
    codes: Codes,
    window: i64,
    strict: bool,
    /// By 1-based step, as in `attempts`.
    optional: u64,
    /// The latest attempt that came to each step, 1-based; at 0, the one that the current row could begin.
    attempts: Vec<Attempt>,
    nodes: Vec<Node>,
    best_step: usize,
    best: Attempt,
    /// Of the last walk: recorded steps in order.
    pub at: Vec<(usize, i64)>,
}

impl Chain {
    pub fn new(plan: &FunnelPlan) -> Chain {
        Chain {
            codes: Codes::new(plan, plan.steps),
            window: window_of(plan),
            strict: plan.order == FunnelOrder::Strict,
            optional: u64::from(plan.optional & !1) << 1,
            attempts: vec![NOWHERE; plan.steps + 1],
            nodes: Vec::new(),
            best_step: 0,
            best: NOWHERE,
            at: Vec::new(),
        }
    }

    /// The steps that an actor reached; 0 when they never entered or were excluded.
    pub fn walk(&mut self, rows: &[Row], required: Option<Required>) -> u32 {
        self.attempts.fill(NOWHERE);
        self.nodes.clear();
        self.at.clear();
        (self.best_step, self.best) = (0, NOWHERE);
        let mut next = 0;
        while next < rows.len() {
            let row = &rows[next];
            if self.codes.ignores(row.mask) {
                next += 1;
                continue;
            }
            self.attempts[0].began = row.at;
            let first = next;
            next += 1;
            if rows.get(next).is_none_or(|other| other.at != row.at) {
                self.event(row, first as u32, required);
            } else {
                next += rows[next..].iter().take_while(|other| other.at == row.at).count();
                self.tie(rows, first..next, required);
            }
            if self.attempts[self.codes.steps].began != UNSET {
                break;
            }
        }
        if self.best_step == 0 || self.best.excluded {
            return 0;
        }
        let mut node = self.best.node;
        while node != NO_NODE {
            let Node { at, before, step, .. } = self.nodes[node as usize];
            self.at.push((step as usize - 1, at));
            node = before;
        }
        self.at.reverse();
        self.best.reached
    }

    /// Rows of one moment. When they differ, every step that they can make up counts, exclusions do not, and nothing is broken off.
    fn tie(&mut self, rows: &[Row], group: std::ops::Range<usize>, required: Option<Required>) {
        let first = rows[group.start].mask;
        let ignored = |codes: &Codes, at: usize| codes.ignores(rows[at].mask);
        if group.clone().all(|at| ignored(&self.codes, at) || self.codes.same(rows[at].mask, first)) {
            for at in group {
                if !ignored(&self.codes, at) {
                    self.event(&rows[at], at as u32, required);
                }
            }
            return;
        }
        for step in 1..=self.codes.steps {
            for at in group.clone() {
                if self.codes.steps_of(rows[at].mask) >> (step - 1) & 1 == 1 {
                    self.step(step, &rows[at], at as u32, required, true);
                }
            }
        }
    }

    #[inline]
    fn event(&mut self, row: &Row, index: u32, required: Option<Required>) {
        let mut guards = self.codes.guards_of(row.mask);
        while guards != 0 {
            self.exclude(guards.trailing_zeros() as usize + 1, row.at);
            guards &= guards - 1;
        }
        let steps = self.codes.steps_of(row.mask);
        // From the last step down, so that one event does not serve two steps in a row.
        let mut left = steps;
        while left != 0 {
            let step = left.ilog2();
            left ^= 1 << step;
            self.step(step as usize + 1, row, index, required, false);
        }
        if self.strict {
            for (step, attempt) in self.attempts[1..].iter_mut().enumerate() {
                if steps >> step & 1 == 0 {
                    attempt.began = UNSET;
                }
            }
        }
    }

    #[inline]
    fn open(&self, step: usize, at: i64) -> bool {
        at - self.attempts[step].began <= self.window
    }

    /// The step from which an attempt can go on to `step`. The earliest row that leads there wins: an attempt does not go there again.
    #[inline]
    fn before(&self, step: usize, at: i64) -> Option<usize> {
        let mut before = step - 1;
        while self.optional >> before & 1 == 1 && !self.open(before, at) {
            before -= 1;
        }
        (self.open(before, at) && self.attempts[step].began != self.attempts[before].began).then_some(before)
    }

    fn exclude(&mut self, step: usize, at: i64) {
        let Some(before) = self.before(step, at) else { return };
        self.attempts[before].excluded = true;
        if self.best_step == before && at - self.best.began <= self.window {
            self.best.excluded = true;
        }
    }

    #[inline]
    fn step(&mut self, step: usize, row: &Row, index: u32, required: Option<Required>, tie: bool) {
        let Some(before) = self.before(step, row.at) else { return };
        if required.is_some_and(|required| required.step + 1 == step && required.key != row.key) {
            return;
        }
        let mut attempt = self.attempts[before];
        if tie && self.used(attempt.node, row.at, index) {
            return;
        }
        if self.optional >> step & 1 == 0 {
            self.nodes.push(Node { at: row.at, before: attempt.node, step: step as u32, row: index });
            attempt.node = self.nodes.len() as u32 - 1;
        }
        attempt.reached |= 1 << (step - 1);
        if !attempt.excluded {
            self.attempts[step] = attempt;
        }
        if step > self.best_step || (step == self.best_step && self.best.excluded) {
            (self.best_step, self.best) = (step, attempt);
        }
    }

    /// Has the attempt recorded this row of the same moment already?
    fn used(&self, mut node: u32, at: i64, row: u32) -> bool {
        while node != NO_NODE && self.nodes[node as usize].at == at {
            if self.nodes[node as usize].row == row {
                return true;
            }
            node = self.nodes[node as usize].before;
        }
        false
    }

    pub fn bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
    }
}
