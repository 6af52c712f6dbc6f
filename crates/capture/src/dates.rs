//! The date texts that SDKs and users send, and what becomes of an event's time.

use model::Timestamp;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// An event may claim to be this far ahead of the server; more is a wrong clock.
const MAX_AHEAD: i64 = 23 * 3600 * SECOND;

/// What decides when an event happened.
#[derive(Clone, Copy, Debug)]
pub struct TimeClues {
    pub timestamp: Option<Timestamp>,
    /// Milliseconds between the event and the request, by the client's clock.
    pub offset_ms: Option<i64>,
    pub sent_at: Option<Timestamp>,
    pub ignore_sent_at: bool,
}

impl TimeClues {
    pub fn resolve(&self, now: Timestamp) -> Timestamp {
        let corrected = match (self.timestamp, self.sent_at) {
            (Some(timestamp), Some(sent_at)) if !self.ignore_sent_at => Timestamp(timestamp.0.saturating_sub(sent_at.since(now))),
            (Some(timestamp), _) => timestamp,
            (None, _) => now,
        };
        // posthog-js sends an offset instead of a time; it wins over everything.
        let at = self.offset_ms.map_or(corrected, |offset| Timestamp(now.0.saturating_sub(offset.saturating_mul(1000))));
        within_reason(if at.since(now) > MAX_AHEAD { now } else { at })
    }
}

/// Years that cannot be written with four digits become 1970.
pub fn within_reason(at: Timestamp) -> Timestamp {
    const YEAR_0: i64 = -719_528 * DAY;
    const YEAR_10000: i64 = 2_932_897 * DAY;
    if (YEAR_0..YEAR_10000).contains(&at.0) { at } else { Timestamp::EPOCH }
}

pub fn is_far_ahead(at: Timestamp, now: Timestamp) -> bool {
    at.since(now) > MAX_AHEAD
}

/// A date in any of the accepted forms; without a zone it is UTC.
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    iso(text).map(|(at, _)| at).or_else(|| unix(text)).or_else(|| slashes(text)).or_else(|| rfc2822(text))
}

/// A date and time that names its zone, as `sent_at` must.
pub fn parse_zoned(text: &str) -> Option<Timestamp> {
    iso(text.trim()).filter(|(_, zoned)| *zoned).map(|(at, _)| at)
}

/// Seconds, or milliseconds if there are too many digits for seconds (and so on to nanoseconds), with an optional fraction.
fn unix(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let unit = match whole.len() {
        9..=11 => SECOND,
        12..=14 => 1000,
        15..=17 => 1,
        18..=19 => return whole.parse::<i64>().ok().map(|nanos| Timestamp(nanos / 1000)),
        _ => return None,
    };
    let part = if fraction.is_empty() { 0.0 } else { format!("0.{fraction}").parse::<f64>().ok()? };
    let whole: i64 = whole.parse().ok()?;
    Some(Timestamp(whole.checked_mul(unit)?.checked_add((part * unit as f64) as i64)?))
}

fn rfc2822(text: &str) -> Option<Timestamp> {
    // chrono accepts unreasonable amounts of text in comments.
    if text.len() > 64 {
        return None;
    }
    chrono::DateTime::parse_from_rfc2822(text).ok().map(|at| Timestamp(at.timestamp_micros()))
}

/// `MM/DD/YYYY` or `YYYY/MM/DD`, with an optional time.
fn slashes(text: &str) -> Option<Timestamp> {
    let mut reader = Digits(text.as_bytes());
    let first = reader.number(1, 4)?;
    let year_first = first.1 == 4;
    reader.expect(b'/')?;
    let second = reader.number(1, 2)?;
    reader.expect(b'/')?;
    let third = reader.number(if year_first { 1 } else { 4 }, if year_first { 2 } else { 4 })?;
    let (year, month, day) = if year_first { (first.0, second.0, third.0) } else { (third.0, first.0, second.0) };
    let date = days_from_civil(year, month, day)?;
    let (time, _) = time_and_zone(reader)?;
    Some(Timestamp(date * DAY + time))
}

/// ISO 8601 and RFC 3339; also with a space for the `T`, a bare-hour zone, and the six-digit years of JavaScript.
/// The flag says whether a zone was given.
fn iso(text: &str) -> Option<(Timestamp, bool)> {
    let mut reader = Digits(text.as_bytes());
    let sign = match reader.0.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => 0,
    };
    let year = if sign == 0 {
        reader.number(4, 4)?.0
    } else {
        reader.0 = &reader.0[1..];
        sign * reader.number(6, 6)?.0
    };
    reader.expect(b'-')?;
    let month = reader.number(1, 2)?.0;
    reader.expect(b'-')?;
    let day = reader.number(1, 2)?.0;
    let date = days_from_civil(year, month, day)?;
    let (time, zoned) = time_and_zone(reader)?;
    Some((Timestamp(date.checked_mul(DAY)?.checked_add(time)?), zoned))
}

/// What may follow a date: nothing, or a time with an optional zone. Microseconds, and whether there was a zone.
fn time_and_zone(mut reader: Digits<'_>) -> Option<(i64, bool)> {
    match reader.0.first() {
        None => return Some((0, false)),
        Some(b'T' | b't' | b' ') => reader.0 = &reader.0[1..],
        Some(b'Z' | b'z') if reader.0.len() == 1 => return Some((0, true)),
        Some(_) => return None,
    }
    let hour = reader.number(1, 2)?.0;
    reader.expect(b':')?;
    let minute = reader.number(2, 2)?.0;
    let mut micros = 0;
    let mut second = 0;
    if reader.expect(b':').is_some() {
        second = reader.number(2, 2)?.0;
        if reader.expect(b'.').or_else(|| reader.expect(b',')).is_some() {
            micros = reader.fraction()?;
        }
    }
    // A leap second counts as the one after.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let time = ((hour * 60 + minute) * 60 + second) * SECOND + micros;
    while reader.expect(b' ').is_some() {}
    let zone = zone_minutes(reader)?;
    Some((time - zone.unwrap_or(0) * 60 * SECOND, zone.is_some()))
}

