//! The statistics of experiments: from sums per variant to effects, intervals and verdicts.
//!
//! ```text
//! Sums ──Sample::of──► Sample ──(cuped::adjust)──► Sample ──Effect::between──► Effect ──bayesian, frequentist, sequential──► verdict
//! ```
//!
//! Pure numbers in, numbers out: nothing here fails for outside reasons, and every formula stands where it is computed. Their sources:
//! - variance of a ratio and of a relative difference: the delta method, as in Deng, Knoblich, Lu, "Applying the Delta Method in
//!   Metric Analytics" (KDD 2018);
//! - Welch's t test with Satterthwaite's degrees of freedom (Welch 1947);
//! - posterior of a normal mean under a normal prior, and the expected loss of a choice: Stucchio, "Bayesian A/B Testing at VWO" (2015);
//! - asymptotic confidence sequences: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central limit theory and
//!   asymptotic confidence sequences" (2021);
//! - CUPED: Deng, Xu, Kohavi, Walker, "Improving the Sensitivity of Online Controlled Experiments by Utilizing Pre-Experiment Data"
//!   (WSDM 2013), with the covariate not centred.
//!
//! Quirks that come from the product that this stands in for, each at its place: a Bayesian verdict is one-sided on either side
//! ([`bayesian`]); relative differences after CUPED divide by the mean before it ([`Sample::reference`]); degrees of freedom come
//! from the variances of the means also when the difference is relative ([`frequentist`]).

pub mod bayesian;
pub mod cuped;
pub mod distributions;
mod effect;
pub mod frequentist;
pub mod mismatch;
pub mod running_time;
mod sample;
pub mod sequential;
pub mod validation;
pub mod winsorise;

pub use effect::{Difference, Effect, Refused};
pub use sample::{Beside, Measure, Sample, Sums};

/// Which direction is an improvement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Goal {
    #[default]
    Increase,
    Decrease,
}
