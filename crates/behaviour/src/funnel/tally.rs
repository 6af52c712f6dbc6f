//! What is counted per value of the breakdown.

use super::{FunnelGroup, FunnelPeriod, FunnelPlan, FunnelWant, Histogram, seconds};
use crate::keyed::Keyed;

#[derive(Clone, Debug)]
pub(super) struct Groups {
    steps: usize,
    periods: usize,
    keyed: Keyed<FunnelGroup>,
}

impl Groups {
    pub fn new(plan: &FunnelPlan) -> Groups {
        let periods = if let FunnelWant::Trends { periods, .. } = &plan.want { periods.len() } else { 0 };
        Groups { steps: plan.steps, periods, keyed: Keyed::new() }
    }

    #[inline]
    pub fn of(&mut self, key: u32) -> &mut FunnelGroup {
        let (steps, periods) = (self.steps, self.periods);
        self.keyed.of(key, || FunnelGroup {
            key,
            counts: vec![0; steps],
            gaps: vec![Vec::new(); steps],
            times: Vec::new(),
            periods: vec![FunnelPeriod::default(); periods],
        })
    }

    pub fn join(&mut self, other: Groups) {
        for (key, group) in other.keyed.into_list() {
            self.of(key).add(group);
        }
    }

    pub fn finish(self) -> Vec<FunnelGroup> {
        self.keyed.into_sorted().into_iter().map(|(_, group)| group).collect()
    }

    pub fn bytes(&self) -> usize {
        let group = size_of::<FunnelGroup>() + self.steps * (8 + size_of::<Vec<f64>>()) + self.periods * size_of::<FunnelPeriod>();
        let values = |group: &FunnelGroup| group.times.capacity() + group.gaps.iter().map(Vec::capacity).sum::<usize>();
        self.keyed.len() * (group + 32) + self.keyed.iter().map(values).sum::<usize>() * size_of::<f64>()
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
