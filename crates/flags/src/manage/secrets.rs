//! Payloads that are kept encrypted: plain text becomes ciphertext on its way into the database, and never comes back out.

use super::filters::invalid;
use crate::payload::REDACTED;
use crate::{Flag, Flags};
use model::TeamId;
use serde_json::Value;
use web::ApiResult;

impl Flags {
    /// Encrypts what is not yet. The redaction, which clients read and send back, stands for the stored payload.
    pub(crate) fn seal(&self, flag: &mut Flag, before: Option<&Flag>) -> ApiResult<()> {
        let stored = before.map(|before| before.filters["payloads"].clone()).unwrap_or_default();
        let (team, encrypted) = (flag.team, flag.has_encrypted_payloads);
        let Some(Value::Object(payloads)) = flag.filters.get_mut("payloads") else { return Ok(()) };
        for (key, payload) in payloads {
            let Some(text) = payload.as_str() else { continue };
            match (encrypted, text == REDACTED) {
                (true, true) => match &stored[key] {
                    Value::String(sealed) => *payload = sealed.as_str().into(),
                    _ => return Err(invalid(format!("The encrypted payload of {key:?} is not here; write it again."))),
                },
                (true, false) if self.is_sealed(team, text) => {}
                (true, false) => {
                    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
                        return Err(invalid(format!("The payload of {key:?} must be JSON; a text needs quotation marks of its own.")));
                    }
                    *payload = self.payload_key.encrypt(team, text)?.into();
                }
                (false, _)
                    if self.is_sealed(team, text) || (text == REDACTED && before.is_some_and(|before| before.has_encrypted_payloads)) =>
                {
                    return Err(invalid(format!("The payload of {key:?} is encrypted and stays so; write it again to have it plain.")));
                }
                (false, _) => {}
            }
        }
        Ok(())
    }

    /// The flag's payloads as another project may store them.
    pub(crate) fn unseal(&self, flag: &Flag) -> ApiResult<Value> {
        let mut filters = flag.filters.clone();
        if let (true, Some(Value::Object(payloads))) = (flag.has_encrypted_payloads, filters.get_mut("payloads")) {
            for payload in payloads.values_mut() {
                if let Some(text) = payload.as_str() {
                    *payload = self.payload_key.decrypt(flag.team, text)?.into();
                }
            }
        }
        Ok(filters)
    }

    /// Encrypted under our key for this project; nobody else can make such a text.
    fn is_sealed(&self, team: TeamId, text: &str) -> bool {
        self.payload_key.decrypt(team, text).is_ok()
    }
}
