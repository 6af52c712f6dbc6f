//! What is known of one variant.

/// What is measured of each entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// A number.
    Mean,
    /// Yes or no, as 1 and 0.
    Proportion,
    /// Two numbers; the variant's is the sum of the first over the sum of the second.
    Ratio,
}

/// Sums over the entities of one variant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    pub n: u64,
    pub sum: f64,
    pub sum_squares: f64,
    /// Of ratios: the second number.
    pub denominator: Option<Beside>,
    /// The same measure from before the experiment.
    pub covariate: Option<Beside>,
}

/// A second number `z` of each entity, beside its `x`: Σz, Σz², Σxz.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Beside {
    pub sum: f64,
    pub sum_squares: f64,
    pub sum_products: f64,
}

impl Sums {
    /// V = (Σx² − (Σx)²/n) / (n−1)
    pub fn variance(&self) -> f64 {
        centred(self.n, self.sum, self.sum, self.sum_squares)
    }

    /// (Σxz − ΣxΣz/n) / (n−1)
    pub fn covariance(&self, beside: &Beside) -> f64 {
        centred(self.n, self.sum, beside.sum, beside.sum_products)
    }

    /// V(z)
    pub fn variance_of(&self, beside: &Beside) -> f64 {
        centred(self.n, beside.sum, beside.sum, beside.sum_squares)
    }

    /// Both as one sample.
    pub fn pooled(&self, other: &Sums) -> Sums {
        let join = |a: Option<Beside>, b: Option<Beside>| {
            a.zip(b).map(|(a, b)| Beside {
                sum: a.sum + b.sum,
                sum_squares: a.sum_squares + b.sum_squares,
                sum_products: a.sum_products + b.sum_products,
            })
        };
        Sums {
            n: self.n + other.n,
            sum: self.sum + other.sum,
            sum_squares: self.sum_squares + other.sum_squares,
            denominator: join(self.denominator, other.denominator),
            covariate: join(self.covariate, other.covariate),
        }
    }
}

fn centred(n: u64, first: f64, second: f64, products: f64) -> f64 {
    let n = n as f64;
    (products - first * second / n) / (n - 1.0)
}

/// One variant's estimate and the variance of one entity around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub n: u64,
    pub mean: f64,
    pub variance: f64,
    /// What relative differences to this sample divide by: the mean before any adjustment.
    pub reference: f64,
}

impl Sample {
    /// `None` for fewer than two entities, and for a ratio to nothing.
    pub fn of(measure: Measure, sums: &Sums) -> Option<Sample> {
        if sums.n < 2 {
            return None;
        }
        let mean = sums.sum / sums.n as f64;
        let (mean, variance) = match measure {
            Measure::Mean => (mean, sums.variance()),
            Measure::Proportion => (mean, mean * (1.0 - mean)),
            Measure::Ratio => ratio(sums, mean)?,
        };
        // Sums of equal numbers can differ in their last digits.
        Some(Sample { n: sums.n, mean, variance: variance.max(0.0), reference: mean })
    }

    /// The variance of the estimate.
    pub fn variance_of_mean(&self) -> f64 {
        self.variance / self.n as f64
    }
}

/// R = M/D and, by the delta method, Vm/D² + M²Vd/D⁴ − 2·M·Cov/D³.
fn ratio(sums: &Sums, numerator: f64) -> Option<(f64, f64)> {
    let beside = sums.denominator.filter(|beside| beside.sum != 0.0)?;
    let denominator = beside.sum / sums.n as f64;
    let variance = sums.variance() / denominator.powi(2) + numerator.powi(2) * sums.variance_of(&beside) / denominator.powi(4)
        - 2.0 * numerator * sums.covariance(&beside) / denominator.powi(3);
    Some((numerator / denominator, variance))
}
