//! How requests are packed, authenticated and answered. Numbers are conformance cases.

mod served;

use capture::{CaptureConfig, DropList, Quota, Reason, Resource};
use http::{Method, StatusCode};
use model::Timestamp;
use queue::Topic;
use queue::disk::Op;
use served::*;

const ONE: &str = r#"{"api_key":"phc_test","event":"a","distinct_id":"u1"}"#;
const TWO: &str = r#"{"api_key":"phc_test","batch":[{"event":"a","distinct_id":"u1"},{"event":"b","distinct_id":"u2"}]}"#;
const LIST: &str = r#"[{"event":"a","properties":{"token":"phc_test","distinct_id":"u1"}},{"event":"b","properties":{"token":"phc_test","distinct_id":"u2"}}]"#;
const JS: &str = r#"{"api_key":"phc_test","batch":[{"uuid":"01980000-0000-7000-8000-000000000001","event":"a","offset":1312,"properties":{"token":"phc_test","distinct_id":"u1"}}],"sent_at":"2025-01-01T12:00:00.000Z"}"#;
const NAMELESS: &str = "failed to hydrate events from request: non-engage request missing event name attribute";
const EVENT_PATHS: [&str; 7] = ["/e", "/capture", "/track", "/engage", "/batch", "/i/v0/e", "/i/v0/ai/batch"];

struct Case {
    number: u16,
    shows: &'static str,
    call: Call,
    status: u16,
    body: &'static str,
    /// Events stored, by name.
    stored: &'static [&'static str],
}

