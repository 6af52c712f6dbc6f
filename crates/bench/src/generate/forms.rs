//! The same events as each engine takes them. Nothing here needs escaping: no name or value holds a tab, a quote or a backslash.

use super::catalogue::{EVENTS, HOST, MEDIUMS, REFERRERS, SOURCES, write_path, write_url};
use super::noise::hash;
use super::person::{Merges, Person, device_id, distinct_id, distinct_id_number, person, person_id, uuid_at, write_distinct_id};
use super::story::{DAY_MS, Event, Life};
use std::io::{self, Write};
use uuid::Uuid;

const EVENT_ID: u64 = 20;
const SESSION_ID: u64 = 21;
const INSERT_ID: u64 = 22;

/// A JSON line as SDKs send it and `hoglet import events` reads it.
pub fn capture(event: &Event, out: &mut Vec<u8>) -> io::Result<()> {
    let id = distinct_id(event.person, event.id);
    let (name, uuid) = (EVENTS[usize::from(event.name)], event_id(event));
    write!(out, "{{\"event\":\"{name}\",\"uuid\":\"{uuid}\",\"distinct_id\":\"{id}\",\"timestamp\":\"")?;
    write_instant(event.at_ms, 'T', out)?;
    out.extend_from_slice(b"Z\",\"properties\":");
    properties(event, out)?;
    out.extend_from_slice(b"}\n");
    Ok(())
}

/// Tab-separated, as PostHog's ingestion writes it into ClickHouse. The person is the one whom ingestion knew then: merges come after
/// everything else, so it is never the survivor of one.
pub fn row(event: &Event, created_ms: i64, out: &mut Vec<u8>) -> io::Result<()> {
    let (uuid, name, id) = (event_id(event), EVENTS[usize::from(event.name)], distinct_id(event.person, event.id));
    write!(out, "{uuid}\t{name}\t")?;
    properties(event, out)?;
    out.push(b'\t');
    write_instant(event.at_ms, ' ', out)?;
    write!(out, "\t1\t{id}\t{}\t", person_id(event.person))?;
    write_instant(created_ms, ' ', out)?;
    out.push(b'\n');
    Ok(())
}

/// Tab-separated, one column per property, persons and sessions as numbers. `\N` is NULL.
pub fn shredded(event: &Event, created_ms: i64, out: &mut Vec<u8>) -> io::Result<()> {
    let who = person(event.person);
    write!(out, "{}\t{}\t", event_id(event), EVENTS[usize::from(event.name)])?;
    write_instant(event.at_ms, ' ', out)?;
    write!(out, "\t{}\t{}\t", distinct_id_number(event.person, event.id), event.person)?;
    write_instant(created_ms, ' ', out)?;
    write!(out, "\t{}\t", event.session)?;
    write_url(event.page, event.variant, out)?;
    out.push(b'\t');
    write_path(event.page, out)?;
    write!(out, "\t{HOST}\t{}\t{}\t{}\t", who.browser, who.browser_version, who.system.name())?;
    who.system.write_version(who.system_version, out)?;
    let ((width, height), (referrer, domain)) = (who.screen, REFERRERS[usize::from(event.referrer)]);
    write!(out, "\t{}\t{width}\t{height}\t{}\t{}", who.device, width - 16, height - 120)?;
    write!(out, "\t{referrer}\t{domain}\tweb\t{}\t{}\tCity {}-{}\t", who.library, who.country, who.country, who.city)?;
    write_address(&who, out)?;
    match event.campaign {
        Some(campaign) => write!(out, "\t{}\t{}\tcampaign-{campaign}", source(campaign), medium(campaign))?,
        None => out.extend_from_slice(b"\t\\N\t\\N\t\\N"),
    }
    write!(out, "\t{}\t", who.plan)?;
    match event.price_cents {
        Some(cents) => write!(out, "{}", f64::from(cents) / 100.0)?,
        None => out.extend_from_slice(b"\\N"),
    }
    writeln!(out, "\t{}\t{:016x}", who.on_trial, insert_id(event))
}

/// A JSON line for `hoglet import persons`.
pub fn person_line(number: u32, life: &Life, out: &mut Vec<u8>) -> io::Result<()> {
    let who = person(number);
    out.extend_from_slice(b"{\"distinct_ids\":[");
    let mut id = String::new();
    for index in 0..who.ids {
        id.clear();
        write_distinct_id(number, index, &mut id);
        write!(out, "{}\"{id}\"", if index > 0 { "," } else { "" })?;
    }
    write!(out, "],\"properties\":{{\"plan\":\"{}\"}},\"created_at\":\"", who.plan)?;
    write_instant(life.created_ms(), 'T', out)?;
    out.extend_from_slice(b"Z\"}\n");
    Ok(())
}

