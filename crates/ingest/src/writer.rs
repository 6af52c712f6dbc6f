//! One batch from "passed every step" to "queryable".
//!
//! ```text
//! cookieless ids ──► heatmaps ──► persons and groups ──► definitions ──► one transaction ──► event store ──► queue position
//! ```
//!
//! The transaction records the queue position up to which persons were written. The event store records its own with the rows.
//! After a crash between the two, the records in between are read again with `replay`: rows are built from the persons as they
//! are, and nothing else is written twice. Overrides wait in an outbox table until the store has them.
//!
//! The append of one batch goes on while the next one is decided; there is never more than one in flight.

use crate::cookieless_store::Cookieless;
use crate::decoder::{Decoded, Dropped, EVENTS_PER_TURN, dropped};
use crate::event::{HeatmapPoint, Incoming, Kind, Profile};
use crate::names::{Names, TraitNames};
use crate::outcomes::Reason;
use crate::persons::{Belonging, WorkingSet};
use crate::{Ports, heatmaps, store};
use anyhow::{Context, Result, bail};
use db::Transaction;
use definitions::warnings::Warning;
use definitions::{Named, Observed, Refused};
use events::{EventBatch, EventRow, PersonOverride, StoreError};
use model::{PersonMode, PropertyValue, TeamId, Timestamp};
use parking_lot::Mutex;
use people::ApplyError;
use queue::{Offset, Reader};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// When persons change under a batch it is decided again; after this many times, with the persons locked.
const UNLOCKED_ATTEMPTS: usize = 3;
/// A kind of warning is stored once per project in this time; merges, which say who, always are.
const WARNING_PAUSE_US: i64 = 3_600_000_000;

pub struct Writer {
    ports: Ports,
    outcomes: Arc<crate::Outcomes>,
    persons: WorkingSet,
    cookieless: Cookieless,
    /// Persons and groups are written up to here.
    written: u64,
    /// Overrides that a crash kept from the event store.
    unsent: Vec<PersonOverride>,
    /// The event store has the outbox's overrides up to here.
    sent: Option<u64>,
    warned: HashMap<(TeamId, &'static str), Timestamp>,
    marked: HashSet<TeamId>,
    flight: Option<Flight>,
}

/// A batch that is decided and on its way into the event store.
struct Flight {
    append: tokio::task::JoinHandle<Result<(), StoreError>>,
    /// Set once `append` has ended.
    result: Option<Result<()>>,
    next: Offset,
    counts: HashMap<TeamId, u64>,
    /// Projects that may not have had an event before.
    fresh: HashSet<TeamId>,
    drops: Vec<Dropped>,
    replay: bool,
}

#[derive(Default)]
struct Heatmaps {
    rows: Vec<HeatmapRow>,
    /// About events with nothing but heatmap data, which are gone by then.
    warnings: Vec<(TeamId, &'static str, Value)>,
}

pub(crate) struct HeatmapRow {
    pub team: TeamId,
    pub timestamp: Timestamp,
    pub session_id: String,
    pub distinct_id: Arc<str>,
    pub point: HeatmapPoint,
}

impl Writer {
    /// `from` is the event store's position.
    pub async fn start(
        ports: Ports,
        outcomes: Arc<crate::Outcomes>,
        config: &crate::Config,
        names: Arc<Mutex<Names>>,
        from: Offset,
    ) -> Result<Writer> {
        let written = store::position(&ports.db).await?.unwrap_or(0);
        let end = ports.queue.end(queue::Topic::Events).0;
        if written > end {
            tracing::warn!(written, end, "the queue is shorter than what was ingested from it; was its folder replaced?");
        }
        let unsent = store::outbox(&ports.db).await?;
        Ok(Writer {
            persons: WorkingSet::new(names, config.cached_persons),
            cookieless: Cookieless::new(config.random),
            written: if written > end { from.0 } else { written },
            ports,
            outcomes,
            unsent,
            sent: None,
            warned: HashMap::new(),
            marked: HashSet::new(),
            flight: None,
        })
    }

    /// Where batches must be split: records before are replayed, records from here on are new.
    pub fn written(&self) -> Offset {
        Offset(self.written)
    }

    /// Gives memory back while nothing happens.
    pub fn rest(&mut self) {
        self.persons.clear();
    }

