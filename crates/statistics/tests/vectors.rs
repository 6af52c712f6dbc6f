//! The worked examples of `vectors.json`.

use serde_json::Value;
use statistics::bayesian::{Bayesian, Prior};
use statistics::frequentist::Frequentist;
use statistics::sequential::Sequential;
use statistics::{Beside, Difference, Goal, Measure, Sample, Sums, cuped, mismatch};

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors.json")).expect("the file is JSON")
}

#[track_caller]
fn close(found: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap_or_else(|| panic!("{what}: nothing is expected"));
    assert!((found - expected).abs() <= 1e-6 * expected.abs(), "{what}: {found} is not {expected}");
}

fn sums(value: &Value) -> Sums {
    let number = |value: &Value| value.as_f64().unwrap();
    let beside = |value: &Value| {
        (!value.is_null()).then(|| Beside {
            sum: number(&value["sum"]),
            sum_squares: number(&value["sum_squares"]),
            sum_products: number(&value["sum_products"]),
        })
    };
    Sums {
        n: value["n"].as_u64().unwrap(),
        sum: number(&value["sum"]),
        sum_squares: number(&value["sum_squares"]),
        denominator: beside(&value["denominator"]),
        covariate: beside(&value["covariate"]),
    }
}

fn measure(value: &Value) -> Measure {
    match value["measure"].as_str().unwrap() {
        "mean" => Measure::Mean,
        "proportion" => Measure::Proportion,
        _ => Measure::Ratio,
    }
}

fn difference(case: &Value) -> Difference {
    if case["difference"] == "absolute" { Difference::Absolute } else { Difference::Relative }
}

/// Control and treatment of a case, after CUPED where the case says so.
fn samples(file: &Value, case: &Value) -> [Sample; 2] {
    let of = &file["samples"][case["of"].as_str().unwrap()];
    let measure = measure(of);
    let both = [sums(&of["control"]), sums(&of["treatment"])];
    if case["cuped"] == true {
        let adjusted = cuped::adjust(measure, &both[0], &both[1]).unwrap();
        return [adjusted.control, adjusted.treatment];
    }
    both.map(|sums| Sample::of(measure, &sums).unwrap())
}

#[test]
fn sums_become_means_and_variances() {
    let file = vectors();
    for (name, of) in file["samples"].as_object().unwrap() {
        for (at, side) in ["control", "treatment"].into_iter().enumerate() {
            let sums = sums(&of[side]);
            let sample = Sample::of(measure(of), &sums).unwrap();
            close(sample.mean, &of["mean"][at], name);
            if of.get("variance").is_some() {
                close(sample.variance, &of["variance"][at], name);
            }
            if of.get("covariance").is_some() {
                close(sums.covariance(&sums.denominator.unwrap()), &of["covariance"][at], name);
            }
        }
    }
}

#[test]
fn what_was_before_explains_part_of_the_variance() {
    let file = vectors();
    let expected = &file["cuped"];
    let of = &file["samples"][expected["of"].as_str().unwrap()];
    let both = [sums(&of["control"]), sums(&of["treatment"])];
    let adjusted = cuped::adjust(measure(of), &both[0], &both[1]).unwrap();
    close(adjusted.theta, &expected["theta"], "theta");
    for (at, sample) in [adjusted.control, adjusted.treatment].iter().enumerate() {
        close(sample.mean, &expected["mean"][at], "mean");
        close(sample.variance, &expected["variance"][at], "variance");
        let plain = Sample::of(measure(of), &both[at]).unwrap();
        close(cuped::variance_reduction(&plain, sample), &expected["reduction"][at], "reduction");
    }
}

#[test]
fn posteriors_are_as_published() {
    let file = vectors();
    for case in file["bayesian"].as_array().unwrap() {
        let [control, treatment] = samples(&file, case);
        let prior = match case["prior"].as_array() {
            Some(prior) => Prior::Normal { mean: prior[0].as_f64().unwrap(), variance: prior[1].as_f64().unwrap() },
            None => Prior::Flat,
        };
        let engine = Bayesian { difference: difference(case), prior, ..Bayesian::default() };
        let found = engine.judge(&control, &treatment, Goal::Increase).unwrap();
        let what = case.to_string();
        close(found.effect, &case["effect"], &what);
        close(found.standard_error, &case["standard_error"], &what);
        close(found.chance_to_win, &case["chance_to_win"], &what);
        close(found.credible_interval[0], &case["interval"][0], &what);
        close(found.credible_interval[1], &case["interval"][1], &what);
        close(found.risk_of_control, &case["risk"][0], &what);
        close(found.risk_of_treatment, &case["risk"][1], &what);
        assert_eq!(found.significant, case["significant"].as_bool().unwrap(), "{what}");
        let other = engine.judge(&control, &treatment, Goal::Decrease).unwrap();
        assert!((found.chance_to_win + other.chance_to_win - 1.0).abs() < 1e-12 && found.significant == other.significant, "{what}");
    }
}

