//! Civil time as ClickHouse counts it: pure functions on instants and a time zone, used while resolving and by engines.

use chrono::{DateTime, Datelike, Days, Duration, LocalResult, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use model::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    /// `day`, `Days`, `dd`, …: the names that `dateDiff` and `INTERVAL` take.
    pub fn parse(name: &str) -> Option<Unit> {
        let name = name.trim().to_ascii_lowercase();
        Some(match name.strip_suffix('s').filter(|rest| rest.len() > 1).unwrap_or(&name) {
            "microsecond" | "u" => Unit::Microsecond,
            "millisecond" | "m" => Unit::Millisecond,
            "second" | "ss" | "s" => Unit::Second,
            "minute" | "mi" | "n" => Unit::Minute,
            "hour" | "hh" | "h" => Unit::Hour,
            "day" | "dd" | "d" => Unit::Day,
            "week" | "wk" | "ww" => Unit::Week,
            "month" | "mm" => Unit::Month,
            "quarter" | "qq" | "q" => Unit::Quarter,
            "year" | "yyyy" | "yy" => Unit::Year,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Unit::Microsecond => "microsecond",
            Unit::Millisecond => "millisecond",
            Unit::Second => "second",
            Unit::Minute => "minute",
            Unit::Hour => "hour",
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
            Unit::Quarter => "quarter",
            Unit::Year => "year",
        }
    }

    /// Of a fixed length, so that wall clocks do not matter.
    fn micros(self) -> Option<i64> {
        Some(match self {
            Unit::Microsecond => 1,
            Unit::Millisecond => 1_000,
            Unit::Second => 1_000_000,
            Unit::Minute => 60_000_000,
            Unit::Hour => 3_600_000_000,
            _ => return None,
        })
    }
}

const DAY_MICROS: i64 = 86_400_000_000;

/// The wall clock at `at`. Instants that no calendar names become its nearest end.
pub fn local(at: Timestamp, zone: Tz) -> NaiveDateTime {
    let utc = at.to_utc().unwrap_or(if at.0 < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC });
    if zone == Tz::UTC {
        return utc.naive_utc();
    }
    // Zone lookups overflow at the very ends of the calendar.
    if utc.year() < -9_999 || utc.year() > 9_999 { utc.naive_utc() } else { utc.with_timezone(&zone).naive_local() }
}

/// The instant when the clock in `zone` shows `at`: the earlier one when it shows it twice, the end of the gap when it never does.
pub fn instant(at: NaiveDateTime, zone: Tz) -> Timestamp {
    if zone == Tz::UTC || at.year().abs() > 9_999 {
        return Timestamp(at.and_utc().timestamp_micros());
    }
    let found = match zone.from_local_datetime(&at) {
        LocalResult::Single(found) | LocalResult::Ambiguous(found, _) => found,
        LocalResult::None => {
            let earlier = at - Duration::hours(3);
            let Some(before) = zone.from_local_datetime(&earlier).earliest() else {
                return Timestamp(at.and_utc().timestamp_micros());
            };
            let offset = before.naive_local() - before.naive_utc();
            return Timestamp((at - offset).and_utc().timestamp_micros());
        }
    };
    Timestamp(found.timestamp_micros())
}

pub fn date_of(at: Timestamp, zone: Tz) -> NaiveDate {
    local(at, zone).date()
}

pub fn midnight(date: NaiveDate, zone: Tz) -> Timestamp {
    instant(date.and_time(NaiveTime::MIN), zone)
}

pub fn days_since_epoch(date: NaiveDate) -> i32 {
    date.signed_duration_since(NaiveDate::default()).num_days() as i32
}

/// `NaiveDate::default()` is 1970-01-01.
pub fn date_from_days(days: i32) -> NaiveDate {
    NaiveDate::default().checked_add_signed(Duration::days(days.into())).unwrap_or(if days < 0 { NaiveDate::MIN } else { NaiveDate::MAX })
}

