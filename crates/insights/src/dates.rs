//! What "last 7 days" means: a date range as clients write it, settled in the project's timezone.

use chrono::{DateTime, Datelike, Duration, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike};
use chrono_tz::Tz;
use model::Timestamp;
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// The width of one bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interval {
    Minute,
    Hour,
    Day,
    Week,
    Month,
}

impl Interval {
    pub fn as_str(self) -> &'static str {
        match self {
            Interval::Minute => "minute",
            Interval::Hour => "hour",
            Interval::Day => "day",
            Interval::Week => "week",
            Interval::Month => "month",
        }
    }

    pub fn is_shorter_than_a_day(self) -> bool {
        matches!(self, Interval::Minute | Interval::Hour)
    }
}

/// `dateRange` of an insight query.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DateRange {
    #[serde(default)]
    pub date_from: Option<String>,
    #[serde(default)]
    pub date_to: Option<String>,
    /// Take both ends as they are, without rounding to whole days.
    #[serde(default, rename = "explicitDate")]
    pub explicit_date: Option<bool>,
}

/// The project's wall clock.
#[derive(Clone, Copy, Debug)]
pub struct Calendar {
    pub timezone: Tz,
    /// 0 = Sunday, 1 = Monday.
    pub week_start_day: u8,
    pub now: Timestamp,
}

impl Calendar {
    pub fn now(&self) -> DateTime<Tz> {
        self.at(self.now)
    }

    /// Instants beyond what a calendar can name become the epoch.
    pub fn at(&self, instant: Timestamp) -> DateTime<Tz> {
        let utc = instant.to_utc().unwrap_or_default();
        utc.with_timezone(&self.timezone)
    }

    /// The instant of a wall-clock time. Of an hour that occurs twice the first is meant; an hour that a clock change
    /// skips becomes the first instant after it.
    pub fn local(&self, wall: NaiveDateTime) -> DateTime<Tz> {
        if let Some(at) = self.timezone.from_local_datetime(&wall).earliest() {
            return at;
        }
        let mut probe = wall;
        for _ in 0..8 {
            probe += Duration::minutes(30);
            if let Some(after) = self.timezone.from_local_datetime(&probe).earliest() {
                let mut at = self.floor(after - (probe - wall), Interval::Minute);
                while at.naive_local() < wall {
                    at += TimeDelta::minutes(1);
                }
                return at;
            }
        }
        self.timezone.from_utc_datetime(&wall)
    }

    pub fn midnight(&self, day: NaiveDate) -> DateTime<Tz> {
        self.local(day.and_time(NaiveTime::MIN))
    }

    pub fn start_of_day(&self, at: DateTime<Tz>) -> DateTime<Tz> {
        self.midnight(at.date_naive())
    }

    pub fn end_of_day(&self, at: DateTime<Tz>) -> DateTime<Tz> {
        let next = at.date_naive().succ_opt().unwrap_or(NaiveDate::MAX);
        self.midnight(next) - TimeDelta::microseconds(1)
    }

    pub fn end_of_hour(&self, at: DateTime<Tz>) -> DateTime<Tz> {
        self.floor(at, Interval::Hour) + TimeDelta::hours(1) - TimeDelta::microseconds(1)
    }

    pub fn end_of_minute(&self, at: DateTime<Tz>) -> DateTime<Tz> {
        self.floor(at, Interval::Minute) + TimeDelta::minutes(1) - TimeDelta::microseconds(1)
    }

    /// Start of the bucket that holds `at`.
    pub fn floor(&self, at: DateTime<Tz>, interval: Interval) -> DateTime<Tz> {
        let within_minute = TimeDelta::seconds(i64::from(at.second())) + TimeDelta::nanoseconds(i64::from(at.nanosecond()));
        match interval {
            Interval::Minute => at - within_minute,
            Interval::Hour => at - within_minute - TimeDelta::minutes(i64::from(at.minute())),
            Interval::Day => self.start_of_day(at),
            Interval::Week => {
                let day = at.date_naive();
                let since =
                    if self.week_start_day == 1 { day.weekday().num_days_from_monday() } else { day.weekday().num_days_from_sunday() };
                self.midnight(day - Duration::days(i64::from(since)))
            }
            Interval::Month => self.midnight(at.date_naive().with_day(1).unwrap_or(at.date_naive())),
        }
    }

