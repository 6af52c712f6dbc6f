//! The number between 0 and 1 that decides rollouts and variants, the same in every SDK.

use sha1::{Digest, Sha1};

/// SDKs divide by `0xFFFFFFFFFFFFFFF` as a float, which is 2^60.
const SCALE: f64 = (1_u64 << 60) as f64;

/// SHA-1 of `prefix`, `identifier` and `salt` together, its first 15 hexadecimal digits as a fraction. Nobody hashes to 0.
pub fn hash(prefix: &[&str], identifier: &str, salt: &str) -> f64 {
    if identifier.is_empty() {
        return 0.0;
    }
    let mut sha = Sha1::new();
    for part in prefix {
        sha.update(part.as_bytes());
    }
    sha.update(identifier.as_bytes());
    sha.update(salt.as_bytes());
    let digest = sha.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    (u64::from_be_bytes(first) >> 4) as f64 / SCALE
}

pub fn rollout(flag: &str, identifier: &str) -> f64 {
    hash(&[flag, "."], identifier, "")
}

pub fn variant(flag: &str, identifier: &str) -> f64 {
    hash(&[flag, "."], identifier, "variant")
}

/// Without the flag's key: the same people are held out of every experiment.
pub fn holdout(identifier: &str) -> f64 {
    hash(&["holdout-"], identifier, "")
}
