//! How long an experiment has to run.

use crate::ExperimentsState;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use statistics::running_time::{self, Baseline};
use statistics::{Beside, Measure, Sums};
use web::{Access, ApiError, ApiResult, Body};

pub fn routes(prefix: &str) -> Router<ExperimentsState> {
    Router::new().route(&format!("{prefix}/experiments/calculate_running_time"), post(calculate))
}

/// `metric_type`: `mean` (or `mean_count`) of counts, `mean_sum_or_avg` of sums and averages, `funnel`, `ratio`, `retention`. Ratios need
/// the `variance` of an entity, or the sums of a sample.
#[derive(Debug, Deserialize)]
struct Asked {
    metric_type: String,
    #[serde(default)]
    baseline_value: Option<f64>,
    #[serde(default)]
    variance: Option<f64>,
    #[serde(default)]
    sample: Option<SampleSums>,
    /// Percent of the baseline.
    #[serde(default)]
    minimum_detectable_effect: Option<f64>,
    #[serde(default)]
    number_of_variants: Option<u64>,
    #[serde(default)]
    exposures_per_day: Option<f64>,
}

/// As results of a ratio metric tell them.
#[derive(Debug, Deserialize)]
struct SampleSums {
    number_of_samples: u64,
    sum: f64,
    sum_squares: f64,
    #[serde(default)]
    denominator_sum: f64,
    #[serde(default)]
    denominator_sum_squares: f64,
    #[serde(default)]
    numerator_denominator_sum_product: f64,
}

const DEFAULT_MDE: f64 = 30.0;

async fn calculate(access: Access, Body(asked): Body<Asked>) -> ApiResult<Json<Value>> {
    access.require("experiment:read")?;
    let mde = asked.minimum_detectable_effect.unwrap_or(DEFAULT_MDE);
    let variants = asked.number_of_variants.unwrap_or(2);
    if !(mde > 0.0 && mde <= 10_000.0) {
        return Err(ApiError::invalid("Give a percentage above 0.").attr("minimum_detectable_effect"));
    }
    if !(2..=20).contains(&variants) {
        return Err(ApiError::invalid("An experiment has 2 to 20 variants.").attr("number_of_variants"));
    }
    let baseline = baseline(&asked)?;
    let entities = running_time::entities(baseline, mde, variants);
    let entities = entities
        .ok_or_else(|| ApiError::invalid("With this baseline no difference can be found: it must not be zero.").attr("baseline_value"))?;
    let days = asked.exposures_per_day.and_then(|rate| running_time::days(entities as f64, rate));
    Ok(Json(json!({
        "recommended_sample_size": entities, "recommended_running_time": days, "minimum_detectable_effect": mde,
        "number_of_variants": variants, "baseline_value": baseline.mean(), "variance": baseline.variance(),
        "exposures_per_day": asked.exposures_per_day,
    })))
}

fn baseline(asked: &Asked) -> ApiResult<Baseline> {
    let mean = || {
        let value = asked.baseline_value.filter(|value| value.is_finite());
        value.ok_or_else(|| ApiError::required("baseline_value"))
    };
    let share = || match mean()? {
        rate if (0.0..=1.0).contains(&rate) => Ok(rate),
        _ => Err(ApiError::invalid("A conversion rate is from 0 to 1.").attr("baseline_value")),
    };
    match asked.metric_type.as_str() {
        "mean" | "mean_count" => Ok(Baseline::Count { mean: mean()? }),
        "mean_sum_or_avg" => Ok(Baseline::Amount { mean: mean()? }),
        "funnel" => Ok(Baseline::Conversion { rate: share()? }),
        "ratio" | "retention" if asked.sample.is_some() => sampled(asked),
        "retention" => Ok(Baseline::Conversion { rate: share()? }),
        "ratio" => match asked.variance {
            Some(variance) if variance > 0.0 && variance.is_finite() => Ok(Baseline::Known { mean: mean()?, variance }),
            _ => Err(ApiError::invalid("A ratio needs its variance, or the sums of a sample.").attr("variance")),
        },
        _ => {
            let detail = "Choose mean_count, mean_sum_or_avg, funnel, ratio or retention.";
            Err(ApiError::validation("invalid_choice", detail).attr("metric_type"))
        }
    }
}

fn sampled(asked: &Asked) -> ApiResult<Baseline> {
    let known = asked.sample.as_ref().and_then(|sample| {
        let denominator = Beside {
            sum: sample.denominator_sum,
            sum_squares: sample.denominator_sum_squares,
            sum_products: sample.numerator_denominator_sum_product,
        };
        let sums = Sums {
            n: sample.number_of_samples,
            sum: sample.sum,
            sum_squares: sample.sum_squares,
            denominator: Some(denominator),
            covariate: None,
        };
        Baseline::of(Measure::Ratio, &sums)
    });
    known.ok_or_else(|| ApiError::invalid("The sample needs two entities and a denominator that is not zero.").attr("sample"))
}
