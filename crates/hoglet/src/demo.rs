//! Believable data for a project to look at: a small product ("Quillnote", a shared notebook) over ninety days.
//!
//! The story that the data tells: search brings most visitors, referrals convert best, a pricing page appears three weeks
//! before the end and lifts upgrades, weekends are quiet, mobile visitors seldom sign up.

use crate::demo_flags;
use chrono::{Datelike, Timelike};
use model::captured::CapturedFlags;
use model::{CapturedEvent, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};
use uuid::Uuid;

const DAYS: i64 = 90;
const DAY_SECONDS: i64 = 86_400;
const HOST: &str = "quillnote.example";

const COUNTRIES: &[(&str, &str, &str, &str, f64, f64, u32)] = &[
    ("United States", "US", "Austin", "America/Chicago", 30.27, -97.74, 30),
    ("Germany", "DE", "Berlin", "Europe/Berlin", 52.52, 13.4, 17),
    ("United Kingdom", "GB", "Leeds", "Europe/London", 53.8, -1.55, 13),
    ("France", "FR", "Lyon", "Europe/Paris", 45.76, 4.84, 9),
    ("India", "IN", "Pune", "Asia/Kolkata", 18.52, 73.86, 9),
    ("Brazil", "BR", "Recife", "America/Recife", -8.05, -34.9, 7),
    ("Netherlands", "NL", "Utrecht", "Europe/Amsterdam", 52.09, 5.12, 6),
    ("Japan", "JP", "Osaka", "Asia/Tokyo", 34.69, 135.5, 5),
    ("Australia", "AU", "Perth", "Australia/Perth", -31.95, 115.86, 4),
];
const CHANNELS: &[(&str, Option<&str>, f64, u32)] = &[
    ("www.google.com", None, 0.16, 40),
    ("$direct", None, 0.20, 26),
    ("www.linkedin.com", Some("linkedin"), 0.12, 12),
    ("newsletter.example", Some("newsletter"), 0.22, 8),
    ("partner.example", None, 0.34, 8),
    ("news.ycombinator.com", None, 0.09, 6),
];
const DEVICES: &[(&str, &str, &str, &str, i64, i64, u32)] = &[
    ("Chrome", "141", "Windows", "Desktop", 1920, 1080, 30),
    ("Chrome", "141", "Mac OS X", "Desktop", 1512, 982, 22),
    ("Safari", "19", "Mac OS X", "Desktop", 1440, 900, 10),
    ("Firefox", "144", "Linux", "Desktop", 1920, 1200, 7),
    ("Microsoft Edge", "141", "Windows", "Desktop", 1536, 864, 7),
    ("Mobile Safari", "19", "iOS", "Mobile", 390, 844, 14),
    ("Chrome", "141", "Android", "Mobile", 412, 915, 10),
];
const FIRST: &[&str] = &[
    "Ada", "Ben", "Chidi", "Dora", "Elif", "Femi", "Greta", "Hugo", "Ines", "Jonas", "Kaya", "Liam", "Mei", "Nora", "Omar", "Priya",
    "Quinn", "Rosa", "Sven", "Tess", "Umar", "Vera", "Wim", "Yara", "Zoe",
];
const LAST: &[&str] = &[
    "Adler", "Brandt", "Costa", "Dubois", "Eriksen", "Fischer", "Gupta", "Haas", "Ito", "Jansen", "Keller", "Lopez", "Meyer", "Novak",
    "Okoye", "Patel", "Ramos", "Sato", "Torres", "Vogel", "Weber", "Young",
];
const COMPANIES: &[&str] = &[
    "Aurora Labs",
    "Birch & Co",
    "Cobalt",
    "Delta Freight",
    "Ember Health",
    "Fjord Energy",
    "Grove Foods",
    "Harbor Legal",
    "Indigo Schools",
    "Juniper Bank",
    "Kite Mobility",
    "Lumen Media",
];

const INDUSTRIES: &[&str] = &["software", "health", "law", "education"];

struct Visitor {
    anonymous_id: String,
    distinct_id: String,
    traits: Map<String, Value>,
    company: Option<usize>,
    identified: bool,
}

/// All events of the demo project, oldest first, ending at `now`.
pub fn events(token: &str, now: Timestamp, visitors: usize, seed: u64) -> Vec<CapturedEvent<'static>> {
    let mut story = Story { token: token.to_owned(), now, rng: StdRng::seed_from_u64(seed), events: Vec::new() };
    for number in 0..visitors {
        story.visitor(number);
    }
    let mut events = story.events;
    events.retain(|event| event.timestamp <= now);
    events.sort_by_key(|event| event.timestamp);
    events
}

struct Story {
    token: String,
    now: Timestamp,
    rng: StdRng,
    events: Vec<CapturedEvent<'static>>,
}

