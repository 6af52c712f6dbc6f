//! How far a treatment is from control.

use crate::Sample;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Difference {
    /// (T − C) / C: 0.1 is ten percent more.
    #[default]
    Relative,
    /// T − C
    Absolute,
}

/// Why there is no statistic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A relative difference to nothing.
    BaselineIsZero,
    /// Relative Bayesian differences are of positive means.
    BaselineIsNegative,
    /// All entities are alike: nothing says how sure the difference is.
    NoVariance,
}

/// An estimated difference; its error is taken to be normal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    pub value: f64,
    pub standard_error: f64,
}

/// Means nearer to zero than this divide nothing.
const SMALLEST_BASELINE: f64 = 1e-10;

impl Effect {
    /// Relative: `VT/(nT·C²) + T²·VC/(nC·C⁴)`; absolute: `VT/nT + VC/nC`.
    pub fn between(control: &Sample, treatment: &Sample, difference: Difference) -> Result<Effect, Refused> {
        let gap = treatment.mean - control.mean;
        let (value, variance) = match difference {
            Difference::Absolute => (gap, treatment.variance_of_mean() + control.variance_of_mean()),
            Difference::Relative => {
                let baseline = control.reference;
                if baseline.abs() < SMALLEST_BASELINE {
                    return Err(Refused::BaselineIsZero);
                }
                let own = treatment.variance_of_mean() / baseline.powi(2);
                (gap / baseline, own + treatment.mean.powi(2) * control.variance_of_mean() / baseline.powi(4))
            }
        };
        match variance > 0.0 && value.is_finite() && variance.is_finite() {
            true => Ok(Effect { value, standard_error: variance.sqrt() }),
            false => Err(Refused::NoVariance),
        }
    }
}
