//! Dates in conditions and in properties.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// Relative dates count fewer units than this.
const MAX_UNITS: u32 = 10_000;

/// What a condition compares with: a fixed instant, or one that moves with the clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    At(DateTime<Utc>),
    Ago(u32, Unit),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unit {
    Hours,
    Days,
    Weeks,
    Months,
    Years,
}

impl When {
    /// `-7d` (the sign makes no difference), or an instant as [`instant`] reads it.
    pub fn parse(text: &str, timezone: Tz) -> Option<Self> {
        match relative(text) {
            Some((count, unit)) => (count < MAX_UNITS).then_some(Self::Ago(count, unit)),
            None => instant(text, timezone).map(Self::At),
        }
    }

    pub fn from(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::At(at) => Some(at),
            Self::Ago(count, Unit::Hours) => now.checked_sub_signed(TimeDelta::hours(count.into())),
            Self::Ago(count, Unit::Days) => now.checked_sub_days(Days::new(count.into())),
            Self::Ago(count, Unit::Weeks) => now.checked_sub_days(Days::new(u64::from(count) * 7)),
            Self::Ago(count, Unit::Months) => months_before(now, count),
            Self::Ago(count, Unit::Years) => years_before(now, count),
        }
    }
}

/// Month by month, so that a day once clamped stays clamped: two months before March 31 is January 28, as SDKs count.
fn months_before(now: DateTime<Utc>, count: u32) -> Option<DateTime<Utc>> {
    let mut at = now;
    for passed in 0..count {
        if at.day() <= 28 {
            return at.checked_sub_months(Months::new(count - passed));
        }
        at = at.checked_sub_months(Months::new(1))?;
    }
    Some(at)
}

/// The year before a leap year is none: February 29 is clamped at the first step and stays so.
fn years_before(now: DateTime<Utc>, count: u32) -> Option<DateTime<Utc>> {
    let leap_day = count > 0 && (now.month(), now.day()) == (2, 29);
    let from = if leap_day { now.with_day(28)? } else { now };
    from.checked_sub_months(Months::new(count * 12))
}

fn relative(text: &str) -> Option<(u32, Unit)> {
    let text = text.strip_prefix('-').unwrap_or(text);
    let unit = match text.as_bytes().last()? {
        b'h' => Unit::Hours,
        b'd' => Unit::Days,
        b'w' => Unit::Weeks,
        b'm' => Unit::Months,
        b'y' => Unit::Years,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| (digits.parse().unwrap_or(MAX_UNITS), unit))
}

/// RFC 3339, a date (its midnight), or a date and time without a zone, which are of the project's.
pub fn instant(text: &str, timezone: Tz) -> Option<DateTime<Utc>> {
    // Most texts are no dates, and trying one form after the other is slow.
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-')) {
        return None;
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return local(date.and_time(NaiveTime::MIN), timezone);
    }
    let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    formats.iter().find_map(|format| local(NaiveDateTime::parse_from_str(text, format).ok()?, timezone))
}

/// A property's instant: seconds since the epoch as a number or as text, or a date as text.
pub fn instant_of_number(seconds: f64) -> Option<DateTime<Utc>> {
    let micros = (seconds * 1_000_000.0).round();
    (micros.abs() < 9e18).then(|| Utc.timestamp_micros(micros as i64).single()).flatten()
}

/// The earlier of two readings when clocks go back; what clocks skip counts as an hour later.
fn local(naive: NaiveDateTime, timezone: Tz) -> Option<DateTime<Utc>> {
    let read = |naive: NaiveDateTime| timezone.from_local_datetime(&naive).earliest().map(|at| at.to_utc());
    read(naive).or_else(|| read(naive.checked_add_signed(TimeDelta::hours(1))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        instant(text, Tz::UTC).unwrap()
    }

    #[test]
    fn a_date_without_a_zone_is_of_the_projects() {
        assert_eq!(instant("2024-06-01", Tz::Europe__Amsterdam), Some(at("2024-05-31T22:00:00Z")));
        assert_eq!(instant("2024-06-01 10:30", Tz::Europe__Amsterdam), Some(at("2024-06-01T08:30:00Z")));
        assert_eq!(instant("2024-06-01T10:30:15.5+02:00", Tz::UTC), Some(at("2024-06-01T08:30:15.500Z")));
        assert_eq!(instant("2024-03-31 02:30:00", Tz::Europe__Amsterdam), Some(at("2024-03-31T01:30:00Z")));
        for bad in ["", "garbage", "2024-13-01", "2024-06-01T", "2024-06-01x", "06/01/2024"] {
            assert_eq!(instant(bad, Tz::UTC), None, "{bad}");
        }
    }

    #[test]
    fn relative_dates_count_back_by_the_calendar() {
        let now = at("2026-03-31T12:00:00Z");
        let ago = |text: &str| When::parse(text, Tz::UTC).unwrap().from(now);
        assert_eq!(ago("-2h"), Some(at("2026-03-31T10:00:00Z")));
        assert_eq!(ago("1w"), Some(at("2026-03-24T12:00:00Z")));
        assert_eq!(ago("-1m"), Some(at("2026-02-28T12:00:00Z")));
        assert_eq!(ago("-2m"), Some(at("2026-01-28T12:00:00Z")));
        assert_eq!(ago("-1y"), Some(at("2025-03-31T12:00:00Z")));
        assert_eq!(When::Ago(3, Unit::Years).from(at("2024-02-29T00:00:00Z")), Some(at("2021-02-28T00:00:00Z")));
        assert_eq!(When::Ago(4, Unit::Years).from(at("2024-02-29T00:00:00Z")), Some(at("2020-02-28T00:00:00Z")));
        for bad in ["10000d", "99999999999d", "-d", "d", "1.5d", "--1d", "+1d", "1s", "1D"] {
            assert_eq!(When::parse(bad, Tz::UTC), None, "{bad}");
        }
    }
}
