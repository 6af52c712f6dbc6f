use crate::world::{World, worlds};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Name to type, `None` for not recorded, of one kind of property.
async fn types(world: &World, kind: i64) -> BTreeMap<String, Option<String>> {
    let sql = "SELECT name, property_type FROM property_definition WHERE team_id = $1 AND kind = $2";
    let rows = world.db.fetch_all(sql, db::args![world.team, kind]).await.unwrap();
    rows.iter().map(|row| (row.get("name").unwrap(), row.get("property_type").unwrap())).collect()
}

async fn pairs(world: &World) -> Vec<(String, String)> {
    let rows = world.db.fetch_all("SELECT event, property FROM event_property ORDER BY event, property", &[]).await.unwrap();
    rows.iter().map(|row| (row.get("event").unwrap(), row.get("property").unwrap())).collect()
}

fn expected(list: &[(&str, Option<&str>)]) -> BTreeMap<String, Option<String>> {
    list.iter().map(|(name, kind)| (name.to_string(), kind.map(str::to_owned))).collect()
}

#[tokio::test]
async fn the_first_value_tells_the_type() {
    for mut world in worlds().await {
        let properties = json!({"n": 1, "s": "1", "b": true, "b2": "FALSE", "b3": "True", "created_at": "2025-01-01", "x": "2025-01-01T00:00:00Z",
            "signup_time": 1735732800, "plain": 1735732800, "utm_term": 5, "$feature/f": true, "$survey_response": 3, "arr": [1], "o": {}, "z": null});
        world.send(json!([{"properties": properties}, {"properties": {"n": "x", "z": 5}}])).await;
        let (n, s, b, d) = (Some("Numeric"), Some("String"), Some("Boolean"), Some("DateTime"));
        let all = [
            ("n", n),
            ("s", s),
            ("b", b),
            ("b2", b),
            ("b3", s),
            ("created_at", d),
            ("x", d),
            ("signup_time", d),
            ("plain", n),
            ("utm_term", s),
            ("$feature/f", s),
            ("$survey_response", s),
            ("arr", None),
            ("o", None),
            ("z", n),
        ];
        assert_eq!(types(&world, 1).await, expected(&all), "{}", world.name);
        assert!(!pairs(&world).await.contains(&("a".into(), "$feature/f".into())));
        assert!(pairs(&world).await.contains(&("a".into(), "arr".into())));
    }
}

#[tokio::test]
async fn person_properties_are_recorded_as_such() {
    for mut world in worlds().await {
        world.send(json!([{"properties": {"$set": {"p": 1}, "$set_once": {"q": "x"}, "$groups": {"c": "d"}}}])).await;
        assert_eq!(types(&world, 2).await, expected(&[("p", Some("Numeric")), ("q", Some("String"))]));
        assert_eq!(types(&world, 1).await, expected(&[]));
    }
}

#[tokio::test]
async fn group_properties_are_recorded_with_their_type() {
    for mut world in worlds().await {
        let event =
            json!({"event": "$groupidentify", "properties": {"$group_type": "company", "$group_key": "acme", "$group_set": {"seats": 5}}});
        world.send(json!([event])).await;
        assert_eq!(types(&world, 3).await, expected(&[("seats", Some("Numeric"))]));
        assert!(pairs(&world).await.is_empty());
        let types = definitions::property_types(&world.db, world.team).await.unwrap();
        assert_eq!(types.group(model::GroupTypeIndex(0), "seats"), query::PropertyType::Numeric);
    }
}

#[tokio::test]
async fn long_names_are_not_recorded_but_the_event_is_stored() {
    for mut world in worlds().await {
        let properties: Value = json!({"k".repeat(201): 1, "k".repeat(200): 1});
        world.send(json!([{"event": "a", "properties": properties}, {"event": "é".repeat(101)}])).await;
        assert_eq!(world.rows().len(), 2);
        assert_eq!(types(&world, 1).await.len(), 1);
        let rows = world.db.fetch_all("SELECT name FROM event_definition", &[]).await.unwrap();
        assert_eq!(rows.len(), 1);
    }
}

#[tokio::test]
async fn a_restart_does_not_forget_or_change_types() {
    for mut world in worlds().await {
        world.send(json!([{"properties": {"n": 1, "late": null}}])).await;
        world.restart();
        world.send(json!([{"properties": {"n": "x", "late": "2025-01-01"}}])).await;
        assert_eq!(types(&world, 1).await, expected(&[("n", Some("Numeric")), ("late", Some("DateTime"))]));
    }
}

#[tokio::test]
async fn a_project_with_too_many_event_names_keeps_its_events() {
    let mut world = worlds().await.remove(0);
    let events: Vec<Value> = (0..definitions::MAX_EVENTS + 5).map(|at| json!({"event": format!("e{at}")})).collect();
    world.send(Value::Array(events)).await;
    assert_eq!(world.store.position.lock().unwrap().unwrap() as usize, definitions::MAX_EVENTS + 5);
    let row = world.db.fetch_one("SELECT COUNT(*) AS n FROM event_definition", &[]).await.unwrap();
    assert_eq!(row.get::<usize>("n").unwrap(), definitions::MAX_EVENTS);
    assert_eq!(world.ports.definitions.refused(world.team).events, 5);
    assert_eq!(world.warnings().await, ["definitions_limit_reached"]);
}
