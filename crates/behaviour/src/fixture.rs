//! Worked examples as text: `A 10T09:00, B{red} 10T09:10` is event A of 10 March 2025, 09:00 UTC, and B with a value ten minutes later.
//! A time without a day is of 10 March; a day without a time is its noon. Seconds may follow the minutes.

use crate::{EMPTY_KEY, Periods, Row};

pub const SECOND: i64 = 1_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;
const MARCH_1: i64 = 1_740_787_200 * SECOND;

pub struct Event<'a> {
    pub name: &'a str,
    pub value: &'a str,
    pub at: i64,
}

pub fn events(text: &str) -> Vec<Event<'_>> {
    let mut events: Vec<Event> = text.split(',').map(str::trim).filter(|event| !event.is_empty()).map(event).collect();
    events.sort_by_key(|event| event.at);
    events
}

fn event(text: &str) -> Event<'_> {
    let (name, time) = text.split_once(' ').expect("an event has a name and a time");
    let (name, value) = name.split_once('{').map_or((name, ""), |(name, value)| (name, value.trim_end_matches('}')));
    Event {
        name,
        value,
        at: time.split_once('T').map_or_else(
            || if time.contains(':') { day(10) + clock(time) } else { day(time.parse().unwrap()) + 12 * HOUR },
            |(of, time)| day(of.parse().unwrap()) + clock(time),
        ),
    }
}

fn clock(text: &str) -> i64 {
    text.split(':').zip([HOUR, MINUTE, SECOND]).map(|(number, unit)| number.parse::<i64>().unwrap() * unit).sum()
}

/// Of March 2025; 0 and less are of February.
pub fn day(number: i64) -> i64 {
    MARCH_1 + (number - 1) * DAY
}

pub fn days(from: i64, to: i64) -> Periods {
    every(from, to, 1)
}

/// Periods of several days, the first from `from`, the last including `to`.
pub fn every(from: i64, to: i64, length: i64) -> Periods {
    let count = (to - from) / length + 1;
    Periods::new((0..=count).map(|period| day(from + period * length)).collect())
}

/// Keys are the places of values in `values`, from 1 on.
pub fn rows(text: &str, values: &[&str], mask: impl Fn(&str) -> u64) -> Vec<Row> {
    let key = |value: &str| values.iter().position(|other| *other == value).map_or(EMPTY_KEY, |place| place as u32 + 1);
    events(text).iter().map(|event| Row { at: event.at, mask: mask(event.name), key: key(event.value), number: f64::NAN }).collect()
}
