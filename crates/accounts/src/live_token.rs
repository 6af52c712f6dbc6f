//! The token with which the app opens the live stream of a project.

use crate::AccountsState;
use anyhow::{Context, Result};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use model::UserId;
use serde_json::json;
use teams::Team;

const AUDIENCE: &str = "posthog:livestream";
const LIFETIME_SECONDS: i64 = 7 * 86_400;

pub(crate) fn issue(state: &AccountsState, team: &Team, user: Option<UserId>) -> Result<String> {
    let claims = json!({
        "team_id": team.id,
        "api_token": team.api_token,
        "user_id": user,
        "organization_id": team.organization,
        "aud": AUDIENCE,
        "exp": state.clock.now().plus_seconds(LIFETIME_SECONDS).seconds(),
    });
    let key = EncodingKey::from_secret(&state.livestream_secret);
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).context("signing a live events token")
}
