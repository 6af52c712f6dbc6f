//! Visitors without cookies: ids that hold for one day and cannot be turned back into an address.
//!
//! The day's salt exists only in the database and is deleted with the day, after which nobody can tell who an id was.

use crate::event::{Drop, Incoming, Kind};
use crate::names::Special;
use crate::outcomes::Reason;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use model::{Properties, PropertyValue, TeamId, Timestamp};
use siphasher::sip128::{Hasher128, SipHasher24};
use std::collections::HashMap;
use std::hash::Hasher;
use std::net::IpAddr;
use std::sync::Arc;
use uuid::Uuid;

/// The distinct id of every cookieless event until its visitor is identified.
pub const SENTINEL: &str = "$posthog_cookieless";
const SESSION_TIMEOUT_US: i64 = 30 * 60 * 1_000_000;
const MAX_EXTRA_CHARS: usize = 100;

pub type Salt = [u8; 16];
pub type Hash = [u8; 16];

/// An event that may be processed: what its ids are made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Visitor {
    pub day: NaiveDate,
    /// When the day began where the visitor is.
    pub day_start: Timestamp,
    ip: Arc<str>,
    root_domain: String,
    user_agent: Arc<str>,
    extra: String,
}

/// Checks what the event needs, before any salt is looked up.
pub fn visitor(event: &Incoming) -> Result<Visitor, Drop> {
    let refuse = |reason: Reason| Err(Drop::from(reason));
    match event.project.cookieless_mode {
        0 => return refuse(Reason::CookielessDisabled),
        1 if event.kind == Kind::Identify => return refuse(Reason::CookielessUnsupported),
        _ => {}
    }
    if matches!(event.kind, Kind::CreateAlias | Kind::MergeDangerously) {
        return refuse(Reason::CookielessUnsupported);
    }
    let Some(PropertyValue::String(user_agent)) = event.properties.get("$raw_user_agent") else {
        return refuse(Reason::CookielessMissingUserAgent);
    };
    if event.ip.is_empty() {
        return refuse(Reason::CookielessMissingIp);
    }
    let Some(host) = event.properties.get_str("$host").filter(|host| !host.is_empty()) else {
        return refuse(Reason::CookielessMissingHost);
    };
    let zone = event.properties.get_str("$timezone").and_then(|name| name.parse().ok()).unwrap_or(event.project.timezone);
    let Some((day, day_start)) = day_of(event.timestamp, zone) else {
        return refuse(Reason::CookielessOutOfRange);
    };
    if !is_valid(day, event.now) {
        return refuse(Reason::CookielessOutOfRange);
    }
    let extra = event.properties.get_str("$cookieless_extra").unwrap_or_default().chars().take(MAX_EXTRA_CHARS).collect();
    Ok(Visitor { day, day_start, ip: event.ip.clone(), root_domain: root_domain(host), user_agent: user_agent.clone(), extra })
}

/// What a request that is no event tells of a visitor without cookies.
#[derive(Clone, Debug)]
pub struct Sighting<'a> {
    pub project: TeamId,
    /// 1 stateless, 2 stateful.
    pub mode: u8,
    pub ip: IpAddr,
    pub user_agent: &'a str,
    /// Of the page, with its port.
    pub host: &'a str,
    /// The visitor's; the project's when it is not told.
    pub timezone: Tz,
    pub extra: &'a str,
    pub now: Timestamp,
}

impl Visitor {
    /// The visitor that an event from the same page at the same time would have. `None` at the end of time.
    pub fn seen(sighting: &Sighting) -> Option<Visitor> {
        let (day, day_start) = day_of(sighting.now, sighting.timezone)?;
        Some(Visitor {
            day,
            day_start,
            ip: sighting.ip.to_string().into(),
            root_domain: root_domain(sighting.host),
            user_agent: sighting.user_agent.into(),
            extra: sighting.extra.chars().take(MAX_EXTRA_CHARS).collect(),
        })
    }
}

