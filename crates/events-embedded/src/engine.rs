//! The engine as the rest of Hoglet sees it, and its background threads.

use crate::behave;
use crate::dimensions::DimensionTables;
use crate::disk::{Disk, Gate};
use crate::open::recover;
use crate::packed;
use crate::select;
use crate::snapshot::Snapshot;
use crate::state::{Limits, Shared, Signal};
use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use events::{Behave, Behaved, Budget, Dimensions, Erase, EventBatch, EventStore, QueryError, Select, Selected, StoreError, StoreStats};
use model::{Clock, TeamId};
use parking_lot::{Mutex, RwLock};
use query::Printed;
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Opened files, key maps and person tables that nothing used for this long are let go of.
const KEEP_OPEN: Duration = Duration::from_secs(120);
/// A query is tried again without the segments that it found damaged, this many times.
const RETRIES: usize = 3;

pub struct EngineConfig {
    pub dir: PathBuf,
    pub clock: Clock,
    pub dimensions: Arc<dyn Dimensions>,
    /// Newest rows are kept in memory up to this size; while they are sealed, up to twice that more.
    pub memory_bytes: usize,
    /// The newest rows become a segment after this time, however few they are.
    pub memory_age: Duration,
    /// Segments with so many rows get packed columns, which queries read several times faster.
    pub packed_rows: u64,
    /// Cores that queries may use, all of them together.
    pub query_threads: usize,
    /// Seal and merge in background threads. Without them only `flush` and `compact` do.
    pub background: bool,
    /// Makes chosen writing steps fail; for tests.
    pub gate: Option<Gate>,
}

impl EngineConfig {
    pub fn new(dir: PathBuf, clock: Clock, dimensions: Arc<dyn Dimensions>) -> Self {
        EngineConfig {
            dir,
            clock,
            dimensions,
            memory_bytes: 48 << 20,
            memory_age: Duration::from_secs(600),
            packed_rows: packed::PACKED_ROWS,
            query_threads: std::thread::available_parallelism().map_or(2, usize::from),
            background: true,
            gate: None,
        }
    }
}

pub struct Engine {
    pub(crate) shared: Arc<Shared>,
    /// `None` once it is being dropped.
    queries: Option<tokio::runtime::Runtime>,
    workers: Vec<JoinHandle<()>>,
    /// Held while the folder is ours.
    _lock: File,
}

impl Engine {
    /// Reads the manifest and the tail of the log; takes time for the latter only.
    pub fn open(config: EngineConfig) -> Result<Arc<Engine>> {
        std::fs::create_dir_all(&config.dir).with_context(|| format!("creating {}", config.dir.display()))?;
        let lock = lock_folder(&config.dir)?;
        let disk = Disk::new(config.dir.clone(), config.gate);
        let recovered = recover(&disk).with_context(|| format!("opening the events in {}", config.dir.display()))?;
        let shared = Arc::new(Shared {
            clock: config.clock,
            limits: Limits {
                memory_bytes: config.memory_bytes,
                memory_age: config.memory_age,
                packed_rows: config.packed_rows,
                query_threads: config.query_threads,
            },
            dimensions: Arc::new(DimensionTables::new(config.dimensions)),
            teams: packed::Teams::default(),
            keyring: recovered.keyring,
            next_file: AtomicU64::new(recovered.manifest.next_file),
            structure: Mutex::new(recovered.manifest),
            writer: Mutex::new(recovered.writer),
            state: RwLock::new(recovered.state),
            signal: Signal::default(),
            merged: AtomicU64::new(u64::MAX),
            damage: Mutex::default(),
            disk,
        });
        recovered.damage.into_iter().for_each(|what| shared.report_damage(what));
        let queries = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(config.query_threads.max(1))
            .max_blocking_threads(16)
            .thread_name("events-query")
            // Plans of deeply nested queries are walked by recursion.
            .thread_stack_size(8 << 20)
            .enable_all()
            .build()
            .context("starting the query threads")?;
        let workers = if config.background { start_workers(&shared)? } else { Vec::new() };
        Ok(Arc::new(Engine { shared, queries: Some(queries), workers, _lock: lock }))
    }