/// The start of the day, week, … that holds `at`. `monday` decides where weeks start.
pub fn start_of(unit: Unit, at: Timestamp, zone: Tz, monday: bool) -> Timestamp {
    if let Some(micros) = unit.micros() {
        if unit < Unit::Hour || zone == Tz::UTC {
            return Timestamp(at.0 - at.0.rem_euclid(micros));
        }
        // Zones with half-hour offsets have hours of their own.
        let wall = local(at, zone);
        let into = i64::from(wall.minute()) * 60_000_000 + i64::from(wall.second()) * 1_000_000 + i64::from(wall.nanosecond() / 1_000);
        return Timestamp(at.0 - into);
    }
    if unit == Unit::Day && zone == Tz::UTC {
        return Timestamp(at.0 - at.0.rem_euclid(DAY_MICROS));
    }
    midnight(start_of_date(unit, date_of(at, zone), monday), zone)
}

pub fn start_of_date(unit: Unit, date: NaiveDate, monday: bool) -> NaiveDate {
    let first = |month: u32| NaiveDate::from_ymd_opt(date.year(), month, 1).unwrap_or(date);
    match unit {
        Unit::Week => {
            let into = if monday { date.weekday().num_days_from_monday() } else { date.weekday().num_days_from_sunday() };
            date.checked_sub_days(Days::new(into.into())).unwrap_or(date)
        }
        Unit::Month => first(date.month()),
        Unit::Quarter => first((date.month0() / 3) * 3 + 1),
        Unit::Year => first(1),
        _ => date,
    }
}

/// The start of the interval of `count` units that holds `at`. Intervals are counted from 1970.
pub fn start_of_interval(count: i64, unit: Unit, at: Timestamp, zone: Tz, monday: bool) -> Timestamp {
    let count = count.max(1);
    if count == 1 {
        return start_of(unit, at, zone, monday);
    }
    let wall = local(at, zone);
    if let Some(micros) = unit.micros() {
        let step = micros.saturating_mul(count);
        let since = wall.and_utc().timestamp_micros();
        return Timestamp(at.0 - since.rem_euclid(step));
    }
    let date = start_of_date(unit, wall.date(), monday);
    let index = match unit {
        Unit::Day => i64::from(days_since_epoch(date)),
        // Pairs of weeks and so on count from the first Monday of 1970.
        Unit::Week => (i64::from(days_since_epoch(date)) - 4).div_euclid(7),
        Unit::Month => months(date),
        Unit::Quarter => months(date).div_euclid(3),
        _ => i64::from(date.year()) - 1970,
    };
    midnight(add_to_date(unit, -index.rem_euclid(count), date), zone)
}

fn months(date: NaiveDate) -> i64 {
    (i64::from(date.year()) - 1970) * 12 + i64::from(date.month0())
}

pub fn add_to_date(unit: Unit, count: i64, date: NaiveDate) -> NaiveDate {
    let far = if count < 0 { NaiveDate::MIN } else { NaiveDate::MAX };
    let in_months = |count: i64| {
        let months = Months::new(u32::try_from(count.unsigned_abs()).unwrap_or(u32::MAX));
        if count < 0 { date.checked_sub_months(months) } else { date.checked_add_months(months) }
    };
    let in_days = |count: i64| Duration::try_days(count).and_then(|days| date.checked_add_signed(days));
    match unit {
        Unit::Day => in_days(count),
        Unit::Week => in_days(count.saturating_mul(7)),
        Unit::Month => in_months(count),
        Unit::Quarter => in_months(count.saturating_mul(3)),
        Unit::Year => in_months(count.saturating_mul(12)),
        _ => Some(date),
    }
    .unwrap_or(far)
}

/// `count` may be negative. Days and longer keep the wall clock; the 31st is cut to the length of the month.
pub fn add(unit: Unit, count: i64, at: Timestamp, zone: Tz) -> Timestamp {
    if let Some(micros) = unit.micros() {
        return Timestamp(at.0.saturating_add(micros.saturating_mul(count)));
    }
    let wall = local(at, zone);
    instant(add_to_date(unit, count, wall.date()).and_time(wall.time()), zone)
}