fn day_of(at: Timestamp, zone: Tz) -> Option<(NaiveDate, Timestamp)> {
    let day = at.to_utc()?.with_timezone(&zone).date_naive();
    let midnight = day.and_time(NaiveTime::MIN);
    // A zone that skips midnight on this day starts it an hour later.
    let start = zone
        .from_local_datetime(&midnight)
        .earliest()
        .or_else(|| zone.from_local_datetime(&(midnight + chrono::TimeDelta::hours(1))).earliest());
    Some((day, Timestamp::from_utc(start.map_or_else(|| midnight.and_utc(), |start| start.to_utc()))))
}

/// A day is over everywhere 14 hours after it ended in UTC; events may be three more days late.
fn is_valid(day: NaiveDate, now: Timestamp) -> bool {
    let midnight: DateTime<Utc> = day.and_time(NaiveTime::MIN).and_utc();
    let midnight = Timestamp::from_utc(midnight);
    let hours = |hours: i64| midnight.plus_seconds(hours * 3_600);
    now >= hours(-12) && now < hours(24 + 14 + 72)
}

/// The first day whose salt may still be needed at `now`.
pub fn oldest_day(now: Timestamp) -> Option<NaiveDate> {
    Some(now.plus_seconds(-(24 + 14 + 72) * 3_600).to_utc()?.date_naive())
}

fn root_domain(host: &str) -> String {
    if host.starts_with('[') {
        return host.to_owned();
    }
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, Some(port)),
        _ => (host, None),
    };
    let root = match name {
        "localhost" => "127.0.0.1",
        name if name.parse::<std::net::IpAddr>().is_ok() => name,
        name => psl::domain_str(name).unwrap_or(name),
    };
    match port {
        Some(port) => format!("{root}:{port}"),
        None => root.to_owned(),
    }
}

impl Visitor {
    /// `n` counts how often the visitor was identified that day, so that two people at one computer are two.
    pub fn hash(&self, project: TeamId, salt: &Salt, n: usize) -> Hash {
        let text = format!("{project}-{}-{}-{}-{n}-{}", self.ip, self.root_domain, self.user_agent, self.extra);
        let mut hasher = SipHasher24::new_with_key(salt);
        hasher.write(text.as_bytes());
        hasher.finish128().as_bytes()
    }
}

/// What a stateful project remembers of one visitor for a day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Visits {
    /// The `$identify` events so far.
    pub identifies: Vec<Uuid>,
    /// And when it was last used.
    pub session: Option<(Uuid, Timestamp)>,
}

/// Gives an event of a stateless project its ids.
pub fn rewrite_stateless(event: &mut Incoming, visitor: &Visitor, salt: &Salt) {
    let hash = visitor.hash(event.project.id, salt, 0);
    event.distinct_id = distinct_id(&hash).into();
    let session = v7(visitor.day_start, &hash);
    set_ids(event, &hash, session);
}

/// Gives an event of a stateful project its ids and remembers the visit.
pub fn rewrite_stateful(event: &mut Incoming, visitor: &Visitor, salt: &Salt, visits: &mut Visits) {
    let is_sentinel = &*event.distinct_id == SENTINEL;
    let n = match event.kind {
        Kind::Identify => visits.identifies.iter().filter(|&&uuid| uuid != event.uuid).count(),
        _ if is_sentinel => visits.identifies.len(),
        _ => visits.identifies.len().saturating_sub(1),
    };
    let hash = visitor.hash(event.project.id, salt, n);
    if event.kind == Kind::Identify {
        event.properties.set("$anon_distinct_id", distinct_id(&hash).as_str());
        event.special.insert(Special::AnonDistinctId);
        if !visits.identifies.contains(&event.uuid) {
            visits.identifies.push(event.uuid);
        }
    } else if is_sentinel {
        event.distinct_id = distinct_id(&hash).into();
    }
    let session = match visits.session {
        Some((session, last)) if event.timestamp.since(last) <= SESSION_TIMEOUT_US => session,
        _ => v7(event.timestamp, event.uuid.as_bytes()),
    };
    let last = visits.session.filter(|(known, _)| *known == session).map_or(event.timestamp, |(_, last)| last.max(event.timestamp));
    visits.session = Some((session, last));
    set_ids(event, &hash, session);
}