    /// Decides a batch and sends it on its way into the event store, after the one before has landed. Returns how far the store
    /// is. Fails when the database or the event store does; the batch may then be half written: start again with a new writer.
    pub async fn write(&mut self, decoded: Decoded) -> Result<Option<Offset>> {
        let replay = decoded.next.0 <= self.written;
        let now = self.ports.clock.now();
        let Decoded { next, mut events, dropped: mut drops, .. } = decoded;
        self.rewrite_cookieless(&mut events, &mut drops).await?;
        let heatmaps = take_heatmaps(&mut events, &mut drops);
        let (belongings, overrides) = self.decide_and_commit(&mut events, &drops, heatmaps, next, now, replay).await?;
        let (events, belongings) = without_imports(events, belongings, &mut drops);
        let mut counts: HashMap<TeamId, u64> = HashMap::new();
        let mut fresh = HashSet::new();
        for event in &events {
            *counts.entry(event.project.id).or_default() += 1;
            if !event.project.ingested_event {
                fresh.insert(event.project.id);
            }
        }
        let rows: Vec<EventRow> = events.into_iter().zip(belongings).map(|(event, belonging)| row(event, belonging, now)).collect();
        self.persons.shrink();
        let landed = self.land().await?;
        if !replay {
            // Before the store takes the rows away. Records that come again after a crash were shown already.
            (self.ports.live)(&rows);
        }
        let (store, batch) = (self.ports.store.clone(), EventBatch { rows, overrides, position: Some(next.0) });
        let append = tokio::spawn(async move { store.append(batch).await });
        self.flight = Some(Flight { append, result: None, next, counts, fresh, drops, replay });
        Ok(landed)
    }

    pub fn is_in_flight(&self) -> bool {
        self.flight.is_some()
    }

    /// Waits for the append in flight to end. May be dropped and called again.
    pub async fn arrived(&mut self) {
        if let Some(flight) = &mut self.flight
            && flight.result.is_none()
        {
            let ended = (&mut flight.append).await;
            flight.result = Some(match ended {
                Ok(appended) => appended.context("appending to the event store"),
                Err(panicked) => Err(panicked).context("appending to the event store panicked"),
            });
        }
    }

    /// Waits for the append in flight and does what follows from it. Returns how far the store is, if something was in flight.
    pub async fn land(&mut self) -> Result<Option<Offset>> {
        self.arrived().await;
        let Some(Flight { result, next, counts, fresh, drops, replay, .. }) = self.flight.take() else { return Ok(None) };
        result.unwrap_or(Ok(()))?;
        self.sent = Some(next.0);
        self.unsent.clear();
        for (team, count) in counts {
            self.outcomes.accepted(team, count);
        }
        self.count_drops(&drops, replay);
        self.mark_ingested(fresh).await;
        self.ports.queue.commit(Reader::Ingest, next).await.context("committing the queue position")?;
        Ok(Some(next))
    }

    async fn rewrite_cookieless(&mut self, events: &mut Vec<Incoming>, drops: &mut Vec<Dropped>) -> Result<()> {
        let refused = self.cookieless.rewrite(&self.ports.db, events).await.context("giving cookieless visitors their ids")?;
        let mut refused = refused.into_iter();
        events.retain_mut(|event| match refused.next().flatten() {
            Some(drop) => {
                drops.push(dropped(event, drop));
                false
            }
            None => true,
        });
        Ok(())
    }

    /// Whose each event is, with everything that follows from it committed. The overrides are those that the store must learn.
    async fn decide_and_commit(
        &mut self,
        events: &mut [Incoming],
        drops: &[Dropped],
        heatmaps: Heatmaps,
        next: Offset,
        now: Timestamp,
        replay: bool,
    ) -> Result<(Vec<Belonging>, Vec<PersonOverride>)> {
        let mut teams: Vec<TeamId> = events.iter().map(|event| event.project.id).chain(drops.iter().filter_map(|drop| drop.team)).collect();
        teams.sort_unstable();
        teams.dedup();
        for attempt in 0..=UNLOCKED_ATTEMPTS {
            let locked = if attempt == UNLOCKED_ATTEMPTS { Some(self.lock(&teams).await?) } else { None };
            self.persons.prepare(&self.ports.db, events).await.context("loading persons")?;
            let belongings = self.decide(events, now, replay).await;
            if replay {
                return Ok((belongings, self.unsent.clone()));
            }
            if attempt == 0 {
                self.learn(events, &teams, now).await?;
            }
            let warnings = self.warnings(events, &belongings, drops, &heatmaps, &teams, now);
            match self.commit(locked, &teams, &warnings, &heatmaps.rows, next, now).await {
                Ok(mut overrides) => {
                    for warning in &warnings {
                        self.outcomes.warned(warning);
                        self.warned.insert((warning.team, warning.kind), now);
                    }
                    overrides.extend(self.unsent.iter().cloned());
                    return Ok((belongings, overrides));
                }
                Err(ApplyError::Stale(team)) => {
                    tracing::debug!(%team, attempt, "persons changed while a batch was decided");
                    teams.iter().for_each(|&team| self.persons.forget(team));
                }
                Err(ApplyError::Failed(error)) => return Err(error.context("writing persons")),
            }
        }
        bail!("the persons of a batch changed although they were locked")
    }