/// How many boundaries of `unit` lie between `from` and `to`; negative when `to` is earlier. Weeks begin on Monday.
pub fn diff(unit: Unit, from: Timestamp, to: Timestamp, zone: Tz) -> i64 {
    let index = |at: Timestamp| match unit {
        Unit::Microsecond => at.0,
        Unit::Millisecond => at.0.div_euclid(1_000),
        Unit::Second => at.0.div_euclid(1_000_000),
        Unit::Minute | Unit::Hour => start_of(unit, at, zone, true).0.div_euclid(60_000_000),
        Unit::Day => i64::from(days_since_epoch(date_of(at, zone))),
        Unit::Week => (i64::from(days_since_epoch(date_of(at, zone))) + 3).div_euclid(7),
        Unit::Month => months(date_of(at, zone)),
        Unit::Quarter => months(date_of(at, zone)).div_euclid(3),
        Unit::Year => i64::from(date_of(at, zone).year()),
    };
    let difference = index(to).saturating_sub(index(from));
    if unit == Unit::Hour { difference.div_euclid(60) } else { difference }
}

/// How many whole units fit between `from` and `to`.
pub fn age(unit: Unit, from: Timestamp, to: Timestamp, zone: Tz) -> i64 {
    if let Some(micros) = unit.micros() {
        return to.since(from) / micros;
    }
    let (early, late, sign) = if from <= to { (local(from, zone), local(to, zone), 1) } else { (local(to, zone), local(from, zone), -1) };
    let days = late.signed_duration_since(early).num_days();
    // A month is full when its day of the month is reached again, so the 28th does not complete one that began on the 31st.
    let begun = months(late.date()) - months(early.date());
    let full = begun - i64::from((late.day(), late.time()) < (early.day(), early.time()));
    sign * match unit {
        Unit::Day => days,
        Unit::Week => days / 7,
        Unit::Month => full,
        Unit::Quarter => full / 3,
        _ => full / 12,
    }
}

/// ISO dates and times with or without offset, unix seconds (9 or 10 digits) and milliseconds (13 digits); without offset in `zone`.
pub fn parse(text: &str, zone: Tz) -> Option<Timestamp> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        return match text.len() {
            4 => Some(midnight(NaiveDate::from_ymd_opt(number as i32, 1, 1)?, zone)),
            8 => Some(midnight(NaiveDate::parse_from_str(text, "%Y%m%d").ok()?, zone)),
            9 | 10 => Some(Timestamp::from_seconds(number)),
            13 => Some(Timestamp::from_millis(number)),
            16 => Some(Timestamp(number)),
            _ => None,
        };
    }
    if let Some(date) = parse_date(text) {
        return Some(midnight(date, zone));
    }
    let (date, rest) = split_date(text)?;
    let (clock, offset) = split_offset(rest.trim_start_matches(['T', 't', ' ']));
    let clock = clock.trim_end();
    let time = ["%H:%M:%S%.f", "%H:%M", "%H:%M:%S%.f %p"].iter().find_map(|format| NaiveTime::parse_from_str(clock, format).ok())?;
    let wall = date.and_time(time);
    match offset {
        None => Some(instant(wall, zone)),
        Some(offset) => Some(Timestamp(wall.and_utc().timestamp_micros() - offset_seconds(offset)? * 1_000_000)),
    }
}

/// `2025-3-9`, `2025/03/09`; nothing may follow.
pub fn parse_date(text: &str) -> Option<NaiveDate> {
    let (date, rest) = split_date(text.trim())?;
    rest.is_empty().then_some(date)
}

fn split_date(text: &str) -> Option<(NaiveDate, &str)> {
    let separator = text.get(4..5).filter(|c| matches!(*c, "-" | "/"))?;
    let year = text.get(..4)?.parse().ok()?;
    let (month, rest) = text.get(5..)?.split_once(separator)?;
    let day_end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (day, rest) = rest.split_at(day_end);
    if month.len() > 2 || day.len() > 2 {
        return None;
    }
    Some((NaiveDate::from_ymd_opt(year, month.parse().ok()?, day.parse().ok()?)?, rest))
}

