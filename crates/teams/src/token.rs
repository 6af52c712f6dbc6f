use sha2::{Digest, Sha256};

pub(crate) const PUBLIC_PREFIX: &str = "phc_";
pub(crate) const SECRET_PREFIX: &str = "phs_";
/// Longer than any token ever issued; longer strings are not looked up.
pub(crate) const MAX_LENGTH: usize = 200;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `prefix` and 43 random letters and digits (256 bits).
pub fn random_token(prefix: &str) -> String {
    let mut token = String::with_capacity(prefix.len() + 43);
    token.push_str(prefix);
    let mut length = 0;
    while length < 43 {
        for byte in rand::random::<[u8; 32]>() {
            // 248 = 4 × 62: bytes above would make the first letters likelier.
            if byte < 248 && length < 43 {
                token.push(char::from(ALPHABET[usize::from(byte % 62)]));
                length += 1;
            }
        }
    }
    token
}

/// How secrets with full entropy are stored: SHA-256, lower-case hex.
pub fn hash_secret(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `phx_…abcd`: enough to recognise a secret, not to use it.
pub fn mask(secret: &str) -> String {
    let prefix = secret.get(..4).unwrap_or_default();
    let end = secret.len().checked_sub(4).and_then(|at| secret.get(at..)).unwrap_or_default();
    format!("{prefix}...{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_plain_and_never_repeat() {
        let (one, two) = (random_token("phc_"), random_token("phc_"));
        assert_ne!(one, two);
        assert_eq!(one.len(), 47);
        assert!(one[4..].bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }

    #[test]
    fn a_mask_shows_prefix_and_end_only() {
        assert_eq!(mask("phx_0123456789"), "phx_...6789");
    }
}