/// Tab-separated: a distinct id whose earlier events belong to somebody else now, in text and in number.
pub fn overrides(merges: &Merges, out: &mut Vec<u8>) -> io::Result<()> {
    for &(stays, goes) in &merges.pairs {
        for id in 0..person(goes).ids {
            let (text, number) = (distinct_id(goes, id), distinct_id_number(goes, id));
            writeln!(out, "{text}\t{}\t{number}\t{stays}", person_id(stays))?;
        }
    }
    Ok(())
}

fn properties(event: &Event, out: &mut Vec<u8>) -> io::Result<()> {
    let who = person(event.person);
    out.extend_from_slice(b"{\"$current_url\":\"");
    write_url(event.page, event.variant, out)?;
    out.extend_from_slice(b"\",\"$pathname\":\"");
    write_path(event.page, out)?;
    write!(out, "\",\"$host\":\"{HOST}\",\"$browser\":\"{}\",\"$browser_version\":{}", who.browser, who.browser_version)?;
    write!(out, ",\"$os\":\"{}\",\"$os_version\":\"", who.system.name())?;
    who.system.write_version(who.system_version, out)?;
    let (width, height) = who.screen;
    write!(out, "\",\"$device_type\":\"{}\",\"$screen_width\":{width},\"$screen_height\":{height}", who.device)?;
    write!(out, ",\"$viewport_width\":{},\"$viewport_height\":{}", width - 16, height - 120)?;
    let (referrer, domain) = REFERRERS[usize::from(event.referrer)];
    write!(out, ",\"$referrer\":\"{referrer}\",\"$referring_domain\":\"{domain}\",\"$lib\":\"web\",\"$lib_version\":\"{}\"", who.library)?;
    write!(out, ",\"$device_id\":\"{}\",\"$session_id\":\"{}\"", device_id(event.person, event.id), session_id(event))?;
    write!(out, ",\"$insert_id\":\"{:016x}\",\"$geoip_country_code\":\"{}\"", insert_id(event), who.country)?;
    write!(out, ",\"$geoip_city_name\":\"City {}-{}\",\"$geoip_disable\":true,\"$ip\":\"", who.country, who.city)?;
    write_address(&who, out)?;
    out.push(b'"');
    if let Some(campaign) = event.campaign {
        let (source, medium) = (source(campaign), medium(campaign));
        write!(out, ",\"utm_source\":\"{source}\",\"utm_medium\":\"{medium}\",\"utm_campaign\":\"campaign-{campaign}\"")?;
    }
    write!(out, ",\"plan\":\"{}\",\"is_trial\":{}", who.plan, who.on_trial)?;
    if let Some(cents) = event.price_cents {
        write!(out, ",\"price\":{}", f64::from(cents) / 100.0)?;
    }
    if let Some(goes) = event.merges_away {
        write!(out, ",\"alias\":\"{}\"", distinct_id(goes, 0))?;
    }
    write!(out, ",\"$time\":{}.{:03}}}", event.at_ms / 1000, event.at_ms % 1000)
}

fn event_id(event: &Event) -> Uuid {
    uuid_at(event.at_ms, EVENT_ID, event_number(event))
}

fn insert_id(event: &Event) -> u64 {
    hash(INSERT_ID, event_number(event))
}

fn event_number(event: &Event) -> u64 {
    u64::from(event.session) << 16 | u64::from(event.position)
}

fn session_id(event: &Event) -> Uuid {
    uuid_at(event.session_start_ms, SESSION_ID, event.session.into())
}

fn source(campaign: u8) -> &'static str {
    SOURCES[usize::from(campaign) % SOURCES.len()]
}

fn medium(campaign: u8) -> &'static str {
    MEDIUMS[usize::from(campaign) % MEDIUMS.len()]
}

fn write_address(who: &Person, out: &mut Vec<u8>) -> io::Result<()> {
    let [a, b, c, d] = who.address;
    write!(out, "{a}.{b}.{c}.{d}")
}

/// `2026-01-01T00:00:00.000`, in UTC.
fn write_instant(at_ms: i64, between: char, out: &mut Vec<u8>) -> io::Result<()> {
    let (year, month, day) = civil(at_ms.div_euclid(DAY_MS));
    let ms = at_ms.rem_euclid(DAY_MS);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    write!(out, "{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}.{:03}", ms % 1000)
}

/// Year, month and day of a day after 1970-01-01, by counting in eras of 400 years that begin on a 1st of March.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, of_year - (153 * from_march + 2) / 5 + 1)
}
