//! The posterior of the effect, which is normal under a normal or a flat prior.

use crate::distributions::{normal_cdf, normal_density, normal_quantile};
use crate::{Difference, Effect, Goal, Refused, Sample};

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Prior {
    /// Says nothing: the posterior is the estimate with its error.
    #[default]
    Flat,
    Normal {
        mean: f64,
        variance: f64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bayesian {
    /// Share of the posterior within the credible interval.
    pub ci_level: f64,
    pub difference: Difference,
    pub prior: Prior,
}

impl Default for Bayesian {
    fn default() -> Self {
        Bayesian { ci_level: 0.95, difference: Difference::Relative, prior: Prior::Flat }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Posterior {
    pub effect: f64,
    pub standard_error: f64,
    /// That the treatment is better than control.
    pub chance_to_win: f64,
    pub credible_interval: [f64; 2],
    /// Expected loss of choosing control although the treatment is higher: E[max(θ, 0)].
    pub risk_of_control: f64,
    /// E[max(−θ, 0)]
    pub risk_of_treatment: f64,
    /// The chance to win is above the level or below its complement. One-sided on either side: the interval may still hold 0, and
    /// without an effect twice the complement of the level are significant.
    pub significant: bool,
}

impl Bayesian {
    pub fn judge(&self, control: &Sample, treatment: &Sample, goal: Goal) -> Result<Posterior, Refused> {
        if self.difference == Difference::Relative && control.reference < 0.0 {
            return Err(Refused::BaselineIsNegative);
        }
        let (mean, deviation) = self.posterior(Effect::between(control, treatment, self.difference)?);
        let z = mean / deviation;
        let above_zero = normal_cdf(z);
        let chance_to_win = if goal == Goal::Increase { above_zero } else { normal_cdf(-z) };
        let quantile = normal_quantile(0.5 + self.ci_level / 2.0);
        Ok(Posterior {
            effect: mean,
            standard_error: deviation,
            chance_to_win,
            credible_interval: [mean - quantile * deviation, mean + quantile * deviation],
            risk_of_control: mean * above_zero + deviation * normal_density(z),
            risk_of_treatment: (-mean * normal_cdf(-z) + deviation * normal_density(z)).max(0.0),
            significant: chance_to_win > self.ci_level || chance_to_win < 1.0 - self.ci_level,
        })
    }

    /// V' = 1/(1/τ² + 1/V), μ' = V'·(μ₀/τ² + effect/V)
    fn posterior(&self, effect: Effect) -> (f64, f64) {
        match self.prior {
            Prior::Flat => (effect.value, effect.standard_error),
            Prior::Normal { mean, variance } => {
                let seen = effect.standard_error.powi(2);
                let posterior = 1.0 / (1.0 / variance + 1.0 / seen);
                (posterior * (mean / variance + effect.value / seen), posterior.sqrt())
            }
        }
    }
}
