//! The thread that stores reader positions now and then, and gives up segments that every reader has committed.

use super::LogConfig;
use super::positions::Positions;
use super::topic::TopicLog;
use anyhow::{Context, Result};
use parking_lot::{Condvar, Mutex};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How other threads talk to the keeper.
#[derive(Default)]
pub struct Signal {
    state: Mutex<SignalState>,
    wake: Condvar,
}

#[derive(Default)]
struct SignalState {
    changed: bool,
    stopping: bool,
}

impl Signal {
    pub fn positions_changed(&self) {
        let mut state = self.state.lock();
        if !std::mem::replace(&mut state.changed, true) {
            self.wake.notify_one();
        }
    }

    /// Waits until positions have changed; `false` when it is time to stop.
    fn wait(&self) -> bool {
        let mut state = self.state.lock();
        while !state.changed && !state.stopping {
            self.wake.wait(&mut state);
        }
        state.changed = false;
        !state.stopping
    }

    /// Sleeps unless it is time to stop.
    fn rest(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut state = self.state.lock();
        while !state.stopping && !self.wake.wait_until(&mut state, until).timed_out() {}
    }
}

pub struct Keeper {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub fn start(dir: PathBuf, config: Arc<LogConfig>, topics: Vec<Arc<TopicLog>>, signal: Arc<Signal>) -> Result<Self> {
        let work = Work { dir, config, topics, stored: Positions::default() };
        let loop_signal = signal.clone();
        let thread = std::thread::Builder::new().name("queue-keeper".to_owned()).spawn(move || work.run(&loop_signal));
        Ok(Keeper { signal, thread: Some(thread.context("starting the log's keeper thread")?) })
    }

    /// Stores the positions a last time.
    pub fn stop(&mut self) {
        self.signal.state.lock().stopping = true;
        self.signal.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

struct Work {
    dir: PathBuf,
    config: Arc<LogConfig>,
    topics: Vec<Arc<TopicLog>>,
    stored: Positions,
}

impl Work {
    fn run(mut self, signal: &Signal) {
        loop {
            let go_on = signal.wait();
            self.store();
            self.give_up_segments();
            if !go_on {
                return;
            }
            signal.rest(self.config.keeping_interval);
        }
    }

    fn store(&mut self) {
        let mut positions = Positions::default();
        for topic in &self.topics {
            // Commits first: they never run ahead of the end.
            positions.committed.extend(topic.state.lock().committed.iter().map(|(reader, offset)| (*reader, *offset)));
            positions.ends.insert(topic.topic, topic.end().0);
        }
        if positions == self.stored {
            return;
        }
        match positions.store(&self.config.disk, &self.dir) {
            Ok(()) => self.stored = positions,
            Err(error) => tracing::warn!(%error, "reader positions could not be stored; trying again with the next commit"),
        }
    }

    /// Removes files whose records every reader has committed, durably. One is kept as a spare for the writer.
    fn give_up_segments(&self) {
        for topic in &self.topics {
            metrics::gauge!("queue_size_bytes", "topic" => topic.topic.as_str()).set(topic.size_bytes() as f64);
            loop {
                let mut state = topic.state.lock();
                let stored = state.committed.keys().map(|reader| self.stored.committed.get(reader).copied().unwrap_or_default());
                let needed_from = stored.min().unwrap_or_default();
                let sealed = state.segments.len() > 1;
                let done = state.segments.front().is_some_and(|segment| sealed && segment.end() <= needed_from);
                if !done {
                    break;
                }
                let Some(segment) = state.segments.pop_front() else { break };
                let wants_spare = state.spare.is_none() && !segment.is_suspect() && segment.size() >= topic.config.segment_limit() / 2;
                drop(state);
                if wants_spare {
                    let spare = segment.path.with_extension("spare");
                    if self.config.disk.rename(&segment.path, &spare).is_ok() {
                        topic.state.lock().spare = Some(spare);
                        continue;
                    }
                }
                if let Err(error) = self.config.disk.remove(&segment.path) {
                    tracing::warn!(%error, file = %segment.path.display(), "a finished segment could not be removed; it will be at the next start");
                }
            }
        }
    }
}
