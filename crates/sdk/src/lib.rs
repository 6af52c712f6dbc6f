//! What official client SDKs load from their host before they send anything: remote config, the browser SDK with its lazily loaded
//! extensions, and small public lists (web experiments, product tours).
//!
//! Invariants:
//! 1. Every answer, errors too, carries CORS headers: a script or a failed request without them is invisible to the page.
//! 2. Scripts are the files of the official npm package, byte for byte; only their transfer encoding is ours.
//! 3. A script name is looked up in the embedded index and never touches a file system.
//!
//! Start with [`remote_config`] for the settings that SDKs obey, with [`scripts`] for how files are embedded and served.

mod domains;
mod negotiation;
pub mod remote_config;
mod routes;
pub mod scripts;

use std::{future::Future, pin::Pin, sync::Arc};

use axum::Router;
use teams::{Team, Teams};

pub use remote_config::{Contents, remote_config};
pub use scripts::Scripts;

/// What a project has; flags and surveys are not known here.
pub type ContentsOf = Arc<dyn Fn(Arc<Team>) -> Pin<Box<dyn Future<Output = anyhow::Result<Contents>> + Send>> + Send + Sync>;

#[derive(Clone)]
pub struct Sdk {
    pub teams: Teams,
    pub scripts: Arc<Scripts>,
    pub contents_of: ContentsOf,
}

impl Sdk {
    /// Serves the scripts that this build embeds.
    pub fn new(teams: Teams, contents_of: ContentsOf) -> anyhow::Result<Self> {
        Ok(Self { teams, scripts: Arc::new(Scripts::embedded()?), contents_of })
    }
}

/// `/array/…`, `/static/…`, `/licenses/…` and the public lists under `/api/…`.
pub fn routes(sdk: Sdk) -> Router {
    routes::all().with_state(sdk).layer(axum::middleware::from_fn(web::any_origin))
}