#[test]
fn tests_of_welch_and_confidence_sequences_are_as_published() {
    let file = vectors();
    for case in file["frequentist"].as_array().unwrap() {
        let [control, treatment] = samples(&file, case);
        let what = case.to_string();
        let found = Frequentist { difference: difference(case), ..Frequentist::default() }.judge(&control, &treatment).unwrap();
        close(found.degrees_of_freedom, &case["df"], &what);
        close(found.t, &case["t"], &what);
        close(found.p_value, &case["p"], &what);
        close(found.confidence_interval[0], &case["interval"][0], &what);
        close(found.confidence_interval[1], &case["interval"][1], &what);
        assert_eq!(found.significant, case["p"].as_f64().unwrap() < 0.05, "{what}");
        if case.get("effect").is_some() {
            close(found.effect, &case["effect"], &what);
            close(found.standard_error, &case["standard_error"], &what);
        }
        if case.get("sequential").is_some() {
            let watched = Sequential { difference: difference(case), ..Sequential::default() }.judge(&control, &treatment).unwrap();
            close(watched.half_width, &case["sequential"][0], &what);
            close(watched.p_value, &case["sequential"][1], &what);
        }
    }
    close(Sequential::default().rho(), &file["rho"], "rho");
}

#[test]
fn lost_entities_are_noticed() {
    for case in vectors()["mismatch"].as_array().unwrap() {
        let variants: Vec<(u64, f64)> =
            case["variants"].as_array().unwrap().iter().map(|pair| (pair[0].as_u64().unwrap(), pair[1].as_f64().unwrap())).collect();
        let found = mismatch::mismatch(&variants).unwrap();
        close(found.chi_square, &case["chi_square"], "chi square");
        close(found.p_value, &case["p"], "p");
        assert_eq!(found.is_warning(), case["warning"].as_bool().unwrap(), "{case}");
    }
}

#[test]
fn what_cannot_be_judged_is_refused() {
    use statistics::Refused;
    let sample = |mean: f64, variance: f64| Sample { n: 100, mean, variance, reference: mean };
    let (bayesian, frequentist) = (Bayesian::default(), Frequentist::default());
    let judged = |control, treatment| bayesian.judge(&control, &treatment, Goal::Increase).map(|found| found.effect);
    assert_eq!(judged(sample(0.0, 1.0), sample(1.0, 1.0)), Err(Refused::BaselineIsZero));
    assert_eq!(judged(sample(-1.0, 1.0), sample(1.0, 1.0)), Err(Refused::BaselineIsNegative));
    assert_eq!(judged(sample(1.0, 0.0), sample(1.0, 0.0)), Err(Refused::NoVariance));
    assert_eq!(frequentist.judge(&sample(1e-11, 1.0), &sample(1.0, 1.0)).map(|found| found.t), Err(Refused::BaselineIsZero));
    assert!(frequentist.judge(&sample(-1.0, 1.0), &sample(1.0, 1.0)).is_ok());
    assert_eq!(Sample::of(Measure::Mean, &Sums { n: 1, sum: 4.0, sum_squares: 16.0, ..Sums::default() }), None);
    assert_eq!(Sample::of(Measure::Ratio, &Sums { n: 100, denominator: Some(Beside::default()), ..Sums::default() }), None);
}

#[test]
fn a_covariate_that_says_nothing_changes_nothing() {
    let sums = |sum_squares| Sums { n: 100, sum: 100.0, sum_squares, covariate: Some(Beside::default()), ..Sums::default() };
    assert_eq!(cuped::adjust(Measure::Mean, &sums(200.0), &sums(300.0)), None);
    let without = Sums { covariate: None, ..sums(200.0) };
    assert_eq!(cuped::adjust(Measure::Mean, &without, &sums(300.0)), None);
}
