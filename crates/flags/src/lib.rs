//! Feature flags as client and server SDKs ask for them: `/flags`, its older form `/decide`, and the definitions that server SDKs
//! evaluate by themselves.
//!
//! A flag's life: a request becomes a [`Question`] ([`request`]), [`Flags::answer`] turns it into an [`Evaluation`], [`wire`] prints
//! that in the shape which the asking SDK's version knows.
//!
//! Invariants:
//! 1. A flag that is not in the answer is absent, never `false`: SDKs keep the two apart.
//! 2. Errors on `/flags` are plain text with CORS headers; SDKs then keep the flags they had. Definitions are for servers: no page of
//!    another site can read them.
//! 3. Whatever the body, its decoded size is bounded before it is parsed.

mod decode;
pub mod evaluate;
pub mod evaluation;
pub mod flag;
mod request;
mod routes;
mod schema;
pub mod store;
pub mod wire;

use std::{future::Future, pin::Pin, sync::Arc};

use axum::Router;
use db::Db;
use http::HeaderMap;
use model::{Clock, TeamId};
use serde_json::{Map, Value};
use teams::{Team, Teams};
use web::{Authenticator, UserSource};

pub use evaluation::{Decision, Evaluation};
pub use flag::Flag;
pub use request::Question;
pub use schema::MIGRATIONS;

/// The project's remote config for the page that asks; SDKs can have it in the same reply.
pub type RemoteConfigOf = Arc<dyn Fn(&Team, &HeaderMap) -> Map<String, Value> + Send + Sync>;

/// A project's group types by index, as `{"0": "company"}`.
pub type GroupTypesOf = Arc<dyn Fn(TeamId) -> Pin<Box<dyn Future<Output = anyhow::Result<Map<String, Value>>> + Send>> + Send + Sync>;

#[derive(Clone)]
pub struct Flags {
    pub db: Db,
    pub users: UserSource,
    pub teams: Teams,
    pub clock: Clock,
    pub remote_config: RemoteConfigOf,
    pub group_types: GroupTypesOf,
    /// Knows the server keys that open definitions.
    pub authenticator: Authenticator,
}

impl Flags {
    /// The one place where flags are evaluated, for every route and version. Flags cannot be created yet, so every question has the
    /// same answer, and none of it depends on who asks.
    pub async fn answer(&self, _team: &Team, _question: &Question) -> anyhow::Result<Evaluation<'_>> {
        Ok(Evaluation::default())
    }
}

/// `/flags`, `/decide`, `/flags/definitions`, local evaluation and remote config flags.
pub fn routes(flags: Flags) -> Router {
    routes::all(flags)
}
