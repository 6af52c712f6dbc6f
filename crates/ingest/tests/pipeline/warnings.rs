use crate::world::worlds;
use serde_json::{Value, json};

#[tokio::test]
async fn an_sdks_own_warning_is_no_event() {
    for mut world in worlds().await {
        let event = json!({"event": "$$client_ingestion_warning", "properties": {"$$client_ingestion_warning_message": "slow down"}});
        world.send(json!([event, event])).await;
        assert!(world.rows().is_empty());
        assert_eq!(world.drops()["client_ingestion_warning"], 2);
        let row = world.db.fetch_one("SELECT type, details FROM ingestion_warning LIMIT 1", &[]).await.unwrap();
        assert_eq!(row.get::<String>("type").unwrap(), "client_ingestion_warning");
        assert_eq!(row.get::<Value>("details").unwrap()["message"], "slow down");
    }
}

#[tokio::test]
async fn the_same_complaint_is_stored_once_an_hour_but_every_refused_merge_is() {
    for mut world in worlds().await {
        let bad = json!({"properties": {"$process_person_profile": 1}});
        let merge = json!({"event": "$identify", "distinct_id": "u", "properties": {"$anon_distinct_id": "null"}});
        world.enqueue(json!([bad, bad, merge, merge])).await;
        world.ingest.process_available().await.unwrap();
        let kinds = world.warnings().await;
        assert_eq!(kinds.iter().filter(|kind| *kind == "invalid_process_person_profile").count(), 1);
        assert_eq!(kinds.iter().filter(|kind| *kind == "cannot_merge_with_illegal_distinct_id").count(), 2);
    }
}

#[tokio::test]
async fn a_warning_quotes_only_the_beginning_of_what_was_sent() {
    for mut world in worlds().await {
        world.send(json!([{"properties": {"$process_person_profile": "é".repeat(100_000)}}])).await;
        let row = world.db.fetch_one("SELECT details FROM ingestion_warning", &[]).await.unwrap();
        let text = row.get::<Value>("details").unwrap()["$process_person_profile"].as_str().unwrap().to_owned();
        assert!(text.len() < 1_100 && text.ends_with('…'), "{}", world.name);
    }
}
