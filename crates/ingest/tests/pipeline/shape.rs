//! What happens to an event whoever it belongs to.

use crate::world::{NOW, at, worlds};
use serde_json::json;

#[tokio::test]
async fn an_event_is_stored_as_it_was_sent_and_shown_live() {
    for mut world in worlds().await {
        world
            .send(json!([{"event": "a", "distinct_id": "u1", "timestamp": "2024-12-31T10:00:00Z", "historical_migration": true,
                          "sent_at": "2025-01-01T11:59:59.5Z", "ip": "5.6.7.8", "properties": {"n": 1, "s": "x", "o": {"k": [1]}}}]))
            .await;
        let row = world.row("a");
        assert_eq!(row.timestamp, at("2024-12-31T10:00:00Z"));
        assert_eq!(row.created_at, at(NOW));
        assert!(row.historical_migration);
        let expected = r#"{"n":1,"o":{"k":[1]},"s":"x","$ip":"5.6.7.8","$sent_at":"2025-01-01T11:59:59.500Z"}"#;
        assert_eq!(row.properties.to_json_text(), expected, "{}", world.name);
        assert_eq!(*world.live.lock().unwrap(), ["a"]);
        assert_eq!(world.ingest.lag().pending_events, 0);
        assert_eq!(world.ingest.outcomes().snapshot(Some(world.team)).accepted, 1);
        assert!(world.teams.by_id(world.team).await.unwrap().unwrap().ingested_event);
    }
}

#[tokio::test]
async fn an_unknown_token_is_counted_with_advice_and_nothing_is_stored() {
    for mut world in worlds().await {
        world.send(json!([{"token": "phc_nobody"}, {"event": "b"}])).await;
        assert_eq!(world.rows().len(), 1);
        let snapshot = world.ingest.outcomes().snapshot(None);
        assert_eq!(snapshot.dropped[0].reason, "unknown_token");
        assert_eq!(snapshot.dropped[0].example["token"], "phc_nobody");
        assert!(snapshot.dropped[0].how_to_fix.contains("project API key"));
    }
}

