//! What an event passes through, opened once: metadata, queue, event store, ingestion. The server and the offline commands use it alike.

use crate::config::Config;
use crate::data_dir::DataDir;
use anyhow::{Context, Result, bail};
use axum::Router;
use capture::{Capture, CaptureConfig, DropList};
use cohorts::WithCohorts;
use db::{Db, DbUrl};
use definitions::Definitions;
use events::{EventRow, EventStore};
use events_embedded::{Engine, EngineConfig};
use ingest::Ingest;
use live::{Hub, LiveEvent};
use model::{Clock, Timestamp};
use people::People;
use queue::{Log, LogConfig, Offset, Topic};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use teams::Teams;
use web::Proxies;

/// Where PostHog's installations mount the city database.
const USUAL_GEOIP_DB: &str = "/share/GeoLite2-City.mmdb";

pub struct Pipeline {
    pub data_dir: DataDir,
    pub clock: Clock,
    pub db: Db,
    pub teams: Teams,
    pub queue: Arc<Log>,
    pub people: Arc<WithCohorts>,
    pub store: Arc<Engine>,
    pub definitions: Arc<Definitions>,
    pub hub: Hub,
    /// Which flags were called, as ingestion notices it.
    pub flag_calls: Arc<flags::manage::Calls>,
    pub ingest: Arc<Ingest>,
    pub capture: Arc<Capture>,
    pub proxies: Proxies,
    pub geoip_db: Option<PathBuf>,
}

/// All tables, feature by feature.
fn migrations() -> Vec<(&'static str, &'static [db::Migration])> {
    vec![
        ("teams", teams::MIGRATIONS),
        ("accounts", accounts::MIGRATIONS),
        ("people", people::MIGRATIONS),
        ("definitions", definitions::MIGRATIONS),
        ("ingest", ingest::MIGRATIONS),
        ("insights", insights::MIGRATIONS),
        ("activity", activity::MIGRATIONS),
        ("cohorts", cohorts::MIGRATIONS),
        ("actions", actions::MIGRATIONS),
        ("flags", flags::MIGRATIONS),
        ("experiments", experiments::MIGRATIONS),
        ("surveys", surveys::MIGRATIONS),
    ]
}

impl Pipeline {
    /// Opens everything that `config` names. Fails with a sentence that says what to do.
    pub async fn open(config: &Config) -> Result<Pipeline> {
        let data_dir = DataDir::open(&config.data_dir)?;
        let clock = clock(config);
        let db = open_db(config, data_dir.path()).await?;
        db.migrate(&migrations()).await.context("bringing the metadata database up to date")?;
        let teams = Teams::new(db.clone());
        let people = Arc::new(WithCohorts { people: Arc::new(People::new(db.clone())), db: db.clone() });
        let (queue_dir, events_dir, store_people) = (data_dir.join("queue"), data_dir.join("events"), people.clone());
        let queue_bytes = config.limits.queue_bytes;
        let mut engine = EngineConfig::new(events_dir, clock, store_people);
        engine.query_threads = config.limits.query_threads.unwrap_or(engine.query_threads);
        let (queue, store) = tokio::task::spawn_blocking(move || -> Result<_> {
            let queue =
                Log::open(&queue_dir, LogConfig { max_bytes: queue_bytes, clock, ..LogConfig::default() }).context("opening the queue")?;
            let store = Engine::open(engine).context("opening the event store")?;
            Ok((Arc::new(queue), store))
        })
        .await??;
        if let Some(position) = store.position().await.context("reading the event store's position")? {
            // If the queue's folder was replaced, new events must not get numbers that ingestion takes for old ones.
            queue.begin_at(Topic::Events, Offset(position));
        }
        let definitions = Arc::new(Definitions::default());
        let hub = Hub::new(clock);
        let flag_calls = Arc::new(flags::manage::Calls::default());
        let geoip_db = geoip_database(config)?;
        let ports = ingest::Ports {
            queue: queue.clone(),
            store: store.clone(),
            db: db.clone(),
            teams: teams.clone(),
            definitions: definitions.clone(),
            live: live_feed(hub.clone(), flag_calls.clone()),
            clock,
        };
        let ingest = Ingest::new(ports, ingest::Config { geoip_database: geoip_db.clone(), ..ingest::Config::default() });
        let proxies = proxies(config)?;
        let capture = Capture::new(
            queue.clone(),
            clock,
            CaptureConfig {
                trusted_proxies: capture_proxies(config, &proxies),
                drop_list: DropList::parse(&config.limits.drop_events_by_token_distinct_id),
                max_event_bytes: config.limits.event_bytes,
                ..CaptureConfig::default()
            },
        );
        Ok(Pipeline {
            data_dir,
            clock,
            db,
            teams,
            queue,
            people,
            store,
            definitions,
            hub,
            flag_calls,
            ingest: Arc::new(ingest),
            capture,
            proxies,
            geoip_db,
        })
    }

