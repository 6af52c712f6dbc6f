//! Model calls, replay and browser reports. Numbers are conformance cases.

mod served;

use capture::CaptureConfig;
use http::{Method, StatusCode};
use queue::Topic;
use serde_json::json;
use served::*;

#[tokio::test]
async fn model_calls_may_be_large_and_come_by_either_path() {
    let served = Served::new();
    let filler = "x".repeat(3 << 20);
    let batch = format!(
        r#"{{"api_key":"phc_test","batch":[{{"event":"$ai_generation","distinct_id":"u","properties":{{"$ai_input":"{filler}"}}}}]}}"#
    );
    assert_eq!(served.store_one(post("/i/v0/ai/batch/", batch)).await.event, "$ai_generation", "case 131");
    let small = r#"{"api_key":"phc_test","batch":[{"event":"$ai_generation","distinct_id":"u"}]}"#;
    assert_eq!(served.store_one(post("/batch/", small)).await.event, "$ai_generation", "case 132");
}

fn otel(body: impl Into<Vec<u8>>) -> Call {
    post("/i/v0/ai/otel", body).header("authorization", "Bearer phc_test")
}

fn spans(count: usize, attribute: &str) -> String {
    let span = json!({
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "chat gpt",
        "startTimeUnixNano": "1735732790000000000", "endTimeUnixNano": "1735732791500000000",
        "attributes": [
            {"key": attribute, "value": {"stringValue": "chat"}},
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "12"}},
            {"key": "user.id", "value": {"stringValue": "u1"}}
        ]
    });
    let mut span = span;
    if attribute != "gen_ai.operation.name" {
        span["attributes"].as_array_mut().unwrap().truncate(1);
    }
    json!({"resourceSpans": [{"scopeSpans": [{"spans": vec![span; count]}]}]}).to_string()
}

#[tokio::test]
async fn traces_of_model_calls_become_events() {
    let served = Served::new();
    let answer = served.send(otel(spans(1, "gen_ai.operation.name"))).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "{}"), "case 133");
    let stored = served.stored().await.remove(0);
    assert_eq!((&*stored.event, &*stored.distinct_id), ("$ai_generation", "u1"), "case 133");
    assert_eq!(stored.timestamp, at("2025-01-01T11:59:50Z"));
    let properties = properties(&stored);
    assert_eq!((&properties["$ai_input_tokens"], &properties["$ai_latency"]), (&json!(12), &json!(1.5)));
    let answer = served.send(otel(spans(1, "http.method"))).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "{}"), "case 133");
    assert_eq!(served.stored().await.len(), 1, "case 133: other spans are left out");
    assert_eq!(served.send(otel(gzip(spans(2, "gen_ai.operation.name"))).header("content-encoding", "gzip")).await.status, StatusCode::OK);
    assert_eq!(served.stored().await.len(), 3);
}

