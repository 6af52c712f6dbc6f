//! Which variants have too little to be judged.

use crate::{Measure, Sums};

pub const FEWEST_EXPOSURES: u64 = 50;
/// Of those who did it and, since the error is taken to be normal, of those who did not.
pub const FEWEST_SUCCESSES: f64 = 5.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    NotEnoughExposures,
    NotEnoughMetricData,
    BaselineMeanIsZero,
}

impl Failed {
    pub fn as_str(self) -> &'static str {
        match self {
            Failed::NotEnoughExposures => "not-enough-exposures",
            Failed::NotEnoughMetricData => "not-enough-metric-data",
            Failed::BaselineMeanIsZero => "baseline-mean-is-zero",
        }
    }
}

/// `counted`: the sum is a number of entities, of which some must have done it. With it, a [`Measure::Proportion`] must also have some
/// that did not.
pub fn check(measure: Measure, counted: bool, sums: &Sums, is_control: bool) -> Vec<Failed> {
    let mut failed = Vec::new();
    if sums.n < FEWEST_EXPOSURES {
        failed.push(Failed::NotEnoughExposures);
    }
    let others = sums.n as f64 - sums.sum;
    let one_sided = measure == Measure::Proportion && sums.n >= FEWEST_EXPOSURES && others < FEWEST_SUCCESSES;
    if counted && (sums.sum < FEWEST_SUCCESSES || one_sided) {
        failed.push(Failed::NotEnoughMetricData);
    }
    if is_control && sums.sum == 0.0 {
        failed.push(Failed::BaselineMeanIsZero);
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let sums = |n, sum| Sums { n, sum, sum_squares: sum, ..Sums::default() };
        let names = |measure, counted, n, sum, control| {
            check(measure, counted, &sums(n, sum), control).into_iter().map(Failed::as_str).collect::<Vec<_>>()
        };
        assert_eq!(names(Measure::Mean, false, 49, 3.0, true), ["not-enough-exposures"]);
        assert_eq!(names(Measure::Proportion, true, 50, 4.0, true), ["not-enough-metric-data"]);
        assert_eq!(names(Measure::Proportion, true, 50, 46.0, true), ["not-enough-metric-data"]);
        assert_eq!(names(Measure::Ratio, true, 50, 50.0, true), Vec::<&str>::new());
        assert_eq!(names(Measure::Mean, false, 50, 0.0, false), Vec::<&str>::new());
        assert_eq!(
            names(Measure::Proportion, true, 0, 0.0, true),
            ["not-enough-exposures", "not-enough-metric-data", "baseline-mean-is-zero"]
        );
    }
}