    async fn decide(&mut self, events: &mut [Incoming], now: Timestamp, replay: bool) -> Vec<Belonging> {
        let mut belongings = Vec::with_capacity(events.len());
        for turn in events.chunks_mut(EVENTS_PER_TURN) {
            for event in turn {
                let belonging = self.persons.process(event, now, replay);
                if belonging.mode != PersonMode::Full && event.profile == Profile::Full {
                    event.profile = Profile::Personless;
                    event.strip_person();
                }
                belongings.push(belonging);
            }
            tokio::task::yield_now().await;
        }
        belongings
    }

    async fn lock(&self, teams: &[TeamId]) -> Result<Transaction> {
        let mut transaction = self.ports.db.begin().await?;
        for &team in teams {
            people::store::lock(&mut transaction, team).await?;
        }
        Ok(transaction)
    }

    async fn learn(&self, events: &[Incoming], teams: &[TeamId], now: Timestamp) -> Result<()> {
        for &team in teams {
            self.ports.definitions.load(&self.ports.db, team).await.context("loading definitions")?;
        }
        let observed = events.iter().map(|event| Observed {
            team: event.project.id,
            event: &event.event,
            properties: &event.properties,
            is_event: event.kind != Kind::ImportPerson,
            person: person_names(event, self.persons.traits()),
            group: event.group.as_ref().map(|(index, set)| (*index, set)),
        });
        self.ports.definitions.observe(observed, now);
        Ok(())
    }

