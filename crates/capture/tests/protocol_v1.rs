//! The strict protocol, answered event by event. Numbers are conformance cases.

mod served;

use capture::{CaptureConfig, Quota, Resource};
use http::{Method, StatusCode};
use queue::disk::Op;
use serde_json::{Value, json};
use served::*;

const PATH: &str = "/i/v1/analytics/events";
const REQUEST_ID: &str = "0198c0de-0000-7000-8000-0000000000ff";

fn uuid(number: u8) -> String {
    format!("0198c0de-0000-7000-8000-0000000000{number:02x}")
}

fn event(number: u8) -> Value {
    json!({ "event": "a", "uuid": uuid(number).to_uppercase(), "distinct_id": "u", "timestamp": "2025-01-01T11:59:58.123Z" })
}

fn event_with(number: u8, fields: Value) -> Value {
    let mut event = event(number);
    event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    event
}

fn send_to(path: &str, body: impl Into<Vec<u8>>) -> Call {
    post(path, body)
        .header("authorization", "bearer phc_test")
        .header("user-agent", "posthog-node/5.50.0")
        .header("posthog-sdk-info", "posthog-node/5.50.0")
        .header("posthog-attempt", "1")
        .header("posthog-request-id", REQUEST_ID)
        .header("posthog-request-timestamp", NOW)
}

fn envelope(events: Vec<Value>) -> String {
    json!({ "created_at": NOW, "batch": events }).to_string()
}

fn batch(events: Vec<Value>) -> Call {
    send_to(PATH, envelope(events))
}

