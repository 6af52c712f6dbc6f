//! The loop: read the queue from where the event store is, decode the next batch while the last one is written.

use crate::decoder::{Decoded, Decoder};
use crate::geo::Geo;
use crate::names::Names;
use crate::writer::Writer;
use crate::{Config, Outcomes, Ports};
use anyhow::{Context, Result};
use parking_lot::Mutex;
use queue::{Batch, Offset, Reader, Topic};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Waits after a failure, doubling up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// After this long without events, persons are no longer kept in memory.
const IDLE: Duration = Duration::from_secs(5);

/// Ingestion. Cheap to clone; run one [`run`](Self::run) per event store.
#[derive(Clone)]
pub struct Ingest {
    ports: Ports,
    config: Arc<Config>,
    outcomes: Arc<Outcomes>,
    progress: Arc<Progress>,
}

#[derive(Default)]
struct Progress {
    /// Everything before is queryable.
    position: AtomicU64,
    /// The last failure, until a batch succeeds.
    failure: Mutex<Option<String>>,
}

/// How far ingestion is behind capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Lag {
    pub pending_events: u64,
    pub oldest_seconds: i64,
}

impl Ingest {
    pub fn new(ports: Ports, config: Config) -> Ingest {
        Ingest { ports, config: Arc::new(config), outcomes: Arc::default(), progress: Arc::default() }
    }

    pub fn outcomes(&self) -> Arc<Outcomes> {
        self.outcomes.clone()
    }

    /// Everything before is queryable.
    pub fn position(&self) -> u64 {
        self.progress.position.load(Ordering::Acquire)
    }

    pub fn lag(&self) -> Lag {
        let position = self.progress.position.load(Ordering::Acquire);
        let pending_events = self.ports.queue.end(Topic::Events).0.saturating_sub(position);
        let status = self.ports.queue.status(Topic::Events);
        let oldest = status.readers.iter().find(|reader| reader.reader == Reader::Ingest).and_then(|reader| reader.oldest_unread_at);
        let oldest_seconds = match oldest.filter(|_| pending_events > 0) {
            Some(at) => (self.ports.clock.now().since(at) / 1_000_000).max(0),
            None => 0,
        };
        Lag { pending_events, oldest_seconds }
    }

    /// What keeps ingestion from going on, if something does.
    pub fn failure(&self) -> Option<String> {
        self.progress.failure.lock().clone()
    }

