//! An asymptotic confidence sequence: an interval that holds at every look at once, so that looking often does no harm.

use crate::{Difference, Effect, Refused, Sample};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sequential {
    pub alpha: f64,
    pub difference: Difference,
    /// N*: how many entities the interval is narrowest for. 1 to 10⁹.
    pub tuning: f64,
}

impl Default for Sequential {
    fn default() -> Self {
        Sequential { alpha: 0.05, difference: Difference::Relative, tuning: 5_000.0 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watched {
    pub effect: f64,
    pub standard_error: f64,
    pub half_width: f64,
    pub confidence_interval: [f64; 2],
    /// Holds at any time: the smallest α whose interval leaves 0 out.
    pub p_value: f64,
    pub significant: bool,
}

impl Sequential {
    pub fn judge(&self, control: &Sample, treatment: &Sample) -> Result<Watched, Refused> {
        let Effect { value, standard_error } = Effect::between(control, treatment, self.difference)?;
        let n = (control.n + treatment.n) as f64;
        let rho = self.rho();
        let q = n * rho.powi(2) + 1.0;
        let half_width = (standard_error.powi(2) * n).sqrt() * (2.0 * q * (q.sqrt() / self.alpha).ln() / (n * rho).powi(2)).sqrt();
        let p_value = p_value(value, standard_error, n, rho, q);
        Ok(Watched {
            effect: value,
            standard_error,
            half_width,
            confidence_interval: [value - half_width, value + half_width],
            p_value,
            significant: p_value < self.alpha,
        })
    }

    /// ρ = √((−2 ln α + ln(−2 ln α + 1)) / N*)
    pub fn rho(&self) -> f64 {
        let twice = -2.0 * self.alpha.ln();
        ((twice + (twice + 1.0).ln()) / self.tuning).sqrt()
    }
}

/// 1/e, where ln e = ρ²τ/(2q) − ln q / 2 and τ = effect²·n / SE²; at most 1.
fn p_value(effect: f64, standard_error: f64, n: f64, rho: f64, q: f64) -> f64 {
    let tau = effect.powi(2) * n / standard_error.powi(2);
    let evidence = rho.powi(2) * tau / (2.0 * q) - q.ln() / 2.0;
    if evidence <= 0.0 { 1.0 } else { (-evidence).exp() }
}