    /// What was found damaged and set aside since the start, in words for an operator.
    pub fn damage(&self) -> Vec<String> {
        self.shared.damage.lock().clone()
    }

    /// Merges segments until nothing is worth merging.
    pub async fn compact(&self) -> Result<()> {
        self.blocking(|shared| {
            while shared.compact_once()? {}
            while shared.pack_once()? {}
            Ok(())
        })
        .await
    }

    /// Runs SQL that is printed already.
    pub async fn run(
        &self,
        printed: Printed,
        team: TeamId,
        budget: Budget,
        cancel: Option<watch::Receiver<bool>>,
    ) -> Result<Selected, QueryError> {
        let (printed, shared) = (Arc::new(printed), self.shared.clone());
        self.answer(team, budget, cancel, |snapshot, left| {
            select::run(printed.clone(), team, snapshot, shared.dimensions.clone(), left, Some(shared.clone()))
        })
        .await
    }

    /// Answers from a snapshot, again without the segments that turn out to be damaged.
    async fn answer<T: Send + 'static, F: Future<Output = Result<T, QueryError>> + Send + 'static>(
        &self,
        team: TeamId,
        budget: Budget,
        cancel: Option<watch::Receiver<bool>>,
        work: impl Fn(Arc<Snapshot>, Budget) -> F,
    ) -> Result<T, QueryError> {
        let started = Instant::now();
        for attempt in 0.. {
            let mut snapshot = self.shared.state.read().snapshot(team);
            snapshot.hashing = Some((team, self.shared.keyring.clone()));
            let snapshot = Arc::new(snapshot);
            let left = Budget { deadline: budget.deadline.saturating_sub(started.elapsed()), ..budget };
            let result = self.attempt(work(snapshot.clone(), left), left, cancel.clone()).await;
            let damaged: Vec<_> = snapshot.segments.iter().filter(|segment| segment.is_damaged()).cloned().collect();
            match result {
                Err(QueryError::Deadline(_)) => return Err(QueryError::Deadline(budget.deadline)),
                Err(_) if !damaged.is_empty() && attempt < RETRIES => {
                    self.blocking(move |shared| shared.quarantine(&damaged)).await.map_err(QueryError::Failed)?;
                }
                result => return result,
            }
        }
        unreachable!("the last attempt returns")
    }

    async fn attempt<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, QueryError>> + Send + 'static,
        budget: Budget,
        cancel: Option<watch::Receiver<bool>>,
    ) -> Result<T, QueryError> {
        let queries = self.queries.as_ref().expect("runs until the engine is dropped");
        let mut task = AbortOnDrop(queries.spawn(work));
        tokio::select! {
            result = &mut task.0 => result.unwrap_or_else(|error| Err(QueryError::Failed(error.into()))),
            () = tokio::time::sleep(budget.deadline) => Err(QueryError::Deadline(budget.deadline)),
            () = cancelled(cancel) => Err(QueryError::Cancelled),
        }
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Shared) -> Result<T> + Send + 'static) -> Result<T> {
        let shared = self.shared.clone();
        tokio::task::spawn_blocking(move || work(&shared)).await.context("a storage task was lost")?
    }
}

/// A task that nobody waits for any more stops.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn cancelled(cancel: Option<watch::Receiver<bool>>) {
    if let Some(mut cancel) = cancel
        && cancel.wait_for(|stop| *stop).await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

