//! What a process keeps of each project: its flags, ready to be evaluated, and everything that is printed from them.
//!
//! The database is asked a few times per second and project for counters only; flags are read again when a counter differs. One task
//! asks per project, whoever many wait for it. Requests wait only when nothing is known or when what is known could be older than
//! one second; while the database does not answer they get what is known, marked as stale.

mod project;

pub use project::Project;

use crate::Flags;
use anyhow::{Result, anyhow};
use model::TeamId;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use teams::Team;
use tokio::sync::watch;
use tokio::time::{timeout, timeout_at};

/// From this age on, what is known is compared with the database in the background.
const COMPARE_AFTER: Duration = Duration::from_millis(300);
/// Up to this age it is right; beyond, requests wait for the comparison.
const RIGHT_FOR: Duration = Duration::from_millis(800);
/// How long a request waits for a comparison before it is answered with what is known.
const PATIENCE: Duration = Duration::from_millis(500);
/// And when nothing is known.
const FIRST_PATIENCE: Duration = Duration::from_secs(5);
const ATTEMPT_WITHIN: Duration = Duration::from_secs(10);
/// Between attempts while they fail.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// All projects together; those not asked for the longest time go first.
const MAX_BYTES: u64 = 256 << 20;
const MAX_TOKENS: u64 = 20_000;

pub struct Cache {
    projects: moka::sync::Cache<TeamId, Arc<Slot>>,
    tokens: moka::sync::Cache<String, TeamId>,
}

/// A project as a request is answered with it.
#[derive(Clone)]
pub struct Served {
    pub team: Arc<Team>,
    pub project: Arc<Project>,
    pub has_surveys: bool,
    /// The database does not answer, so that this may be out of date.
    pub is_stale: bool,
}

impl Default for Cache {
    fn default() -> Self {
        // One that outweighs all the others is kept nevertheless: it would be read anew for every request.
        let weigh = |_: &TeamId, slot: &Arc<Slot>| slot.weight.load(Ordering::Relaxed).clamp(1 << 10, MAX_BYTES as u32 / 4);
        Self {
            projects: moka::sync::Cache::builder().max_capacity(MAX_BYTES).weigher(weigh).build(),
            tokens: moka::sync::Cache::builder().max_capacity(MAX_TOKENS).build(),
        }
    }
}

impl Cache {
    /// `None` for a token that no project has.
    pub async fn by_token(&self, flags: &Flags, token: &str) -> Result<Option<Served>> {
        if let Some(id) = self.tokens.get(token) {
            match self.by_id(flags, id).await? {
                Some(served) if served.team.api_token == token => return Ok(Some(served)),
                // The project was deleted, or its token replaced.
                _ => self.tokens.invalidate(token),
            }
        }
        let team = timeout(FIRST_PATIENCE, flags.teams.by_token(token)).await.map_err(|_| too_slow())??;
        let Some(team) = team else { return Ok(None) };
        self.tokens.insert(token.to_owned(), team.id);
        self.by_id(flags, team.id).await
    }

    pub async fn by_id(&self, flags: &Flags, id: TeamId) -> Result<Option<Served>> {
        let slot = match self.projects.get(&id) {
            Some(slot) => slot,
            None => self.projects.get_with(id, || Arc::new(Slot::new(id))),
        };
        slot.serve(flags).await
    }

    /// What is known stays known, in case the database goes away now.
    pub fn expire(&self, id: TeamId) {
        if let Some(slot) = self.projects.get(&id) {
            slot.state.lock().expirations += 1;
        }
    }
}

fn too_slow() -> anyhow::Error {
    anyhow!("the database does not answer in time")
}

struct Slot {
    id: TeamId,
    state: Mutex<State>,
    /// One attempt to compare is under way.
    is_comparing: AtomicBool,
    /// Changes when an attempt has ended.
    attempts: watch::Sender<()>,
    /// In bytes, about.
    weight: AtomicU32,
}

#[derive(Default)]
struct State {
    known: Option<Known>,
    /// Raised when something in this process was changed; what was read before is then out of date.
    expirations: u64,
    /// Since when attempts fail, and the last one's error.
    failing: Option<Failing>,
}

#[derive(Clone)]
struct Known {
    /// `None` when the project does not exist.
    served: Option<Served>,
    compared_at: Instant,
    expirations: u64,
}

#[derive(Clone)]
struct Failing {
    at: Instant,
    error: Arc<str>,
}