async fn error_of(served: &Served, call: Call) -> (u16, String) {
    let answer = served.send(call).await;
    let body = answer.json();
    assert!(body["error_description"].is_string() && body["error_uri"].is_string(), "{body}");
    (answer.status.as_u16(), body["error"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_valid_batch_is_answered_event_by_event() {
    let served = Served::new();
    for slash in ["", "/"] {
        let call = send_to(&format!("{PATH}{slash}"), envelope(vec![event(1), event(2)]));
        let answer = served.send(call).await;
        assert_eq!(answer.status, StatusCode::OK, "case 117: {}", answer.body);
        let expected = format!(r#"{{"results":{{"{}":{{"result":"ok"}},"{}":{{"result":"ok"}}}}}}"#, uuid(1), uuid(2));
        assert_eq!(answer.body, expected, "case 117");
        assert_eq!(answer.header("date"), Some("Wed, 01 Jan 2025 12:00:00 GMT"), "case 117");
        assert_eq!(answer.header("posthog-request-id"), Some(REQUEST_ID), "case 117");
        assert_eq!(answer.header("retry-after"), None, "case 117");
    }
    assert_eq!(served.stored().await.len(), 4);
}

#[tokio::test]
async fn authorization_is_checked_first() {
    let served = Served::new();
    let call = || batch(vec![event(1)]);
    for (call, status, tag) in [
        (call().without("authorization").without("user-agent"), 401, "missing_authorization"),
        (call().header("authorization", "Basic x"), 400, "invalid_header_value"),
        (call().header("authorization", "Bearer phx_x"), 401, "invalid_api_token"),
        (call().header("authorization", "Bearer  "), 401, "invalid_api_token"),
    ] {
        assert_eq!(error_of(&served, call).await, (status, tag.to_owned()), "case 118");
    }
}

#[tokio::test]
async fn all_missing_headers_are_named_at_once() {
    let served = Served::new();
    let answer = served.send(batch(vec![event(1)]).without("posthog-attempt").without("user-agent")).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (400, &json!("missing_required_headers")), "case 119");
    let description = answer.json()["error_description"].as_str().unwrap().to_owned();
    assert!(description.contains("PostHog-Attempt") && description.contains("User-Agent"), "case 119: {description}");
    for (name, value) in [
        ("posthog-attempt", "0"),
        ("posthog-attempt", "x"),
        ("posthog-request-id", "x"),
        ("posthog-request-timestamp", "2025-01-01T12:00:00"),
    ] {
        let error = error_of(&served, batch(vec![event(1)]).header(name, value)).await;
        assert_eq!(error, (400, "invalid_header_value".to_owned()), "{name}: {value}");
    }
}

#[tokio::test]
async fn other_content_types_and_encodings_are_unsupported() {
    let served = Served::new();
    let plain = batch(vec![event(1)]).header("content-type", "text/plain");
    assert_eq!(error_of(&served, plain).await, (415, "unsupported_content_type".to_owned()), "case 120");
    let lz4 = batch(vec![event(1)]).header("content-encoding", "lz4");
    assert_eq!(error_of(&served, lz4).await, (415, "unsupported_encoding".to_owned()), "case 120");
    let with_charset = batch(vec![event(1)]).header("content-type", "Application/JSON; charset=utf-8");
    assert_eq!(served.send(with_charset).await.status, StatusCode::OK);
}

#[tokio::test]
async fn every_encoding_is_understood() {
    let served = Served::new();
    for (number, (name, packed)) in
        [("gzip", gzip as fn(String) -> Vec<u8>), ("deflate", zlib), ("br", brotli), ("zstd", zstd)].into_iter().enumerate()
    {
        let call = batch(Vec::new()).body(packed(envelope(vec![event(number as u8)]))).header("content-encoding", name);
        let answer = served.send(call).await;
        assert_eq!(answer.status, StatusCode::OK, "case 121: {name}: {}", answer.body);
        let broken = batch(vec![event(1)]).header("content-encoding", name);
        assert_eq!(error_of(&served, broken).await, (400, "request_decoding_error".to_owned()), "{name}");
    }
    assert_eq!(served.stored().await.len(), 4);
}

#[tokio::test]
async fn a_malformed_batch_is_refused_whole() {
    let served = Served::new();
    for (body, tag) in [
        (envelope(vec![event(1), event(1)]), "duplicate_event_uuid"),
        (envelope(vec![event_with(1, json!({"uuid": "nope"}))]), "invalid_event_uuid"),
        (envelope(vec![event_with(1, json!({"uuid": ""}))]), "missing_event_uuid"),
        (envelope(vec![]), "empty_batch"),
        (envelope(vec![event(2), event_with(1, json!({"distinct_id": 7}))]), "request_parsing_error"),
        (envelope(vec![json!({"event": "a"})]), "request_parsing_error"),
        (json!({"batch": [event(1)]}).to_string(), "request_parsing_error"),
        (json!({"created_at": "yesterday", "batch": [event(1)]}).to_string(), "invalid_batch"),
        (json!({"created_at": NOW, "batch": {}}).to_string(), "request_parsing_error"),
        ("[]".to_owned(), "request_parsing_error"),
        ("{".to_owned(), "request_parsing_error"),
        (String::new(), "empty_body"),
    ] {
        assert_eq!(error_of(&served, batch(vec![]).body(body.clone())).await, (400, tag.to_owned()), "case 122: {body}");
    }
    assert!(served.stored().await.is_empty(), "case 122");
}

#[tokio::test]
async fn bad_events_are_dropped_one_by_one() {
    let cases = [
        (123, json!({"distinct_id": "x".repeat(201)}), "distinct_id_too_large"),
        (0, json!({"distinct_id": "  "}), "missing_distinct_id"),
        (0, json!({"event": ""}), "missing_event_name"),
        (0, json!({"event": "x".repeat(201)}), "event_name_too_long"),
        (124, json!({"timestamp": "2025-01-01T12:00:00"}), "invalid_event_timestamp"),
        (125, json!({"options": {"cookieless_mode": []}}), "invalid_options"),
        (0, json!({"properties": [1]}), "malformed_event_properties"),
        (0, json!({"event": "$performance_event"}), "performance_event"),
    ];
    for (number, fields, details) in cases {
        let served = Served::new();
        let answer = served.send(batch(vec![event_with(1, fields), event(2)])).await;
        assert_eq!(answer.status, StatusCode::OK, "case {number}: {}", answer.body);
        assert_eq!(answer.json()["results"][uuid(1)], json!({"result": "drop", "details": details}), "case {number}");
        assert_eq!(answer.json()["results"][uuid(2)], json!({"result": "ok"}), "case {number}");
        assert_eq!(served.stored().await.len(), 1, "case {number}");
    }
}

#[tokio::test]
async fn what_stands_beside_the_properties_is_put_into_them() {
    let served = Served::new();
    let fields = json!({
        "session_id": "s", "window_id": "w", "distinct_id": " u ",
        "options": {"process_person_profile": "false", "cookieless_mode": 1, "product_tour_id": "t1"},
        "properties": {"$lib": "x", "$session_id": "other", "a": {"b": 1}}
    });
    let stored = served.store_one(batch(vec![event_with(1, fields)])).await;
    let expected = json!({
        "a": {"b": 1}, "$session_id": "s", "$window_id": "w", "$cookieless_mode": true, "$product_tour_id": "t1",
        "$process_person_profile": false, "$lib": "posthog-node", "$lib_version": "5.50.0"
    });
    assert_eq!(properties(&stored), expected, "cases 125 and 127");
    assert_eq!(stored.properties.matches("\"$lib\"").count(), 1, "case 127");
    assert_eq!(stored.distinct_id, "u");
    assert!(stored.flags.cookieless);
    let call = batch(vec![event(2)]).header("posthog-sdk-info", "nonsense");
    assert_eq!(served.store_one(call).await.properties, "{}", "malformed library information is ignored");
}

#[tokio::test]
async fn ids_of_nobody_get_no_person() {
    let served = Served::new();
    let answer = served.send(batch(vec![event_with(1, json!({"distinct_id": "Anonymous"}))])).await;
    assert_eq!(answer.json()["results"][uuid(1)], json!({"result": "ok", "details": "person_processing_disabled"}), "case 126");
    assert!(served.stored().await[0].flags.no_person_processing, "case 126");
}

#[tokio::test]
async fn clocks_are_corrected_unless_the_event_says_otherwise() {
    let served = Served::new();
    let at_eleven = json!({"timestamp": "2025-01-01T11:00:00Z"});
    let call = || batch(vec![event_with(1, at_eleven.clone())]).header("posthog-request-timestamp", "2025-01-01T12:00:10Z");
    let stored = served.store_one(call()).await;
    assert_eq!((stored.timestamp, stored.sent_at), (at("2025-01-01T10:59:50Z"), Some(at("2025-01-01T12:00:10Z"))));
    let uncorrected = json!({"timestamp": "2025-01-03T11:00:00Z", "options": {"disable_skew_correction": true}});
    let stored = served.store_one(call().body(envelope(vec![event_with(1, uncorrected)]))).await;
    assert_eq!((stored.timestamp, stored.sent_at), (at("2025-01-03T11:00:00Z"), None), "no clamp without correction");
    assert_eq!(properties(&stored)["$ignore_sent_at"], json!(true));
    let future = json!({"timestamp": "2025-01-03T11:00:00Z"});
    assert_eq!(served.store_one(call().body(envelope(vec![event_with(1, future)]))).await.timestamp, at(NOW));
}

#[tokio::test]
async fn events_that_could_not_be_stored_are_to_be_sent_again() {
    let served = Served::new();
    let events = vec![event(1), event_with(2, json!({"timestamp": "soon"})), event(3)];
    served.faults.fail_every(Op::SyncData, libc::EIO);
    let answer = served.send(batch(events)).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (200, Some("1")), "case 128");
    let results = answer.json()["results"].clone();
    assert_eq!(results[uuid(1)], json!({"result": "retry", "details": "not_persisted"}), "case 128");
    assert_eq!(results[uuid(2)]["result"], "drop", "case 128");
    assert_eq!(results[uuid(3)]["result"], "retry", "case 128");
    served.faults.heal();
    let again = served.send(batch(vec![event(1), event(3)]).header("posthog-attempt", "2")).await;
    assert_eq!((again.status.as_u16(), again.header("retry-after")), (200, None), "case 128");
    assert_eq!(served.stored().await.len(), 2, "case 128");
}

#[tokio::test]
async fn a_full_disk_is_a_503_with_a_pause() {
    let served = Served::new();
    served.faults.fail_every(Op::Write, libc::ENOSPC);
    let answer = served.send(batch(vec![event(1)])).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, Some("1")));
    assert_eq!(answer.json()["error"], "service_unavailable");
}

