//! Surveys: questions that SDKs show on a site or a page of their own, and what people answered.
//!
//! A survey's life: a body is checked and applied ([`change`]), its flags follow it ([`targeting`]), SDKs fetch what runs
//! ([`routes`]) and capture events, and results are asked of the event store ([`results`]). [`jobs`] begins iterations and ends what
//! has enough responses.
//!
//! Invariants:
//! 1. Nothing that a survey's author wrote runs in a visitor's page: texts that SDKs take for HTML are sanitised before they are
//!    stored, and links open no scheme but `https` and `mailto`.
//! 2. The flags made for a survey are on while it runs, and are gone with it.
//! 3. Answers are events and nothing else; a survey that is deleted leaves them.

mod change;
mod check;
mod html;
mod iterations;
pub mod jobs;
mod results;
mod routes;
mod saving;
mod schema;
mod store;
mod survey;
mod targeting;
mod triggers;
mod wire;

pub use routes::{public, routes};
pub use schema::MIGRATIONS;
pub use store::has_running;

use db::Db;
use events::EventStore;
use flags::Flags;
use model::{Clock, TeamId};
use moka::sync::Cache;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use teams::Teams;
use tokio::sync::{Mutex, Semaphore};
use web::UserSource;

/// How far behind another process's change the list for SDKs may be.
const PUBLIC_FOR: Duration = Duration::from_secs(1);
/// Lists for SDKs that are kept in memory, together.
const PUBLIC_BYTES: u64 = 32 << 20;
/// Queries for results that run at the same time; most of the machine belongs to others.
const QUERIES: usize = 2;

/// What the routes share. Cheap to clone; clones share what is kept in memory.
#[derive(Clone)]
pub struct SurveysState {
    pub db: Db,
    pub clock: Clock,
    pub users: UserSource,
    pub teams: Teams,
    pub flags: Flags,
    pub store: Arc<dyn EventStore>,
    turns: Arc<Semaphore>,
    /// One writer at a time: a survey and its flags are several writes.
    writing: Arc<Mutex<()>>,
    /// What SDKs get, by project.
    public: Cache<TeamId, Arc<Value>>,
}

impl SurveysState {
    pub fn new(flags: Flags, store: Arc<dyn EventStore>) -> SurveysState {
        let public = Cache::builder()
            .time_to_live(PUBLIC_FOR)
            .max_capacity(PUBLIC_BYTES)
            .weigher(|_, list: &Arc<Value>| u32::try_from(list.to_string().len()).unwrap_or(u32::MAX))
            .build();
        SurveysState {
            db: flags.db.clone(),
            clock: flags.clock,
            users: flags.users.clone(),
            teams: flags.teams.clone(),
            flags,
            store,
            turns: Arc::new(Semaphore::new(QUERIES)),
            writing: Arc::default(),
            public,
        }
    }
}
