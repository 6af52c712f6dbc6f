//! The first administrator without a browser.

use crate::keys::{self, KeyChoice};
use crate::signup::{self, Applicant};
use crate::user::Email;
use crate::{AccountsState, password};
use anyhow::{Context, Result, anyhow, ensure};
use model::TeamId;

/// From the environment: `HOGLET_ADMIN_EMAIL`, `HOGLET_ADMIN_PASSWORD`, `HOGLET_PROJECT_TOKEN`, `HOGLET_PERSONAL_API_KEY`.
#[derive(Clone)]
pub struct FirstAdmin {
    pub email: String,
    pub password: String,
    /// `phc_…` for the first project; random when absent.
    pub project_token: Option<String>,
    /// `phx_…` with every scope.
    pub personal_api_key: Option<String>,
}

/// Makes the administrator, an organization and an empty project, on a database that nobody has signed up to.
/// The project's id, or `None` when somebody has: then nothing changes.
pub async fn bootstrap_admin(state: &AccountsState, admin: FirstAdmin) -> Result<Option<TeamId>> {
    if signup::is_claimed(&state.db).await? {
        return Ok(None);
    }
    let email = Email::parse(&admin.email, "email").map_err(|error| anyhow!("HOGLET_ADMIN_EMAIL: {}", error.detail()))?;
    password::check_strength(&admin.password, email.as_str(), "password")
        .map_err(|error| anyhow!("HOGLET_ADMIN_PASSWORD: {}", error.detail()))?;
    check_secret("HOGLET_PROJECT_TOKEN", "phc_", admin.project_token.as_deref())?;
    check_secret("HOGLET_PERSONAL_API_KEY", keys::PREFIX, admin.personal_api_key.as_deref())?;
    let applicant = Applicant {
        email,
        first_name: "Admin".to_owned(),
        last_name: String::new(),
        password_hash: state.passwords.hash(admin.password).await?,
        role_at_organization: None,
    };
    let state = AccountsState { multi_org: false, ..state.clone() };
    let founded = match signup::found(&state, applicant, "My organization", admin.project_token).await {
        Ok(founded) => founded,
        Err(error) if error.status() == http::StatusCode::FORBIDDEN => return Ok(None),
        Err(error) => return Err(anyhow!(error).context("creating the first administrator")),
    };
    if let Some(value) = admin.personal_api_key {
        let choice = KeyChoice {
            label: "From the environment".to_owned(),
            scopes: vec!["*".to_owned()],
            scoped_teams: None,
            scoped_organizations: None,
        };
        let mut transaction = state.db.begin().await?;
        keys::insert(&mut transaction, founded.user.id, &choice, &value, state.clock.now())
            .await
            .context("storing HOGLET_PERSONAL_API_KEY")?;
        transaction.commit().await?;
    }
    if let Some(after) = &state.after_first_sign_up {
        after(founded.organization.id, founded.user.id);
    }
    Ok(Some(founded.team.id))
}

fn check_secret(name: &str, prefix: &str, value: Option<&str>) -> Result<()> {
    let Some(value) = value else {
        return Ok(());
    };
    let rest = value.strip_prefix(prefix).with_context(|| format!("{name} must begin with {prefix}"))?;
    let plain = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    ensure!(plain && (4..=150).contains(&rest.len()), "{name} must be {prefix} and 4 to 150 letters, digits, - or _");
    Ok(())
}
