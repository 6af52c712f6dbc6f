//! Numbers that look random and are the same on every machine and with every version of every crate (splitmix64).

pub struct Noise(u64);

impl Noise {
    /// The same two numbers give the same stream.
    pub fn of(what: u64, whose: u64) -> Self {
        Noise(hash(what, whose))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// From 0 up to, not including, 1.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    pub fn happens(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// Waiting times: mostly short, sometimes long.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.share()).ln()
    }

    /// A number below `limit`; small ones are much more frequent (a Zipf-like law).
    pub fn skewed(&mut self, limit: u64) -> u64 {
        ((limit as f64).powf(self.share()) - 1.0) as u64
    }

    /// One of the values, by weight.
    pub fn pick<T: Copy>(&mut self, choices: &[(f64, T)]) -> T {
        let total: f64 = choices.iter().map(|(weight, _)| weight).sum();
        let mut left = self.share() * total;
        for (weight, value) in choices {
            left -= weight;
            if left < 0.0 {
                return *value;
            }
        }
        choices[choices.len() - 1].1
    }
}

pub fn hash(a: u64, b: u64) -> u64 {
    mix(a.wrapping_mul(0xD6E8_FEB8_6659_FD93) ^ b.wrapping_add(0x9E37_79B9_7F4A_7C15))
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