    fn warnings(
        &self,
        events: &[Incoming],
        belongings: &[Belonging],
        drops: &[Dropped],
        heatmaps: &Heatmaps,
        teams: &[TeamId],
        now: Timestamp,
    ) -> Vec<Warning> {
        let of_events = events.iter().zip(belongings).flat_map(|(event, belonging)| {
            let both = event.warnings.iter().chain(&belonging.warnings);
            both.map(|(kind, details)| (event.project.id, *kind, details))
        });
        let of_drops = drops.iter().filter(|drop| drop.reason.is_warning());
        let of_drops = of_drops.filter_map(|drop| Some((drop.team?, drop.reason.as_str(), &drop.details)));
        let of_heatmaps = heatmaps.warnings.iter().map(|(team, kind, details)| (*team, *kind, details));
        let full =
            teams.iter().filter_map(|&team| Some((team, "definitions_limit_reached", unrecorded(self.ports.definitions.refused(team))?)));
        let full: Vec<(TeamId, &'static str, Value)> = full.collect();
        let of_definitions = full.iter().map(|(team, kind, details)| (*team, *kind, details));
        let mut stored: Vec<Warning> = Vec::new();
        for (team, kind, details) in of_events.chain(of_drops).chain(of_heatmaps).chain(of_definitions) {
            let always = kind.starts_with("cannot_merge");
            let recent = self.warned.get(&(team, kind)).is_some_and(|at| now.since(*at) < WARNING_PAUSE_US);
            if always || !recent && !stored.iter().any(|other| other.team == team && other.kind == kind) {
                stored.push(Warning { team, kind, details: details.clone(), timestamp: now });
            }
        }
        stored
    }

    /// One transaction for everything, or none when there is nothing to write.
    async fn commit(
        &mut self,
        locked: Option<Transaction>,
        teams: &[TeamId],
        warnings: &[Warning],
        heatmap: &[HeatmapRow],
        next: Offset,
        now: Timestamp,
    ) -> Result<Vec<PersonOverride>, ApplyError> {
        let changed: Vec<TeamId> = teams.iter().copied().filter(|&team| self.persons.changes(team).is_some()).collect();
        let learned = self.ports.definitions.has_pending(teams);
        if changed.is_empty() && !learned && warnings.is_empty() && heatmap.is_empty() && !self.cookieless.has_changes() {
            return Ok(Vec::new());
        }
        let mut transaction = match locked {
            Some(transaction) => transaction,
            None => self.ports.db.begin().await?,
        };
        let mut overrides = Vec::new();
        let mut versions = Vec::new();
        for &team in &changed {
            let Some((read_at, changes)) = self.persons.changes(team) else { continue };
            let (version, moved) = people::changes::apply(&mut transaction, team, read_at, changes).await?;
            versions.push((team, version));
            overrides.extend(moved);
        }
        for &team in teams {
            self.ports.definitions.write(&mut transaction, team, now).await?;
        }
        definitions::warnings::insert(&mut transaction, warnings).await?;
        store::insert_heatmaps(&mut transaction, heatmap).await?;
        self.cookieless.write(&mut transaction).await?;
        store::update_outbox(&mut transaction, self.sent, &overrides, next.0).await?;
        store::set_position(&mut transaction, next.0).await?;
        transaction.commit().await?;
        self.written = next.0;
        for (team, version) in versions {
            self.persons.committed(team, version);
        }
        Ok(overrides)
    }

    fn count_drops(&self, drops: &[Dropped], replay: bool) {
        for drop in drops.iter().filter(|_| !replay) {
            self.outcomes.dropped(drop.team, drop.reason, drop.details.clone(), drop.at);
        }
    }

    /// Only a hint for the onboarding page: a failure is not worth stopping for.
    async fn mark_ingested(&mut self, teams: HashSet<TeamId>) {
        for team in teams {
            if self.marked.insert(team)
                && let Err(error) = self.ports.teams.mark_ingested(team).await
            {
                self.marked.remove(&team);
                tracing::warn!(%team, error = format!("{error:#}"), "the project's first event cannot be recorded");
            }
        }
    }
}

impl std::ops::Drop for Writer {
    /// What was learned but perhaps not committed must be read again.
    fn drop(&mut self) {
        self.ports.definitions.forget_pending();
    }
}

/// What a project is told when it uses more names than are recorded; the events themselves are stored.
fn unrecorded(refused: Refused) -> Option<Value> {
    (refused != Refused::default()).then(|| {
        json!({
            "message": "The project uses more event or property names than are listed. Put variable data into values, not into names.",
            "events": refused.events,
            "properties": refused.properties,
            "eventProperties": refused.pairs,
        })
    })
}

/// What the event says about its person, each name with its value.
fn person_names<'e>(event: &'e Incoming, traits: &'e TraitNames) -> impl Iterator<Item = Named<'e>> {
    let explicit = event.update.set.iter().chain(&event.update.set_once).map(|(name, value)| (name, value));
    explicit.chain(event.traits(traits).flat_map(|one| [(one.name, one.value), (one.initial, one.value)]))
}

/// Takes heatmap data out of events, and events out that hold nothing else.
fn take_heatmaps(events: &mut Vec<Incoming>, drops: &mut Vec<Dropped>) -> Heatmaps {
    let mut taken = Heatmaps::default();
    events.retain_mut(|event| {
        heatmaps::extract(event);
        for point in std::mem::take(&mut event.heatmap) {
            taken.rows.push(HeatmapRow {
                team: event.project.id,
                timestamp: event.timestamp,
                session_id: event.properties.get_str("$session_id").unwrap_or_default().to_owned(),
                distinct_id: event.distinct_id.clone(),
                point,
            });
        }
        if !heatmaps::is_all(event) {
            return true;
        }
        let warnings = std::mem::take(&mut event.warnings);
        taken.warnings.extend(warnings.into_iter().map(|(kind, details)| (event.project.id, kind, details)));
        drops.push(dropped(event, Reason::HeatmapOnly.into()));
        false
    });
    taken
}

/// Imported persons are written by now; there is no event to store.
fn without_imports(events: Vec<Incoming>, belongings: Vec<Belonging>, drops: &mut Vec<Dropped>) -> (Vec<Incoming>, Vec<Belonging>) {
    if events.iter().all(|event| event.kind != Kind::ImportPerson) {
        return (events, belongings);
    }
    let both = events.into_iter().zip(belongings);
    let (imports, kept): (Vec<_>, Vec<_>) = both.partition(|(event, _)| event.kind == Kind::ImportPerson);
    drops.extend(imports.iter().map(|(event, _)| dropped(event, Reason::PersonImported.into())));
    kept.into_iter().unzip()
}

const GROUP_PROPERTIES: [&str; 5] = ["$group_0", "$group_1", "$group_2", "$group_3", "$group_4"];

fn row(mut event: Incoming, belonging: Belonging, now: Timestamp) -> EventRow {
    for (index, key) in belonging.groups {
        if let Some(name) = GROUP_PROPERTIES.get(usize::from(index.0)) {
            event.properties.set(*name, PropertyValue::String(key));
        }
    }
    EventRow {
        team: event.project.id,
        uuid: event.uuid,
        event: event.event,
        timestamp: event.timestamp,
        created_at: now,
        distinct_id: event.distinct_id,
        person_id: belonging.person_id,
        person_created_at: belonging.person_created_at,
        person_mode: belonging.mode,
        properties: event.properties,
        person_properties: belonging.person_properties,
        elements_chain: event.elements_chain,
        historical_migration: event.historical_migration,
    }
}