#[tokio::test]
async fn internal_properties_are_not_stored() {
    for mut world in worlds().await {
        world
            .send(json!([{"properties": {"ph_product_tours": 1, "$surveys_activated": {}, "$feature_flag_payloads": {"a": 1}, "kept": 1}}]))
            .await;
        assert_eq!(world.row("a").properties.to_json_text(), r#"{"kept":1}"#);
    }
}

#[tokio::test]
async fn session_ids_that_are_uuids_become_lower_case() {
    for mut world in worlds().await {
        let upper = "0198A1B2-0000-7000-8000-00000000ABCD";
        world
            .send(json!([{"event": "uuid", "properties": {"$session_id": upper}}, {"event": "text", "properties": {"$session_id": "ABC"}}]))
            .await;
        assert_eq!(world.property("uuid", "$session_id"), Some(json!(upper.to_lowercase())));
        assert_eq!(world.property("text", "$session_id"), Some(json!("ABC")));
    }
}

#[tokio::test]
async fn the_address_is_the_one_sent_or_else_the_one_seen_and_can_be_withheld() {
    for mut world in worlds().await {
        world.send(json!([{"event": "sent", "ip": "5.6.7.8", "properties": {"$ip": "1.2.3.4"}}, {"event": "seen", "ip": "5.6.7.8"}])).await;
        assert_eq!(world.property("sent", "$ip"), Some(json!("1.2.3.4")));
        assert_eq!(world.property("seen", "$ip"), Some(json!("5.6.7.8")));
        world.set_team(|team| team.anonymize_ips = true).await;
        world.send(json!([{"event": "withheld", "ip": "5.6.7.8", "properties": {"$ip": "1.2.3.4"}}])).await;
        assert_eq!(world.property("withheld", "$ip"), None);
    }
}

#[tokio::test]
async fn elements_become_a_chain() {
    for mut world in worlds().await {
        let elements = json!([{"tag_name": "a", "$el_text": "Go", "attr__class": "btn", "nth_child": 1, "nth_of_type": 2}]);
        world
            .send(json!([{"event": "array", "properties": {"$elements": elements}},
                         {"event": "chain", "properties": {"$elements": elements, "$elements_chain": "b:"}}]))
            .await;
        let array = world.row("array");
        assert_eq!(&*array.elements_chain, r#"a.btn:attr__class="btn"nth-child="1"nth-of-type="2"text="Go""#);
        assert!(array.properties.is_empty());
        assert_eq!(&*world.row("chain").elements_chain, "b:");
        assert!(world.row("chain").properties.is_empty());
    }
}

#[tokio::test]
async fn the_same_event_sent_twice_is_stored_once() {
    for mut world in worlds().await {
        let uuid = "00000000-0000-0000-0000-00000000000a";
        world.send(json!([{"uuid": uuid}, {"uuid": uuid}, {"uuid": uuid, "event": "b"}])).await;
        assert_eq!(world.rows().len(), 2);
    }
}

#[tokio::test]
async fn malformed_and_monstrous_events_are_dropped_with_a_reason() {
    for mut world in worlds().await {
        let many: serde_json::Map<String, serde_json::Value> = (0..10_001).map(|at| (format!("p{at}"), json!(1))).collect();
        world
            .send(json!([{"properties": []}, {"properties": many}, {"distinct_id": "x".repeat(401)}, {"event": "$snapshot"}, {"event": "ok"}]))
            .await;
        assert_eq!(world.rows().len(), 1, "{}", world.name);
        let drops = world.drops();
        for reason in ["malformed_event_properties", "too_many_properties", "skipping_event_invalid_distinct_id", "not_an_event"] {
            assert_eq!(drops.get(reason), Some(&1), "{reason}");
        }
    }
}

#[tokio::test]
async fn a_damaged_record_does_not_stop_the_others() {
    for mut world in worlds().await {
        use queue::Queue;
        world.queue.append(queue::Topic::Events, vec![bytes::Bytes::from_static(&[1, 0, 0])]).await.unwrap();
        world.send(json!([{"event": "ok"}])).await;
        world.row("ok");
        assert_eq!(world.ingest.outcomes().snapshot(None).dropped[0].reason, "unreadable_record");
    }
}

#[tokio::test]
async fn a_record_of_a_newer_build_stops_ingestion_instead_of_being_lost() {
    for world in worlds().await {
        use queue::Queue;
        world.queue.append(queue::Topic::Events, vec![bytes::Bytes::from_static(&[200, 0, 0])]).await.unwrap();
        let error = world.ingest.process_available().await.unwrap_err();
        assert!(format!("{error:#}").contains("newer build"));
        assert_eq!(*world.store.position.lock().unwrap(), None);
    }
}

#[tokio::test]
async fn a_project_may_drop_old_events_and_robots() {
    for mut world in worlds().await {
        world
            .set_team(|team| {
                team.settings.insert("drop_events_older_than".into(), json!("01:00:00"));
                team.settings.insert("drop_bot_events".into(), json!(true));
            })
            .await;
        world
            .send(json!([{"event": "old", "timestamp": "2025-01-01T10:00:00Z"}, {"event": "new", "timestamp": "2025-01-01T11:30:00Z"},
                         {"event": "robot", "properties": {"$raw_user_agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}}]))
            .await;
        assert_eq!(world.rows().len(), 1);
        world.row("new");
        assert_eq!((world.drops()["event_dropped_too_old"], world.drops()["bot"]), (1, 1));
        assert_eq!(world.warnings().await, ["event_dropped_too_old"]);
    }
}

#[tokio::test]
async fn the_operator_may_drop_events_and_take_persons_away() {
    for mut world in worlds().await {
        let sql = "INSERT INTO event_restriction (token, kind, event_names, distinct_ids, created_at) VALUES ($1, $2, $3, $4, 0)";
        world.db.execute(sql, db::args![crate::world::TOKEN, "drop_event_from_ingestion", "[\"noise\"]", "[]"]).await.unwrap();
        world.db.execute(sql, db::args![crate::world::TOKEN, "skip_person_processing", "[]", "[\"robot\"]"]).await.unwrap();
        world.send(json!([{"event": "noise"}, {"event": "kept", "distinct_id": "robot", "$set": {"a": 1}}])).await;
        assert_eq!(world.rows().len(), 1, "{}", world.name);
        assert_eq!(world.row("kept").person_mode, model::PersonMode::Propertyless);
        assert!(world.person("robot").await.is_none());
    }
}

#[tokio::test]
async fn hostile_text_reaches_the_database_and_comes_back() {
    for mut world in worlds().await {
        world
            .send(
                json!([{"event": "e\u{0}v", "distinct_id": "a\u{0}b", "properties": {"k\u{0}ey": "v\u{0}", "'; DROP TABLE person; --": 1},
                          "$set": {"n\u{0}": "\u{0}"}}]),
            )
            .await;
        assert_eq!(&*world.rows()[0].distinct_id, "a\u{fffd}b", "{}", world.name);
        assert!(world.person("a\u{fffd}b").await.is_some());
    }
}

#[tokio::test]
async fn long_event_names_are_cut_to_200_utf16_units() {
    for mut world in worlds().await {
        world.send(json!([{"event": "e".repeat(300)}, {"event": "😀".repeat(150)}])).await;
        let mut names: Vec<String> = world.rows().iter().map(|row| row.event.to_string()).collect();
        names.sort();
        assert_eq!(names, ["e".repeat(200), "😀".repeat(100)], "{}", world.name);
    }
}

#[tokio::test]
async fn ten_thousand_person_and_group_properties_are_no_trouble() {
    for mut world in worlds().await {
        let many =
            |value: i64| -> serde_json::Map<String, serde_json::Value> { (0..9_000).map(|at| (format!("p{at}"), json!(value))).collect() };
        world
            .send(json!([{"event": "one", "$set": many(1), "$set_once": many(0), "properties": {"$set": many(0)}}, {"event": "two", "$set": many(2)},
                         {"event": "$groupidentify", "properties": {"$group_type": "t", "$group_key": "k", "$group_set": many(1)}}]))
            .await;
        assert_eq!(world.row("one").person_properties.get("p8999"), Some(&model::PropertyValue::Int(1)), "{}", world.name);
        assert_eq!(world.row("two").person_properties.get("p0"), Some(&model::PropertyValue::Int(2)));
    }
}