#[tokio::test]
async fn bodies_are_limited_packed_and_unpacked() {
    let served = Served::new();
    let large = batch(vec![]).body(vec![b' '; (10 << 20) + 1]);
    assert_eq!(error_of(&served, large).await, (413, "payload_too_large".to_owned()), "case 129");
    let zeroes = vec![b' '; 60 << 20];
    for (name, bomb) in [("gzip", gzip(&zeroes)), ("deflate", zlib(&zeroes)), ("br", brotli(&zeroes)), ("zstd", zstd(&zeroes))] {
        let call = batch(vec![]).body(bomb).header("content-encoding", name);
        assert_eq!(error_of(&served, call).await, (413, "payload_too_large".to_owned()), "{name}");
    }
}

#[tokio::test]
async fn only_post_is_allowed() {
    let served = Served::new();
    assert_eq!(served.send(get(PATH)).await.status, StatusCode::METHOD_NOT_ALLOWED, "case 130");
    let answer = served.send(call(Method::OPTIONS, PATH).header("origin", "https://x.dev")).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-methods")), (200, Some("POST,OPTIONS")), "case 130");
}

#[tokio::test]
async fn the_ai_lane_takes_only_ai_events() {
    let served = Served::new();
    let events = vec![event_with(1, json!({"event": "$ai_generation"})), event(2)];
    let answer = served.send(send_to("/i/v1/ai/events", envelope(events))).await;
    assert_eq!(answer.json()["results"][uuid(1)]["result"], "ok");
    assert_eq!(answer.json()["results"][uuid(2)], json!({"result": "drop", "details": "misrouted_event"}));
}

#[tokio::test]
async fn a_used_up_quota_is_named() {
    let served = Served::with(CaptureConfig { quota: Quota::default().limit(TOKEN, Resource::Events), ..CaptureConfig::default() });
    assert_eq!(error_of(&served, batch(vec![event(1)])).await, (402, "billing_limit_exceeded".to_owned()));
    let mixed = vec![event(1), event_with(2, json!({"event": "$exception"}))];
    let answer = served.send(batch(mixed)).await;
    assert_eq!(answer.json()["results"][uuid(1)], json!({"result": "drop", "details": "billing_limit_exceeded"}));
    assert_eq!(answer.json()["results"][uuid(2)], json!({"result": "ok"}));
}
