//! How old an answer may be for those who do not insist on the newest data, and when asking again makes sense.

use chrono::DateTime;
use model::Timestamp;
use serde_json::Value;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// After this time a client takes an answer for stale. `None`: never, because it is about a time that is over.
pub fn target_age(node: &Value, body: &Value, computed_at: Timestamp) -> Option<Timestamp> {
    let seconds = match interval(node) {
        Some("minute") => 5 * MINUTE,
        Some("hour") => HOUR,
        Some("week") => DAY,
        Some("month") => 2 * DAY,
        _ => 6 * HOUR,
    };
    (!is_over(body, computed_at)).then(|| computed_at.plus_seconds(seconds))
}

/// Is an answer young enough for the mode that prefers a fast answer to the newest data?
pub fn is_young(node: &Value, body: &Value, computed_at: Timestamp, now: Timestamp) -> bool {
    let seconds = match interval(node) {
        Some("minute") => 15 * MINUTE,
        Some("hour") => 2 * HOUR,
        Some("week") => DAY,
        Some("month") => 2 * DAY,
        _ => 12 * HOUR,
    };
    is_over(body, computed_at) || now.0 - computed_at.0 < seconds * 1_000_000
}

/// Seconds after which a client may ask for a new answer.
pub fn wait_seconds(node: &Value, body: &Value) -> i64 {
    const SHORT_DAYS: i64 = 7;
    let is_short = range(body).is_some_and(|(from, to)| (to - from) / (DAY * 1_000_000) <= SHORT_DAYS);
    match interval(node) {
        Some("minute") => MINUTE,
        Some("hour") => 3 * MINUTE,
        _ if is_short => 3 * MINUTE,
        _ => 15 * MINUTE,
    }
}

fn interval(node: &Value) -> Option<&str> {
    node.get("interval").and_then(Value::as_str)
}

/// Did the range that an answer is about end before it was computed?
fn is_over(body: &Value, computed_at: Timestamp) -> bool {
    const MARGIN_SECONDS: i64 = 10;
    range(body).is_some_and(|(_, to)| to < computed_at.plus_seconds(-MARGIN_SECONDS).0)
}

fn range(body: &Value) -> Option<(i64, i64)> {
    let range = body.get("resolved_date_range")?;
    let at = |name: &str| Some(DateTime::parse_from_rfc3339(range.get(name)?.as_str()?).ok()?.timestamp_micros());
    Some((at("date_from")?, at("date_to")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn what_is_over_never_gets_old() {
        let body = json!({"resolved_date_range": {"date_from": "2025-03-01T00:00:00Z", "date_to": "2025-03-02T23:59:59.999999Z"}});
        let node = json!({"kind": "TrendsQuery", "interval": "hour"});
        let (computed, later) = (at("2025-03-05T00:00:00Z"), at("2026-03-05T00:00:00Z"));
        assert_eq!(target_age(&node, &body, computed), None);
        assert!(is_young(&node, &body, computed, later));
        assert!(!is_young(&node, &body, at("2025-03-02T12:00:00Z"), later));
    }

    #[test]
    fn shorter_intervals_and_ranges_may_be_asked_for_sooner() {
        let body = |from: &str| json!({"resolved_date_range": {"date_from": from, "date_to": "2025-03-12T23:59:59.999999Z"}});
        let node = |interval: &str| json!({"interval": interval});
        let week = body("2025-03-05T00:00:00Z");
        assert_eq!(wait_seconds(&node("day"), &week), 180);
        assert_eq!(wait_seconds(&node("day"), &body("2025-03-04T00:00:00Z")), 900);
        assert_eq!((wait_seconds(&node("minute"), &week), wait_seconds(&node("hour"), &json!({}))), (60, 180));
        let computed = at("2025-03-12T12:00:00Z");
        assert_eq!(target_age(&node("hour"), &week, computed), Some(at("2025-03-12T13:00:00Z")));
        assert!(is_young(&node("day"), &week, computed, at("2025-03-12T23:59:59Z")));
        assert!(!is_young(&node("day"), &week, computed, at("2025-03-13T00:00:00Z")));
    }
}
