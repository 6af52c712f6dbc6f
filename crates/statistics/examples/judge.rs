//! Judges what it reads, for the comparison with scipy (`tests/statistics/`): one JSON object per line in, one out.
//!
//! `{"measure", "control": sums, "treatment": sums, "difference", "alpha", "prior": [μ, τ²]|null, "goal", "tuning", "cuped"}` gives every
//! engine's numbers, `{"variants": [[n, share] …]}` the mismatch, `{"values": […], "lower", "upper", "ignore_zeros"}` the bounds,
//! `{"t", "df"}` and `{"probability", "df"}` Student's distribution.

use serde_json::{Value, json};
use statistics::bayesian::{Bayesian, Prior};
use statistics::frequentist::Frequentist;
use statistics::sequential::Sequential;
use statistics::winsorise::{Bounds, Percentiles};
use statistics::{Beside, Difference, Goal, Measure, Sample, Sums, cuped, distributions, mismatch};
use std::io::{BufRead, stdin};

fn main() {
    for line in stdin().lock().lines() {
        let case: Value = serde_json::from_str(&line.expect("a line")).expect("a line is JSON");
        println!("{}", answer(&case));
    }
}

fn answer(case: &Value) -> Value {
    if let Some(variants) = case["variants"].as_array() {
        let variants: Vec<(u64, f64)> = variants.iter().map(|pair| (pair[0].as_u64().unwrap_or(0), number(&pair[1]))).collect();
        return mismatch::mismatch(&variants).map_or(Value::Null, |found| json!({"chi_square": found.chi_square, "p": found.p_value}));
    }
    if let Some(values) = case["values"].as_array() {
        let percentiles =
            Percentiles { lower: case["lower"].as_f64(), upper: case["upper"].as_f64(), ignore_zeros: case["ignore_zeros"] == true };
        let bounds = Bounds::of(values.iter().map(|value| (number(value), 1)).collect(), percentiles);
        return json!({"lower": bounds.lower, "upper": bounds.upper});
    }
    if let Some(t) = case["t"].as_f64() {
        return json!(distributions::student_two_sided(t, number(&case["df"])));
    }
    if let Some(probability) = case["probability"].as_f64() {
        return json!(distributions::student_quantile(probability, number(&case["df"])));
    }
    judged(case)
}

fn judged(case: &Value) -> Value {
    let measure = match case["measure"].as_str() {
        Some("mean") => Measure::Mean,
        Some("proportion") => Measure::Proportion,
        _ => Measure::Ratio,
    };
    let (control, treatment) = (sums(&case["control"]), sums(&case["treatment"]));
    let plain = [&control, &treatment].map(|sums| Sample::of(measure, sums));
    let adjusted = cuped::adjust(measure, &control, &treatment).filter(|_| case["cuped"] == true);
    let samples = adjusted.map_or(plain, |adjusted| [Some(adjusted.control), Some(adjusted.treatment)]);
    let [Some(control), Some(treatment)] = samples else { return Value::Null };
    let difference = if case["difference"] == "absolute" { Difference::Absolute } else { Difference::Relative };
    let alpha = number(&case["alpha"]);
    let prior = match case["prior"].as_array() {
        Some(prior) => Prior::Normal { mean: number(&prior[0]), variance: number(&prior[1]) },
        None => Prior::Flat,
    };
    let goal = if case["goal"] == "decrease" { Goal::Decrease } else { Goal::Increase };
    let bayesian = Bayesian { ci_level: 1.0 - alpha, difference, prior }.judge(&control, &treatment, goal);
    let frequentist = Frequentist { alpha, difference }.judge(&control, &treatment);
    let sequential = Sequential { alpha, difference, tuning: number(&case["tuning"]) }.judge(&control, &treatment);
    json!({
        "theta": adjusted.map(|adjusted| adjusted.theta),
        "means": [control.mean, treatment.mean], "variances": [control.variance, treatment.variance],
        "bayesian": bayesian.ok().map(|found| json!({
            "effect": found.effect, "standard_error": found.standard_error, "chance_to_win": found.chance_to_win,
            "interval": found.credible_interval, "risk": [found.risk_of_control, found.risk_of_treatment],
        })),
        "frequentist": frequentist.ok().map(|found| json!({
            "effect": found.effect, "standard_error": found.standard_error, "df": found.degrees_of_freedom, "p": found.p_value,
            "interval": found.confidence_interval,
        })),
        "sequential": sequential.ok().map(|found| json!({"half_width": found.half_width, "p": found.p_value})),
    })
}

fn sums(value: &Value) -> Sums {
    let beside = |value: &Value| Beside {
        sum: number(&value["sum"]),
        sum_squares: number(&value["sum_squares"]),
        sum_products: number(&value["sum_products"]),
    };
    let optional = |value: &Value| (!value.is_null()).then(|| beside(value));
    Sums {
        n: value["n"].as_u64().unwrap_or(0),
        sum: number(&value["sum"]),
        sum_squares: number(&value["sum_squares"]),
        denominator: optional(&value["denominator"]),
        covariate: optional(&value["covariate"]),
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}
