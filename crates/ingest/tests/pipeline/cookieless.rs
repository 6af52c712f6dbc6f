use crate::world::{World, worlds};
use model::PropertyValue;
use serde_json::{Value, json};
use uuid::Uuid;

fn visit(event: &str, agent: &str) -> Value {
    json!({"event": event, "distinct_id": "$posthog_cookieless", "ip": "1.2.3.4", "cookieless": true,
           "properties": {"$cookieless_mode": true, "$raw_user_agent": agent, "$host": "app.example.com", "$timezone": "Europe/Berlin",
                          "$process_person_profile": false}})
}

fn identify(agent: &str) -> Value {
    let mut identify = visit("$identify", agent);
    identify["distinct_id"] = json!("user");
    identify["properties"]["$anon_distinct_id"] = json!("$posthog_cookieless");
    identify["properties"].as_object_mut().unwrap().remove("$process_person_profile");
    identify
}

async fn set_mode(world: &World, mode: u8) {
    world.set_team(|team| team.cookieless_mode = mode).await;
}

#[tokio::test]
async fn stateless_visitors_get_an_id_for_the_day() {
    for mut world in worlds().await {
        set_mode(&world, 1).await;
        world.send(json!([visit("one", "A"), visit("two", "A"), visit("other", "B")])).await;
        let (one, two, other) = (world.row("one"), world.row("two"), world.row("other"));
        let id = one.distinct_id.strip_prefix("cookieless_").unwrap();
        assert_eq!(id.len(), 22);
        assert_eq!(one.distinct_id, two.distinct_id);
        assert_ne!(one.distinct_id, other.distinct_id);
        assert_eq!(one.properties.get_str("$device_id"), Some(&*format!("cookielessd_{id}")));
        assert_eq!(one.properties.get_str("$distinct_id"), Some(&*one.distinct_id));
        let session: Uuid = one.properties.get_str("$session_id").unwrap().parse().unwrap();
        assert_eq!(session.get_version_num(), 7);
        let (seconds, _) = session.get_timestamp().unwrap().to_unix();
        assert_eq!(seconds as i64, crate::world::at("2024-12-31T23:00:00Z").seconds());
        for name in ["$ip", "$raw_user_agent", "$cookieless_extra"] {
            assert!(!one.properties.contains(name), "{name} was stored");
        }
    }
}

/// What a request for flags tells of the visitor of [`visit`].
async fn seen(world: &World, mode: u8, agent: &str) -> Option<String> {
    let sighting = ingest::Sighting {
        project: world.row("one").team,
        mode,
        ip: [1, 2, 3, 4].into(),
        user_agent: agent,
        host: "app.example.com",
        timezone: chrono_tz::Europe::Berlin,
        extra: "",
        now: world.row("one").timestamp,
    };
    ingest::cookieless_id(&world.db, rand::random, &sighting).await.unwrap()
}

#[tokio::test]
async fn requests_for_flags_know_a_visitor_by_the_id_of_the_events() {
    for mut world in worlds().await {
        set_mode(&world, 1).await;
        world.send(json!([visit("one", "A")])).await;
        assert_eq!(seen(&world, 1, "A").await.as_deref(), Some(&*world.row("one").distinct_id), "{}", world.name);
        assert_ne!(seen(&world, 1, "B").await.as_deref(), Some(&*world.row("one").distinct_id), "{}", world.name);
        assert_eq!(seen(&world, 0, "A").await, None, "{}", world.name);
    }
    for mut world in worlds().await {
        set_mode(&world, 2).await;
        world.send(json!([visit("one", "A"), identify("A"), visit("after", "A")])).await;
        assert_ne!(world.row("one").distinct_id, world.row("after").distinct_id, "{}", world.name);
        assert_eq!(seen(&world, 2, "A").await.as_deref(), Some(&*world.row("after").distinct_id), "{}", world.name);
    }
}

#[tokio::test]
async fn what_makes_an_id_impossible_drops_the_event() {
    for mut world in worlds().await {
        world.send(json!([visit("off", "A")])).await;
        set_mode(&world, 1).await;
        let without = |name: &str| {
            let mut event = visit("a", "A");
            event["properties"].as_object_mut().unwrap().remove(name);
            event
        };
        let mut nowhere = visit("a", "A");
        nowhere["ip"] = json!("");
        let mut old = visit("a", "A");
        old["timestamp"] = json!("2024-12-20T12:00:00Z");
        world
            .send(json!([without("$host"), without("$raw_user_agent"), nowhere, old, visit("$identify", "A"), visit("$create_alias", "A")]))
            .await;
        assert!(world.rows().is_empty());
        let drops = world.drops();
        for reason in [
            "cookieless_disabled",
            "cookieless_missing_host",
            "cookieless_missing_user_agent",
            "cookieless_missing_ip",
            "cookieless_timestamp_out_of_range",
        ] {
            assert_eq!(drops.get(reason), Some(&1), "{}: {reason}", world.name);
        }
        assert!(world.warnings().await.contains(&"cookieless_missing_host".to_owned()));
    }
}

#[tokio::test]
async fn stateful_visitors_can_be_identified_and_the_next_one_is_somebody_else() {
    for mut world in worlds().await {
        set_mode(&world, 2).await;
        let mut known = visit("known", "A");
        known["distinct_id"] = json!("user");
        world.send(json!([visit("before", "A"), identify("A"), known, visit("after", "A")])).await;
        let (before, known, after) = (world.row("before"), world.row("known"), world.row("after"));
        let identified = world.row("$identify");
        assert_eq!(identified.properties.get("$anon_distinct_id"), Some(&PropertyValue::String(before.distinct_id.clone())));
        assert_eq!((&*known.distinct_id, known.properties.get_str("$device_id")), ("user", before.properties.get_str("$device_id")));
        assert_ne!(before.distinct_id, after.distinct_id, "{}", world.name);
        assert_eq!(world.owner(&before), world.person("user").await.unwrap().person.uuid);
        assert_eq!(before.properties.get("$session_id"), after.properties.get("$session_id"));
    }
}

#[tokio::test]
async fn a_visit_after_half_an_hour_is_another_session() {
    for mut world in worlds().await {
        set_mode(&world, 2).await;
        let at = |event: &str, time: &str| {
            let mut visit = visit(event, "A");
            visit["timestamp"] = json!(format!("2025-01-01T{time}Z"));
            visit
        };
        world.send(json!([at("a", "10:00:00"), at("b", "10:29:00"), at("c", "10:58:00"), at("d", "11:29:00")])).await;
        let session = |event: &str| world.property(event, "$session_id").unwrap();
        assert_eq!(session("a"), session("b"));
        assert_eq!(session("b"), session("c"));
        assert_ne!(session("c"), session("d"));
    }
}

#[tokio::test]
async fn a_person_learns_nothing_that_names_the_visitors_device() {
    for mut world in worlds().await {
        set_mode(&world, 1).await;
        let mut event = visit("full", "A");
        event["properties"].as_object_mut().unwrap().remove("$process_person_profile");
        event["properties"]["$set"] = json!({"$raw_user_agent": "A", "kept": 1});
        world.send(json!([event])).await;
        let row = world.row("full");
        assert_eq!(world.properties(&row.distinct_id).await, json!({"kept": 1}));
        assert_eq!(world.property("full", "$set"), Some(json!({"kept": 1})));
    }
}
