//! Sample ratio mismatch: are the variants as large as their shares say?

use crate::distributions::chi_square_above;

/// With fewer exposures there is nothing to warn about.
pub const SMALLEST_TOTAL: u64 = 100;
/// Below this, entities are lost or counted wrongly more likely than by chance.
pub const WARN_BELOW: f64 = 0.001;

#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    pub chi_square: f64,
    pub p_value: f64,
    /// By variant, in the order of the input.
    pub expected: Vec<f64>,
}

impl Mismatch {
    pub fn is_warning(&self) -> bool {
        self.p_value < WARN_BELOW
    }
}

/// `variants`: exposures and share of each; shares need not sum to anything in particular. `None` with fewer than
/// [`SMALLEST_TOTAL`] exposures, or fewer than two variants that should have any.
pub fn mismatch(variants: &[(u64, f64)]) -> Option<Mismatch> {
    let total: u64 = variants.iter().map(|(seen, _)| seen).sum();
    let shares: f64 = variants.iter().map(|(_, share)| share.max(0.0)).sum();
    let meant = variants.iter().filter(|(_, share)| *share > 0.0).count();
    if total < SMALLEST_TOTAL || meant < 2 {
        return None;
    }
    let expected: Vec<f64> = variants.iter().map(|(_, share)| total as f64 * share.max(0.0) / shares).collect();
    // A variant with a share of nothing has nothing to be compared with.
    let compared = variants.iter().zip(&expected).filter(|(_, expected)| **expected > 0.0);
    let chi_square: f64 = compared.map(|((seen, _), expected)| (*seen as f64 - expected).powi(2) / expected).sum();
    Some(Mismatch { chi_square, p_value: chi_square_above(chi_square, (meant - 1) as f64), expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_exposures_and_single_variants_say_nothing() {
        assert_eq!(mismatch(&[(10, 50.0), (80, 50.0)]), None);
        assert_eq!(mismatch(&[(1_000, 100.0), (80, 0.0)]), None);
        assert_eq!(mismatch(&[]), None);
        assert_eq!(mismatch(&[(500, 1.0), (500, 1.0)]).map(|found| found.p_value), Some(1.0));
    }
}
