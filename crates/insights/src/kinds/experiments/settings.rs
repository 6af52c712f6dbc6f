//! `stats_config`: by which statistics an experiment is judged.

use crate::failure::Failure;
use serde::Deserialize;
use serde_json::Value;
use statistics::Difference;
use statistics::bayesian::{Bayesian, Prior};
use statistics::frequentist::Frequentist;
use statistics::sequential::Sequential;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    pub engine: Engine,
    /// How long before its first exposure what an entity did explains what it does.
    pub cuped_seconds: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Engine {
    Bayesian(Bayesian),
    Frequentist(Frequentist),
    Sequential(Sequential),
}

/// Unknown members stay without effect: clients keep their own there.
#[derive(Debug, Default, Deserialize)]
struct Wire {
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    bayesian: Option<BayesianWire>,
    #[serde(default)]
    frequentist: Option<FrequentistWire>,
    #[serde(default)]
    cuped: Option<CupedWire>,
}

#[derive(Debug, Default, Deserialize)]
struct BayesianWire {
    #[serde(default)]
    ci_level: Option<f64>,
    #[serde(default)]
    difference_type: Option<String>,
    #[serde(default)]
    prior_mean: Option<f64>,
    #[serde(default)]
    prior_variance: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
struct FrequentistWire {
    #[serde(default)]
    alpha: Option<f64>,
    #[serde(default)]
    difference_type: Option<String>,
    #[serde(default)]
    sequential_testing_enabled: Option<bool>,
    #[serde(default)]
    sequential_tuning_parameter: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
struct CupedWire {
    #[serde(default)]
    enabled: Option<bool>,
    #[serde(default)]
    lookback_days: Option<i64>,
}

const DEFAULT_LOOKBACK_DAYS: i64 = 14;

impl Settings {
    /// The experiment's own method goes before the project's, and that before Bayesian.
    pub fn read(config: &Value, of_project: Option<&str>) -> Result<Settings, Failure> {
        let wire = match config {
            Value::Null => Wire::default(),
            config => Wire::deserialize(config).map_err(|error| Failure::Invalid(format!("stats_config: {error}")))?,
        };
        let engine = match wire.method.as_deref().or(of_project).unwrap_or("bayesian") {
            "bayesian" => Engine::Bayesian(wire.bayesian.unwrap_or_default().engine()?),
            "frequentist" => wire.frequentist.unwrap_or_default().engine()?,
            other => return Err(Failure::Invalid(format!("stats_config: method is bayesian or frequentist, not \"{other}\""))),
        };
        let cuped = wire.cuped.unwrap_or_default();
        let days = cuped.lookback_days.unwrap_or(DEFAULT_LOOKBACK_DAYS);
        if !(1..=30).contains(&days) {
            return Err(Failure::invalid("stats_config: lookback_days is from 1 to 30"));
        }
        Ok(Settings { engine, cuped_seconds: cuped.enabled.unwrap_or(false).then_some(days * 86_400) })
    }
}

impl BayesianWire {
    fn engine(self) -> Result<Bayesian, Failure> {
        let ci_level = self.ci_level.unwrap_or(0.95);
        if !(0.5..1.0).contains(&ci_level) {
            return Err(Failure::invalid("stats_config: ci_level is from 0.5 to below 1"));
        }
        let prior = match (self.prior_mean, self.prior_variance) {
            (None, None) => Prior::Flat,
            (mean, Some(variance)) if variance > 0.0 && variance.is_finite() => Prior::Normal { mean: mean.unwrap_or(0.0), variance },
            _ => return Err(Failure::invalid("stats_config: an informative prior needs a positive prior_variance")),
        };
        Ok(Bayesian { ci_level, difference: difference(self.difference_type.as_deref())?, prior })
    }
}

impl FrequentistWire {
    fn engine(self) -> Result<Engine, Failure> {
        let alpha = self.alpha.unwrap_or(0.05);
        if !(alpha > 0.0 && alpha <= 0.5) {
            return Err(Failure::invalid("stats_config: alpha is above 0 and at most 0.5"));
        }
        let difference = difference(self.difference_type.as_deref())?;
        if !self.sequential_testing_enabled.unwrap_or(false) {
            return Ok(Engine::Frequentist(Frequentist { alpha, difference }));
        }
        let tuning = self.sequential_tuning_parameter.unwrap_or(5_000.0);
        if !(1.0..=1e9).contains(&tuning) {
            return Err(Failure::invalid("stats_config: sequential_tuning_parameter is from 1 to 1000000000"));
        }
        Ok(Engine::Sequential(Sequential { alpha, difference, tuning }))
    }
}

fn difference(text: Option<&str>) -> Result<Difference, Failure> {
    match text {
        None | Some("relative") => Ok(Difference::Relative),
        Some("absolute") => Ok(Difference::Absolute),
        Some(other) => Err(Failure::Invalid(format!("stats_config: difference_type is relative or absolute, not \"{other}\""))),
    }
}
