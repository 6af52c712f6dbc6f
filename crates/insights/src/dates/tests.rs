use super::*;

fn calendar(timezone: &str) -> Calendar {
    Calendar { timezone: timezone.parse().unwrap(), week_start_day: 0, now: Timestamp::parse_rfc3339("2025-03-12T15:20:30Z").unwrap() }
}

fn range(from: Option<&str>, to: Option<&str>) -> DateRange {
    DateRange { date_from: from.map(str::to_owned), date_to: to.map(str::to_owned), explicit_date: None }
}

/// from, rows-from, to (whole seconds, local), bucket count.
fn check(timezone: &str, from: Option<&str>, to: Option<&str>, interval: Interval, expect: (&str, &str, &str, usize)) {
    let calendar = calendar(timezone);
    let span = Span::settle(&range(from, to), interval, false, None, &calendar);
    let text = |at: DateTime<Tz>| at.format("%Y-%m-%d %H:%M:%S").to_string();
    let got = (text(span.from), text(span.lower(&calendar)), text(span.to), span.axis(&calendar).unwrap().len());
    let expect = (expect.0.to_owned(), expect.1.to_owned(), expect.2.to_owned(), expect.3);
    assert_eq!(got, expect, "{from:?}…{to:?} by {interval:?} in {timezone}");
}

#[test]
fn every_documented_range_settles_as_posthog_settles_it() {
    use Interval::*;
    let utc = |from, to, interval, expect| check("UTC", from, to, interval, expect);
    let today = "2025-03-12 23:59:59";
    utc(Some("-7d"), None, Day, ("2025-03-05 00:00:00", "2025-03-05 00:00:00", today, 8));
    utc(None, None, Day, ("2025-03-05 00:00:00", "2025-03-05 00:00:00", today, 8));
    utc(Some("-24h"), None, Day, ("2025-03-11 15:00:00", "2025-03-11 15:00:00", today, 2));
    utc(Some("-24h"), None, Hour, ("2025-03-11 15:00:00", "2025-03-11 15:00:00", "2025-03-12 15:59:59", 25));
    utc(Some("-7d"), None, Hour, ("2025-03-05 00:00:00", "2025-03-05 00:00:00", "2025-03-12 15:59:59", 184));
    utc(Some("dStart"), None, Hour, ("2025-03-12 00:00:00", "2025-03-12 00:00:00", "2025-03-12 15:59:59", 16));
    utc(Some("-1h"), None, Minute, ("2025-03-12 14:20:30", "2025-03-12 14:20:30", "2025-03-12 15:20:59", 61));
    utc(Some("-1dStart"), Some("-1dEnd"), Day, ("2025-03-11 00:00:00", "2025-03-11 00:00:00", "2025-03-11 23:59:59", 1));
    utc(Some("mStart"), None, Day, ("2025-03-01 00:00:00", "2025-03-01 00:00:00", today, 12));
    utc(Some("-1mStart"), Some("-1mEnd"), Day, ("2025-02-01 00:00:00", "2025-02-01 00:00:00", "2025-02-28 23:59:59", 28));
    utc(Some("-30d"), None, Week, ("2025-02-10 00:00:00", "2025-02-10 00:00:00", today, 5));
    utc(Some("-3m"), None, Month, ("2024-12-12 00:00:00", "2024-12-01 00:00:00", today, 4));
    utc(Some("-1q"), None, Day, ("2024-12-11 00:00:00", "2024-12-11 00:00:00", today, 92));
    utc(
        Some("2025-03-05T10:00Z"),
        Some("2025-03-05T12:30Z"),
        Hour,
        ("2025-03-05 10:00:00", "2025-03-05 10:00:00", "2025-03-05 12:30:00", 3),
    );
    check("Asia/Tokyo", Some("-7d"), None, Day, ("2025-03-06 00:00:00", "2025-03-06 00:00:00", "2025-03-13 23:59:59", 8));
}

#[test]
fn the_week_axis_starts_at_the_week_that_holds_the_first_day() {
    let calendar = calendar("UTC");
    let span = Span::settle(&range(Some("-30d"), None), Interval::Week, false, None, &calendar);
    let days: Vec<String> = span.axis(&calendar).unwrap().into_iter().map(|at| day_text(at, Interval::Week)).collect();
    assert_eq!(days, ["2025-02-09", "2025-02-16", "2025-02-23", "2025-03-02", "2025-03-09"]);
}

#[test]
fn a_monday_project_starts_its_weeks_on_monday() {
    let calendar = Calendar { week_start_day: 1, ..calendar("UTC") };
    let span = Span::settle(&range(Some("2025-03-05"), Some("2025-03-11")), Interval::Week, false, None, &calendar);
    let days: Vec<String> = span.axis(&calendar).unwrap().into_iter().map(|at| day_text(at, Interval::Week)).collect();
    assert_eq!(days, ["2025-03-03", "2025-03-10"]);
}

