//! One file per area of the API; paths are as PostHog's, without the trailing slash.

mod activity;
mod instance;
mod invites;
mod keys;
mod login;
mod members;
mod organizations;
mod preflight;
mod projects;
mod reset;
mod signup;
mod users;

use crate::AccountsState;
use axum::Router;
use model::Timestamp;
use web::{ApiError, ApiResult, Caller};

pub(crate) fn all(state: AccountsState) -> Router {
    Router::new()
        .merge(preflight::routes())
        .merge(signup::routes())
        .merge(login::routes())
        .merge(reset::routes())
        .merge(users::routes())
        .merge(keys::routes())
        .merge(organizations::routes())
        .merge(members::routes())
        .merge(invites::routes())
        .merge(projects::routes())
        .merge(activity::routes())
        .merge(instance::routes())
        .with_state(state)
}

/// Refuses API keys, and sessions that signed in too long ago, where a stolen one could do lasting harm.
fn require_recent_session(caller: &Caller, now: Timestamp) -> ApiResult<()> {
    let Caller::Session { signed_in_at, .. } = caller else {
        return Err(ApiError::forbidden("This action does not support Personal API Key access"));
    };
    match now < signed_in_at.plus_seconds(crate::sessions::SENSITIVE_SECONDS) {
        true => Ok(()),
        false => Err(ApiError::forbidden_as("sensitive_action", "This action requires you to be recently authenticated.")),
    }
}
