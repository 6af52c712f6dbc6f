//! People, organizations, projects and keys: who may sign in and what they may see and change.
//!
//! Invariants:
//! - An instance is claimed once: of two first sign-ups at the same moment exactly one becomes its administrator.
//! - Passwords are Argon2id hashes; session ids, keys and one-time links are stored as SHA-256 of 256 random bits. No answer repeats a
//!   secret after the one that made it.
//! - Something outside the caller's organizations is 404, whatever its id.
//! - Trying secrets is limited per account and per address ([`attempts`]), and takes as long for unknown accounts.
//!
//! Start at [`routes`] for the API, [`lookup`] for authentication, `project_fields` for what a project may be set to.

mod attempts;
mod bootstrap;
mod fields;
mod invites;
mod keys;
mod level;
mod lookup;
mod one_time;
mod organization;
mod password;
mod project_fields;
mod projects;
mod routes;
mod schema;
mod sessions;
mod signup;
mod user;
mod wire;

pub use bootstrap::{FirstAdmin, bootstrap_admin};
pub use level::Level;
pub use organization::Organization;
pub use projects::{NewProject, create_project};
pub use schema::MIGRATIONS;
pub use user::{Email, User};

use axum::Router;
use db::Db;
use live::LiveTokens;
use mail::Mailer;
use model::{Clock, OrganizationId, UserId};
use password::Passwords;
use std::sync::Arc;
use teams::Teams;
use web::{Authenticator, Site};

/// Called once, after the very first sign-up of an instance.
pub type FirstSignUp = Arc<dyn Fn(OrganizationId, UserId) + Send + Sync>;

/// What every handler here works with. Cheap to clone.
#[derive(Clone)]
pub struct AccountsState {
    pub db: Db,
    pub teams: Teams,
    pub mailer: Mailer,
    pub clock: Clock,
    /// Where people reach this server; links in mails begin with it.
    pub site: Site,
    /// Signs the tokens with which the app opens live streams.
    pub live_tokens: LiveTokens,
    /// Whether people may found organizations besides the first (`MULTI_ORG_ENABLED`).
    pub multi_org: bool,
    pub after_first_sign_up: Option<FirstSignUp>,
    pub(crate) passwords: Passwords,
}

impl AccountsState {
    pub fn new(db: Db, teams: Teams, mailer: Mailer, clock: Clock, site_url: &str, livestream_secret: &[u8]) -> Self {
        AccountsState {
            db,
            teams,
            mailer,
            clock,
            site: Site::new(site_url),
            live_tokens: LiveTokens::new(livestream_secret, clock),
            multi_org: false,
            after_first_sign_up: None,
            passwords: Passwords::default(),
        }
    }

    /// Makes the extractors of `web` work for all routes of the server.
    pub fn authenticator(&self) -> Authenticator {
        Authenticator::new(Arc::new(self.clone()))
    }
}

/// `/_preflight`, `/logout` and everything under `/api` that this crate answers.
pub fn routes(state: AccountsState) -> Router {
    routes::all(state)
}

/// The oldest organization, for jobs of the binary that need one.
pub async fn first_organization(db: &Db) -> anyhow::Result<Option<Organization>> {
    organization::first(db).await
}

/// A user as others see them, or `None` when they are gone.
pub async fn user_basic(db: &Db, user: UserId) -> anyhow::Result<Option<serde_json::Value>> {
    Ok(user::by_id(db, user).await?.map(|user| wire::user_basic(&user)))
}