    /// The start of the bucket after the one that starts at `at`.
    pub fn next(&self, at: DateTime<Tz>, interval: Interval) -> DateTime<Tz> {
        let day = at.date_naive();
        match interval {
            Interval::Minute => at + TimeDelta::minutes(1),
            Interval::Hour => at + TimeDelta::hours(1),
            Interval::Day => self.midnight(day + Duration::days(1)),
            Interval::Week => self.midnight(day + Duration::days(7)),
            Interval::Month => self.midnight(day.checked_add_months(Months::new(1)).unwrap_or(NaiveDate::MAX)),
        }
    }

    pub fn shift_days(&self, at: DateTime<Tz>, days: i64) -> DateTime<Tz> {
        self.local(at.naive_local() + Duration::days(days))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// A date as a client wrote it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ParsedDate {
    /// A date or date and time.
    Absolute(DateTime<Tz>),
    /// `-7d`, `mStart`, `-1dEnd` …
    Relative { at: DateTime<Tz>, unit: Unit, number: i64, position: bool },
    /// `all`: since the first event.
    All,
    /// Nothing known; PostHog takes such a text for "now".
    Unreadable,
}

static RELATIVE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"-?(?<number>[0-9]+)?(?<unit>[hdwmqyMs])(?<position>Start|End)?").expect("a constant pattern"));

pub fn parse_date(text: &str, calendar: &Calendar) -> ParsedDate {
    let text = text.trim();
    if text == "all" {
        return ParsedDate::All;
    }
    if let Some(at) = parse_absolute(text, calendar) {
        return ParsedDate::Absolute(at);
    }
    let Some(found) = RELATIVE.captures(text) else { return ParsedDate::Unreadable };
    // More than a century back in any unit is "for ever"; the cap keeps arithmetic inside the calendar.
    let number = found.name("number").map_or(0, |digits| digits.as_str().parse::<i64>().unwrap_or(i64::MAX).min(2_000_000));
    let unit = match &found["unit"] {
        "h" => Unit::Hour,
        "d" => Unit::Day,
        "w" => Unit::Week,
        "m" => Unit::Month,
        "q" => Unit::Quarter,
        "y" => Unit::Year,
        "M" => Unit::Minute,
        _ => Unit::Second,
    };
    let position = found.name("position").map(|found| found.as_str());
    let moved = subtract(calendar.now(), unit, number, calendar);
    ParsedDate::Relative { at: place(moved, unit, position, calendar), unit, number, position: position.is_some() }
}

/// `now` minus a relative date; absolute dates pass through. `None` for texts that are neither.
pub fn parse_instant(text: &str, calendar: &Calendar) -> Option<DateTime<Tz>> {
    match parse_date(text, calendar) {
        ParsedDate::Absolute(at) | ParsedDate::Relative { at, .. } => Some(at),
        ParsedDate::All | ParsedDate::Unreadable => None,
    }
}

fn parse_absolute(text: &str, calendar: &Calendar) -> Option<DateTime<Tz>> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) || text.len() > 40 {
        return None;
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z", "%Y-%m-%d %H:%M%#z"] {
        let text = text.strip_suffix('Z').map_or_else(|| text.to_owned(), |rest| format!("{rest}+00:00"));
        if let Ok(at) = DateTime::parse_from_str(&text, format) {
            return named(at.with_timezone(&calendar.timezone));
        }
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"] {
        if let Ok(wall) = NaiveDateTime::parse_from_str(text, format) {
            return named(calendar.local(wall));
        }
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|day| named(calendar.midnight(day)))
}