pub fn distinct_id(hash: &Hash) -> String {
    format!("cookieless_{}", STANDARD_NO_PAD.encode(hash))
}

/// A session id whose time is `at` and whose random part is the first ten bytes of `seed`.
fn v7(at: Timestamp, seed: &[u8; 16]) -> Uuid {
    let random: &[u8; 10] = seed.first_chunk().expect("sixteen bytes begin with ten");
    uuid::Builder::from_unix_timestamp_millis(at.millis().max(0) as u64, random).into_uuid()
}

fn set_ids(event: &mut Incoming, hash: &Hash, session: Uuid) {
    event.properties.set("$device_id", format!("cookielessd_{}", STANDARD_NO_PAD.encode(hash)).as_str());
    event.properties.set("$session_id", session.to_string().as_str());
    let distinct_id = event.distinct_id.clone();
    event.properties.set("$distinct_id", PropertyValue::String(distinct_id));
    for name in ["$ip", "$raw_user_agent", "$cookieless_extra"] {
        event.properties.remove(name);
    }
    event.update.set.retain(|(name, _)| &**name != "$raw_user_agent");
    event.update.set_once.retain(|(name, _)| &**name != "$initial_raw_user_agent");
    for (special, of, name) in [(Special::Set, "$set", "$raw_user_agent"), (Special::SetOnce, "$set_once", "$initial_raw_user_agent")] {
        if event.special.has(special) {
            remove_inside(&mut event.properties, of, name);
        }
    }
    event.ip = Arc::from("");
}

fn remove_inside(properties: &mut Properties, of: &'static str, name: &str) {
    let Some(PropertyValue::Json(text)) = properties.get(of) else { return };
    let Ok(mut object) = Properties::from_json_text(text) else { return };
    if object.remove(name).is_some() {
        properties.set(of, PropertyValue::Json(object.to_json_text().into()));
    }
}

/// By team and hash in hexadecimal, as stored.
pub type VisitMap = HashMap<(model::TeamId, String), (NaiveDate, Visits, bool)>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_reduced_to_what_was_registered() {
        for (host, expected) in [
            ("www.example.co.uk", "example.co.uk"),
            ("app.example.com:8080", "example.com:8080"),
            ("localhost:3000", "127.0.0.1:3000"),
            ("localhost", "127.0.0.1"),
            ("192.168.1.2:80", "192.168.1.2:80"),
            ("[::1]:80", "[::1]:80"),
            ("intranet", "intranet"),
        ] {
            assert_eq!(root_domain(host), expected);
        }
    }

    #[test]
    fn a_day_is_valid_from_its_first_midnight_on_earth_until_three_days_after_its_last() {
        let day = NaiveDate::from_ymd_opt(2025, 1, 10).unwrap();
        let at = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
        assert!(!is_valid(day, at("2025-01-09T11:59:59Z")));
        assert!(is_valid(day, at("2025-01-09T12:00:00Z")));
        assert!(is_valid(day, at("2025-01-14T13:59:59Z")));
        assert!(!is_valid(day, at("2025-01-14T14:00:00Z")));
    }

    #[test]
    fn days_begin_where_the_visitor_is() {
        let at = Timestamp::parse_rfc3339("2025-01-01T23:30:00Z").unwrap();
        let (day, start) = day_of(at, chrono_tz::Europe::Berlin).unwrap();
        assert_eq!(day.to_string(), "2025-01-02");
        assert_eq!(start.to_string(), "2025-01-01T23:00:00.000000Z");
    }
}
