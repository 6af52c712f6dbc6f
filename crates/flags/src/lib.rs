//! Feature flags as client and server SDKs ask for them: `/flags`, its older form `/decide`, and the definitions that server SDKs
//! evaluate by themselves.
//!
//! A flag's life: a request becomes a [`Question`] ([`request`]); the project's definitions come out of memory ([`cache`]); what they
//! need to know of the person is looked up for many requests at once ([`facts`], `loader`); [`evaluate`] decides; [`wire`] prints the
//! outcome in the shape which the asking SDK's version knows.
//!
//! Invariants:
//! 1. A flag that is not in the answer is absent, never `false`: SDKs keep the two apart.
//! 2. Errors on `/flags` are plain text with CORS headers; SDKs then keep the flags they had. Definitions are for servers: no page of
//!    another site can read them.
//! 3. Whatever the body, its decoded size is bounded before it is parsed.
//! 4. A change made by any process on the same database is in every answer within one second. While the database cannot be asked,
//!    the last known definitions are served, and every answer says `errorsWhileComputingFlags`.
//! 5. A request waits for the database only for facts that its answer depends on.

pub mod cache;
mod continuity;
mod decode;
pub mod early_access;
pub mod evaluate;
pub mod evaluation;
pub mod facts;
pub mod flag;
mod loader;
mod local;
pub mod manage;
pub mod payload;
mod quota;
mod rates;
mod request;
mod routes;
mod schema;
pub mod store;
pub mod testing;
pub mod wire;

use std::{future::Future, net::IpAddr, pin::Pin, sync::Arc};

use axum::Router;
use db::Db;
use http::HeaderMap;
use model::{Clock, TeamId};
use serde_json::{Map, Value};
use teams::{Team, Teams};
use web::{Authenticator, Proxies, UserSource};

pub use cache::Served;
pub use continuity::keep_continuity;
pub use evaluation::{Decision, Evaluation};
pub use flag::Flag;
pub use manage::{Link, NewFlag};
pub use quota::quota_limited;
pub use rates::{Rate, Rates};
pub use request::{Question, Runtime};
pub use schema::MIGRATIONS;

type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The project's remote config for the page that asks; SDKs can have it in the same reply.
pub type RemoteConfigOf = Arc<dyn Fn(&Served, &HeaderMap) -> Map<String, Value> + Send + Sync>;

/// `$geoip_*` of an address; `None` when nothing is known of it.
pub type PlaceOf = Arc<dyn Fn(IpAddr) -> Option<Map<String, Value>> + Send + Sync>;

/// The distinct id of a visitor without cookies; `None` when the project has none or the request does not tell enough.
pub type CookielessIdOf = Arc<dyn Fn(Visitor) -> Later<anyhow::Result<Option<String>>> + Send + Sync>;

/// Whether a project has surveys that SDKs should ask for.
pub type HasSurveys = Arc<dyn Fn(TeamId) -> Later<anyhow::Result<bool>> + Send + Sync>;

/// What a request tells of a visitor without cookies.
#[derive(Clone, Debug)]
pub struct Visitor {
    pub team: Arc<Team>,
    pub ip: IpAddr,
    pub user_agent: String,
    /// Of the page, with its port.
    pub host: String,
    pub timezone: Option<String>,
    pub extra: String,
}

/// What routes and other features share. Cheap to clone; clones share everything that is kept in memory.
#[derive(Clone)]
pub struct Flags {
    pub db: Db,
    pub users: UserSource,
    pub teams: Teams,
    pub clock: Clock,
    /// Knows the server keys that open definitions.
    pub authenticator: Authenticator,
    pub remote_config: RemoteConfigOf,
    pub place_of: PlaceOf,
    pub cookieless_id_of: CookielessIdOf,
    pub has_surveys: HasSurveys,
    /// Whose forwarding headers say where a client is.
    pub proxies: Proxies,
    /// Encrypts payloads of remote config flags.
    pub payload_key: Arc<payload::Key>,
    pub memory: Arc<Memory>,
}

/// What a process keeps between requests.
#[derive(Default)]
pub struct Memory {
    pub(crate) cache: cache::Cache,
    pub(crate) loader: Arc<loader::Loader>,
    pub(crate) pending: continuity::Pending,
    pub(crate) rates: Rates,
}

impl Memory {
    pub fn with_rates(rates: Rates) -> Self {
        Self { rates, ..Self::default() }
    }
}

impl Flags {
    /// What is known of a project: its flags, ready to be evaluated, and whether that may be out of date.
    pub async fn served(&self, team: TeamId) -> anyhow::Result<Option<Served>> {
        self.memory.cache.by_id(self, team).await
    }

    /// Makes the next request of this project read the database, so that whoever changed a flag here sees the change at once.
    pub fn changed(&self, team: TeamId) {
        self.memory.cache.expire(team);
    }
}

/// `/flags`, `/decide`, `/flags/definitions`, local evaluation and remote config flags.
pub fn routes(flags: Flags) -> Router {
    routes::all(flags)
}
