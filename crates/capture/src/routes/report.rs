//! `/report`: what browsers send by themselves, policy violations and crashes, as events.

use super::v0::{read_body, status_class};
use crate::Capture;
use crate::client_address::client_address;
use crate::event::{Encoder, new_uuid};
use crate::http_edge::{JSON, Methods, RETRY_AFTER, answer, empty, method_not_allowed, preflight, text, with_cors};
use crate::outcomes::{Example, Reason};
use crate::payload::media_type;
use crate::refusal::{Refusal, check_token};
use axum::extract::Request;
use axum::response::Response;
use http::request::Parts;
use http::{Method, StatusCode, header};
use model::captured::CapturedFlags;
use model::{CapturedEvent, Timestamp};
use queue::Topic;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

const PATH: &str = "/report";
const MAX_BODY: usize = 1 << 20;
const MAX_REPORTS: usize = 100;
const MAX_AGE_MS: i64 = 7 * 86_400_000;

#[derive(Debug, PartialEq, Eq)]
pub enum ReportError {
    WrongType,
    Unreadable(String),
    TooMany,
}

#[derive(Debug, PartialEq)]
pub struct Report {
    event: &'static str,
    document_url: String,
    age_ms: i64,
    properties: Map<String, Value>,
}

struct Refused {
    status: StatusCode,
    code: &'static str,
    detail: String,
    reason: Reason,
}

fn bad(code: &'static str, detail: impl Into<String>, reason: Reason) -> Refused {
    Refused { status: StatusCode::BAD_REQUEST, code, detail: detail.into(), reason }
}

/// Parameters in the report's URL, which the site's owner wrote into a header.
#[derive(Default)]
struct Query {
    token: String,
    distinct_id: String,
    session_id: String,
    version: String,
    sample_rate: Option<f64>,
}

impl Query {
    fn parse(query: &str) -> Self {
        let mut parsed = Query::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "token" => parsed.token = value.into_owned(),
                "distinct_id" => parsed.distinct_id = value.into_owned(),
                "session_id" => parsed.session_id = value.into_owned(),
                "v" => parsed.version = value.into_owned(),
                "sample_rate" => parsed.sample_rate = value.parse().ok().filter(|rate| (0.0..=1.0).contains(rate)),
                _ => {}
            }
        }
        parsed
    }
}

