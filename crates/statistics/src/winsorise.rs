//! Bounds that outliers are drawn in to.

/// Entities by their value, of all variants together.
pub type Counted = (f64, u64);

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Percentiles {
    /// From 0 to 1.
    pub lower: Option<f64>,
    pub upper: Option<f64>,
    /// The upper bound is that of those who did anything at all.
    pub ignore_zeros: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    pub lower: Option<f64>,
    pub upper: Option<f64>,
}

impl Bounds {
    /// A bound without values to find it in is none. Values may come in any order.
    pub fn of(mut values: Vec<Counted>, percentiles: Percentiles) -> Bounds {
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        let lower = percentiles.lower.and_then(|level| quantile(&values, level));
        if percentiles.ignore_zeros {
            values.retain(|(value, _)| *value != 0.0);
        }
        Bounds { lower, upper: percentiles.upper.and_then(|level| quantile(&values, level)) }
    }

    pub fn clamp(&self, value: f64) -> f64 {
        let value = self.upper.map_or(value, |upper| value.min(upper));
        self.lower.map_or(value, |lower| value.max(lower))
    }
}

/// The value at rank ⌊level · n⌋, counted from 0; no interpolation.
fn quantile(sorted: &[Counted], level: f64) -> Option<f64> {
    let n: u64 = sorted.iter().map(|(_, count)| count).sum();
    let rank = ((level * n as f64) as u64).min(n.checked_sub(1)?);
    let mut passed = 0;
    sorted.iter().find_map(|(value, count)| {
        passed += count;
        (passed > rank).then_some(*value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(values: &[f64], lower: Option<f64>, upper: Option<f64>, ignore_zeros: bool) -> Bounds {
        Bounds::of(values.iter().map(|value| (*value, 1)).collect(), Percentiles { lower, upper, ignore_zeros })
    }

    #[test]
    fn bounds_are_values_that_occur() {
        let values: Vec<f64> = (1..=10).rev().map(f64::from).collect();
        assert_eq!(bounds(&values, Some(0.1), Some(0.9), false), Bounds { lower: Some(2.0), upper: Some(10.0) });
        assert_eq!(bounds(&values, Some(0.0), Some(1.0), false), Bounds { lower: Some(1.0), upper: Some(10.0) });
        assert_eq!(Bounds::of(vec![(5.0, 90), (100.0, 10)], Percentiles { upper: Some(0.89), ..Default::default() }).upper, Some(5.0));
    }

    #[test]
    fn zeros_are_left_out_of_the_upper_bound_only() {
        let mut values = vec![0.0; 90];
        values.extend((1..=10).map(f64::from));
        assert_eq!(bounds(&values, Some(0.5), Some(0.5), false), Bounds { lower: Some(0.0), upper: Some(0.0) });
        assert_eq!(bounds(&values, Some(0.5), Some(0.5), true), Bounds { lower: Some(0.0), upper: Some(6.0) });
        assert_eq!(bounds(&[0.0, 0.0], None, Some(0.5), true), Bounds::default());
    }

    #[test]
    fn values_outside_are_drawn_in() {
        let bounds = Bounds { lower: Some(1.0), upper: Some(5.0) };
        assert_eq!([0.0, 3.0, 9.0].map(|value| bounds.clamp(value)), [1.0, 3.0, 5.0]);
        assert_eq!(Bounds::default().clamp(9.0), 9.0);
    }
}
