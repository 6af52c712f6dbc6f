//! From sums to what clients read: `{"baseline": {…}, "variant_results": [{…}]}`.

use super::settings::{Engine, Settings};
use super::sums::{Found, VariantSums};
use super::trial::Trial;
use crate::cells::{compact_number, number_json};
use crate::kinds::Answer;
use crate::nodes::experiments::Metric;
use serde_json::{Map, Value, json};
use statistics::cuped::{self, variance_reduction};
use statistics::validation::{self, Failed};
use statistics::{Beside, Goal, Sample};

pub fn answer(metric: &Metric, trial: &Trial, settings: &Settings, found: &Found) -> Answer {
    let baseline = trial.baseline();
    let nothing = VariantSums::default();
    let sums = |key: &str| found.variants.get(key).unwrap_or(&nothing);
    let control = sums(baseline);
    let control_failed = validation::check(found.measure, found.counted, &control.sums, true);
    let others = trial.experiment.variants.iter().filter(|variant| variant.key != baseline);
    let results: Vec<Value> = others
        .map(|variant| {
            let treatment = sums(&variant.key);
            let failed = validation::check(found.measure, found.counted, &treatment.sums, false);
            let mut result = described(&variant.key, treatment, &failed, found);
            let judged = (control_failed.is_empty() && failed.is_empty()).then(|| judged(metric.goal, settings, found, control, treatment));
            result.extend(judged.flatten().unwrap_or_else(|| not_judged(settings)));
            Value::Object(result)
        })
        .collect();
    let mut answer = Answer::new();
    answer.insert("baseline".to_owned(), described(baseline, control, &control_failed, found).into());
    answer.insert("variant_results".to_owned(), results.into());
    if found.bounds != statistics::winsorise::Bounds::default() {
        answer.insert("winsorization".to_owned(), json!({"lower_bound": found.bounds.lower, "upper_bound": found.bounds.upper}));
    }
    answer
}

/// What was counted of a variant.
fn described(key: &str, variant: &VariantSums, failed: &[Failed], found: &Found) -> Map<String, Value> {
    let sums = &variant.sums;
    let mut item = Map::new();
    item.insert("key".to_owned(), key.into());
    item.insert("number_of_samples".to_owned(), sums.n.into());
    item.insert("sum".to_owned(), compact_number(sums.sum));
    item.insert("sum_squares".to_owned(), compact_number(sums.sum_squares));
    item.insert("mean".to_owned(), number_json(Sample::of(found.measure, sums).map(|sample| sample.mean)));
    if let Some(steps) = &variant.steps {
        item.insert("step_counts".to_owned(), json!(steps));
    }
    let mut beside = |names: [&str; 3], of: &Beside| {
        for (name, number) in names.into_iter().zip([of.sum, of.sum_squares, of.sum_products]) {
            item.insert(name.to_owned(), compact_number(number));
        }
    };
    if let Some(denominator) = &sums.denominator {
        beside(["denominator_sum", "denominator_sum_squares", "numerator_denominator_sum_product"], denominator);
    }
    if let Some(covariate) = &sums.covariate {
        beside(["covariate_sum", "covariate_sum_squares", "main_covariate_sum_product"], covariate);
    }
    item.insert("validation_failures".to_owned(), failed.iter().map(|failed| failed.as_str()).collect());
    item
}

/// `None` when the numbers allow no verdict.
fn judged(goal: Goal, settings: &Settings, found: &Found, control: &VariantSums, treatment: &VariantSums) -> Option<Map<String, Value>> {
    let plain = [Sample::of(found.measure, &control.sums)?, Sample::of(found.measure, &treatment.sums)?];
    let adjusted = settings.cuped_seconds.and_then(|_| cuped::adjust(found.measure, &control.sums, &treatment.sums));
    let [control, treatment] = adjusted.map_or(plain, |adjusted| [adjusted.control, adjusted.treatment]);
    let mut verdict = verdict(goal, &settings.engine, &control, &treatment)?;
    if let Some(adjusted) = adjusted {
        let reduction = variance_reduction(&plain[1], &treatment);
        verdict.insert("cuped".to_owned(), json!({"theta": adjusted.theta, "variance_reduction": reduction, "mean": treatment.mean}));
    }
    Some(verdict)
}

fn verdict(goal: Goal, engine: &Engine, control: &Sample, treatment: &Sample) -> Option<Map<String, Value>> {
    let verdict = match engine {
        Engine::Bayesian(engine) => {
            let found = engine.judge(control, treatment, goal).ok()?;
            json!({
                "method": "bayesian", "chance_to_win": found.chance_to_win, "credible_interval": found.credible_interval,
                "significant": found.significant, "effect": found.effect, "standard_error": found.standard_error,
                "risk": {"control": found.risk_of_control, "treatment": found.risk_of_treatment},
            })
        }
        Engine::Frequentist(engine) => {
            let found = engine.judge(control, treatment).ok()?;
            json!({
                "method": "frequentist", "p_value": found.p_value, "confidence_interval": found.confidence_interval,
                "significant": found.significant, "effect": found.effect, "standard_error": found.standard_error,
            })
        }
        Engine::Sequential(engine) => {
            let found = engine.judge(control, treatment).ok()?;
            json!({
                "method": "frequentist", "p_value": found.p_value, "confidence_interval": found.confidence_interval,
                "significant": found.significant, "effect": found.effect, "standard_error": found.standard_error, "sequential": true,
            })
        }
    };
    verdict.as_object().cloned()
}

fn not_judged(settings: &Settings) -> Map<String, Value> {
    let nothing = match settings.engine {
        Engine::Bayesian(_) => {
            json!({"method": "bayesian", "chance_to_win": null, "credible_interval": null, "significant": null, "effect": null})
        }
        Engine::Frequentist(_) | Engine::Sequential(_) => {
            json!({"method": "frequentist", "p_value": null, "confidence_interval": null, "significant": null, "effect": null})
        }
    };
    nothing.as_object().cloned().unwrap_or_default()
}