/// The rest of a time: `None` when it is no zone, `Some(None)` when there is nothing.
fn zone_minutes(mut reader: Digits<'_>) -> Option<Option<i64>> {
    let sign = match reader.0 {
        [] => return Some(None),
        [b'Z' | b'z'] | b"UTC" | b"GMT" => return Some(Some(0)),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    reader.0 = &reader.0[1..];
    let hours = reader.number(2, 2)?.0;
    let _ = reader.expect(b':');
    let minutes = if reader.0.is_empty() { 0 } else { reader.number(2, 2)?.0 };
    (reader.0.is_empty() && hours < 24 && minutes < 60).then_some(Some(sign * (hours * 60 + minutes)))
}

struct Digits<'a>(&'a [u8]);

impl Digits<'_> {
    fn expect(&mut self, byte: u8) -> Option<()> {
        let rest = self.0.strip_prefix(&[byte])?;
        self.0 = rest;
        Some(())
    }

    /// A number of `least` to `most` digits, and how many there were.
    fn number(&mut self, least: usize, most: usize) -> Option<(i64, usize)> {
        let length = self.0.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        if length < least {
            return None;
        }
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        Some((digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')), length))
    }

    /// Digits after the decimal point, as microseconds.
    fn fraction(&mut self) -> Option<i64> {
        let length = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if length == 0 {
            return None;
        }
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        let six = digits.iter().copied().chain(std::iter::repeat(b'0')).take(6);
        Some(six.fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar; `None` for days that do not exist.
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return None,
    };
    if !(1..=longest).contains(&day) {
        return None;
    }
    // Years begin in March, so that the leap day comes last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn all_the_usual_spellings_are_read() {
        for (text, expected) in [
            ("2025-01-01T12:00:00Z", "2025-01-01T12:00:00Z"),
            ("2025-01-01T12:00:00.123456789+00:00", "2025-01-01T12:00:00.123456Z"),
            ("2025-01-01T14:00:00.500+03", "2025-01-01T11:00:00.5Z"),
            ("2025-01-01T14:00:00+0330", "2025-01-01T10:30:00Z"),
            ("2026-07-20T23:14:57.123456789", "2026-07-20T23:14:57.123456Z"),
            ("2025-01-01 12:00:00", "2025-01-01T12:00:00Z"),
            ("2025-01-01 12:00", "2025-01-01T12:00:00Z"),
            ("2025-01-01", "2025-01-01T00:00:00Z"),
            ("2025/01/02 03:04:05", "2025-01-02T03:04:05Z"),
            ("1/2/2025", "2025-01-02T00:00:00Z"),
            ("Wed, 01 Jan 2025 13:00:00 +0100", "2025-01-01T12:00:00Z"),
            ("1735732800", "2025-01-01T12:00:00Z"),
            ("1735732800.5", "2025-01-01T12:00:00.5Z"),
            ("1735732800000", "2025-01-01T12:00:00Z"),
            ("+002025-01-01T12:00:00.000Z", "2025-01-01T12:00:00Z"),
            ("2024-02-29", "2024-02-29T00:00:00Z"),
        ] {
            assert_eq!(parse(text), Some(at(expected)), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "garbage",
            "12",
            "2025",
            "2025-13-01",
            "2023-02-29",
            "2025-01-01T25:00:00Z",
            "2025-01-01T12:00:00+99:00",
            "2025-01-01x",
            "T",
            "-",
            "99999999999999999999",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn sent_at_needs_a_zone() {
        assert!(parse_zoned("2025-01-01T12:00:00.123+00:00").is_some());
        assert_eq!(parse_zoned("2025-01-01T12:00:00"), None);
        assert_eq!(parse_zoned("1735732800"), None);
    }

    #[test]
    fn impossible_years_become_1970_and_far_futures_become_now() {
        let now = at("2025-01-01T12:00:00Z");
        let resolve = |text: &str| TimeClues { timestamp: parse(text), offset_ms: None, sent_at: None, ignore_sent_at: false }.resolve(now);
        assert_eq!(resolve("-000001-01-01T00:00:00Z"), Timestamp::EPOCH);
        assert_eq!(resolve("0000-01-01T00:00:00Z").to_string(), "0000-01-01T00:00:00.000000Z");
        assert_eq!(resolve("9999-12-31T00:00:00Z"), now);
        assert_eq!(resolve("+275760-09-13T00:00:00.000Z"), now);
        for offset in [i64::MIN, i64::MAX] {
            let clues = TimeClues { timestamp: None, offset_ms: Some(offset), sent_at: None, ignore_sent_at: false };
            assert!([now, Timestamp::EPOCH].contains(&clues.resolve(now)));
        }
    }

    proptest! {
        #[test]
        fn agrees_with_chrono(micros in -62_135_596_800_000_000i64..253_402_300_799_000_000, offset in -840i32..840) {
            let zone = chrono::FixedOffset::east_opt(offset * 60).unwrap();
            let text = Timestamp(micros).to_utc().unwrap().with_timezone(&zone).to_rfc3339();
            prop_assume!(text.len() < 40 && !text.starts_with(['+', '-']));
            prop_assert_eq!(parse(&text), Some(at(&text)));
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".*", digits in "[0-9:/TZ.+ -]{0,40}") {
            let _ = (parse(&text), parse(&digits), parse_zoned(&digits));
        }
    }
}