/// `12:00:00+02:00` → `12:00:00`, `+02:00`
fn split_offset(clock: &str) -> (&str, Option<&str>) {
    let clock = clock.trim_end();
    if let Some(plain) = clock.strip_suffix(['Z', 'z']).or_else(|| clock.strip_suffix("UTC")) {
        return (plain, Some("+00:00"));
    }
    match clock.rfind(['+', '-']) {
        Some(at) => (&clock[..at], Some(&clock[at..])),
        None => (clock, None),
    }
}

fn offset_seconds(offset: &str) -> Option<i64> {
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let digits: String = offset[1..].chars().filter(|c| *c != ':').collect();
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.parse::<i64>().ok()?, 0),
        4 => (digits[..2].parse().ok()?, digits[2..].parse::<i64>().ok()?),
        _ => return None,
    };
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// ClickHouse's `formatDateTime` patterns (`%Y-%m-%d %H:%i:%S`). Unknown letters are kept.
pub fn format(at: Timestamp, pattern: &str, zone: Tz) -> String {
    use std::fmt::Write;
    let wall = local(at, zone);
    let (date, time) = (wall.date(), wall.time());
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        // Writing to a String cannot fail.
        let _ = match chars.next() {
            Some('Y') => write!(out, "{:04}", date.year()),
            Some('y') => write!(out, "{:02}", date.year().rem_euclid(100)),
            Some('C') => write!(out, "{:02}", date.year().div_euclid(100)),
            Some('m') => write!(out, "{:02}", date.month()),
            Some('c') => write!(out, "{}", date.month()),
            Some('d') => write!(out, "{:02}", date.day()),
            Some('e') => write!(out, "{}", date.day()),
            Some('j') => write!(out, "{:03}", date.ordinal()),
            Some('Q') => write!(out, "{}", date.month0() / 3 + 1),
            Some('H') => write!(out, "{:02}", time.hour()),
            Some('k') => write!(out, "{:02}", time.hour()),
            Some('I' | 'h') => write!(out, "{:02}", time.hour12().1),
            Some('l') => write!(out, "{:02}", time.hour12().1),
            Some('i') => write!(out, "{:02}", time.minute()),
            Some('M') => write!(out, "{}", date.format("%B")),
            Some('S' | 's') => write!(out, "{:02}", time.second()),
            Some('f') => write!(out, "{:06}", time.nanosecond() / 1_000),
            Some('p') => write!(out, "{}", if time.hour() < 12 { "AM" } else { "PM" }),
            Some('F') => write!(out, "{}", date.format("%Y-%m-%d")),
            Some('T') => write!(out, "{}", time.format("%H:%M:%S")),
            Some('R') => write!(out, "{}", time.format("%H:%M")),
            Some('r') => write!(out, "{}", time.format("%I:%M %p")),
            Some('D') => write!(out, "{}", date.format("%m/%d/%y")),
            Some('a') => write!(out, "{}", date.format("%a")),
            Some('W') => write!(out, "{}", date.format("%A")),
            Some('b') => write!(out, "{}", date.format("%b")),
            Some('u') => write!(out, "{}", date.weekday().number_from_monday()),
            Some('w') => write!(out, "{}", date.weekday().num_days_from_sunday()),
            Some('G') => write!(out, "{}", date.iso_week().year()),
            Some('V') => write!(out, "{:02}", date.iso_week().week()),
            Some('z') => write!(out, "{}", offset_text(at, wall)),
            Some('n') => write!(out, "\n"),
            Some('t') => write!(out, "\t"),
            Some('%') => write!(out, "%"),
            Some(other) => write!(out, "%{other}"),
            None => write!(out, "%"),
        };
    }
    out
}