impl Slot {
    fn new(id: TeamId) -> Self {
        Self {
            id,
            state: Mutex::default(),
            is_comparing: AtomicBool::new(false),
            attempts: watch::Sender::new(()),
            weight: AtomicU32::new(0),
        }
    }

    async fn serve(self: &Arc<Self>, flags: &Flags) -> Result<Option<Served>> {
        let patience = {
            let state = self.state.lock();
            let age = state.age();
            if age.is_some_and(|age| age < COMPARE_AFTER) {
                return Ok(state.served(false));
            }
            match age {
                Some(age) if age < RIGHT_FOR => Duration::ZERO,
                // Whoever waited found out that waiting does not help.
                Some(_) if state.failing.is_some() => Duration::ZERO,
                Some(_) => PATIENCE,
                None => FIRST_PATIENCE,
            }
        };
        let deadline = tokio::time::Instant::now() + patience;
        let mut attempts = self.attempts.subscribe();
        loop {
            let is_under_way = self.compare(flags);
            if patience.is_zero() || !is_under_way {
                return self.known_or_error();
            }
            let in_time = timeout_at(deadline, attempts.changed()).await.is_ok();
            let mut state = self.state.lock();
            if !in_time && state.failing.is_none() {
                state.failing = Some(Failing { at: Instant::now(), error: too_slow().to_string().into() });
            }
            // Otherwise something changed while it was read.
            if state.failing.is_some() || state.age().is_some_and(|age| age < RIGHT_FOR) {
                drop(state);
                return self.known_or_error();
            }
        }
    }

    fn known_or_error(&self) -> Result<Option<Served>> {
        let state = self.state.lock();
        match (state.age(), &state.failing) {
            (Some(age), _) => Ok(state.served(age >= RIGHT_FOR)),
            (None, Some(failing)) => Err(anyhow!("loading the flags of project {}: {}", self.id, failing.error)),
            (None, None) => Err(too_slow()),
        }
    }

    /// Starts an attempt unless one is under way or the last one has only just failed. False when nothing is under way then.
    fn compare(self: &Arc<Self>, flags: &Flags) -> bool {
        let failed_lately = self.state.lock().failing.as_ref().is_some_and(|failing| failing.at.elapsed() < RETRY_AFTER);
        if self.is_comparing.load(Ordering::Acquire) {
            return true;
        }
        if failed_lately {
            return false;
        }
        if self.is_comparing.swap(true, Ordering::AcqRel) {
            return true;
        }
        let attempt = Attempt(self.clone());
        tokio::spawn(attempt.run(flags.clone()));
        true
    }

    /// Ages count from when the attempt began: what it read was right then.
    fn settle(&self, started: Instant, expirations: u64, read: Result<Option<Served>>) {
        let mut state = self.state.lock();
        match read {
            Ok(served) => {
                state.known = Some(Known { served, compared_at: started, expirations });
                state.failing = None;
            }
            Err(error) => {
                if state.failing.is_none() {
                    tracing::error!("flags of project {} could not be read, so that the last known are served: {error:#}", self.id);
                }
                state.failing = Some(Failing { at: Instant::now(), error: format!("{error:#}").into() });
            }
        }
    }
}

/// Ends an attempt however it ends.
struct Attempt(Arc<Slot>);

impl Attempt {
    async fn run(self, flags: Flags) {
        let slot = &self.0;
        let (expirations, known) = {
            let state = slot.state.lock();
            (state.expirations, state.known.as_ref().and_then(|known| known.served.clone()))
        };
        let started = Instant::now();
        let read = timeout(ATTEMPT_WITHIN, project::read(&flags, slot.id, known.as_ref())).await;
        slot.settle(started, expirations, read.unwrap_or_else(|_| Err(too_slow())));
        let weight = slot.state.lock().known.as_ref().and_then(|known| Some(known.served.as_ref()?.project.bytes));
        if let Some(weight) = weight
            && slot.weight.swap(weight, Ordering::Relaxed) != weight
        {
            // Weighed anew.
            flags.memory.cache.projects.insert(slot.id, slot.clone());
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.0.is_comparing.store(false, Ordering::Release);
        self.0.attempts.send_replace(());
    }
}

impl State {
    /// Of what is known; never young after a change in this process.
    fn age(&self) -> Option<Duration> {
        let known = self.known.as_ref()?;
        let age = known.compared_at.elapsed();
        Some(if known.expirations == self.expirations { age } else { age.max(RIGHT_FOR) })
    }

    fn served(&self, is_stale: bool) -> Option<Served> {
        let served = self.known.as_ref()?.served.as_ref()?;
        Some(Served { is_stale, ..served.clone() })
    }
}
