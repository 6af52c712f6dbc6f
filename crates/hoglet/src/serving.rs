//! What flags need from the rest of the program: places, visitors without cookies, surveys, the remote config.

use crate::config::Config;
use crate::pipeline::{self, Pipeline};
use accounts::AccountsState;
use anyhow::{Context, Result};
use flags::{CookielessIdOf, Flags, HasSurveys, Memory, PlaceOf, Rate, Rates, Served, Visitor, payload};
use model::Clock;
use parking_lot::Mutex;
use sdk::{Contents, ContentsOf};
use serde_json::Map;
use std::path::Path;
use std::sync::Arc;

pub fn flags(config: &Config, pipeline: &Pipeline, accounts: &AccountsState, secret_key: &str) -> Result<Flags> {
    Ok(Flags {
        db: pipeline.db.clone(),
        users: crate::app::users(accounts),
        teams: pipeline.teams.clone(),
        clock: pipeline.clock,
        authenticator: accounts.authenticator(),
        remote_config: Arc::new(|served, headers| sdk::remote_config(&served.team, contents(served), headers)),
        place_of: place_of(pipeline.geoip_db.as_deref())?,
        cookieless_id_of: cookieless_id_of(pipeline.db.clone(), pipeline.clock),
        has_surveys: has_surveys(pipeline.db.clone()),
        proxies: pipeline::capture_proxies(config, &pipeline.proxies),
        payload_key: Arc::new(payload::Key::derive(secret_key.as_bytes())?),
        memory: Arc::new(Memory::with_rates(rates(config))),
    })
}

/// What the remote config says that a project has.
pub fn contents_of(flags: &Flags) -> ContentsOf {
    let flags = flags.clone();
    Arc::new(move |team| {
        let flags = flags.clone();
        Box::pin(async move { Ok(flags.served(team.id).await?.as_ref().map(contents).unwrap_or_default()) })
    })
}

fn contents(served: &Served) -> Contents {
    Contents {
        has_active_flags: served.project.has_active_flags(),
        has_surveys: served.has_surveys,
        recordings_limited: flags::quota_limited(&served.team).contains(&"recordings"),
    }
}

/// `0` is no limit.
fn rates(config: &Config) -> Rates {
    let limits = &config.limits;
    let rate = |per_second: u32, burst: u32| {
        (per_second > 0).then(|| Rate { per_second: f64::from(per_second), burst: f64::from(burst.max(per_second)) })
    };
    let per_minute = limits.flag_definitions_per_minute;
    Rates::new(
        rate(limits.flags_per_address, limits.flags_per_address_burst),
        rate(limits.flags_per_project, limits.flags_per_project_burst),
        (per_minute > 0).then(|| Rate { per_second: f64::from(per_minute) / 60.0, burst: f64::from(per_minute) }),
    )
}

fn place_of(database: Option<&Path>) -> Result<PlaceOf> {
    let Some(database) = database else { return Ok(Arc::new(|_| None)) };
    let geo = Mutex::new(ingest::Geo::open(database).context("places for flags")?);
    Ok(Arc::new(move |address| {
        let place = geo.lock().lookup(&address.to_string())?;
        let names: Map<_, _> = place.event.iter().map(|(name, value)| (name.to_string(), value.to_json())).collect();
        Some(names)
    }))
}

fn cookieless_id_of(db: db::Db, clock: Clock) -> CookielessIdOf {
    Arc::new(move |visitor: Visitor| {
        let db = db.clone();
        Box::pin(async move {
            let sighting = ingest::Sighting {
                project: visitor.team.id,
                mode: visitor.team.cookieless_mode,
                ip: visitor.ip,
                user_agent: &visitor.user_agent,
                host: &visitor.host,
                timezone: visitor.timezone.as_deref().and_then(|name| name.parse().ok()).unwrap_or(visitor.team.timezone),
                extra: &visitor.extra,
                now: clock.now(),
            };
            ingest::cookieless_id(&db, rand::random, &sighting).await
        })
    })
}

fn has_surveys(db: db::Db) -> HasSurveys {
    Arc::new(move |team| {
        let db = db.clone();
        Box::pin(async move { surveys::has_running(&db, team).await })
    })
}