#[test]
fn a_day_of_a_clock_change_has_23_or_25_hours() {
    let hours = |day: &str| {
        let calendar = calendar("America/New_York");
        let next = format!("{day}T23:00");
        let span = Span::settle(&range(Some(day), Some(&next)), Interval::Hour, false, None, &calendar);
        span.axis(&calendar).unwrap().len()
    };
    assert_eq!((hours("2025-03-08"), hours("2025-03-09"), hours("2025-11-02")), (24, 23, 25));
}

#[test]
fn day_buckets_follow_the_wall_clock_across_a_clock_change() {
    let calendar = calendar("America/New_York");
    let span = Span::settle(&range(Some("2025-03-08"), Some("2025-03-10")), Interval::Day, false, None, &calendar);
    let starts: Vec<String> = span.axis(&calendar).unwrap().into_iter().map(|at| at.to_utc().to_rfc3339()).collect();
    assert_eq!(starts, ["2025-03-08T05:00:00+00:00", "2025-03-09T05:00:00+00:00", "2025-03-10T04:00:00+00:00"]);
}

#[test]
fn a_midnight_that_does_not_exist_becomes_the_first_instant_of_the_day() {
    // Chile's clocks went from 24:00 to 01:00.
    let calendar = calendar("America/Santiago");
    let start = calendar.midnight(NaiveDate::from_ymd_opt(2024, 9, 8).unwrap());
    assert_eq!(start.to_utc().to_rfc3339(), "2024-09-08T04:00:00+00:00");
    assert_eq!(start.format("%H:%M").to_string(), "01:00");
}

#[test]
fn dates_are_read_with_and_without_padding_and_offsets() {
    let calendar = calendar("America/New_York");
    let utc = |text: &str| match parse_date(text, &calendar) {
        ParsedDate::Absolute(at) => at.to_utc().to_rfc3339(),
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(utc("2021-1-1"), "2021-01-01T05:00:00+00:00");
    assert_eq!(utc("2021-01-01T00:00:00Z"), "2021-01-01T00:00:00+00:00");
    assert_eq!(utc("2021-01-01T00:00:00+02:00"), "2020-12-31T22:00:00+00:00");
    assert_eq!(utc("2021-01-01 10:30"), "2021-01-01T15:30:00+00:00");
    assert_eq!(utc("2021-01-01 10:30:00.5"), "2021-01-01T15:30:00.500+00:00");
}

#[test]
fn months_are_clamped_to_their_last_day() {
    let calendar = Calendar { now: Timestamp::parse_rfc3339("2025-03-31T10:00:00Z").unwrap(), ..calendar("UTC") };
    assert_eq!(parse_instant("-1m", &calendar).unwrap().to_rfc3339(), "2025-02-28T10:00:00+00:00");
}

#[test]
fn absurd_numbers_neither_panic_nor_hang() {
    let calendar = calendar("UTC");
    for text in ["-99999999999999999999y", "-2000000m", "-999999999d", "999999999q", "-1999999999h", "-99999999M"] {
        let span = Span::settle(&range(Some(text), None), Interval::Minute, false, None, &calendar);
        assert!(span.axis(&calendar).is_none(), "{text}");
    }
}

#[test]
fn exact_ranges_are_not_rounded() {
    let calendar = calendar("UTC");
    let span = Span::settle(&range(Some("-7d"), None), Interval::Day, true, None, &calendar);
    assert_eq!((iso(span.from), iso(span.to)), ("2025-03-05T15:20:30Z".into(), "2025-03-12T15:20:30Z".into()));
}

proptest::proptest! {
    #[test]
    fn no_text_breaks_a_date_range(from in "\\PC{0,24}", to in "-?[0-9]{0,12}[a-zA-Z]{0,6}", interval in 0usize..5, week_start_day in 0u8..2) {
        let calendar = Calendar { week_start_day, ..calendar("America/New_York") };
        let interval = [Interval::Minute, Interval::Hour, Interval::Day, Interval::Week, Interval::Month][interval];
        for (from, to) in [(&from, &to), (&to, &from)] {
            let span = Span::settle(&range(Some(from), Some(to)), interval, false, None, &calendar);
            let filter = crate::compare::CompareFilter { compare: Some(true), compare_to: Some(to.clone()) };
            for span in [span, crate::compare::previous(&span, &filter, &calendar)] {
                let axis = span.axis(&calendar);
                assert!(axis.is_none_or(|axis| axis.windows(2).all(|two| two[0] < two[1])));
                span.lower(&calendar);
            }
        }
    }

    #[test]
    fn buckets_hold_their_instants(seconds in 0i64..4_000_000_000, interval in 0usize..5, zone in 0usize..6) {
        let zone = ["UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Santiago", "Pacific/Apia"][zone];
        let interval = [Interval::Minute, Interval::Hour, Interval::Day, Interval::Week, Interval::Month][interval];
        let calendar = calendar(zone);
        let at = calendar.at(Timestamp::from_seconds(seconds));
        let start = calendar.floor(at, interval);
        assert!(start <= at && at < calendar.next(start, interval), "{zone} {interval:?} {at} {start}");
        assert_eq!(calendar.floor(start, interval), start, "{zone} {interval:?}");
    }
}