pub async fn serve(capture: Arc<Capture>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if parts.method == Method::OPTIONS {
        let mut response = preflight(Methods::Post, &parts.headers);
        *response.body_mut() = r#"{"status":1}"#.into();
        response.headers_mut().insert(header::CONTENT_TYPE, JSON);
        return response;
    }
    if !Methods::Post.permit(&parts.method) {
        return method_not_allowed(Methods::Post, &parts.headers);
    }
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let response = match handle(&capture, &parts, &query, body).await {
        Ok(()) => empty(StatusCode::NO_CONTENT),
        Err(refused) => {
            let user_agent = text(&parts.headers, &header::USER_AGENT).unwrap_or_default().to_owned();
            let example = Example { path: PATH.to_owned(), detail: refused.detail.clone(), user_agent, event: String::new() };
            capture.outcomes.refused(&query.token, refused.reason, 1, example);
            let body = json!({ "type": "validation_error", "code": refused.code, "detail": refused.detail, "attr": null });
            let mut response = answer(refused.status, JSON, body.to_string());
            if refused.status == StatusCode::SERVICE_UNAVAILABLE {
                response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            response
        }
    };
    metrics::counter!("capture_requests_total", "path" => PATH, "status" => status_class(response.status())).increment(1);
    with_cors(response, &parts.headers)
}

async fn handle(capture: &Arc<Capture>, parts: &Parts, query: &Query, body: axum::body::Body) -> Result<(), Refused> {
    let mut grant = capture.budget.grant();
    let body = read_body(capture, parts, body, MAX_BODY, &mut grant).await.map_err(|refusal| match refusal {
        Refusal::TooLarge(detail) => too_large(detail),
        Refusal::Unavailable => unavailable(),
        other => bad("invalid_payload", other.to_string(), other.reason()),
    })?;
    let content_type = text(&parts.headers, &header::CONTENT_TYPE).unwrap_or_default();
    let reports = decode_report(content_type, &body).map_err(|error| match error {
        ReportError::WrongType => {
            bad("invalid_payload", "reports are sent as application/csp-report or application/reports+json", Reason::InvalidReport)
        }
        ReportError::Unreadable(detail) => bad("invalid_csp_payload", detail, Reason::InvalidReport),
        ReportError::TooMany => too_large(format!("more than {MAX_REPORTS} reports")),
    })?;
    let token = check_token(&query.token).map_err(|error| {
        let refusal = Refusal::InvalidToken(error);
        bad("invalid_payload", format!("{refusal}; add ?token=<project token> to the report URL"), refusal.reason())
    })?;
    let records = encode(capture, parts, query, token, &reports);
    if records.is_empty() {
        return Ok(());
    }
    let count = records.len() as u64;
    capture.queue.append(Topic::Events, records).await.map_err(|_| unavailable())?;
    capture.outcomes.accepted(token, count);
    Ok(())
}

fn too_large(detail: String) -> Refused {
    Refused { status: StatusCode::PAYLOAD_TOO_LARGE, code: "csp_report_too_large", detail, reason: Reason::TooLarge }
}

fn unavailable() -> Refused {
    let detail = Refusal::Unavailable.to_string();
    Refused { status: StatusCode::SERVICE_UNAVAILABLE, code: "capture_error", detail, reason: Reason::Unavailable }
}

fn encode(capture: &Capture, parts: &Parts, query: &Query, token: &str, reports: &[Report]) -> Vec<bytes::Bytes> {
    let now = capture.clock.now();
    let ip = client_address(&capture.config.trusted_proxies, &parts.extensions, &parts.headers);
    let agent = text(&parts.headers, &header::USER_AGENT).unwrap_or_default();
    let or_new = |given: &str| if given.trim().is_empty() { new_uuid(now).to_string() } else { given.chars().take(200).collect() };
    let (distinct_id, session_id) = (or_new(&query.distinct_id), or_new(&query.session_id));
    let mut encoder = Encoder::new();
    for report in reports.iter().filter(|report| is_sampled(query.sample_rate, &report.document_url, now)) {
        let mut properties = report.properties.clone();
        properties.insert("$session_id".to_owned(), session_id.as_str().into());
        properties.insert("$raw_user_agent".to_owned(), agent.into());
        if !query.version.is_empty() {
            properties.insert("$csp_version".to_owned(), query.version.as_str().into());
        }
        encoder.push(&CapturedEvent {
            token: Cow::Borrowed(token),
            uuid: new_uuid(now),
            event: Cow::Borrowed(report.event),
            distinct_id: Cow::Borrowed(&distinct_id),
            timestamp: now.plus_millis(-report.age_ms),
            now,
            sent_at: None,
            ip: Cow::Borrowed(&ip),
            properties: Cow::Owned(Value::Object(properties).to_string()),
            set: Cow::Borrowed(""),
            set_once: Cow::Borrowed(""),
            flags: CapturedFlags::default(),
        });
    }
    encoder.finish()
}

/// The same page in the same minute is always in or always out, so that what is kept is kept together.
fn is_sampled(rate: Option<f64>, document_url: &str, now: Timestamp) -> bool {
    let Some(rate) = rate else { return true };
    let mut hasher = DefaultHasher::new();
    (document_url, now.seconds().div_euclid(60)).hash(&mut hasher);
    (hasher.finish() as f64 / u64::MAX as f64) < rate
}

/// The reports in a body; kinds that mean nothing here are left out.
pub fn decode_report(content_type: &str, body: &[u8]) -> Result<Vec<Report>, ReportError> {
    let media = media_type(content_type);
    if media != "application/csp-report" && media != "application/reports+json" {
        return Err(ReportError::WrongType);
    }
    let cleaned = crate::json::clean(body.to_vec());
    let json: Value = serde_json::from_slice(&cleaned).map_err(|error| ReportError::Unreadable(error.to_string()))?;
    if media == "application/csp-report" {
        return match &json["csp-report"] {
            Value::Object(report) => Ok(vec![old_violation(report)]),
            _ => Err(ReportError::Unreadable("expected an object with `csp-report`".to_owned())),
        };
    }
    let entries = match json {
        Value::Array(entries) => entries,
        entry @ Value::Object(_) => vec![entry],
        _ => return Err(ReportError::Unreadable("expected a report or a list of reports".to_owned())),
    };
    if entries.len() > MAX_REPORTS {
        return Err(ReportError::TooMany);
    }
    let reports = entries.iter().filter_map(|entry| match entry["type"].as_str() {
        Some("csp-violation") => Some(new_violation(entry)),
        Some("crash") => Some(crash(entry)),
        _ => None,
    });
    Ok(reports.collect())
}

/// Property, name in `csp-report`, name in the Reporting API.
const FIELDS: [(&str, &str, &str); 12] = [
    ("$csp_document_url", "document-uri", "documentURL"),
    ("$csp_referrer", "referrer", "referrer"),
    ("$csp_violated_directive", "violated-directive", "effectiveDirective"),
    ("$csp_effective_directive", "effective-directive", "effectiveDirective"),
    ("$csp_original_policy", "original-policy", "originalPolicy"),
    ("$csp_disposition", "disposition", "disposition"),
    ("$csp_blocked_url", "blocked-uri", "blockedURL"),
    ("$csp_line_number", "line-number", "lineNumber"),
    ("$csp_column_number", "column-number", "columnNumber"),
    ("$csp_source_file", "source-file", "sourceFile"),
    ("$csp_status_code", "status-code", "statusCode"),
    ("$csp_script_sample", "script-sample", "sample"),
];

fn old_violation(report: &Map<String, Value>) -> Report {
    let field = |(property, old, _): &(&str, &str, &str)| Some(((*property).to_owned(), report.get(*old)?.clone()));
    let mut properties: Map<String, Value> = FIELDS.iter().filter_map(field).collect();
    properties.insert("$csp_report_type".to_owned(), "csp-violation".into());
    violation(properties, json!({ "csp-report": report }).to_string())
}

fn new_violation(entry: &Value) -> Report {
    let field = |(property, _, new): &(&str, &str, &str)| Some(((*property).to_owned(), entry["body"].get(*new)?.clone()));
    let mut properties: Map<String, Value> = FIELDS.iter().filter_map(field).collect();
    if !properties.contains_key("$csp_document_url") {
        properties.insert("$csp_document_url".to_owned(), entry["url"].clone());
    }
    properties.insert("$csp_report_type".to_owned(), entry["type"].clone());
    properties.insert("$csp_user_agent".to_owned(), entry["user_agent"].clone());
    violation(properties, entry.to_string())
}

fn violation(mut properties: Map<String, Value>, raw: String) -> Report {
    if let Some(Value::String(sample)) = properties.get_mut("$csp_script_sample") {
        *sample = escape_html(sample);
    }
    let document_url = properties.get("$csp_document_url").and_then(Value::as_str).unwrap_or_default().to_owned();
    properties.insert("$csp_raw_report".to_owned(), raw.into());
    properties.insert("$current_url".to_owned(), document_url.as_str().into());
    properties.insert("$process_person_profile".to_owned(), false.into());
    Report { event: "$csp_violation", document_url, age_ms: 0, properties }
}

fn crash(entry: &Value) -> Report {
    let body = &entry["body"];
    let document_url = redact_tokens(entry["url"].as_str().unwrap_or_default());
    let age_ms = entry["age"].as_i64().unwrap_or(0).clamp(0, MAX_AGE_MS);
    let mut raw = entry.clone();
    raw["url"] = document_url.as_str().into();
    let properties = [
        ("reason", body["reason"].clone()),
        ("id", body["crashId"].clone()),
        ("is_top_level", body["is_top_level"].clone()),
        ("visibility_state", body["visibility_state"].clone()),
        ("age_ms", age_ms.into()),
        ("document_url", document_url.as_str().into()),
        ("user_agent", entry["user_agent"].clone()),
        ("raw_report", raw.to_string().into()),
    ];
    let named = properties.into_iter().map(|(name, value)| (format!("$browser_crash_{name}"), value));
    let mut properties: Map<String, Value> = named.filter(|(_, value)| !value.is_null()).collect();
    properties.insert("$current_url".to_owned(), document_url.as_str().into());
    properties.insert("$process_person_profile".to_owned(), false.into());
    Report { event: "$browser_crash_report", document_url, age_ms, properties }
}

/// Long path segments with digits in them may be secrets; the query certainly may.
fn redact_tokens(url: &str) -> String {
    let path_end = url.find(['?', '#']).unwrap_or(url.len());
    let is_token = |segment: &str| segment.len() >= 20 && segment.bytes().any(|byte| byte.is_ascii_digit()) && !segment.contains('.');
    let segments = url[..path_end].split('/').map(|segment| if is_token(segment) { "[redacted]" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#x27;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_kinds_of_violation_give_the_same_properties() {
        let old = br#"{"csp-report":{"document-uri":"https://a/b","blocked-uri":"x","script-sample":"<b>","line-number":3}}"#;
        let new = br#"[{"type":"csp-violation","url":"https://a/b","user_agent":"UA","body":{"documentURL":"https://a/b","blockedURL":"x","sample":"<b>","lineNumber":3}},{"type":"deprecation"}]"#;
        let old = decode_report("application/csp-report; charset=utf-8", old).unwrap();
        let new = decode_report("application/reports+json", new).unwrap();
        assert_eq!((old.len(), new.len()), (1, 1));
        for property in ["$csp_document_url", "$csp_blocked_url", "$csp_script_sample", "$csp_line_number", "$current_url"] {
            assert_eq!(old[0].properties[property], new[0].properties[property], "{property}");
        }
        assert_eq!(new[0].properties["$csp_script_sample"], "&lt;b&gt;");
    }

    #[test]
    fn crashes_are_dated_back_and_their_urls_hold_no_tokens() {
        let body =
            br#"{"type":"crash","age":5000,"url":"https://a/reset/abcdef0123456789abcdef/x?t=1","body":{"reason":"oom","crashId":"c"}}"#;
        let report = decode_report("application/reports+json", body).unwrap().remove(0);
        assert_eq!((report.event, report.age_ms), ("$browser_crash_report", 5000));
        assert_eq!(report.document_url, "https://a/reset/[redacted]/x");
        assert!(!Value::Object(report.properties).to_string().contains("abcdef0123456789"));
    }

    #[test]
    fn sampling_keeps_or_drops_a_page_for_a_whole_minute() {
        let at = Timestamp::from_seconds(600);
        assert!(is_sampled(None, "u", at) && is_sampled(Some(1.0), "u", at) && !is_sampled(Some(0.0), "u", at));
        let kept = (0..1000).filter(|page| is_sampled(Some(0.3), &format!("https://a/{page}"), at)).count();
        assert!((200..400).contains(&kept), "{kept}");
        assert_eq!(is_sampled(Some(0.5), "u", at), is_sampled(Some(0.5), "u", at.plus_seconds(59)));
    }

    proptest! {
        #[test]
        fn arbitrary_bodies_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200), jsonish in r#"[\[\]{}",:a-z0-9]{0,100}"#) {
            let _ = decode_report("application/reports+json", &body);
            let _ = decode_report("application/csp-report", jsonish.as_bytes());
        }
    }
}
