//! Plans that only ask in which periods an actor did something, not when or how often: whoever has the rows can feed bits instead.

use crate::{LifecyclePlan, Periods, Plan, RetentionPlan, StickinessPlan};

/// What such a plan asks about each actor.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar<'p> {
    pub periods: &'p Periods,
    /// Each track is a set of periods: those with a row that meets the condition of this bit, or with any row at all.
    pub tracks: &'static [Option<u32>],
    /// Whether the smallest number of an actor's rows matters.
    pub number: bool,
}

/// What an actor did, as far as a calendar asks.
#[derive(Clone, Copy, Debug)]
pub struct Active<'a> {
    /// Track by track, equally many words each. Bit 0 says that there was something before the first period, bit `n + 1` tells of
    /// period `n`; what is after the last period is not looked at.
    pub words: &'a [u64],
    /// NaN when there is none.
    pub number: f64,
}

impl Plan {
    /// `None` when periods do not tell everything.
    pub fn calendar(&self) -> Option<Calendar<'_>> {
        match self {
            Plan::Retention(plan) => RetentionPlan::calendar(plan),
            Plan::Lifecycle(LifecyclePlan { periods, .. }) => Some(Calendar { periods, tracks: &[None], number: true }),
            Plan::Stickiness(StickinessPlan { periods, criterion: None, .. }) => Some(Calendar { periods, tracks: &[None], number: false }),
            Plan::Stickiness(_) | Plan::Funnel(_) | Plan::Paths(_) | Plan::Correlation(_) => None,
        }
    }
}

impl<'a> Active<'a> {
    /// Whether there was something before the first period.
    pub(crate) fn before(&self) -> bool {
        self.words.first().is_some_and(|word| word & 1 == 1)
    }

    /// One of `tracks` by itself.
    pub(crate) fn track(&self, track: usize, tracks: usize) -> Active<'a> {
        let words = self.words.len() / tracks;
        Active { words: &self.words[track * words..(track + 1) * words], number: self.number }
    }

    /// Periods of a single track, ascending.
    pub(crate) fn periods(&self, count: usize) -> impl Iterator<Item = usize> + 'a {
        let ones = self.words.iter().enumerate().flat_map(|(at, word)| Ones(*word).map(move |bit| at * 64 + bit));
        ones.skip_while(|place| *place == 0).map(|place| place - 1).take_while(move |period| *period < count)
    }
}

/// Places of the bits that are set.
struct Ones(u64);

impl Iterator for Ones {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let at = self.0.trailing_zeros() as usize;
        self.0 &= self.0.wrapping_sub(1);
        (at < 64).then_some(at)
    }
}