    /// Works until `shutdown` becomes true; a batch that is being written is finished first. Failures of the database or of the
    /// event store are logged and tried again from the event store's position.
    pub async fn run(&self, mut shutdown: watch::Receiver<bool>) {
        let mut pause = SHORTEST_PAUSE;
        while !*shutdown.borrow() {
            let before = self.progress.position.load(Ordering::Acquire);
            let Err(error) = self.work_apart(&shutdown).await else { return };
            let text = format!("{error:#}");
            tracing::error!(error = text, "ingestion stopped; trying again");
            *self.progress.failure.lock() = Some(text);
            let advanced = self.progress.position.load(Ordering::Acquire) > before;
            pause = if advanced { SHORTEST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            tokio::select! {
                _ = tokio::time::sleep(pause) => {}
                _ = stopped(&mut shutdown) => {}
            }
        }
    }

    /// Ingests what is in the queue now, and returns how many records that were. For tests and for importing without a server.
    pub async fn process_available(&self) -> Result<u64> {
        let (mut decoder, mut writer, mut from) = self.start().await?;
        let start = from;
        while from < self.ports.queue.end(Topic::Events) {
            let batch = read(&self.ports, from, writer.written(), self.config.batch_bytes).await?;
            let decoded = decoder.decode(&batch, self.ports.clock.now()).await?;
            from = decoded.next;
            let landed = writer.write(decoded).await?;
            self.book(landed);
        }
        let landed = writer.land().await?;
        self.book(landed);
        Ok(from.0 - start.0)
    }

    async fn start(&self) -> Result<(Decoder, Writer, Offset)> {
        let stored = self.ports.store.position().await.context("reading the event store's position")?;
        let from = match stored {
            Some(position) => Offset(position),
            None => self.ports.queue.committed(Reader::Ingest).await.context("reading the queue's position")?,
        };
        self.progress.position.store(from.0, Ordering::Release);
        let names = Arc::new(Mutex::new(Names::default()));
        let geo = match &self.config.geoip_database {
            Some(path) => Some(Geo::open(path)?),
            None => None,
        };
        let decoder = Decoder::new(self.ports.db.clone(), self.ports.teams.clone(), names.clone(), geo);
        let writer = Writer::start(self.ports.clone(), self.outcomes.clone(), &self.config, names, from).await?;
        Ok((decoder, writer, from))
    }

    /// In a task of its own, so that a bug that panics is a failure like any other: logged, shown, tried again.
    async fn work_apart(&self, shutdown: &watch::Receiver<bool>) -> Result<()> {
        let (ingest, mut shutdown) = (self.clone(), shutdown.clone());
        let task = tokio::spawn(async move { ingest.work(&mut shutdown).await });
        let _stop = AbortOnDrop(task.abort_handle());
        task.await.context("ingestion panicked")?
    }

    async fn work(&self, shutdown: &mut watch::Receiver<bool>) -> Result<()> {
        let (decoder, mut writer, from) = self.start().await?;
        let (sender, mut decoded) = mpsc::channel(1);
        let reader = tokio::spawn(read_ahead(self.ports.clone(), self.config.clone(), decoder, from, writer.written(), sender));
        let _stop_reading = AbortOnDrop(reader.abort_handle());
        let worked = self.pump(&mut writer, &mut decoded, shutdown).await;
        // Whatever happened, what is on its way into the store gets there before somebody looks where to go on.
        let landed = writer.land().await;
        worked?;
        self.book(landed?);
        Ok(())
    }

    async fn pump(
        &self,
        writer: &mut Writer,
        decoded: &mut mpsc::Receiver<Result<Decoded>>,
        shutdown: &mut watch::Receiver<bool>,
    ) -> Result<()> {
        let mut rested = true;
        loop {
            let in_flight = writer.is_in_flight();
            let batch = tokio::select! {
                batch = decoded.recv() => Some(batch.context("the reader of the queue ended")??),
                () = writer.arrived(), if in_flight => None,
                _ = stopped(shutdown) => return Ok(()),
                () = tokio::time::sleep(IDLE), if !rested && !in_flight => {
                    writer.rest();
                    rested = true;
                    continue;
                }
            };
            rested = false;
            let landed = match batch {
                Some(batch) => writer.write(batch).await?,
                None => writer.land().await?,
            };
            self.book(landed);
        }
    }

    fn book(&self, landed: Option<Offset>) {
        let Some(next) = landed else { return };
        self.progress.position.store(next.0, Ordering::Release);
        self.progress.failure.lock().take();
        metrics::gauge!("hoglet_ingest_position").set(next.0 as f64);
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Ready when `shutdown` is true or its sender is gone.
async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|stop| *stop).await;
}

/// Keeps one decoded batch ready. Ends with the first failure, which the receiver gets.
async fn read_ahead(
    ports: Ports,
    config: Arc<Config>,
    mut decoder: Decoder,
    mut from: Offset,
    written: Offset,
    sender: mpsc::Sender<Result<Decoded>>,
) {
    loop {
        let decoded = async {
            let batch = read(&ports, from, written, config.batch_bytes).await?;
            decoder.decode(&batch, ports.clock.now()).await
        };
        let decoded = decoded.await;
        let failed = decoded.is_err();
        if let Ok(decoded) = &decoded {
            from = decoded.next;
        }
        if sender.send(decoded).await.is_err() || failed {
            return;
        }
    }
}

/// The next records, never on both sides of `written`.
async fn read(ports: &Ports, from: Offset, written: Offset, batch_bytes: usize) -> Result<Batch> {
    let mut batch = ports.queue.read(Topic::Events, from, batch_bytes).await.context("reading the queue")?;
    if batch.first < written && batch.next() > written {
        batch.records.truncate((written.0 - batch.first.0) as usize);
    }
    Ok(batch)
}
