//! What an event may look like, and what becomes of its id and time. Numbers are conformance cases.

mod served;

use http::StatusCode;
use served::*;

async fn refusal(call: Call) -> (u16, String) {
    let served = Served::new();
    let answer = served.send(call).await;
    assert!(served.stored().await.is_empty(), "a refused request stores nothing");
    (answer.status.as_u16(), answer.body)
}

#[tokio::test]
async fn distinct_ids_of_every_kind_become_text() {
    let served = Served::new();
    let long = |letter: &str, count: usize| letter.repeat(count);
    let cases = [
        (46, "23".to_owned(), "23".to_owned()),
        (46, "23.4".to_owned(), "23.4".to_owned()),
        (46, "true".to_owned(), "true".to_owned()),
        (46, r#"["a","b"]"#.to_owned(), r#"["a","b"]"#.to_owned()),
        (46, r#"{"s":"a","n":3}"#.to_owned(), r#"{"n":3,"s":"a"}"#.to_owned()),
        (47, r#"23,"properties":{"distinct_id":"x"}"#.to_owned(), "23".to_owned()),
        (48, r#"null,"properties":{"distinct_id":"x"}"#.to_owned(), "x".to_owned()),
        (50, format!("\"{}\"", long("x", 250)), long("x", 200)),
        (50, format!("\"{}\"", long("€", 250)), long("€", 200)),
        (51, r#""a\u0000b""#.to_owned(), "a\u{fffd}b".to_owned()),
        (52, r#"" hello ""#.to_owned(), " hello ".to_owned()),
    ];
    for (number, sent, expected) in cases {
        let event = served.store_one(event(&format!(r#""distinct_id":{sent}"#))).await;
        assert_eq!(event.distinct_id, expected, "case {number}");
    }
}

#[tokio::test]
async fn one_event_without_an_id_refuses_the_whole_batch() {
    for id in [r#""distinct_id":"","#, r#""distinct_id":"  ","#, r#""distinct_id":null,"#, ""] {
        let batch = format!(r#"{{"api_key":"phc_test","batch":[{{"event":"a","distinct_id":"u"}},{{{id}"event":"b"}}]}}"#);
        assert_eq!(refusal(post("/batch", batch)).await, (400, "event submitted without a distinct_id".to_owned()), "case 49: {id}");
    }
}

#[tokio::test]
async fn one_event_without_a_name_refuses_the_whole_batch() {
    let batch = r#"{"api_key":"phc_test","batch":[{"event":"a","distinct_id":"u"},{"event":"","distinct_id":"u"},{"event":"c","distinct_id":"u"}]}"#;
    assert_eq!(refusal(post("/batch", batch)).await, (400, "event submitted with an empty event name".to_owned()), "case 53");
}

#[tokio::test]
async fn long_names_are_left_to_ingestion() {
    let served = Served::new();
    let name = "n".repeat(300);
    let event = served.store_one(post("/e", format!(r#"{{"api_key":"phc_test","event":"{name}","distinct_id":"u"}}"#))).await;
    assert_eq!(event.event, name, "case 54");
}

#[tokio::test]
async fn performance_events_are_discarded() {
    let served = Served::new();
    let performance = r#"{"event":"$performance_event","distinct_id":"u"}"#;
    let batch = |events: &str| post("/batch", format!(r#"{{"api_key":"phc_test","batch":[{events}]}}"#));
    assert_eq!(served.send(batch(performance)).await.status, StatusCode::OK, "case 55");
    assert!(served.stored().await.is_empty(), "case 55");
    let mixed = format!(r#"{performance},{{"event":"a","distinct_id":"u"}}"#);
    assert_eq!(served.store_one(batch(&mixed)).await.event, "a", "case 56");
}

#[tokio::test]
async fn uuids_are_kept_made_or_refused() {
    let served = Served::new();
    let made = served.store_one(event(r#""distinct_id":"u","uuid":"""#)).await;
    assert_eq!(made.uuid.get_version_num(), 7, "case 57");
    let kept = served.store_one(event(r#""distinct_id":"u","uuid":"0198C0DE-0000-7000-8000-00000000000A""#)).await;
    assert_eq!(kept.uuid.to_string(), "0198c0de-0000-7000-8000-00000000000a");
    let (status, body) = refusal(event(r#""distinct_id":"u","uuid":"not-a-uuid""#)).await;
    assert_eq!(status, 400, "case 58");
    assert!(body.starts_with("failed to parse request: data did not match any variant of untagged enum RawRequest"), "case 58: {body}");
}

#[tokio::test]
async fn wrong_types_are_refused() {
    for (number, fields) in [
        (61, r#""properties":null"#),
        (61, r#""properties":[]"#),
        (62, r#""timestamp":1735732800"#),
        (0, r#""offset":1.5"#),
        (0, r#""$set":"x""#),
        (0, r#""token":7"#),
    ] {
        let (status, body) = refusal(event(&format!(r#""distinct_id":"u",{fields}"#))).await;
        assert_eq!(status, 400, "case {number}: {fields}");
        assert!(body.starts_with("failed to parse request: "), "case {number}: {body}");
    }
    let (status, body) = refusal(event(r#""distinct_id":"u","properties":{"$cookieless_mode":"yes"}"#)).await;
    assert_eq!((status, body.as_str()), (400, "event submitted with invalid cookieless mode"), "case 74");
}

#[tokio::test]
async fn times_are_read_and_corrected() {
    let served = Served::new();
    let cases: [(u16, &str, &str, &str); 16] = [
        (63, r#""timestamp":"1735732800""#, "", "2025-01-01T12:00:00Z"),
        (63, r#""timestamp":"1735732800000""#, "", "2025-01-01T12:00:00Z"),
        (64, r#""timestamp":"2025-01-01T11:00:00""#, "", "2025-01-01T11:00:00Z"),
        (65, r#""timestamp":"2025-01-01T14:00:00.500+03""#, "", "2025-01-01T11:00:00.5Z"),
        (66, r#""timestamp":"garbage""#, "", NOW),
        (67, r#""timestamp":"2025-01-01T11:00:00Z""#, r#","sent_at":"2025-01-01T12:00:10Z""#, "2025-01-01T10:59:50Z"),
        (68, r#""timestamp":"2025-01-01T11:00:00Z""#, r#","sent_at":"2025-01-01T11:59:50+00:00""#, "2025-01-01T11:00:10Z"),
        (
            69,
            r#""timestamp":"2025-01-01T11:00:00Z","properties":{"$ignore_sent_at":true}"#,
            r#","sent_at":"2025-01-01T12:00:10Z""#,
            "2025-01-01T11:00:00Z",
        ),
        (70, r#""timestamp":"2025-01-01T11:00:00Z","offset":5000"#, r#","sent_at":"2025-01-01T12:00:10Z""#, "2025-01-01T11:59:55Z"),
        (71, r#""timestamp":"2025-01-02T12:00:00Z""#, "", NOW),
        (71, r#""timestamp":"2025-01-02T10:00:00Z""#, "", "2025-01-02T10:00:00Z"),
        (72, r#""timestamp":"2025-01-01T11:00:00Z""#, r#","sent_at":"garbage""#, "2025-01-01T11:00:00Z"),
        (72, r#""timestamp":"2025-01-01T11:00:00Z""#, r#","sent_at":7"#, "2025-01-01T11:00:00Z"),
        (0, r#""timestamp":"-000001-06-01T00:00:00Z""#, "", "1970-01-01T00:00:00Z"),
        (0, r#""timestamp":"2019-05-05""#, "", "2019-05-05T00:00:00Z"),
        (0, r#""timestamp":null,"offset":null"#, "", NOW),
    ];
    for (number, fields, envelope, expected) in cases {
        let batch = format!(r#"{{"api_key":"phc_test","batch":[{{"event":"a","distinct_id":"u",{fields}}}]{envelope}}}"#);
        let event = served.store_one(post("/batch", batch)).await;
        assert_eq!(event.timestamp, at(expected), "case {number}: {fields} {envelope}");
    }
}

#[tokio::test]
async fn unknown_fields_are_ignored_and_properties_are_kept_word_for_word() {
    let served = Served::new();
    let fields = r#""distinct_id":"u","$unset":["a"],"type":"capture","library":"x","message_id":"m","sent_at":"x","properties":{ "a" : [1, {"b":null}], "big": 123456789012345678901234567890, "a":2 },"$set":{"s":1},"$set_once":null"#;
    let event = served.store_one(event(fields)).await;
    assert_eq!(event.properties, r#"{ "a" : [1, {"b":null}], "big": 123456789012345678901234567890, "a":2 }"#, "case 75");
    assert_eq!((&*event.set, &*event.set_once), (r#"{"s":1}"#, ""));
}

#[tokio::test]
async fn half_a_surrogate_pair_is_replaced() {
    let served = Served::new();
    let event = served.store_one(event(r#""distinct_id":"a\ud83d","properties":{"x":"\ud83d","y":"\ud83d\ude00"}"#)).await;
    assert_eq!(properties(&event), serde_json::json!({"x": "\u{fffd}", "y": "😀"}), "case 77");
    assert_eq!(event.distinct_id, "a\u{fffd}");
}

#[tokio::test]
async fn the_address_is_taken_from_proxies_and_hidden_for_internal_events() {
    let served = Served::new();
    let from = |call: Call| call.header("x-forwarded-for", "5.6.7.8, 10.0.0.1");
    let seen = served.store_one(from(event(r#""distinct_id":"u","properties":{"$ip":"1.2.3.4"}"#))).await;
    assert_eq!((&*seen.ip, &properties(&seen)["$ip"]), ("5.6.7.8", &"1.2.3.4".into()), "case 79");
    let internal = served.store_one(from(event(r#""distinct_id":"u","properties":{"capture_internal":true}"#))).await;
    assert_eq!(internal.ip, "127.0.0.1");
}

#[tokio::test]
async fn migrated_and_cookieless_events_are_flagged() {
    let served = Served::new();
    let batch = r#"{"api_key":"phc_test","historical_migration":true,"batch":[{"event":"a","distinct_id":"u"}]}"#;
    assert!(served.store_one(post("/batch", batch)).await.flags.historical_migration, "case 81");
    let event = served.store_one(event(r#""distinct_id":"$posthog_cookieless","properties":{"$cookieless_mode":true}"#)).await;
    assert!(event.flags.cookieless && !event.flags.historical_migration);
}
