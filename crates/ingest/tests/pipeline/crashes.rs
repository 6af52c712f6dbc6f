//! Ingestion that stops anywhere and starts again.

use crate::world::{World, worlds};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

fn story() -> Value {
    json!([
        {"event": "anon", "distinct_id": "x", "$set": {"a": "anonymous", "only": 1}},
        {"event": "personless", "distinct_id": "p", "properties": {"$process_person_profile": false}},
        {"event": "user", "distinct_id": "y", "$set": {"a": "user"}},
        {"event": "$identify", "distinct_id": "y", "properties": {"$anon_distinct_id": "x"}},
        {"event": "$create_alias", "distinct_id": "y", "properties": {"alias": "p"}},
        {"event": "grouped", "distinct_id": "y", "properties": {"$groups": {"company": "acme"}}},
        {"event": "$groupidentify", "distinct_id": "y", "properties": {"$group_type": "company", "$group_key": "acme", "$group_set": {"n": 1}}},
        {"event": "$$heatmap", "distinct_id": "y", "properties": {"$viewport_width": 16, "$viewport_height": 16,
            "$heatmap_data": {"https://x.dev": [{"x": 1, "y": 1, "type": "click", "target_fixed": false}]}}},
        {"event": "refused", "distinct_id": "z", "properties": {"$process_person_profile": "no"}},
        {"event": "$identify", "distinct_id": "z", "properties": {"$anon_distinct_id": "null"}},
        {"event": "last", "distinct_id": "x", "properties": {"$unset": ["only"]}}
    ])
}

/// Everything that must be the same whether or not there was a crash.
async fn outcome(world: &World) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rows = world.rows();
    rows.sort_by_key(|row| row.uuid);
    for row in rows {
        let groups = row.properties.get("$group_0").and_then(|key| key.to_text());
        lines.push(format!("{} of {} belongs to {} {groups:?}", row.event, row.distinct_id, world.owner(&row)));
    }
    for id in ["x", "y", "p", "z"] {
        let person = world.person(id).await.unwrap();
        lines.push(format!("{id}: {} {} {}", person.person.uuid, person.person.is_identified, person.person.properties.to_json_text()));
    }
    for table in ["heatmap", "ingestion_warning", "person", "person_tombstone", "person_group", "event_definition"] {
        let row = world.db.fetch_one(&format!("SELECT COUNT(*) AS n FROM {table}"), &[]).await.unwrap();
        lines.push(format!("{table}: {}", row.get::<i64>("n").unwrap()));
    }
    lines
}

#[tokio::test]
async fn a_crash_between_database_and_event_store_changes_nothing() {
    for (at, mut world) in worlds().await.into_iter().enumerate() {
        world.enqueue(story()).await;
        world.ingest.process_available().await.unwrap();
        let expected = outcome(&world).await;
        let mut crashed = worlds().await.remove(at);
        crashed.enqueue(story()).await;
        for _ in 0..2 {
            crashed.store.broken.store(true, Ordering::SeqCst);
            crashed.ingest.process_available().await.unwrap_err();
            assert!(crashed.rows().is_empty());
            crashed.restart();
        }
        crashed.store.broken.store(false, Ordering::SeqCst);
        crashed.ingest.process_available().await.unwrap();
        assert_eq!(outcome(&crashed).await, expected, "{}", world.name);
    }
}

#[tokio::test]
async fn new_records_after_a_crash_are_not_taken_for_old_ones() {
    for mut world in worlds().await {
        world.enqueue(json!([{"event": "one", "$set": {"a": 1}}])).await;
        world.store.broken.store(true, Ordering::SeqCst);
        world.ingest.process_available().await.unwrap_err();
        world.store.broken.store(false, Ordering::SeqCst);
        world.restart();
        world.enqueue(json!([{"event": "two", "$set": {"a": 2}}])).await;
        world.ingest.process_available().await.unwrap();
        assert_eq!(world.rows().len(), 2, "{}", world.name);
        assert_eq!(world.properties("u").await, json!({"a": 2}));
        assert_eq!(*world.live.lock().unwrap(), ["one", "two"]);
    }
}

#[tokio::test]
async fn everything_processed_twice_from_the_start_is_there_once() {
    for mut world in worlds().await {
        world.send(story()).await;
        let expected = outcome(&world).await;
        *world.store.position.lock().unwrap() = Some(0);
        world.restart();
        world.ingest.process_available().await.unwrap();
        assert_eq!(outcome(&world).await, expected, "{}", world.name);
    }
}

#[tokio::test]
async fn a_queue_that_was_replaced_does_not_make_new_events_look_old() {
    for mut world in worlds().await {
        let sql = "INSERT INTO ingest_position (id, position) VALUES (1, 1000)";
        world.db.execute(sql, &[]).await.unwrap();
        world.send(json!([{"$set": {"a": 1}}])).await;
        assert_eq!(world.properties("u").await, json!({"a": 1}));
    }
}

#[tokio::test]
async fn the_loop_goes_on_by_itself_when_the_store_works_again() {
    for mut world in worlds().await {
        world.store.broken.store(true, Ordering::SeqCst);
        world.enqueue(json!([{"event": "one", "$set": {"a": 1}}])).await;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let ingest = world.ingest.clone();
        let running = tokio::spawn(async move { ingest.run(stopped).await });
        while world.ingest.failure().is_none() {
            tokio::task::yield_now().await;
        }
        assert!(world.ingest.failure().unwrap().contains("disk is full"));
        assert_eq!(world.ingest.lag().pending_events, 1);
        world.store.broken.store(false, Ordering::SeqCst);
        world.enqueue(json!([{"event": "two"}])).await;
        while world.ingest.lag().pending_events > 0 {
            tokio::task::yield_now().await;
        }
        stop.send(true).unwrap();
        running.await.unwrap();
        assert_eq!(world.rows().len(), 2);
        assert_eq!(world.ingest.failure(), None);
    }
}