#[tokio::test]
async fn traces_are_authenticated_and_limited() {
    let served = Served::new();
    let answer = served.send(otel(spans(1, "gen_ai.operation.name")).without("authorization")).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "case 134");
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"), "case 134");
    for body in [spans(101, "gen_ai.operation.name"), spans(1001, "http.method"), String::new(), "rubbish".to_owned()] {
        assert_eq!(served.send(otel(body)).await.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(served.send(otel(vec![b' '; (4 << 20) + 1])).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(served.stored().await.is_empty());
}

fn multipart(parts: &[(&str, &str, &str)]) -> Call {
    let mut body = String::new();
    for (name, content_type, text) in parts {
        body.push_str(&format!(
            "--BOUNDARY\r\nContent-Disposition: form-data; name=\"{name}\"\r\nContent-Type: {content_type}\r\n\r\n{text}\r\n"
        ));
    }
    body.push_str("--BOUNDARY--\r\n");
    post("/i/v0/ai", body).header("authorization", "Bearer phc_test").header("content-type", "multipart/form-data; boundary=BOUNDARY")
}

const AI_EVENT: &str = r#"{"event":"$ai_generation","distinct_id":"u","timestamp":"2025-01-01T11:00:00Z"}"#;

#[tokio::test]
async fn parts_become_properties() {
    let served = Served::new();
    let call = multipart(&[
        ("event", "application/json", AI_EVENT),
        ("event.properties", "application/json", r#"{"$ai_model":"gpt","$ai_input":"replaced"}"#),
        ("event.properties.$ai_input", "application/json", r#"[{"role":"user"}]"#),
        ("event.properties.$ai_output", "text/plain", "say \"hi\""),
        ("event.properties.image", "image/png", "PNG"),
    ]);
    let answer = served.send(call).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let listed = &answer.json()["accepted_parts"];
    assert_eq!(listed[0], json!({"name": "event", "length": AI_EVENT.len(), "content-type": "application/json", "content-encoding": null}));
    let stored = served.stored().await.remove(0);
    assert_eq!(stored.timestamp, at("2025-01-01T11:00:00Z"));
    let expected =
        json!({"$ai_model": "gpt", "$ai_input": [{"role": "user"}], "$ai_output": "say \"hi\"", "image": "data:image/png;base64,UE5H"});
    assert_eq!(properties(&stored), expected);
}

#[tokio::test]
async fn multipart_mistakes_are_refused() {
    let served = Served::new();
    let model = ("event.properties", "application/json", r#"{"$ai_model":"gpt"}"#);
    let large = "x".repeat(33 << 10);
    for (call, status) in [
        (multipart(&[model]), 400),
        (multipart(&[("event", "application/json", AI_EVENT)]), 400),
        (multipart(&[("event", "application/json", r#"{"event":"a","distinct_id":"u"}"#), model]), 400),
        (multipart(&[("event", "application/json", r#"{"event":"$ai_trace"}"#), model]), 400),
        (multipart(&[("event", "application/json", AI_EVENT), model, model]), 400),
        (multipart(&[("event", "application/json", AI_EVENT), model, ("other", "text/plain", "x")]), 400),
        (multipart(&[("event", "application/json", &large), model]), 413),
        (multipart(&[("event", "application/json", AI_EVENT), model]).without("authorization"), 401),
        (multipart(&[("event", "application/json", AI_EVENT), model]).header("content-type", "application/json"), 400),
    ] {
        let answer = served.send(call).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
    }
    assert!(served.stored().await.is_empty());
}

fn snapshot(properties: &str) -> String {
    format!(
        r#"{{"event":"$snapshot","api_key":"phc_test","distinct_id":"u","timestamp":"2025-01-01T11:00:00Z","properties":{{{properties}}}}}"#
    )
}

#[tokio::test]
async fn replay_needs_a_session_and_data() {
    let served = Served::new();
    for (properties, message) in [
        (r#""$snapshot_data":[]"#, "replay event submitted without session id"),
        (r#""$session_id":"a b","$snapshot_data":[]"#, "replay event has invalid session id"),
        (r#""$session_id":"s""#, "replay event submitted without snapshot data"),
        (r#""$session_id":"s","$snapshot_data":"x""#, "replay event submitted without snapshot data"),
    ] {
        let answer = served.send(post("/s/", format!("[{}]", snapshot(properties)))).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (400, message), "case 135");
    }
    let long = format!(r#""$session_id":"{}","$snapshot_data":[]"#, "s".repeat(71));
    assert_eq!(served.send(post("/s", snapshot(&long))).await.body, "replay event has invalid session id");
    assert!(served.stored_in(Topic::Replay).await.is_empty());
}

#[tokio::test]
async fn the_snapshots_of_a_request_become_one_record_in_order() {
    let served = Served::new();
    let first = snapshot(r#""$session_id":"s-1","$window_id":"w","$snapshot_data":{"n":1},"$snapshot_source":"mobile""#);
    let second = snapshot(r#""$session_id":"s-1","$snapshot_data":[{"n":2},{"n":3}]"#);
    let third = snapshot(r#""$session_id":"s-1","$snapshot_data":[ ]"#);
    let call = post("/s/", gzip(format!("[{first},{third},{second}]"))).header("user-agent", "posthog-ios/3.1 (x)");
    let answer = served.send(call).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, r#"{"status":"Ok"}"#), "case 136");
    let stored = served.stored_in(Topic::Replay).await;
    assert_eq!((stored.len(), &*stored[0].event), (1, "$snapshot_items"), "case 136");
    let expected = json!({
        "distinct_id": "u", "$session_id": "s-1", "$window_id": "w", "$snapshot_source": "mobile", "$lib": "posthog-ios",
        "$snapshot_items": [{"n": 1}, {"n": 2}, {"n": 3}]
    });
    assert_eq!(properties(&stored[0]), expected, "case 136");
    assert!(served.stored().await.is_empty(), "replay has a topic of its own");
}

#[tokio::test]
async fn policy_violations_become_personless_events() {
    let served = Served::new();
    let report = r#"{"csp-report":{"document-uri":"https://a.b/c","violated-directive":"img-src","script-sample":"<x>"}}"#;
    let call = post("/report/?token=phc_test&v=2&session_id=s1&distinct_id=u1", report).header("content-type", "application/csp-report");
    let answer = served.send(call.header("user-agent", "Browser/1")).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (204, ""), "case 137");
    let stored = served.stored().await.remove(0);
    assert_eq!((&*stored.event, &*stored.distinct_id), ("$csp_violation", "u1"), "case 137");
    let properties = properties(&stored);
    for (name, value) in [
        ("$process_person_profile", json!(false)),
        ("$current_url", json!("https://a.b/c")),
        ("$csp_violated_directive", json!("img-src")),
        ("$csp_script_sample", json!("&lt;x&gt;")),
        ("$csp_version", json!("2")),
        ("$session_id", json!("s1")),
        ("$raw_user_agent", json!("Browser/1")),
    ] {
        assert_eq!(properties[name], value, "case 137: {name}");
    }
}

#[tokio::test]
async fn bad_reports_are_refused_as_the_api_refuses() {
    let served = Served::new();
    let report = |uri: &str, content_type: &str, body: &str| post(uri, body).header("content-type", content_type);
    for (call, status, code) in [
        (report("/report/?token=phc_test", "text/plain", "{}"), 400, "invalid_payload"),
        (report("/report/?token=phc_test", "application/csp-report", "{"), 400, "invalid_csp_payload"),
        (report("/report/?token=phc_test", "application/csp-report", "{}"), 400, "invalid_csp_payload"),
        (report("/report", "application/csp-report", r#"{"csp-report":{}}"#), 400, "invalid_payload"),
        (report("/report?token=phc_test", "application/csp-report", &" ".repeat((1 << 20) + 1)), 413, "csp_report_too_large"),
        (report("/report?token=phc_test", "application/reports+json", &format!("[{}1]", "1,".repeat(100))), 413, "csp_report_too_large"),
    ] {
        let answer = served.send(call).await;
        let body = answer.json();
        assert_eq!((answer.status.as_u16(), &body["code"]), (status, &json!(code)), "case 138: {body}");
        assert!(body["type"].is_string() && body["detail"].is_string() && body.get("attr").is_some(), "case 138: {body}");
    }
    let answer = served.send(report("/report?token=phc_test", "application/reports+json", r#"[{"type":"deprecation"}]"#)).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "nothing relevant is no error");
    let answer = served.send(call(Method::OPTIONS, "/report/")).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, r#"{"status":1}"#));
    assert!(served.stored().await.is_empty());
}

#[tokio::test]
async fn one_event_may_be_as_large_as_a_request_by_default() {
    let served = Served::with(CaptureConfig::default());
    let event = format!(r#"{{"api_key":"phc_test","event":"a","distinct_id":"u","properties":{{"x":"{}"}}}}"#, "x".repeat(19 << 20));
    assert_eq!(served.send(post("/e/", event)).await.status, StatusCode::OK);
}