impl Story {
    fn visitor(&mut self, number: usize) {
        let start = self.now.plus_seconds(-DAYS * DAY_SECONDS);
        // More people come over time, fewer at weekends.
        let day = loop {
            let share: f64 = self.rng.random::<f64>().powf(0.72);
            let day = (share * DAYS as f64) as i64;
            let weekday = start.plus_seconds(day * DAY_SECONDS).to_utc().map_or(0, |at| at.weekday().num_days_from_monday());
            if weekday < 5 || self.rng.random::<f64>() < 0.45 {
                break day;
            }
        };
        let mut at = start.plus_seconds(day * DAY_SECONDS + self.working_hour());
        let (country, code, city, zone, latitude, longitude, _) = *pick(&mut self.rng, COUNTRIES, |row| row.6);
        let (referrer, campaign, conversion, _) = *pick(&mut self.rng, CHANNELS, |row| row.3);
        let (browser, version, os, device, width, height, _) = *pick(&mut self.rng, DEVICES, |row| row.6);
        let mut traits = Map::new();
        for (name, value) in [
            ("$browser", json!(browser)),
            ("$browser_version", json!(version.parse::<i64>().unwrap_or(0))),
            ("$os", json!(os)),
            ("$device_type", json!(device)),
            ("$screen_width", json!(width)),
            ("$screen_height", json!(height)),
            ("$viewport_width", json!(width)),
            ("$viewport_height", json!(height - 130)),
            ("$timezone", json!(zone)),
            ("$geoip_country_name", json!(country)),
            ("$geoip_country_code", json!(code)),
            ("$geoip_city_name", json!(city)),
            ("$geoip_latitude", json!(latitude)),
            ("$geoip_longitude", json!(longitude)),
            ("$referring_domain", json!(referrer)),
            ("$referrer", json!(if referrer == "$direct" { referrer.to_owned() } else { format!("https://{referrer}/") })),
            ("$lib", json!("web")),
            ("$lib_version", json!("1.434.18")),
            ("$host", json!(HOST)),
        ] {
            traits.insert(name.to_owned(), value);
        }
        if let Some(source) = campaign {
            traits.insert("utm_source".to_owned(), json!(source));
            traits.insert("utm_campaign".to_owned(), json!("autumn-launch"));
        }
        let id = self.uuid(at);
        let mut visitor = Visitor { anonymous_id: id.to_string(), distinct_id: id.to_string(), traits, company: None, identified: false };
        let likely = conversion * if device == "Mobile" { 0.3 } else { 1.0 };
        let signs_up = self.rng.random::<f64>() < likely;
        let stays: f64 = if signs_up { 0.55 + 0.4 * self.rng.random::<f64>() } else { 0.12 };
        let mut visit = 0;
        while at <= self.now && visit < 60 {
            self.visit(&mut visitor, at, visit, signs_up, number);
            visit += 1;
            if self.rng.random::<f64>() > stays {
                break;
            }
            let pause_days = 1 + (self.rng.random::<f64>().powi(2) * if signs_up { 5.0 } else { 14.0 }) as i64;
            let midnight = Timestamp::from_seconds(at.seconds().div_euclid(DAY_SECONDS) * DAY_SECONDS);
            at = midnight.plus_seconds(pause_days * DAY_SECONDS + self.working_hour());
        }
    }

    fn visit(&mut self, visitor: &mut Visitor, start: Timestamp, visit: usize, signs_up: bool, number: usize) {
        let session = self.uuid(start).to_string();
        let window = self.uuid(start).to_string();
        let mut at = start;
        let pricing_exists = self.now.since(start) < 21 * DAY_SECONDS * 1_000_000;
        let mut pages: Vec<&str> = if visitor.identified { vec!["/app", "/app/notes"] } else { vec!["/", "/features"] };
        let extra: &[&str] = if visitor.identified {
            &["/app/notes", "/app/search", "/app/settings", "/app/team", "/app/notes/shared"]
        } else {
            &["/features", "/blog/how-we-write", "/blog/why-paper", "/docs", "/about"]
        };
        for _ in 0..self.rng.random_range(0..5) {
            pages.push(extra[self.rng.random_range(0..extra.len())]);
        }
        if pricing_exists && self.rng.random::<f64>() < 0.4 {
            pages.push("/pricing");
        }
        let mut previous: Option<&str> = None;
        for page in pages {
            let mut properties = self.page(visitor, &session, &window, page);
            if let Some(previous) = previous {
                properties.insert("$prev_pageview_pathname".to_owned(), json!(previous));
            }
            self.push(visitor, "$pageview", at, properties);
            if self.rng.random::<f64>() < 0.45 {
                at = at.plus_seconds(self.rng.random_range(2..25));
                let mut properties = self.page(visitor, &session, &window, page);
                let text = ["Get started", "Read more", "Open", "Save", "Share"][self.rng.random_range(0..5)];
                properties.insert("$event_type".to_owned(), json!("click"));
                properties
                    .insert("$elements_chain".to_owned(), json!(format!("button.btn:nth-child=\"1\"nth-of-type=\"1\"text=\"{text}\"")));
                self.push(visitor, "$autocapture", at, properties);
            }
            at = at.plus_seconds(self.rng.random_range(8..140));
            previous = Some(page);
        }
        if signs_up && !visitor.identified {
            self.sign_up(visitor, &mut at, &session, &window, number);
        }
        if visitor.identified {
            self.work(visitor, &mut at, &session, &window, pricing_exists, visit);
        }
        if let Some(page) = previous {
            let mut properties = self.page(visitor, &session, &window, page);
            properties.insert("$prev_pageview_max_scroll_percentage".to_owned(), json!(self.rng.random_range(20..100) as f64 / 100.0));
            self.push(visitor, "$pageleave", at.plus_seconds(5), properties);
        }
    }

