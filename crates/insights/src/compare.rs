//! "Compare to previous period".

use crate::dates::{Calendar, Interval, ParsedDate, Span, parse_date};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompareFilter {
    #[serde(default)]
    pub compare: Option<bool>,
    /// `-1y`, `-14d` …: shift by this much instead of taking the period directly before.
    #[serde(default)]
    pub compare_to: Option<String>,
}

impl CompareFilter {
    pub fn is_on(&self) -> bool {
        self.compare.unwrap_or(false)
    }
}

/// The period that `span` is compared to.
pub fn previous(span: &Span, filter: &CompareFilter, calendar: &Calendar) -> Span {
    match filter.compare_to.as_deref().filter(|text| !text.is_empty()) {
        Some(delta) => shifted(span, delta, calendar),
        None => directly_before(span, calendar),
    }
}

fn shifted(span: &Span, delta: &str, calendar: &Calendar) -> Span {
    let shift = |at: chrono::DateTime<chrono_tz::Tz>| {
        let there = Calendar { now: model::Timestamp(at.timestamp_micros()), ..*calendar };
        match parse_date(delta, &there) {
            ParsedDate::Relative { at, .. } => at,
            _ => at,
        }
    };
    span.moved(shift(span.from), shift(span.to))
}

fn directly_before(span: &Span, calendar: &Calendar) -> Span {
    let length = span.to - span.from;
    if span.interval.is_shorter_than_a_day() {
        let from = calendar.floor(span.from - length, span.interval);
        let to = from + length;
        let to = if span.interval == Interval::Hour { calendar.end_of_hour(to) } else { calendar.end_of_minute(to) };
        return span.moved(from, to);
    }
    // Lengths are wall-clock lengths: a clock change between the two periods must not move the days.
    let length = span.to.naive_local() - span.from.naive_local();
    let mut from = calendar.start_of_day(calendar.local(span.from.naive_local() - length));
    if span.interval == Interval::Day && span.whole_days.is_some_and(|days| days > 0 && days % 7 == 0) {
        // `-7d` really covers eight days; one day later keeps weekdays beneath each other.
        from = calendar.shift_days(from, 1);
    }
    let to = calendar.local(from.naive_local() + length);
    span.moved(from, calendar.end_of_day(to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dates::{DateRange, day_text};
    use model::Timestamp;

    fn days(from: &str, interval: Interval, compare_to: Option<&str>) -> (String, String, usize) {
        let calendar =
            Calendar { timezone: chrono_tz::UTC, week_start_day: 0, now: Timestamp::parse_rfc3339("2025-03-12T15:00:00Z").unwrap() };
        let range = DateRange { date_from: Some(from.into()), ..DateRange::default() };
        let span = Span::settle(&range, interval, false, None, &calendar);
        let filter = CompareFilter { compare: Some(true), compare_to: compare_to.map(str::to_owned) };
        let axis = previous(&span, &filter, &calendar).axis(&calendar).unwrap();
        (day_text(axis[0], interval), day_text(axis[axis.len() - 1], interval), axis.len())
    }

    #[test]
    fn whole_weeks_are_compared_weekday_to_weekday() {
        assert_eq!(days("-7d", Interval::Day, None), ("2025-02-26".into(), "2025-03-05".into(), 8));
    }

    #[test]
    fn other_lengths_end_the_day_before() {
        assert_eq!(days("-6d", Interval::Day, None), ("2025-02-27".into(), "2025-03-05".into(), 7));
    }

    #[test]
    fn hours_are_compared_to_as_many_hours_before() {
        assert_eq!(days("-24h", Interval::Hour, None), ("2025-03-10 14:00:00".into(), "2025-03-11 14:00:00".into(), 25));
    }

    #[test]
    fn a_given_distance_moves_both_ends() {
        assert_eq!(days("-7d", Interval::Day, Some("-1m")), ("2025-02-05".into(), "2025-02-12".into(), 8));
    }
}
