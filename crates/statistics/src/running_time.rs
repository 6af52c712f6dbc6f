//! How many entities an experiment needs, and for how long it has to run to see them.

use crate::{Measure, Sample, Sums};

/// What the metric was before the experiment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Baseline {
    /// Mean of counts per entity; their variance is taken to be twice the mean.
    Count { mean: f64 },
    /// Mean of sums or averages of a property; their deviation is taken to be half the mean.
    Amount { mean: f64 },
    /// Share of entities that convert.
    Conversion { rate: f64 },
    /// Mean and variance are known, as those of ratios and retention are by the delta method.
    Known { mean: f64, variance: f64 },
}

impl Baseline {
    /// Of a sample of entities. `None` when it says nothing.
    pub fn of(measure: Measure, sums: &Sums) -> Option<Baseline> {
        Sample::of(measure, sums).map(|sample| Baseline::Known { mean: sample.mean, variance: sample.variance })
    }

    pub fn mean(self) -> f64 {
        match self {
            Baseline::Count { mean } | Baseline::Amount { mean } | Baseline::Known { mean, .. } => mean,
            Baseline::Conversion { rate } => rate,
        }
    }

    pub fn variance(self) -> f64 {
        match self {
            Baseline::Count { mean } => 2.0 * mean,
            Baseline::Amount { mean } => 0.25 * mean.powi(2),
            Baseline::Conversion { rate } => rate * (1.0 - rate),
            Baseline::Known { variance, .. } => variance,
        }
    }
}

/// Entities of all variants together: 16·v/δ² per variant (power 80 %, α 5 %), where δ is the smallest difference that shall be
/// found: `mde_percent` of the baseline. `None` when there is no such number.
pub fn entities(baseline: Baseline, mde_percent: f64, variants: u64) -> Option<u64> {
    let delta = baseline.mean() * mde_percent / 100.0;
    whole(16.0 * baseline.variance() / delta.powi(2) * variants as f64)
}

pub fn days(entities: f64, exposures_per_day: f64) -> Option<u64> {
    whole(entities / exposures_per_day)
}

/// Rounded up, but for what is more only by the error of floating point: 6400.000000001 is 6400.
fn whole(number: f64) -> Option<u64> {
    const LARGEST: f64 = 1e15;
    if !number.is_finite() || !(0.0..=LARGEST).contains(&number) {
        return None;
    }
    let nearest = number.round();
    let whole = if (number - nearest).abs() <= 1e-9 * number.max(1.0) { nearest } else { number.ceil() };
    Some(whole as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_examples_come_out() {
        let ratio = Baseline::Known { mean: 10.0, variance: 32.0 };
        let retention = Baseline::Known { mean: 0.7, variance: 0.7 * 0.3 };
        for (baseline, mde, expected) in [
            (Baseline::Count { mean: 4.0 }, 5.0, 6_400),
            (Baseline::Amount { mean: 50.0 }, 5.0, 3_200),
            (Baseline::Count { mean: 50.0 }, 5.0, 512),
            (Baseline::Conversion { rate: 0.1 }, 50.0, 1_152),
            (ratio, 10.0, 1_024),
            (retention, 10.0, 1_372),
        ] {
            assert_eq!(entities(baseline, mde, 2), Some(expected), "{baseline:?}");
        }
        assert_eq!((days(6_400.0, 100.0), days(1_000.0, 300.0)), (Some(64), Some(4)));
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert_eq!(entities(Baseline::Count { mean: 0.0 }, 5.0, 2), None);
        assert_eq!(entities(Baseline::Count { mean: 4.0 }, 0.0, 2), None);
        assert_eq!(days(100.0, 0.0), None);
    }
}