    fn sign_up(&mut self, visitor: &mut Visitor, at: &mut Timestamp, session: &str, window: &str, number: usize) {
        let first = FIRST[self.rng.random_range(0..FIRST.len())];
        let last = LAST[self.rng.random_range(0..LAST.len())];
        let email = format!("{}.{}{}@mail.example", first.to_lowercase(), last.to_lowercase(), number);
        *at = at.plus_seconds(20);
        visitor.distinct_id = email.clone();
        visitor.identified = true;
        let mut properties = self.page(visitor, session, window, "/signup");
        properties.insert("$anon_distinct_id".to_owned(), json!(visitor.anonymous_id));
        properties.insert("$set".to_owned(), json!({"email": email, "name": format!("{first} {last}"), "plan": "free"}));
        properties.insert("$set_once".to_owned(), json!({"signed_up_at": at.to_string()}));
        self.push(visitor, "$identify", *at, properties);
        let mut properties = self.page(visitor, session, window, "/signup");
        properties.insert("plan".to_owned(), json!("free"));
        self.push(visitor, "signed_up", at.plus_seconds(1), properties);
        if self.rng.random::<f64>() < 0.6 {
            let company = self.rng.random_range(0..COMPANIES.len());
            visitor.company = Some(company);
            let mut properties = self.page(visitor, session, window, "/app");
            properties.insert("$group_type".to_owned(), json!("company"));
            properties.insert("$group_key".to_owned(), json!(format!("company-{company}")));
            properties.insert(
                "$group_set".to_owned(),
                json!({"name": COMPANIES[company], "seats": 5 + company * 7, "industry": INDUSTRIES[company % INDUSTRIES.len()]}),
            );
            self.push(visitor, "$groupidentify", at.plus_seconds(2), properties);
        }
        *at = at.plus_seconds(30);
    }

    fn work(&mut self, visitor: &mut Visitor, at: &mut Timestamp, session: &str, window: &str, pricing_exists: bool, visit: usize) {
        self.ask_flags(visitor, *at, session, window);
        for _ in 0..self.rng.random_range(1..6) {
            *at = at.plus_seconds(self.rng.random_range(20..400));
            let mut properties = self.page(visitor, session, window, "/app/notes");
            properties.insert("words".to_owned(), json!(self.rng.random_range(12..900)));
            properties.insert("template".to_owned(), json!(["blank", "meeting", "journal", "plan"][self.rng.random_range(0..4)]));
            self.push(visitor, "note_created", *at, properties);
        }
        let invites = if demo_flags::sees_checklist(&visitor.distinct_id) { 0.3 } else { 0.1 };
        if self.rng.random::<f64>() < invites {
            *at = at.plus_seconds(30);
            let mut properties = self.page(visitor, session, window, "/app/team");
            properties.insert("invited".to_owned(), json!(self.rng.random_range(1..4)));
            self.push(visitor, "teammate_invited", *at, properties);
        }
        let upgrade = if pricing_exists { 0.05 } else { 0.02 };
        if visit > 1 && self.rng.random::<f64>() < upgrade {
            *at = at.plus_seconds(60);
            let plan = if self.rng.random::<f64>() < 0.7 { "pro" } else { "team" };
            let mut properties = self.page(visitor, session, window, "/app/settings");
            properties.insert("plan".to_owned(), json!(plan));
            properties.insert("price".to_owned(), json!(if plan == "pro" { 9.0 } else { 29.0 }));
            properties.insert("$set".to_owned(), json!({"plan": plan}));
            self.push(visitor, "plan_upgraded", *at, properties);
        }
    }