fn accepted(number: u16, shows: &'static str, call: Call, stored: &'static [&'static str]) -> Case {
    Case { number, shows, call, status: 200, body: r#"{"status":"Ok"}"#, stored }
}

fn refused(number: u16, shows: &'static str, call: Call, status: u16, body: &'static str) -> Case {
    Case { number, shows, call, status, body, stored: &[] }
}

async fn check(cases: Vec<Case>) {
    for case in cases {
        let served = Served::new();
        let answer = served.send(case.call).await;
        let what = format!("case {}: {}", case.number, case.shows);
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (case.status, case.body), "{what}");
        let stored: Vec<String> = served.stored().await.into_iter().map(|event| event.event.into_owned()).collect();
        assert_eq!(stored, case.stored, "{what}");
    }
}

#[tokio::test]
async fn every_packing_is_understood() {
    let lz = lz_str::compress_to_base64(ONE);
    let json_with_plus = r#"{"api_key":"phc_test","event":"a","distinct_id":">>>???~~~>>>"}"#;
    check(vec![
        accepted(1, "one event as JSON", post("/e/", ONE), &["a"]),
        accepted(3, "a batch", post("/batch/", TWO), &["a", "b"]),
        accepted(4, "a list with token and id in the properties", post("/i/v0/e/", LIST), &["a", "b"]),
        accepted(5, "gzip without any hint", post("/i/v0/e/", gzip(JS)).header("content-type", "text/plain"), &["a"]),
        accepted(
            6,
            "gzip announced in the query",
            post("/e/?compression=gzip-js&ip=0&_=1735732800000&ver=1.200.0", gzip(LIST)),
            &["a", "b"],
        ),
        accepted(7, "gzip announced twice", post("/batch/?compression=gzip", gzip(TWO)).header("content-encoding", "gzip"), &["a", "b"]),
        accepted(8, "an unknown compression is no error", post("/e/?compression=foo", ONE), &["a"]),
        accepted(9, "JSON that claims to be gzip", post("/e/?compression=gzip", ONE), &["a"]),
        accepted(11, "a beacon's form", form("/e/?compression=base64", format!("data={}", escape(base64(ONE)))), &["a"]),
        accepted(
            12,
            "a beacon's form on the newer path",
            form("/i/v0/e/?compression=base64", format!("data={}", escape(base64(ONE)))),
            &["a"],
        ),
        accepted(13, "base64 whose plus signs became spaces", form("/e/", format!("data={}", base64(json_with_plus))), &["a"]),
        accepted(14, "a body in base64", post("/e/", base64(ONE)).header("content-type", "text/plain"), &["a"]),
        accepted(15, "gzip in base64", post("/batch", base64(gzip(TWO))), &["a", "b"]),
        accepted(16, "LZ-String in a form", form("/e/", format!("data={}&compression=lz64", escape(&lz))), &["a"]),
        accepted(17, "base64 in the query", get(format!("/e/?data={}", escape(base64(ONE)))), &["a"]),
        accepted(
            17,
            "base64 for URLs in the query",
            get(format!("/e/?data={}", base64(json_with_plus).replace('+', "-").replace('/', "_"))),
            &["a"],
        ),
        accepted(18, "JSON in the query", get(format!("/e/?data={}", escape(ONE))), &["a"]),
        accepted(
            19,
            "the query wins over the body",
            post(format!("/e/?data={}", escape(ONE)), r#"{"api_key":"phc_test","event":"b","distinct_id":"u"}"#),
            &["a"],
        ),
        accepted(20, "curl calls JSON a form", form("/e/", ONE), &["a"]),
        accepted(35, "unknown parameters", post("/e/?retry_count=3&foo=bar&verbose=1&_=soon&beacon=x", ONE), &["a"]),
    ])
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_known_words() {
    let mut cut = gzip(ONE);
    cut.truncate(cut.len() / 2);
    check(vec![
        refused(10, "gzip that ends early", post("/e/", cut), 400, "failed to decode request: invalid GZIP data"),
        refused(
            20,
            "a form without data",
            form("/e/", "hello there"),
            400,
            "failed to decode request: expected form data in POST request payload",
        ),
        refused(21, "no body", post("/e/", ""), 400, "request missing data payload"),
        refused(22, "no JSON", post("/e/", "not json"), 400, "failed to parse request: expected ident at line 1 column 1"),
        refused(
            23,
            "a string",
            post("/e/", "\"str\""),
            400,
            "failed to parse request: data did not match any variant of untagged enum RawRequest",
        ),
        refused(
            23,
            "a number",
            post("/e/", "123"),
            400,
            "failed to parse request: data did not match any variant of untagged enum RawRequest",
        ),
        refused(24, "an empty list", post("/e/", "[]"), 400, "request holds no event"),
        refused(24, "an empty batch", post("/e/", r#"{"api_key":"phc_test","batch":[]}"#), 400, "request holds no event"),
        refused(25, "a batch without a token", post("/batch/", r#"{"batch":[{"event":"a","distinct_id":"u"}]}"#), 400, NAMELESS),
        refused(26, "an empty object", post("/e/", "{}"), 400, NAMELESS),
        refused(38, "another method", call(Method::PUT, "/e/").body(ONE), 405, ""),
    ])
    .await;
}

#[tokio::test]
async fn tokens_are_checked_by_shape_only() {
    let with = |token: &str| post("/e/", format!(r#"{{"api_key":{token},"event":"a","distinct_id":"u"}}"#));
    let long = format!("\"{}\"", "x".repeat(65));
    let item = |token: &str| format!(r#"{{"event":"a","distinct_id":"u"{token}}}"#);
    let two = |first: &str, second: &str| post("/e/", format!("[{},{}]", item(first), item(second)));
    check(vec![
        refused(28, "two tokens", two(r#","token":"a""#, r#","token":"b""#), 401, "batch submitted with inconsistent api_key values"),
        accepted(29, "a token shared by events without one", two(r#","token":"phc_test""#, ""), &["a", "a"]),
        refused(30, "no token", post("/e/", item("")), 401, "event submitted without an api_key"),
        refused(31, "an empty token", with("\"\""), 401, "API key is not valid: empty"),
        refused(31, "a personal key", with("\"phx_abc\""), 401, "API key is not valid: personal_api_key"),
        refused(31, "a long token", with(&long), 401, "API key is not valid: too_long"),
        refused(31, "an odd token", with("\"🦀\""), 401, "API key is not valid: not_ascii"),
        refused(31, "a token with NUL", with("\"a\\u0000b\""), 401, "API key is not valid: null_byte"),
        accepted(32, "white space around the token", with("\"phc_test\\n\""), &["a"]),
        accepted(33, "a token nobody has", with("\"phc_nobody\""), &["a"]),
    ])
    .await;
}

#[tokio::test]
async fn every_path_takes_events_with_and_without_a_slash() {
    let served = Served::new();
    for path in EVENT_PATHS {
        for slash in ["", "/"] {
            let answer = served.send(post(format!("{path}{slash}"), ONE)).await;
            assert_eq!(answer.status, StatusCode::OK, "case 2: {path}{slash}: {}", answer.body);
        }
    }
    assert_eq!(served.stored().await.len(), EVENT_PATHS.len() * 2);
}

#[tokio::test]
async fn the_surface_can_live_under_a_prefix() {
    let mut served = Served::new();
    served.router = axum::Router::new().nest("/ingest", served.router.clone());
    assert_eq!(served.send(post("/ingest/e/", ONE)).await.status, StatusCode::OK);
    assert_eq!(served.send(post("/ingest/i/v0/e", ONE)).await.status, StatusCode::OK);
    assert_eq!(served.send(post("/e/", ONE)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_event_is_stamped_with_what_only_the_edge_knows() {
    let served = Served::new();
    let event = served.store_one(post("/e/", ONE).header("x-forwarded-for", "5.6.7.8, 10.0.0.1")).await;
    assert_eq!(event.token, TOKEN);
    assert_eq!(event.uuid.get_version_num(), 7);
    assert_eq!((event.timestamp, event.now, event.sent_at), (at(NOW), at(NOW), None));
    assert_eq!(event.ip, "5.6.7.8");
    assert_eq!(event.properties, "{}");
}

#[tokio::test]
async fn a_query_timestamp_corrects_the_clock_unless_it_is_in_seconds() {
    let served = Served::new();
    let item = r#"[{"event":"a","api_key":"phc_test","distinct_id":"u","timestamp":"2025-01-01T11:00:00Z"}]"#;
    let event = served.store_one(post("/e/?_=1735732810000", item)).await;
    assert_eq!(event.sent_at, Some(at("2025-01-01T12:00:10Z")), "case 6");
    assert_eq!(event.timestamp, at("2025-01-01T10:59:50Z"), "case 6");
    let event = served.store_one(post("/e/?_=1735732800", item)).await;
    assert_eq!((event.sent_at, event.timestamp), (None, at("2025-01-01T11:00:00Z")), "case 73");
    let event = served.store_one(post("/e/?sent_at=1735732810000", item)).await;
    assert_eq!(event.sent_at, Some(at("2025-01-01T12:00:10Z")));
}

#[tokio::test]
async fn a_person_update_becomes_an_identify() {
    let served = Served::new();
    let update = r#"{"token":"phc_test","distinct_id":"u","$set":{"a":1}}"#;
    let event = served.store_one(post("/engage/", update)).await;
    assert_eq!((&*event.event, &*event.set, &*event.properties), ("$identify", r#"{"a":1}"#, "{}"), "case 27");
    let answer = served.send(post("/e/", update)).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (400, NAMELESS));
}

#[tokio::test]
async fn a_beacon_gets_an_empty_answer() {
    let served = Served::new();
    let answer = served.send(post("/e/?beacon=1", ONE)).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (204, ""), "case 34");
    assert_eq!(served.stored().await.len(), 1);
    assert_eq!(served.send(post("/e/?beacon=1", "[]")).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn pages_of_any_origin_may_read_every_answer() {
    let served = Served::new();
    let preflight = call(Method::OPTIONS, "/e/")
        .header("origin", "https://x.dev")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,x-foo");
    let answer = served.send(preflight).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""), "case 36");
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://x.dev"));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET,POST,OPTIONS"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("content-type,x-foo"));
    assert_eq!(answer.header("access-control-max-age"), Some("86400"));
    for call in
        [post("/e/", "bad"), post("/e/", ONE), call(Method::PUT, "/e/"), post("/i/v1/analytics/events", "{}"), post("/report/", "{}")]
    {
        let what = format!("case 37: {} {}", call.method, call.uri);
        let answer = served.send(call.header("origin", "https://x.dev")).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://x.dev"), "{what}");
        assert_eq!(answer.header("access-control-expose-headers"), Some("Retry-After, PostHog-Request-Id"), "{what}");
    }
}

#[tokio::test]
async fn answers_have_the_types_that_clients_expect() {
    let served = Served::new();
    assert_eq!(served.send(post("/e/", ONE)).await.header("content-type"), Some("application/json"));
    assert_eq!(served.send(get(format!("/e/?data={}", escape(ONE)))).await.header("content-type"), Some("application/json"), "case 17");
    assert_eq!(served.send(post("/e/", "bad")).await.header("content-type"), Some("text/plain; charset=utf-8"));
}

#[tokio::test]
async fn large_valid_batches_are_accepted_on_every_path() {
    let served = Served::new();
    let filler = "x".repeat(4000);
    let event = format!(r#"{{"event":"a","distinct_id":"u","properties":{{"filler":"{filler}"}}}}"#);
    let batch = format!(r#"{{"api_key":"phc_test","batch":[{}]}}"#, vec![event; 1050].join(","));
    assert!(batch.len() > 4 << 20);
    for path in EVENT_PATHS {
        let answer = served.send(post(path, batch.clone())).await;
        assert_eq!(answer.status, StatusCode::OK, "case 40: {path}: {}", answer.body);
    }
}

#[tokio::test]
async fn one_large_event_is_accepted_up_to_the_configured_size() {
    let served = Served::with(CaptureConfig { max_event_bytes: 3 << 20, ..CaptureConfig::default() });
    let of = |size: usize| event(&format!(r#""distinct_id":"u","properties":{{"filler":"{}"}}"#, "x".repeat(size)));
    assert_eq!(served.send(of(2 << 20)).await.status, StatusCode::OK);
    let answer = served.send(of(4 << 20)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.body.starts_with("maximum event size exceeded: Event of 4194"), "{}", answer.body);
    assert!(answer.body.ends_with("exceeds the limit of 3145728 bytes for one event"), "{}", answer.body);
}

#[tokio::test]
async fn used_up_quotas_drop_quietly() {
    let quota = Quota::default().limit(TOKEN, Resource::Events).limit(TOKEN, Resource::Recordings);
    let served = Served::with(CaptureConfig { quota, ..CaptureConfig::default() });
    let answer = served.send(post("/e/", ONE)).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, r#"{"status":"Ok"}"#), "case 42");
    assert!(served.stored().await.is_empty(), "case 42");
    let snapshot = r#"[{"event":"$snapshot","api_key":"phc_test","distinct_id":"u","properties":{"$session_id":"s","$snapshot_data":[]}}]"#;
    let answer = served.send(post("/s/", snapshot)).await;
    assert_eq!(answer.json()["quota_limited"][0], "recordings", "case 43");
    assert!(served.stored_in(Topic::Replay).await.is_empty(), "case 43");
    let exception = r#"{"api_key":"phc_test","batch":[{"event":"$exception","distinct_id":"u"},{"event":"a","distinct_id":"u"}]}"#;
    served.send(post("/batch", exception)).await;
    assert_eq!(names(&served.stored().await), [("$exception".to_owned(), "u".to_owned())]);
}

#[tokio::test]
async fn the_operators_drop_list_drops_quietly() {
    let served = Served::with(CaptureConfig { drop_list: DropList::parse("phc_test:u1"), ..CaptureConfig::default() });
    assert_eq!(served.send(post("/batch/", TWO)).await.status, StatusCode::OK);
    assert_eq!(names(&served.stored().await), [("b".to_owned(), "u2".to_owned())]);
    let outcomes = served.capture.outcomes.snapshot();
    assert!(outcomes.refused.iter().any(|refused| refused.reason == Reason::DropList && refused.count == 1));
}

#[tokio::test]
async fn without_storage_nothing_is_acknowledged_and_clients_are_told_to_retry() {
    let served = Served::new();
    for (op, errno) in [(Op::Write, libc::ENOSPC), (Op::SyncData, libc::EIO), (Op::Create, libc::EROFS)] {
        served.faults.fail_every(op, errno);
        for call in [
            post("/e/", ONE),
            post(
                "/s/",
                r#"[{"event":"$snapshot","api_key":"phc_test","distinct_id":"u","properties":{"$session_id":"s","$snapshot_data":[1]}}]"#,
            ),
        ] {
            let answer = served.send(call).await;
            assert_eq!((answer.status.as_u16(), answer.body.as_str()), (503, "transient error, please retry"), "case 44: {op:?}");
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
        served.faults.heal();
    }
    assert!(served.stored().await.is_empty());
    assert_eq!(served.send(post("/e/", ONE)).await.status, StatusCode::OK, "it recovers without a restart");
    assert_eq!(served.stored().await.len(), 1);
}

#[tokio::test]
async fn the_black_hole_swallows_everything() {
    let served = Served::new();
    for body in [ONE, "rubbish", ""] {
        assert_eq!(served.send(post("/test/black_hole", body)).await.status, StatusCode::OK, "case 45");
    }
    assert!(served.stored().await.is_empty());
}

#[tokio::test]
async fn outcomes_say_what_was_accepted_and_why_the_rest_was_not() {
    let served = Served::new();
    served.send(post("/batch/", TWO)).await;
    served.send(event(r#""distinct_id":"""#).header("user-agent", "posthog-python/7.0")).await;
    served.send(post("/e/", "bad")).await;
    let outcomes = served.capture.outcomes.snapshot().of_token(TOKEN);
    assert_eq!(outcomes.since, at(NOW));
    assert_eq!((outcomes.accepted[0].events, outcomes.accepted[0].requests), (2, 1));
    let refused = |reason| outcomes.refused.iter().find(|refused| refused.reason == reason).unwrap();
    let nobody = refused(Reason::NoDistinctId);
    assert_eq!((nobody.token.as_str(), nobody.count, nobody.example.path.as_str()), (TOKEN, 1, "/e"));
    assert_eq!(nobody.example.detail, "event submitted without a distinct_id");
    assert_eq!((nobody.example.user_agent.as_str(), nobody.example.event.as_str()), ("posthog-python/7.0", "a"));
    assert_eq!(refused(Reason::Unparsable).token, "", "a request whose token could not be read counts for everyone");
    assert!(outcomes.refused.iter().all(|refused| refused.last_at == Timestamp::max(refused.first_at, refused.last_at)));
}