fn offset_text(at: Timestamp, wall: NaiveDateTime) -> String {
    let minutes = (wall.and_utc().timestamp_micros() - at.0).div_euclid(60_000_000);
    format!("{}{:02}{:02}", if minutes < 0 { '-' } else { '+' }, minutes.abs() / 60, minutes.abs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        parse(text, Tz::UTC).unwrap()
    }

    #[test]
    fn a_local_day_starts_at_local_midnight() {
        let tokyo: Tz = "Asia/Tokyo".parse().unwrap();
        assert_eq!(start_of(Unit::Day, at("2025-03-12T15:20:30Z"), tokyo, false), at("2025-03-12T15:00:00Z"));
    }

    #[test]
    fn weeks_start_on_the_day_that_the_project_says() {
        let wednesday = at("2025-03-12 15:20:30");
        assert_eq!(start_of(Unit::Week, wednesday, Tz::UTC, false), at("2025-03-09"));
        assert_eq!(start_of(Unit::Week, wednesday, Tz::UTC, true), at("2025-03-10"));
    }

    #[test]
    fn a_month_before_the_31st_of_march_is_the_end_of_february() {
        assert_eq!(add(Unit::Month, -1, at("2025-03-31 08:00"), Tz::UTC), at("2025-02-28 08:00"));
    }

    #[test]
    fn a_day_across_a_clock_change_keeps_the_wall_clock() {
        let berlin: Tz = "Europe/Berlin".parse().unwrap();
        assert_eq!(add(Unit::Day, 1, at("2025-03-29T11:00:00Z"), berlin), at("2025-03-30T10:00:00Z"));
    }

    #[test]
    fn a_midnight_that_the_clock_skips_is_the_end_of_the_gap() {
        let beirut: Tz = "Asia/Beirut".parse().unwrap();
        assert_eq!(midnight(NaiveDate::from_ymd_opt(2025, 3, 30).unwrap(), beirut), at("2025-03-29T22:00:00Z"));
    }

    #[test]
    fn diff_counts_boundaries_and_age_counts_whole_units() {
        let (from, to) = (at("2025-03-10 18:30"), at("2025-03-11 17:59"));
        assert_eq!(diff(Unit::Hour, from, to, Tz::UTC), 23);
        assert_eq!(diff(Unit::Day, from, to, Tz::UTC), 1);
        assert_eq!(age(Unit::Day, from, to, Tz::UTC), 0);
        assert_eq!(age(Unit::Month, at("2025-01-31"), at("2025-02-28"), Tz::UTC), 0);
        assert_eq!(age(Unit::Month, at("2025-01-28"), at("2025-02-28"), Tz::UTC), 1);
    }

    #[test]
    fn texts_without_offset_are_read_in_the_zone() {
        let new_york: Tz = "America/New_York".parse().unwrap();
        assert_eq!(parse("2025-03-12 10:00:00", new_york), Some(at("2025-03-12T14:00:00Z")));
        assert_eq!(parse("2025-03-12T10:00:00.25+02:00", new_york), Some(at("2025-03-12T08:00:00.25Z")));
        assert_eq!(parse("1741780800", new_york), Some(at("2025-03-12T12:00:00Z")));
        assert_eq!(parse("yesterday", new_york), None);
        assert_eq!(parse("2025-13-01", new_york), None);
    }

    #[test]
    fn clickhouse_patterns_are_written_out() {
        assert_eq!(format(at("2025-03-09 07:05:09.5"), "%Y/%m/%d %H:%i:%S.%f %a %M %%", Tz::UTC), "2025/03/09 07:05:09.500000 Sun March %");
    }

    #[test]
    fn intervals_of_several_units_count_from_1970() {
        assert_eq!(start_of_interval(15, Unit::Minute, at("2025-03-09 07:44:59"), Tz::UTC, false), at("2025-03-09 07:30"));
        assert_eq!(start_of_interval(2, Unit::Month, at("2025-02-20"), Tz::UTC, false), at("2025-01-01"));
    }
}