    pub fn capture_routes(&self) -> Router {
        capture::routes(self.capture.clone())
    }

    /// Ingests what is in the queue now.
    pub async fn ingest_available(&self) -> Result<u64> {
        self.ingest.process_available().await
    }

    /// The given project token, checked; without one, the token of the only project.
    pub async fn token_or_only(&self, given: Option<&str>) -> Result<String> {
        if let Some(token) = given {
            return match self.teams.by_token(token).await? {
                Some(team) => Ok(team.api_token.clone()),
                None => bail!("no project has the token {token}; the project's settings show it"),
            };
        }
        match self.teams.all().await?.as_slice() {
            [] => bail!("there is no project yet: start the server and sign up first, or set HOGLET_ADMIN_EMAIL and HOGLET_ADMIN_PASSWORD"),
            [only] => Ok(only.api_token.clone()),
            several => bail!(
                "there are several projects; name one with --project-api-key: {}",
                several.iter().map(|team| format!("{} ({})", team.api_token, team.name)).collect::<Vec<_>>().join(", ")
            ),
        }
    }

    /// Puts the newest rows into segments, so that the next start has nothing to read back.
    pub async fn close(self) -> Result<()> {
        self.store.flush().await.context("writing the newest events into segments")
    }
}

/// `HOGLET_FIXED_NOW` was checked when the configuration was read.
pub fn clock(config: &Config) -> Clock {
    config.fixed_now.as_deref().and_then(Timestamp::parse_rfc3339).map_or(Clock::System, Clock::Fixed)
}

async fn open_db(config: &Config, data_dir: &Path) -> Result<Db> {
    let url = db_url(config, data_dir)?;
    Db::open(&url).await.with_context(|| format!("opening the metadata database ({})", database_name(config)))
}

fn db_url(config: &Config, data_dir: &Path) -> Result<DbUrl> {
    match &config.database_url {
        None => Ok(DbUrl::Sqlite(data_dir.join("metadata.sqlite"))),
        Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => Ok(DbUrl::Postgres(url.clone())),
        Some(_) => bail!("DATABASE_URL must begin with postgres://; unset it to use SQLite in the data directory"),
    }
}

pub fn database_name(config: &Config) -> &'static str {
    if config.database_url.is_some() { "PostgreSQL" } else { "SQLite" }
}

/// `hoglet migrate`: the metadata only; the server may be running on another machine.
pub async fn migrate(config: &Config) -> Result<&'static str> {
    std::fs::create_dir_all(&config.data_dir).with_context(|| format!("creating {}", config.data_dir.display()))?;
    let db = open_db(config, &config.data_dir).await?;
    db.migrate(&migrations()).await.context("bringing the metadata database up to date")?;
    Ok(database_name(config))
}

fn geoip_database(config: &Config) -> Result<Option<PathBuf>> {
    if let Some(path) = &config.geoip_db {
        if !path.exists() {
            bail!(
                "HOGLET_GEOIP_DB names {}, which does not exist; give a city .mmdb file, or unset it to go without places",
                path.display()
            );
        }
        return Ok(Some(path.clone()));
    }
    Ok(Some(PathBuf::from(USUAL_GEOIP_DB)).filter(|path| path.exists()))
}

fn proxies(config: &Config) -> Result<Proxies> {
    if config.proxy.trust_all {
        return Ok(Proxies::All);
    }
    if config.proxy.trusted.is_empty() {
        return Ok(Proxies::None);
    }
    let networks: Result<Vec<web::Network>> = config.proxy.trusted.iter().map(|text| text.parse().context("TRUSTED_PROXIES")).collect();
    Ok(Proxies::Networks(networks?.into()))
}

/// Events say where a client claims to be, and SDKs are used behind proxies of all kinds: as with PostHog, capture believes
/// forwarding headers unless the operator has named the proxies. So do flags.
pub fn capture_proxies(config: &Config, proxies: &Proxies) -> Proxies {
    if config.proxy.trusted.is_empty() { Proxies::All } else { proxies.clone() }
}

fn live_feed(hub: Hub, flag_calls: Arc<flags::manage::Calls>) -> ingest::LiveFeed {
    Arc::new(move |rows: &[EventRow]| {
        for row in rows.iter().filter(|row| &*row.event == "$feature_flag_called") {
            if let Some(key) = row.properties.get_str("$feature_flag") {
                flag_calls.note(row.team, key, row.timestamp);
            }
        }
        let events: Vec<LiveEvent> = rows
            .iter()
            .map(|row| LiveEvent {
                team: row.team,
                uuid: row.uuid,
                timestamp: row.timestamp,
                distinct_id: row.distinct_id.clone(),
                person_id: row.person_id,
                event: row.event.clone(),
                properties: if hub.is_watched(row.team) { row.properties.to_json_text().into() } else { "".into() },
            })
            .collect();
        metrics::counter!("posthog_events_ingested_total").increment(rows.len() as u64);
        hub.publish(&events);
    })
}
