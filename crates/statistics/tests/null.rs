//! A/A tests: a thousand experiments without an effect. How many of them are called significant?
//!
//! The seed is fixed. Bounds are those that a binomial number of 1,000 stays within 999 times of 1,000:
//! 50 ± 3.29·√(1000·0.05·0.95) is 27 to 73, and 100 ± 3.29·√(1000·0.1·0.9) is 69 to 131.

use statistics::bayesian::Bayesian;
use statistics::frequentist::Frequentist;
use statistics::sequential::Sequential;
use statistics::{Difference, Goal, Measure, Sample, Sums};

const EXPERIMENTS: u64 = 1_000;
const ENTITIES: usize = 1_000;
/// Looks at each experiment while it runs.
const LOOKS: usize = 40;

/// SplitMix64: the same numbers everywhere and always.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let (radius, angle) = ((-2.0 * (1.0 - self.share()).ln()).sqrt(), self.share());
        radius * (std::f64::consts::TAU * angle).cos()
    }
}

#[derive(Default)]
struct Called {
    bayesian: u64,
    frequentist: u64,
    absolute: u64,
    /// At any of the looks.
    sequential: u64,
    /// What looking at the plain test at every look comes to.
    frequentist_looked: u64,
}

/// Runs the experiments; `value` draws what one entity does, in either variant.
fn called_significant(seed: u64, measure: Measure, value: impl Fn(&mut Numbers) -> f64) -> Called {
    let mut called = Called::default();
    for experiment in 0..EXPERIMENTS {
        let mut numbers = Numbers(seed ^ (experiment << 32));
        let mut variants = [Sums::default(), Sums::default()];
        let (mut watched, mut looked) = (false, false);
        for entity in 1..=ENTITIES {
            for sums in &mut variants {
                let value = value(&mut numbers);
                *sums = Sums { n: sums.n + 1, sum: sums.sum + value, sum_squares: sums.sum_squares + value * value, ..*sums };
            }
            if entity % (ENTITIES / LOOKS) == 0 && entity >= 50 {
                let [control, treatment] = variants.map(|sums| Sample::of(measure, &sums).unwrap());
                watched |= Sequential::default().judge(&control, &treatment).is_ok_and(|found| found.significant);
                looked |= Frequentist::default().judge(&control, &treatment).is_ok_and(|found| found.significant);
            }
        }
        let [control, treatment] = variants.map(|sums| Sample::of(measure, &sums).unwrap());
        let absolute = Frequentist { difference: Difference::Absolute, ..Frequentist::default() };
        called.bayesian += u64::from(Bayesian::default().judge(&control, &treatment, Goal::Increase).unwrap().significant);
        called.frequentist += u64::from(Frequentist::default().judge(&control, &treatment).unwrap().significant);
        called.absolute += u64::from(absolute.judge(&control, &treatment).unwrap().significant);
        called.sequential += u64::from(watched);
        called.frequentist_looked += u64::from(looked);
    }
    called
}

fn check(called: Called) {
    assert!((27..=73).contains(&called.frequentist), "{} of 1000 by Welch's test", called.frequentist);
    assert!((27..=73).contains(&called.absolute), "{} of 1000 by Welch's test of absolute differences", called.absolute);
    // One-sided on either side: twice α.
    assert!((69..=131).contains(&called.bayesian), "{} of 1000 by the posterior", called.bayesian);
    assert!(called.sequential <= 50, "{} of 1000 while looking {LOOKS} times", called.sequential);
    assert!(called.frequentist_looked > 150, "looking often does harm the plain test: {}", called.frequentist_looked);
}

#[test]
fn conversions_without_an_effect_are_rarely_significant() {
    check(called_significant(11, Measure::Proportion, |numbers| f64::from(u8::from(numbers.share() < 0.3))));
}

#[test]
fn revenue_without_an_effect_is_rarely_significant() {
    // Three of ten buy; what they pay has a long tail.
    let revenue = |numbers: &mut Numbers| if numbers.share() < 0.3 { (3.0 + 0.6 * numbers.normal()).exp() } else { 0.0 };
    check(called_significant(12, Measure::Mean, revenue));
}

#[test]
fn a_planted_effect_is_found_with_the_right_sign() {
    let (mut found, mut covered) = (0, 0);
    for experiment in 0..200 {
        let mut numbers = Numbers(77 ^ (experiment << 32));
        let mut draw = |rate: f64| {
            let sum = (0..5_000).filter(|_| numbers.share() < rate).count() as f64;
            Sample::of(Measure::Proportion, &Sums { n: 5_000, sum, sum_squares: sum, ..Sums::default() }).unwrap()
        };
        let (control, treatment) = (draw(0.30), draw(0.33));
        let tested = Frequentist::default().judge(&control, &treatment).unwrap();
        found += u32::from(tested.significant && tested.effect > 0.0);
        covered += u32::from((tested.confidence_interval[0]..tested.confidence_interval[1]).contains(&0.1));
    }
    // Power is 0.9; the interval holds the effect of 10 % in 95 of 100.
    assert!((160..=198).contains(&found) && (179..=200).contains(&covered), "{found} found, {covered} covered");
}
