//! Argon2id, off the async threads and a few at a time, because each takes 19 MiB and tens of milliseconds.

use anyhow::{Context, Result};
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;
use web::{ApiError, ApiResult};

const MIN_CHARACTERS: usize = 8;
const MAX_BYTES: usize = 1_024;
const AT_ONCE: usize = 4;

#[derive(Clone)]
pub(crate) struct Passwords(Arc<Semaphore>);

impl Default for Passwords {
    fn default() -> Self {
        Passwords(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Passwords {
    pub async fn hash(&self, password: String) -> Result<String> {
        self.run(move || hash_now(&password)).await?
    }

    /// Takes the same time whether or not there is a hash to compare with, so that nobody learns which accounts exist.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool> {
        if password.len() > MAX_BYTES {
            return Ok(false);
        }
        self.run(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| nobodys_hash().to_owned());
            let Ok(parsed) = PasswordHash::new(&hash) else {
                return false;
            };
            Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok() && known
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let _permit = self.0.acquire().await.context("password hashing has shut down")?;
        tokio::task::spawn_blocking(work).await.context("password hashing panicked")
    }
}

fn hash_now(password: &str) -> Result<String> {
    let hash: PasswordHash =
        Argon2::default().hash_password(password.as_bytes()).map_err(|error| anyhow::anyhow!("hashing a password: {error}"))?;
    Ok(hash.to_string())
}

fn nobodys_hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| hash_now("nobody's password").unwrap_or_default())
}

/// Refuses passwords that are too easy to guess. `attr` names the field in the answer.
pub(crate) fn check_strength(password: &str, email: &str, attr: &'static str) -> ApiResult<()> {
    let refuse = |code: &'static str, detail: &'static str| Err(ApiError::validation(code, detail).attr(attr));
    if password.chars().count() < MIN_CHARACTERS {
        return refuse("password_too_short", "This password is too short. It must contain at least 8 characters.");
    }
    if password.len() > MAX_BYTES {
        return refuse("password_too_long", "This password is too long. It may have at most 1024 bytes.");
    }
    if password.bytes().all(|byte| byte.is_ascii_digit()) {
        return refuse("password_entirely_numeric", "This password is entirely numeric.");
    }
    let lower = password.to_lowercase();
    if lower == email.to_lowercase() || COMMON.contains(&lower.as_str()) || has_few_characters(&lower) {
        return refuse("password_too_common", "This password is too easy to guess.");
    }
    Ok(())
}

const COMMON: &[&str] = &[
    "password",
    "password1",
    "password123",
    "passw0rd",
    "qwertyui",
    "qwertyuiop",
    "qwerty123",
    "iloveyou",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "welcome1",
    "letmein1",
    "trustno1",
    "superman",
    "starwars",
    "computer",
    "whatever",
    "changeme",
    "abcd1234",
    "abc12345",
    "1q2w3e4r",
    "posthog1",
    "hoglet123",
    "administrator",
];

fn has_few_characters(password: &str) -> bool {
    let mut characters: Vec<char> = password.chars().collect();
    characters.sort_unstable();
    characters.dedup();
    characters.len() < 3
}