    /// SDKs report an answer once per device, not with every visit.
    fn ask_flags(&mut self, visitor: &Visitor, at: Timestamp, session: &str, window: &str) {
        for (key, answer) in demo_flags::answers(&visitor.distinct_id) {
            if self.rng.random::<f64>() < 0.35 {
                let mut properties = self.page(visitor, session, window, "/app");
                properties.insert("$feature_flag".to_owned(), json!(key));
                properties.insert("$feature_flag_response".to_owned(), answer.clone());
                properties.insert(format!("$feature/{key}"), answer);
                self.push(visitor, "$feature_flag_called", at, properties);
            }
        }
    }

    fn page(&mut self, visitor: &Visitor, session: &str, window: &str, path: &str) -> Map<String, Value> {
        let mut properties = visitor.traits.clone();
        properties.insert("$current_url".to_owned(), json!(format!("https://{HOST}{path}")));
        properties.insert("$pathname".to_owned(), json!(path));
        properties.insert("$session_id".to_owned(), json!(session));
        properties.insert("$window_id".to_owned(), json!(window));
        properties.insert("$device_id".to_owned(), json!(visitor.anonymous_id));
        properties.insert("$is_identified".to_owned(), json!(visitor.identified));
        properties.insert("$process_person_profile".to_owned(), json!(visitor.identified));
        properties.insert("$geoip_disable".to_owned(), json!(true));
        if let Some(company) = visitor.company {
            properties.insert("$groups".to_owned(), json!({"company": format!("company-{company}")}));
        }
        properties
    }

    fn push(&mut self, visitor: &Visitor, event: &'static str, at: Timestamp, properties: Map<String, Value>) {
        let at = Timestamp(at.0 + self.rng.random_range(0..1_000_000));
        let uuid = self.uuid(at);
        self.events.push(CapturedEvent {
            token: self.token.clone().into(),
            uuid,
            event: event.into(),
            distinct_id: visitor.distinct_id.clone().into(),
            timestamp: at,
            now: at,
            sent_at: None,
            ip: "".into(),
            properties: Value::Object(properties).to_string().into(),
            set: "".into(),
            set_once: "".into(),
            flags: CapturedFlags { historical_migration: true, ..CapturedFlags::default() },
        });
    }

    /// Seconds after midnight, mostly in the working day.
    fn working_hour(&mut self) -> i64 {
        let hour = (self.rng.random::<f64>() + self.rng.random::<f64>() + self.rng.random::<f64>()) / 3.0;
        ((7.0 + hour * 16.0) * 3600.0) as i64
    }

    /// A version 7 id with the time of `at`, from the story's own randomness, so that a seed gives the same ids.
    fn uuid(&mut self, at: Timestamp) -> Uuid {
        let random: [u8; 10] = self.rng.random();
        uuid::Builder::from_unix_timestamp_millis(at.millis().max(0) as u64, &random).into_uuid()
    }
}

fn pick<'a, T>(rng: &mut StdRng, rows: &'a [T], weight: impl Fn(&T) -> u32) -> &'a T {
    let total: u32 = rows.iter().map(&weight).sum();
    let mut at = rng.random_range(0..total);
    for row in rows {
        if at < weight(row) {
            return row;
        }
        at -= weight(row);
    }
    &rows[rows.len() - 1]
}

/// Seconds since midnight UTC, for the banner of `hoglet demo`.
pub fn describe(events: &[CapturedEvent<'_>]) -> String {
    let first = events.first().and_then(|event| event.timestamp.to_utc());
    let last = events.last().and_then(|event| event.timestamp.to_utc());
    match (first, last) {
        (Some(first), Some(last)) => format!(
            "{} events from {} to {} {:02}:{:02} UTC",
            events.len(),
            first.date_naive(),
            last.date_naive(),
            last.hour(),
            last.minute()
        ),
        _ => "no events".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_tells_the_same_story() {
        let now = Timestamp::from_seconds(1_760_000_000);
        assert_eq!(events("phc_a", now, 50, 7), events("phc_a", now, 50, 7));
        assert_ne!(events("phc_a", now, 50, 7), events("phc_a", now, 50, 8));
    }

    #[test]
    fn the_story_has_visitors_sign_ups_and_upgrades_and_never_the_future() {
        let now = Timestamp::from_seconds(1_760_000_000);
        let events = events("phc_a", now, 1500, 7);
        for name in ["$pageview", "$identify", "signed_up", "note_created", "plan_upgraded", "$groupidentify"] {
            assert!(events.iter().any(|event| event.event == name), "{name} is missing");
        }
        assert!(events.iter().all(|event| event.timestamp <= now));
        assert!(events.is_sorted_by_key(|event| event.timestamp));
    }
}
