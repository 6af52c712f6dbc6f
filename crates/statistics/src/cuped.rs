//! CUPED: what entities did before the experiment explains part of their differences during it.

use crate::{Measure, Sample, Sums};

/// Below this, the covariate says nothing.
const SMALLEST_VARIANCE: f64 = 1e-10;

/// Both samples after the adjustment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adjusted {
    pub control: Sample,
    pub treatment: Sample,
    pub theta: f64,
}

/// θ = Cov(x, z) / V(z) over both variants as one sample. `None` when a covariate is missing or does not vary: take the samples as
/// they are.
pub fn adjust(measure: Measure, control: &Sums, treatment: &Sums) -> Option<Adjusted> {
    let pooled = control.pooled(treatment);
    let covariate = pooled.covariate?;
    let spread = pooled.variance_of(&covariate);
    if spread.is_nan() || spread <= SMALLEST_VARIANCE {
        return None;
    }
    let theta = pooled.covariance(&covariate) / spread;
    Some(Adjusted { control: sample(measure, control, theta)?, treatment: sample(measure, treatment, theta)?, theta })
}

/// Mean x̅ − θz̅; variance V(x) + θ²V(z) − 2θCov(x, z).
fn sample(measure: Measure, sums: &Sums, theta: f64) -> Option<Sample> {
    let plain = Sample::of(measure, sums)?;
    let covariate = sums.covariate?;
    let variance = plain.variance + theta.powi(2) * sums.variance_of(&covariate) - 2.0 * theta * sums.covariance(&covariate);
    let mean = plain.mean - theta * covariate.sum / sums.n as f64;
    Some(Sample { mean, variance: variance.max(SMALLEST_VARIANCE), ..plain })
}

/// The share of the variance that is gone.
pub fn variance_reduction(plain: &Sample, adjusted: &Sample) -> f64 {
    if plain.variance > 0.0 { 1.0 - adjusted.variance / plain.variance } else { 0.0 }
}