/// Years that every later step can work with.
fn named(at: DateTime<Tz>) -> Option<DateTime<Tz>> {
    (1..=9999).contains(&at.year()).then_some(at)
}

fn subtract(at: DateTime<Tz>, unit: Unit, number: i64, calendar: &Calendar) -> DateTime<Tz> {
    let wall = at.naive_local();
    let months = |count: i64| wall.checked_sub_months(Months::new(count.min(20_000) as u32));
    let moved = match unit {
        Unit::Second => return at - TimeDelta::seconds(number),
        Unit::Minute => return at - TimeDelta::minutes(number),
        Unit::Hour => return at - TimeDelta::hours(number),
        Unit::Day => wall.checked_sub_signed(Duration::days(number)),
        Unit::Week => wall.checked_sub_signed(Duration::weeks(number)),
        Unit::Quarter => wall.checked_sub_signed(Duration::weeks(13 * number)),
        Unit::Month => months(number),
        Unit::Year => months(number.saturating_mul(12)),
    };
    let moved = moved.filter(|moved| moved.year() > 0);
    moved.map_or_else(|| calendar.at(Timestamp::EPOCH), |wall| calendar.local(wall))
}

/// `Start` and `End` behind the unit.
fn place(at: DateTime<Tz>, unit: Unit, position: Option<&str>, calendar: &Calendar) -> DateTime<Tz> {
    let Some(position) = position else { return at };
    let starts = position == "Start";
    let on_day = |day: u32| {
        let date = at.date_naive();
        let last = date.num_days_in_month();
        date.with_day(day.min(u32::from(last))).map_or(at, |date| calendar.local(date.and_time(at.time())))
    };
    match (unit, starts) {
        (Unit::Hour, true) => calendar.floor(at, Interval::Hour),
        (Unit::Hour, false) => calendar.end_of_hour(at),
        (Unit::Day, true) => calendar.start_of_day(at),
        (Unit::Day, false) => calendar.end_of_day(at),
        (Unit::Month, true) => on_day(1),
        (Unit::Year, true) => {
            let first = NaiveDate::from_ymd_opt(at.year(), 1, 1).unwrap_or(at.date_naive());
            calendar.local(first.and_time(at.time()))
        }
        (Unit::Month | Unit::Year, false) => on_day(31),
        _ => at,
    }
}

/// How the lower end came about; decides which rows of the first bucket count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Absolute,
    Relative(Unit),
}

/// A date range settled for one query: bounds and bucket width.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// First bucket's anchor, after rounding.
    pub from: DateTime<Tz>,
    /// Last instant that counts.
    pub to: DateTime<Tz>,
    pub interval: Interval,
    origin: Origin,
    /// Days back, when the lower end was written as days and the upper one was not written as a relative date.
    pub(crate) whole_days: Option<i64>,
    verbatim: bool,
}

/// More points than any chart can show; a bound on what one request can make the server hold.
pub const MAX_BUCKETS: usize = 20_000;

