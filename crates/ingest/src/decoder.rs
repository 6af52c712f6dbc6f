//! From queue records to events that have passed every step of [`crate::steps::STEPS`]. Runs one batch ahead of the writer.

use crate::event::{Drop, Incoming, Project};
use crate::geo::Geo;
use crate::names::{Names, Special};
use crate::outcomes::Reason;
use crate::parse::{self, ParseError};
use crate::restrictions::Restrictions;
use crate::steps::{STEPS, Tools};
use anyhow::{Context, Result};
use db::Db;
use model::captured::DecodeError;
use model::{CapturedEvent, PropertyValue, TeamId, Timestamp};
use parking_lot::Mutex;
use queue::{Batch, Offset};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use teams::Teams;

/// Events between two looks at whether another task wants to run.
pub(crate) const EVENTS_PER_TURN: usize = 256;
const RESTRICTIONS_SECONDS: i64 = 30;
/// Enough of an unknown token to recognise it.
const SHOWN_TOKEN_CHARS: usize = 16;

/// A batch that only needs its persons.
pub struct Decoded {
    pub next: Offset,
    pub events: Vec<Incoming>,
    pub dropped: Vec<Dropped>,
}

pub struct Dropped {
    /// `None` when the token belongs to no project.
    pub team: Option<TeamId>,
    pub reason: Reason,
    /// An object.
    pub details: Value,
    pub at: Timestamp,
}

pub struct Decoder {
    db: Db,
    teams: Teams,
    names: Arc<Mutex<Names>>,
    geo: Option<Geo>,
    restrictions: Restrictions,
    restrictions_read_at: Option<Timestamp>,
    sent_at: Option<(Timestamp, Arc<str>)>,
}

type Projects<'t> = HashMap<&'t str, Option<Arc<Project>>>;

impl Decoder {
    pub fn new(db: Db, teams: Teams, names: Arc<Mutex<Names>>, geo: Option<Geo>) -> Decoder {
        Decoder { db, teams, names, geo, restrictions: Restrictions::default(), restrictions_read_at: None, sent_at: None }
    }

    /// Fails when a project cannot be looked up, or when a newer build wrote the records: acknowledged events are never skipped
    /// because this build cannot read them.
    pub async fn decode(&mut self, batch: &Batch, now: Timestamp) -> Result<Decoded> {
        self.refresh_restrictions(now).await;
        let mut decoded = Decoded { next: batch.next(), events: Vec::with_capacity(batch.records.len()), dropped: Vec::new() };
        let mut captured = Vec::with_capacity(batch.records.len());
        for record in &batch.records {
            match CapturedEvent::decode(record) {
                Ok(event) => captured.push(event),
                Err(error @ DecodeError::UnknownVersion(_)) => return Err(error).context("reading the queue; start the newer build"),
                Err(error) => {
                    tracing::error!(%error, "a record of the queue is damaged");
                    let details = json!({ "message": error.to_string() });
                    decoded.dropped.push(Dropped { team: None, reason: Reason::UnreadableRecord, details, at: now });
                }
            }
        }
        let projects = self.projects(&captured).await?;
        for turn in captured.chunks(EVENTS_PER_TURN) {
            for event in turn {
                self.decode_one(event, &projects, &mut decoded);
            }
            tokio::task::yield_now().await;
        }
        Ok(decoded)
    }

    /// Rules that cannot be read leave the last ones in force.
    async fn refresh_restrictions(&mut self, now: Timestamp) {
        let fresh = self.restrictions_read_at.is_some_and(|at| now.since(at).abs() < RESTRICTIONS_SECONDS * 1_000_000);
        if fresh {
            return;
        }
        self.restrictions_read_at = Some(now);
        match Restrictions::load(&self.db).await {
            Ok(restrictions) => self.restrictions = restrictions,
            Err(error) => tracing::warn!(error = format!("{error:#}"), "event restrictions cannot be read; the last ones stay in force"),
        }
    }

    async fn projects<'t>(&self, captured: &'t [CapturedEvent<'_>]) -> Result<Projects<'t>> {
        let mut projects: Projects<'t> = HashMap::new();
        let mut last = "";
        for event in captured {
            if *event.token == *last && !last.is_empty() {
                continue;
            }
            last = &event.token;
            if !projects.contains_key(last) {
                let team = self.teams.by_token(last).await?;
                projects.insert(last, team.map(|team| Arc::new(Project::from(&*team))));
            }
        }
        Ok(projects)
    }

    fn decode_one(&mut self, captured: &CapturedEvent<'_>, projects: &Projects<'_>, decoded: &mut Decoded) {
        let Some(project) = projects.get(&*captured.token).cloned().flatten() else {
            let shown: String = captured.token.chars().take(SHOWN_TOKEN_CHARS).collect();
            let details = json!({ "token": shown, "event": &*captured.event });
            decoded.dropped.push(Dropped { team: None, reason: Reason::UnknownToken, details, at: captured.now });
            return;
        };
        let mut names = self.names.lock();
        let mut event = Incoming::new(captured, project, &mut names);
        let mut tools = Tools { names: &mut names, geo: self.geo.as_mut(), restrictions: &self.restrictions, sent_at: &mut self.sent_at };
        match read(&mut event, captured, &mut tools) {
            Ok(()) => decoded.events.push(event),
            Err(drop) => decoded.dropped.push(dropped(&event, drop)),
        }
    }
}

pub fn dropped(event: &Incoming, drop: Drop) -> Dropped {
    Dropped { team: Some(event.project.id), reason: drop.reason, details: event.details(drop.detail), at: event.now }
}

fn read(event: &mut Incoming, captured: &CapturedEvent<'_>, tools: &mut Tools<'_>) -> Result<(), Drop> {
    let parsed = parse::parse(&captured.properties, tools.names).map_err(|error| match error {
        ParseError::Malformed => Drop::from(Reason::MalformedProperties),
        ParseError::TooMany => Drop::from(Reason::TooManyProperties),
    })?;
    event.properties = parsed.properties;
    event.special = parsed.special;
    event.automatic = parsed.automatic;
    event.cookieless |=
        event.special.has(Special::CookielessMode) && event.properties.get("$cookieless_mode") == Some(&PropertyValue::Bool(true));
    STEPS.iter().try_for_each(|step| (step.apply)(event, tools))
}
