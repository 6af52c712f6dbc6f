use crate::world::{World, worlds};
use model::GroupTypeIndex;
use serde_json::{Value, json};

async fn group(world: &World, index: u8, key: &str) -> Option<Value> {
    let found = people::store::groups(&world.db, world.team, GroupTypeIndex(index), &[key.into()]).await.unwrap();
    found.first().map(|group| serde_json::from_str(&group.properties.to_json_text()).unwrap())
}

fn identify(kind: &str, key: &str, set: Value) -> Value {
    json!({"event": "$groupidentify", "properties": {"$group_type": kind, "$group_key": key, "$group_set": set}})
}

#[tokio::test]
async fn a_group_collects_properties() {
    for mut world in worlds().await {
        world.send(json!([identify("company", "acme", json!({"n": 1})), identify("company", "acme", json!({"m": 2}))])).await;
        assert_eq!(group(&world, 0, "acme").await, Some(json!({"n": 1, "m": 2})));
        world.send(json!([identify("company", "acme", json!({"n": 3}))])).await;
        assert_eq!(group(&world, 0, "acme").await, Some(json!({"n": 3, "m": 2})));
        assert_eq!(world.properties("u").await, json!({}));
    }
}

#[tokio::test]
async fn events_carry_their_groups() {
    for mut world in worlds().await {
        world
            .send(json!([{"event": "full", "properties": {"$groups": {"company": "acme", "team": 7}}},
                         {"event": "personless", "properties": {"$groups": {"company": "acme"}, "$process_person_profile": false}}]))
            .await;
        assert_eq!(world.property("full", "$group_0"), Some(json!("acme")));
        assert_eq!(world.property("full", "$group_1"), Some(json!("7")));
        assert_eq!(world.property("personless", "$group_0"), None);
    }
}

#[tokio::test]
async fn a_sixth_group_type_is_ignored() {
    for mut world in worlds().await {
        for at in 0..6 {
            world.send(json!([{"event": format!("e{at}"), "properties": {"$groups": {format!("t{at}"): "k"}}}])).await;
        }
        for at in 0..5 {
            assert_eq!(world.property(&format!("e{at}"), &format!("$group_{at}")), Some(json!("k")), "{}", world.name);
        }
        assert!(world.row("e5").properties.iter().all(|(name, _)| !name.starts_with("$group_")));
        world.send(json!([identify("t5", "k", json!({"a": 1}))])).await;
        world.row("$groupidentify");
        assert_eq!(people::store::group_types(&world.db, world.team).await.unwrap().len(), 5);
    }
}

#[tokio::test]
async fn bad_group_calls_do_what_they_can() {
    for mut world in worlds().await {
        world.send(json!([identify("company", &"k".repeat(401), json!({}))])).await;
        assert!(world.rows().is_empty());
        assert_eq!(world.warnings().await, ["group_key_too_long"]);
        world
            .send(json!([identify("company", "text", json!("x")), {"event": "$groupidentify", "properties": {"$group_type": "company"}}]))
            .await;
        assert_eq!(world.rows().len(), 2);
        assert_eq!(group(&world, 0, "text").await, Some(json!({})));
        assert_eq!(world.warnings().await, ["group_key_too_long", "invalid_group_set"]);
    }
}
