//! What is counted per value of the breakdown.

use super::{FunnelGroup, FunnelPeriod, FunnelPlan, FunnelWant, Histogram, seconds};
use std::collections::HashMap;

#[derive(Clone, Debug)]
pub(super) struct Groups {
    steps: usize,
    periods: usize,
    list: Vec<FunnelGroup>,
    /// The group counted last: actors without a breakdown are all of one.
    last: usize,
    places: HashMap<u32, usize>,
}

impl Groups {
    pub fn new(plan: &FunnelPlan) -> Groups {
        let periods = if let FunnelWant::Trends { periods, .. } = &plan.want { periods.len() } else { 0 };
        Groups { steps: plan.steps, periods, list: Vec::new(), last: 0, places: HashMap::new() }
    }

    #[inline]
    pub fn of(&mut self, key: u32) -> &mut FunnelGroup {
        if self.list.get(self.last).is_none_or(|group| group.key != key) {
            self.last = self.place(key);
        }
        &mut self.list[self.last]
    }

    fn place(&mut self, key: u32) -> usize {
        *self.places.entry(key).or_insert_with(|| {
            self.list.push(FunnelGroup {
                key,
                counts: vec![0; self.steps],
                gaps: vec![Vec::new(); self.steps],
                times: Vec::new(),
                periods: vec![FunnelPeriod::default(); self.periods],
            });
            self.list.len() - 1
        })
    }

    pub fn join(&mut self, other: Groups) {
        for group in other.list {
            let key = group.key;
            self.of(key).add(group);
        }
    }

    pub fn finish(self) -> Vec<FunnelGroup> {
        let mut groups = self.list;
        groups.sort_unstable_by_key(|group| group.key);
        groups
    }

    pub fn bytes(&self) -> usize {
        let group = size_of::<FunnelGroup>() + self.steps * (8 + size_of::<Vec<f64>>()) + self.periods * size_of::<FunnelPeriod>();
        let values = |group: &FunnelGroup| group.times.capacity() + group.gaps.iter().map(Vec::capacity).sum::<usize>();
        self.list.len() * (group + 24) + self.list.iter().map(values).sum::<usize>() * size_of::<f64>()
    }
}

impl FunnelGroup {
    #[inline]
    pub(super) fn count(&mut self, reached: u32, at: &[(usize, i64)]) {
        for (step, count) in self.counts.iter_mut().enumerate() {
            *count += u64::from(reached >> step & 1);
        }
        for (pair, gaps) in at.windows(2).zip(&mut self.gaps[1..]) {
            let gap = pair[1].1 - pair[0].1;
            if gap > 0 {
                gaps.push(seconds(gap));
            }
        }
    }

    /// Adds the actors of another group, for "Other".
    pub fn add(&mut self, other: FunnelGroup) {
        self.counts.iter_mut().zip(other.counts).for_each(|(mine, count)| *mine += count);
        self.gaps.iter_mut().zip(other.gaps).for_each(|(mine, gaps)| mine.extend(gaps));
        self.times.extend(other.times);
        for (mine, period) in self.periods.iter_mut().zip(other.periods) {
            mine.entered += period.entered;
            mine.converted += period.converted;
        }
    }

    /// Mean seconds of each step; `None` where nobody has a gap.
    pub fn averages(&self) -> Vec<Option<f64>> {
        self.gaps.iter().map(|gaps| average(gaps)).collect()
    }

    pub fn medians(&self) -> Vec<Option<f64>> {
        self.gaps.iter().map(|gaps| median(gaps)).collect()
    }

    /// Of `times`; as many bins as asked for, else as many as suit the number of values. The bin after the last holds the largest.
    pub fn histogram(&self, bins: Option<usize>) -> Histogram {
        let values = &self.times;
        let (average, median) = (average(values), median(values));
        if values.is_empty() {
            return Histogram { average, median, bins: Vec::new() };
        }
        let bins = match bins {
            Some(bins) => bins.clamp(1, 90),
            // The cube root, rounded up.
            None => (1..60).find(|bins: &usize| bins.pow(3) >= values.len()).unwrap_or(60),
        };
        let low = values.iter().copied().fold(f64::INFINITY, f64::min).floor() as i64;
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max).ceil() as i64;
        let width = match (high - low).div_euclid(bins as i64) + i64::from((high - low) % bins as i64 != 0) {
            0 => 60,
            width => width,
        };
        let mut counts = vec![0; bins + 1];
        for value in values {
            let bin = ((value - low as f64) / width as f64).floor() as usize;
            counts[bin.min(bins)] += 1;
        }
        let bins = counts.into_iter().enumerate().map(|(bin, count)| (low + bin as i64 * width, count)).collect();
        Histogram { average, median, bins }
    }
}

fn average(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}
