//! Welch's two-sided t test.

use crate::distributions::{student_quantile, student_two_sided};
use crate::{Difference, Effect, Refused, Sample};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frequentist {
    pub alpha: f64,
    pub difference: Difference,
}

impl Default for Frequentist {
    fn default() -> Self {
        Frequentist { alpha: 0.05, difference: Difference::Relative }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tested {
    pub effect: f64,
    pub standard_error: f64,
    pub degrees_of_freedom: f64,
    pub t: f64,
    pub p_value: f64,
    /// At 1 − α.
    pub confidence_interval: [f64; 2],
    /// p < α. No correction for several metrics or variants.
    pub significant: bool,
}

impl Frequentist {
    pub fn judge(&self, control: &Sample, treatment: &Sample) -> Result<Tested, Refused> {
        let Effect { value, standard_error } = Effect::between(control, treatment, self.difference)?;
        let degrees_of_freedom = degrees_of_freedom(control, treatment);
        let t = value / standard_error;
        let p_value = student_two_sided(t, degrees_of_freedom);
        let margin = student_quantile(1.0 - self.alpha / 2.0, degrees_of_freedom) * standard_error;
        Ok(Tested {
            effect: value,
            standard_error,
            degrees_of_freedom,
            t,
            p_value,
            confidence_interval: [value - margin, value + margin],
            significant: p_value < self.alpha,
        })
    }
}

/// Satterthwaite's: (A+B)² / (A²/(nT−1) + B²/(nC−1)), A and B the variances of the means, also when the difference is relative.
fn degrees_of_freedom(control: &Sample, treatment: &Sample) -> f64 {
    let (a, b) = (treatment.variance_of_mean(), control.variance_of_mean());
    let each = a.powi(2) / (treatment.n as f64 - 1.0) + b.powi(2) / (control.n as f64 - 1.0);
    (a + b).powi(2) / each
}