impl Span {
    /// `first_event` stands in for `all`. `exact` is the mode of single-number displays: nothing is rounded.
    pub fn settle(range: &DateRange, interval: Interval, exact: bool, first_event: Option<Timestamp>, calendar: &Calendar) -> Span {
        let verbatim = exact || range.explicit_date.unwrap_or(false);
        let from_text = range.date_from.as_deref().filter(|text| !text.is_empty());
        let to_text = range.date_to.as_deref().filter(|text| !text.is_empty());
        let (mut from, mut origin) = (calendar.start_of_day(calendar.shift_days(calendar.now(), -7)), Origin::Relative(Unit::Day));
        let mut whole_days = Some(7);
        match from_text.map(|text| parse_date(text, calendar)) {
            None => {}
            Some(ParsedDate::Absolute(at)) => (from, origin, whole_days) = (at, Origin::Absolute, None),
            Some(ParsedDate::Relative { at, unit, number, position }) => {
                let rounds = interval != Interval::Minute && !exact;
                from = match unit {
                    _ if !rounds => at,
                    Unit::Hour => calendar.floor(at, Interval::Hour),
                    _ => calendar.start_of_day(at),
                };
                origin = Origin::Relative(unit);
                whole_days = match unit {
                    Unit::Day if !position => Some(number),
                    Unit::Week if !position => Some(7 * number),
                    _ => None,
                };
            }
            Some(ParsedDate::All) => {
                let first = calendar.at(first_event.unwrap_or(calendar.now));
                (from, origin, whole_days) = (calendar.start_of_day(first), Origin::Absolute, None);
            }
            Some(ParsedDate::Unreadable) => (from, whole_days) = (calendar.now(), None),
        }
        let (to, relative_to) = match to_text.map(|text| parse_date(text, calendar)) {
            Some(ParsedDate::Absolute(at)) => (at, false),
            Some(ParsedDate::Relative { at, .. }) => {
                whole_days = None;
                (at, true)
            }
            _ => (calendar.now(), true),
        };
        let to = if verbatim { to } else { round_end(to, relative_to, interval, calendar) };
        Span { from, to, interval, origin, whole_days, verbatim }
    }

    /// The same range with other bounds, for the previous period.
    pub(crate) fn moved(&self, from: DateTime<Tz>, to: DateTime<Tz>) -> Span {
        Span { from, to, ..*self }
    }

    /// Rows count from here on.
    pub fn lower(&self, calendar: &Calendar) -> DateTime<Tz> {
        if self.verbatim {
            return self.from;
        }
        match (self.interval, self.origin) {
            (Interval::Week, _) => calendar.start_of_day(self.from),
            (Interval::Minute | Interval::Hour, Origin::Relative(_)) | (Interval::Day, Origin::Relative(Unit::Hour)) => self.from,
            (interval, _) => calendar.floor(self.from, interval),
        }
    }

    /// Bucket starts, first to last. `None` when there would be more than [`MAX_BUCKETS`].
    pub fn axis(&self, calendar: &Calendar) -> Option<Vec<DateTime<Tz>>> {
        let last = calendar.floor(self.to, self.interval);
        let mut at = calendar.floor(self.from, self.interval);
        let mut axis = Vec::new();
        while at <= last {
            if axis.len() == MAX_BUCKETS {
                return None;
            }
            axis.push(at);
            at = calendar.next(at, self.interval);
        }
        Some(axis)
    }
}

fn round_end(to: DateTime<Tz>, relative: bool, interval: Interval, calendar: &Calendar) -> DateTime<Tz> {
    match interval {
        Interval::Minute if relative => calendar.end_of_minute(to),
        Interval::Hour if relative => calendar.end_of_hour(to),
        Interval::Minute | Interval::Hour => to,
        _ => calendar.end_of_day(to),
    }
}

/// `days` of a result: what a bucket is called in data.
pub fn day_text(at: DateTime<Tz>, interval: Interval) -> String {
    let format = if interval.is_shorter_than_a_day() { "%Y-%m-%d %H:%M:%S" } else { "%Y-%m-%d" };
    at.format(format).to_string()
}

/// `labels` of a result: what a bucket is called in a chart.
pub fn label_text(at: DateTime<Tz>, interval: Interval) -> String {
    let format = if interval.is_shorter_than_a_day() { "%-d-%b-%Y %H:%M" } else { "%-d-%b-%Y" };
    at.format(format).to_string()
}

/// ISO 8601 with the project's offset, as PostHog prints datetimes (`Z` for UTC).
pub fn iso(at: DateTime<Tz>) -> String {
    let micros = at.nanosecond() / 1_000;
    let format = if micros == 0 { chrono::SecondsFormat::Secs } else { chrono::SecondsFormat::Micros };
    at.to_rfc3339_opts(format, true)
}

#[cfg(test)]
mod tests;
