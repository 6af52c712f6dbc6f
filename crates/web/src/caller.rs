use crate::{ApiError, ApiResult};
use model::{OrganizationId, TeamId, Timestamp, UserId};

/// Who makes a request, and by what right.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Signed in with a browser.
    Session { user: UserId, signed_in_at: Timestamp },
    /// A personal API key (`phx_…`).
    PersonalKey { user: UserId, key: String, scopes: Vec<String>, limits: KeyLimits },
    /// A project secret key (`phs_…`).
    ProjectSecret { team: TeamId },
}

/// What a personal key is confined to; `None` is everything its user may see.
#[derive(Clone, Debug, Default)]
pub struct KeyLimits {
    pub teams: Option<Vec<TeamId>>,
    pub organizations: Option<Vec<OrganizationId>>,
}

/// All that a project secret key opens.
const SECRET_SCOPES: &[&str] = &["endpoint:read", "feature_flag:read", "account:read", "loop:write", "experiment:read"];

impl Caller {
    pub fn user(&self) -> Option<UserId> {
        match self {
            Caller::Session { user, .. } | Caller::PersonalKey { user, .. } => Some(*user),
            Caller::ProjectSecret { .. } => None,
        }
    }

    /// Fails with 403, naming the scope, unless the caller holds `scope` (`insight:read`, `person:write`, …).
    pub fn require(&self, scope: &str) -> ApiResult<()> {
        let granted = match self {
            Caller::Session { .. } => true,
            Caller::PersonalKey { scopes, .. } => grants(scopes.iter().map(String::as_str), scope),
            Caller::ProjectSecret { .. } => grants(SECRET_SCOPES.iter().copied(), scope),
        };
        if granted { Ok(()) } else { Err(missing_scope(scope)) }
    }
}

pub fn missing_scope(scope: &str) -> ApiError {
    ApiError::forbidden(format!("API key missing required scope '{scope}'"))
}

/// `*` grants all; `x:write` grants `x:read` too.
fn grants<'a>(mut scopes: impl Iterator<Item = &'a str>, wanted: &str) -> bool {
    let (object, action) = wanted.split_once(':').unwrap_or((wanted, "write"));
    scopes.any(|scope| scope == "*" || scope == wanted || (action == "read" && scope.strip_suffix(":write") == Some(object)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(scopes: &[&str]) -> Caller {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        Caller::PersonalKey { user: UserId(1), key: "k".into(), scopes, limits: KeyLimits::default() }
    }

    #[test]
    fn write_implies_read_and_not_the_reverse() {
        assert!(key(&["insight:write"]).require("insight:read").is_ok());
        assert!(key(&["insight:read"]).require("insight:write").is_err());
        assert!(key(&["insight:write"]).require("dashboard:read").is_err());
        assert!(key(&["*"]).require("dashboard:write").is_ok());
    }

    #[test]
    fn a_missing_scope_is_named() {
        let error = key(&[]).require("person:write").unwrap_err();
        assert_eq!((error.status().as_u16(), error.detail()), (403, "API key missing required scope 'person:write'"));
    }

    #[test]
    fn a_project_secret_opens_only_its_few_scopes() {
        let secret = Caller::ProjectSecret { team: TeamId(1) };
        assert!(secret.require("feature_flag:read").is_ok());
        assert!(secret.require("feature_flag:write").is_err());
        assert!(secret.require("person:read").is_err());
    }
}
