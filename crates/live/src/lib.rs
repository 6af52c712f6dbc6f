//! Events as they are ingested, pushed to whoever watches a project, and the small numbers beside them (people online, events per
//! second).
//!
//! Invariants:
//! 1. Publishing never waits: a watcher that is too slow loses events, ingestion loses nothing.
//! 2. Nothing here is durable or exact; whoever needs every event asks the event store.
//! 3. A stream ends soon after its token stops being valid, and after half an hour at the latest.
//!
//! [`Hub`] is what ingestion publishes to, [`tokens`] what a watcher shows at the door, [`filter`] what a watcher asks for.

mod activity;
pub mod filter;
mod hub;
mod routes;
pub mod tokens;

use std::{sync::Arc, time::Duration};

use axum::{Router, routing::get};
use futures::future::BoxFuture;
use model::{TeamId, Timestamp};
use teams::Teams;
use uuid::Uuid;
use web::Authenticator;

pub use hub::Hub;
pub use tokens::{Claims, LiveTokens};

/// An ingested event as a watcher sees it.
#[derive(Clone, Debug)]
pub struct LiveEvent {
    pub team: TeamId,
    pub uuid: Uuid,
    pub timestamp: Timestamp,
    pub distinct_id: Arc<str>,
    pub person_id: Uuid,
    pub event: Arc<str>,
    /// A JSON object as text. May be left empty when [`Hub::is_watched`] says that nobody will read it.
    pub properties: Arc<str>,
}

/// Asked when a stream opens and every [`Limits::recheck_every`] while it is open.
pub type IsValid = Arc<dyn Fn(Claims) -> BoxFuture<'static, bool> + Send + Sync>;

#[derive(Clone)]
pub struct Live {
    pub hub: Hub,
    pub tokens: LiveTokens,
    pub is_valid: IsValid,
    pub limits: Limits,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub lifetime: Duration,
    /// How long a stream may outlive its token.
    pub recheck_every: Duration,
    pub streams_per_team: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { lifetime: Duration::from_secs(30 * 60), recheck_every: Duration::from_secs(3), streams_per_team: 200 }
    }
}

/// Valid while the project has the API token that the claims were issued for, and the person they were issued to may see it: resetting
/// the token shuts every watcher out, removing a member that one.
pub fn token_still_holds(teams: Teams, authenticator: Authenticator) -> IsValid {
    Arc::new(move |claims| {
        let (teams, authenticator) = (teams.clone(), authenticator.clone());
        Box::pin(async move {
            still_valid(&teams, &authenticator, &claims).await.unwrap_or_else(|error| {
                tracing::warn!("whether a live stream may go on is unknown, so it ends: {error:#}");
                false
            })
        })
    })
}

async fn still_valid(teams: &Teams, authenticator: &Authenticator, claims: &Claims) -> anyhow::Result<bool> {
    let team = teams.by_id(claims.team).await?;
    if team.is_none_or(|team| team.api_token != claims.api_token) {
        return Ok(false);
    }
    match claims.user {
        Some(user) => Ok(authenticator.may_see(user, claims.team).await?),
        None => Ok(true),
    }
}

/// `/livestream`, `/livestream/events`, `/livestream/stats`.
pub fn routes(live: Live) -> Router {
    Router::new()
        .route("/livestream", get(routes::greeting))
        .route("/livestream/events", get(routes::events))
        .route("/livestream/stats", get(routes::stats))
        .with_state(live)
        .layer(axum::middleware::from_fn(web::any_origin))
}
