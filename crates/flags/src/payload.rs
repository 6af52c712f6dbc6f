//! Payloads of remote config flags that are kept encrypted: only server keys read them, and nobody who has a copy of the database.

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use model::TeamId;

/// What everybody else sees in the place of an encrypted payload: JSON text, as payloads are.
pub const REDACTED: &str = "\"********* (encrypted)\"";

/// Begins every ciphertext, so that another scheme can follow.
const VERSION: &str = "v1:";

/// Encrypts with AES-256-GCM. A ciphertext opens only for the project that it was made for.
pub struct Key(LessSafeKey);

struct Length;

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        AES_256_GCM.key_len()
    }
}

impl Key {
    /// From the secret of this installation. Another secret opens nothing that was encrypted with this one.
    pub fn derive(secret: &[u8]) -> Result<Self> {
        let failed = |_| anyhow!("the key for encrypted payloads could not be derived");
        let derived = hkdf::Salt::new(hkdf::HKDF_SHA256, b"hoglet").extract(secret);
        let mut bytes = [0; 32];
        derived.expand(&[b"flag payloads"], Length).and_then(|key| key.fill(&mut bytes)).map_err(failed)?;
        Ok(Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes).map_err(failed)?)))
    }

    pub fn encrypt(&self, team: TeamId, payload: &str) -> Result<String> {
        let failed = |_| anyhow!("the payload could not be encrypted");
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(failed)?;
        let mut sealed = payload.as_bytes().to_vec();
        self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound_to(team), &mut sealed).map_err(failed)?;
        Ok(format!("{VERSION}{}", STANDARD_NO_PAD.encode([&nonce[..], &sealed].concat())))
    }

    pub fn decrypt(&self, team: TeamId, encrypted: &str) -> Result<String> {
        let unreadable = "the encrypted payload cannot be read; was it encrypted under another SECRET_KEY?";
        let encoded = encrypted.strip_prefix(VERSION).context(unreadable)?;
        let mut bytes = STANDARD_NO_PAD.decode(encoded).context(unreadable)?;
        let (nonce, sealed) = bytes.split_first_chunk_mut::<NONCE_LEN>().context(unreadable)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self.0.open_in_place(nonce, bound_to(team), sealed).map_err(|_| anyhow!(unreadable))?;
        Ok(std::str::from_utf8(plain).context(unreadable)?.to_owned())
    }
}

fn bound_to(team: TeamId) -> Aad<[u8; 8]> {
    Aad::from(team.0.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_opens_only_with_its_secret_and_for_its_project() {
        let key = Key::derive(b"a secret").unwrap();
        let encrypted = key.encrypt(TeamId(1), "{\"api\":\"ü\"}").unwrap();
        assert!(!encrypted.contains("api"));
        assert_ne!(encrypted, key.encrypt(TeamId(1), "{\"api\":\"ü\"}").unwrap());
        assert_eq!(Key::derive(b"a secret").unwrap().decrypt(TeamId(1), &encrypted).unwrap(), "{\"api\":\"ü\"}");
        assert!(key.decrypt(TeamId(2), &encrypted).is_err());
        assert!(Key::derive(b"another").unwrap().decrypt(TeamId(1), &encrypted).is_err());
    }

    #[test]
    fn damaged_ciphertext_is_an_error() {
        let key = Key::derive(b"a secret").unwrap();
        let encrypted = key.encrypt(TeamId(1), "1").unwrap();
        for damaged in ["", "v1:", "v1:AAAA", "plain", &encrypted[..encrypted.len() - 2], &encrypted.replace("v1:", "v2:")] {
            assert!(key.decrypt(TeamId(1), damaged).is_err(), "{damaged}");
        }
    }
}
