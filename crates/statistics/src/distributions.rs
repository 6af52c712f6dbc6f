//! The distributions that verdicts are read from.

use statrs::function::{beta, erf, gamma};
use std::f64::consts::{PI, SQRT_2};

/// Φ, exact also far out in the lower tail.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * erf::erfc(-z / SQRT_2)
}

/// φ
pub fn normal_density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * PI).sqrt()
}

/// Φ⁻¹, for a probability between 0 and 1.
pub fn normal_quantile(probability: f64) -> f64 {
    -SQRT_2 * erf::erfc_inv(2.0 * probability)
}

/// Above this many degrees of freedom, Student's distribution is computed from the normal one: logarithms of the beta function lose
/// digits there, and the approximation gains them.
const NEARLY_NORMAL: f64 = 20_000.0;

/// P(|T| > |t|) for Student's distribution.
pub fn student_two_sided(t: f64, freedom: f64) -> f64 {
    if freedom > NEARLY_NORMAL {
        return 2.0 * normal_cdf(-hill(t.abs(), freedom));
    }
    let x = freedom / (freedom + t * t);
    beta::checked_beta_reg(freedom / 2.0, 0.5, x).unwrap_or(f64::NAN)
}

/// Hill's expansion (CACM algorithm 395, 1970): the z whose normal tail is as large as the tail of t.
fn hill(t: f64, freedom: f64) -> f64 {
    let a = freedom - 0.5;
    let b = 48.0 * a * a;
    let z2 = a * (t * t / freedom).ln_1p();
    let series = (((-0.4 * z2 - 3.3) * z2 - 24.0) * z2 - 85.5) / (0.8 * z2 * z2 + 100.0 + b);
    ((series + z2 + 3.0) / b + 1.0) * z2.sqrt()
}

/// The t that a share of `probability` (at least a half) of Student's distribution lies below.
pub fn student_quantile(probability: f64, freedom: f64) -> f64 {
    let tails = 2.0 * (1.0 - probability);
    let (mut low, mut high) = (0.0, 2.0);
    while student_two_sided(high, freedom) > tails && high < 1e12 {
        (low, high) = (high, high * 4.0);
    }
    // Halving an interval is slower than Newton's method and cannot miss.
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        match student_two_sided(middle, freedom) > tails {
            true => low = middle,
            false => high = middle,
        }
    }
    0.5 * (low + high)
}

/// P(X > x) for the chi-square distribution.
pub fn chi_square_above(x: f64, freedom: f64) -> f64 {
    match x > 0.0 {
        true if freedom == 1.0 => erf::erfc((x / 2.0).sqrt()),
        true => gamma::checked_gamma_ur(freedom / 2.0, x / 2.0).unwrap_or(f64::NAN),
        false => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs(), "{found} is not {expected}");
    }

    #[test]
    fn tables_agree() {
        close(normal_quantile(0.975), 1.959963984540054);
        close(normal_cdf(-10.0), 7.61985302416047e-24);
        close(student_quantile(0.975, 10.0), 2.2281388519649385);
        close(student_quantile(0.975, 1.0), 12.706204736432095);
        close(student_two_sided(2.0, 1.0), 0.2951672353008665);
        close(chi_square_above(5.991464547107979, 2.0), 0.05);
    }

    #[test]
    fn the_two_ways_to_students_distribution_meet() {
        for t in [0.1, 1.0, 1.96, 4.0, 9.0] {
            let exact = beta::beta_reg(9_999.0 / 2.0, 0.5, 9_999.0 / (9_999.0 + t * t));
            close(2.0 * normal_cdf(-hill(t, 9_999.0)), exact);
        }
    }
}