fn lock_folder(dir: &std::path::Path) -> Result<File> {
    let path = dir.join("LOCK");
    let file =
        File::options().create(true).truncate(false).write(true).open(&path).with_context(|| format!("opening {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("{} is in use by another Hoglet", dir.display()),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("locking {}", path.display())),
    }
}

#[async_trait]
impl EventStore for Engine {
    async fn append(&self, batch: EventBatch) -> Result<(), StoreError> {
        let shared = self.shared.clone();
        tokio::task::spawn_blocking(move || shared.append(batch)).await.map_err(|error| StoreError::Failed(error.into()))?
    }

    async fn position(&self) -> Result<Option<u64>> {
        Ok(self.shared.state.read().position)
    }

    async fn select(&self, select: Select) -> Result<Selected, QueryError> {
        let printed = query::print_datafusion(&select.query);
        self.run(printed, select.query.team, select.budget, select.cancel).await
    }

    async fn behave(&self, behave: Behave) -> Result<Behaved, QueryError> {
        let (printed, plan) = (Arc::new(query::print_datafusion(&behave.rows)), Arc::new(behave.plan));
        let (team, shared) = (behave.rows.team, self.shared.clone());
        self.answer(team, behave.budget, behave.cancel, |snapshot, left| {
            let (printed, plan, shared) = (printed.clone(), plan.clone(), shared.clone());
            async move {
                let fast = packed::behave(shared.clone(), printed.clone(), plan.clone(), team, snapshot.clone(), left).await?;
                match fast {
                    Some(behaved) => Ok(behaved),
                    None => behave::run(printed, plan, team, snapshot, shared.dimensions.clone(), left).await,
                }
            }
        })
        .await
    }

    async fn erase(&self, what: Erase) -> Result<()> {
        self.blocking(|shared| shared.erase(what)).await
    }

    fn stats(&self) -> StoreStats {
        self.shared.stats()
    }

    async fn flush(&self) -> Result<()> {
        self.blocking(Shared::seal_all).await
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shared.signal.stop.store(true, Ordering::Relaxed);
        self.shared.signal.notify();
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
        if let Some(queries) = self.queries.take() {
            queries.shutdown_background();
        }
    }
}

fn start_workers(shared: &Arc<Shared>) -> Result<Vec<JoinHandle<()>>> {
    let start = |name: &str, work: fn(&Shared) -> Result<bool>, pause: Duration| {
        let shared = shared.clone();
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            yield_to_others();
            let mut failures = 0;
            while !shared.signal.stopped() {
                match work(&shared) {
                    Ok(true) => failures = 0,
                    Ok(false) => {
                        failures = 0;
                        shared.signal.wait(pause);
                    }
                    Err(error) if shared.signal.stopped() => tracing::debug!(?error, "stopped while working"),
                    Err(error) => {
                        tracing::error!(?error, "a background task of the event store failed; it is tried again");
                        failures += 1;
                        rest_after(failures, &shared.signal);
                    }
                }
            }
        })
    };
    Ok(vec![
        start("events-seal", seal_when_due, Duration::from_millis(500))?,
        start("events-merge", merge_and_tidy, Duration::from_secs(2))?,
    ])
}

/// A full disk should not fill the log with complaints, but work should go on soon after there is room.
fn rest_after(failures: u32, signal: &Signal) {
    let until = Instant::now() + Duration::from_millis(200 << failures.min(4));
    while Instant::now() < until && !signal.stopped() {
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn seal_when_due(shared: &Shared) -> Result<bool> {
    let state = shared.state.read();
    let old = state.active.since.is_some_and(|since| since.elapsed() > shared.limits.memory_age);
    let due = state.frozen.is_some() || state.active.bytes > shared.limits.memory_bytes || old;
    drop(state);
    if due { shared.seal() } else { Ok(false) }
}

fn merge_and_tidy(shared: &Shared) -> Result<bool> {
    let since = Instant::now().checked_sub(KEEP_OPEN);
    if let Some(since) = since {
        shared.dimensions.forget_unused(since);
        shared.teams.forget_unused(since);
        let segments: Vec<_> = shared.state.read().all_segments().cloned().collect();
        segments.iter().for_each(|segment| segment.forget_unused(since));
    }
    if shared.is_rushed() {
        return Ok(false);
    }
    Ok(shared.compact_once()? || shared.pack_once()?)
}

/// Background work gets what queries and ingestion leave over.
fn yield_to_others() {
    // SAFETY: takes plain numbers; on Linux it concerns the calling thread only. A refusal changes nothing.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, 10);
    }
}
