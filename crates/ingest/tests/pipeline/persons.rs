//! Whose an event is, and what it changes about that person.

use crate::world::{World, worlds};
use model::PersonMode;
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::test]
async fn a_first_event_makes_a_person_with_a_predictable_id() {
    for mut world in worlds().await {
        world.send(json!([{"distinct_id": "u1"}])).await;
        let person = world.person("u1").await.unwrap();
        assert_eq!(person.person.uuid, world.uuid_of("u1"));
        assert!(!person.person.is_identified);
        let row = world.row("a");
        assert_eq!((row.person_id, row.person_mode), (person.person.uuid, PersonMode::Full));
        assert_eq!(row.person_created_at, row.timestamp);
    }
}

#[tokio::test]
async fn a_personless_event_makes_no_person_and_carries_no_person_properties() {
    for mut world in worlds().await {
        world
            .send(json!([{"distinct_id": "u2", "properties": {"$process_person_profile": false, "$set": {"y": 1}, "$browser": "A"}, "$set": {"x": 1}}]))
            .await;
        let row = world.row("a");
        assert!(world.person("u2").await.is_none());
        assert_eq!((row.person_id, row.person_mode), (world.uuid_of("u2"), PersonMode::Propertyless));
        assert_eq!(row.properties.to_json_text(), r#"{"$browser":"A","$process_person_profile":false}"#);
        assert!(row.person_properties.is_empty());
    }
}

#[tokio::test]
async fn identifying_without_a_profile_is_refused() {
    for mut world in worlds().await {
        for event in ["$identify", "$create_alias", "$merge_dangerously", "$groupidentify"] {
            world.send(json!([{"event": event, "properties": {"$process_person_profile": false}}])).await;
        }
        assert!(world.rows().is_empty());
        assert_eq!(world.drops()["invalid_event_when_process_person_profile_is_false"], 4);
        assert!(world.warnings().await.contains(&"invalid_event_when_process_person_profile_is_false".to_owned()));
    }
}

#[tokio::test]
async fn a_profile_flag_that_is_no_boolean_means_full_with_a_warning() {
    for mut world in worlds().await {
        world.send(json!([{"distinct_id": "u", "properties": {"$process_person_profile": "no"}}])).await;
        assert!(world.person("u").await.is_some());
        assert_eq!(world.row("a").person_mode, PersonMode::Full);
        assert!(world.row("a").properties.is_empty());
        assert_eq!(world.warnings().await, ["invalid_process_person_profile"]);
    }
}

#[tokio::test]
async fn identify_joins_the_anonymous_events_to_the_user() {
    for mut world in worlds().await {
        world
            .send(json!([{"event": "before", "distinct_id": "anon1"}, {"event": "$identify", "distinct_id": "u", "properties": {"$anon_distinct_id": "anon1"}},
                         {"event": "after", "distinct_id": "u"}]))
            .await;
        let person = world.person("u").await.unwrap();
        assert!(person.person.is_identified);
        let mut ids = person.distinct_ids.clone();
        ids.sort();
        assert_eq!(ids, ["anon1", "u"]);
        for event in ["before", "$identify", "after"] {
            assert_eq!(world.owner(&world.row(event)), person.person.uuid, "{}: {event}", world.name);
        }
        assert_eq!(world.person_count().await, 1);
    }
}

#[tokio::test]
async fn identify_after_personless_browsing_keeps_the_id_of_the_visitor() {
    for mut world in worlds().await {
        world
            .send(json!([{"event": "before", "distinct_id": "anon2", "properties": {"$process_person_profile": false}},
                         {"event": "$identify", "distinct_id": "u9", "properties": {"$anon_distinct_id": "anon2"}}]))
            .await;
        let person = world.person("u9").await.unwrap().person;
        assert_eq!(person.uuid, world.uuid_of("anon2"));
        assert_eq!(world.owner(&world.row("before")), person.uuid);
        assert!(world.store.overrides.lock().unwrap().is_empty(), "{}: nothing had to be re-pointed", world.name);
    }
}

#[tokio::test]
async fn personless_events_follow_when_their_id_joins_an_existing_user() {
    for mut world in worlds().await {
        world
            .send(json!([{"event": "user", "distinct_id": "u"}, {"event": "before", "distinct_id": "anon", "properties": {"$process_person_profile": false}},
                         {"event": "$identify", "distinct_id": "u", "properties": {"$anon_distinct_id": "anon"}}]))
            .await;
        assert_eq!(world.row("before").person_id, world.uuid_of("anon"));
        assert_eq!(world.owner(&world.row("before")), world.uuid_of("u"));
        let overrides = world.store.overrides.lock().unwrap();
        assert_eq!(overrides.len(), 1);
        assert_eq!((&*overrides[0].distinct_id, overrides[0].version), ("anon", 1));
    }
}

#[tokio::test]
async fn an_identified_person_is_not_merged_into_another_user() {
    for mut world in worlds().await {
        world
            .send(json!([{"event": "$identify", "distinct_id": "u", "properties": {"$anon_distinct_id": "anonA"}}, {"distinct_id": "v"},
                         {"event": "$identify", "distinct_id": "v", "properties": {"$anon_distinct_id": "anonA"}}]))
            .await;
        assert_eq!(world.warnings().await, ["cannot_merge_already_identified"]);
        let (u, v) = (world.person("u").await.unwrap().person, world.person("v").await.unwrap().person);
        assert_ne!(u.uuid, v.uuid);
        assert_eq!(world.person("anonA").await.unwrap().person.uuid, u.uuid);
        assert!(v.is_identified);
    }
}

#[tokio::test]
async fn a_user_never_seen_before_joins_the_person_of_the_anonymous_id() {
    for mut world in worlds().await {
        world
            .send(json!([{"event": "$identify", "distinct_id": "u", "properties": {"$anon_distinct_id": "anonA"}},
                         {"event": "$identify", "distinct_id": "v", "properties": {"$anon_distinct_id": "anonA"}}]))
            .await;
        assert!(world.warnings().await.is_empty());
        assert_eq!(world.person("v").await.unwrap().person.uuid, world.person("u").await.unwrap().person.uuid);
    }
}

async fn two_users(world: &mut World) {
    world
        .send(json!([{"event": "of v", "distinct_id": "v", "timestamp": "2024-12-01T00:00:00Z", "$set": {"a": 2, "c": 2}},
                     {"distinct_id": "u", "$set": {"a": 1, "b": 1}},
                     {"event": "$identify", "distinct_id": "u", "properties": {"$anon_distinct_id": "ua"}},
                     {"event": "$identify", "distinct_id": "v", "properties": {"$anon_distinct_id": "va"}}]))
        .await;
}

#[tokio::test]
async fn an_alias_of_an_identified_user_is_refused() {
    for mut world in worlds().await {
        two_users(&mut world).await;
        world.send(json!([{"event": "$create_alias", "distinct_id": "u", "properties": {"alias": "v"}}])).await;
        assert_eq!(world.warnings().await, ["cannot_merge_already_identified"]);
        assert_eq!(world.person_count().await, 2);
    }
}

#[tokio::test]
async fn a_dangerous_merge_joins_two_users_and_leaves_a_tombstone() {
    for mut world in worlds().await {
        two_users(&mut world).await;
        world.send(json!([{"event": "$merge_dangerously", "distinct_id": "u", "properties": {"alias": "v"}}])).await;
        let person = world.person("u").await.unwrap();
        assert_eq!(world.properties("u").await, json!({"a": 1, "b": 1, "c": 2}));
        assert_eq!(person.person.created_at, crate::world::at("2024-12-01T00:00:00Z"));
        assert_eq!(world.person("v").await.unwrap().person.uuid, person.person.uuid);
        assert_eq!(world.person("va").await.unwrap().person.uuid, person.person.uuid);
        assert_eq!(world.owner(&world.row("of v")), person.person.uuid);
        assert_eq!(world.person_count().await, 1);
        let tombstone = world.db.fetch_one("SELECT uuid, merged_into, distinct_ids FROM person_tombstone", &[]).await.unwrap();
        assert_eq!(tombstone.get::<Uuid>("uuid").unwrap(), world.uuid_of("v"));
        assert_eq!(tombstone.get::<Uuid>("merged_into").unwrap(), person.person.uuid);
        let mut ids: Vec<String> = serde_json::from_value(tombstone.get("distinct_ids").unwrap()).unwrap();
        ids.sort();
        assert_eq!(ids, ["v", "va"]);
    }
}

#[tokio::test]
async fn in_a_merge_the_users_properties_win_then_the_events() {
    for mut world in worlds().await {
        world
            .send(json!([{"distinct_id": "u", "$set": {"a": 1, "b": 1}}, {"distinct_id": "anon", "$set": {"a": 2, "c": 2}},
                         {"event": "$identify", "distinct_id": "u", "properties": {"$anon_distinct_id": "anon"},
                          "$set": {"b": 9}, "$set_once": {"c": 5, "d": 5}}]))
            .await;
        assert_eq!(world.properties("u").await, json!({"a": 1, "b": 9, "c": 2, "d": 5}));
    }
}

#[tokio::test]
async fn identifying_as_oneself_changes_nothing() {
    for mut world in worlds().await {
        world.send(json!([{"event": "$identify", "distinct_id": "u", "properties": {"$anon_distinct_id": "u"}}])).await;
        assert!(world.warnings().await.is_empty());
        assert!(!world.person("u").await.unwrap().person.is_identified);
    }
}

#[tokio::test]
async fn placeholder_ids_are_not_merged_but_the_properties_count() {
    for mut world in worlds().await {
        let illegal = ["undefined", "'null'", "anonymous", "None", "[object Object]", "0", "NaN", " "];
        for (at, other) in illegal.iter().enumerate() {
            world
                .send(json!([{"event": "$identify", "distinct_id": format!("u{at}"), "properties": {"$anon_distinct_id": other}, "$set": {"a": at}}]))
                .await;
            assert_eq!(world.properties(&format!("u{at}")).await, json!({"a": at}));
        }
        world.send(json!([{"event": "$identify", "distinct_id": "real", "properties": {"$anon_distinct_id": null}}])).await;
        assert_eq!(world.warnings().await, vec!["cannot_merge_with_illegal_distinct_id"; illegal.len() + 1]);
        assert_eq!(world.person_count().await, illegal.len() as i64 + 1);
    }
}

#[tokio::test]
async fn identify_without_an_anonymous_id_only_sets() {
    for mut world in worlds().await {
        world.send(json!([{"event": "$identify", "distinct_id": "u", "properties": {"$set": {"a": 1}}}])).await;
        assert_eq!(world.properties("u").await, json!({"a": 1}));
        assert!(!world.person("u").await.unwrap().person.is_identified);
    }
}

#[tokio::test]
async fn an_alias_of_two_new_ids_makes_one_identified_person() {
    for mut world in worlds().await {
        world.send(json!([{"event": "$create_alias", "distinct_id": "u", "properties": {"distinct_id": "u", "alias": "w"}}])).await;
        let person = world.person("w").await.unwrap();
        assert_eq!(person.person.uuid, world.uuid_of("u"));
        assert!(person.person.is_identified);
        assert_eq!(person.distinct_ids.len(), 2);
    }
}

#[tokio::test]
async fn aliases_in_a_circle_end_in_one_person() {
    for mut world in worlds().await {
        let alias = |id: &str, alias: &str| json!({"event": "$create_alias", "distinct_id": id, "properties": {"alias": alias}});
        world.send(json!([alias("a", "b"), alias("b", "c"), alias("c", "a"), alias("a", "a"), alias("b", "a")])).await;
        assert_eq!(world.person_count().await, 1);
        assert_eq!(world.person("a").await.unwrap().distinct_ids.len(), 3);
    }
}

#[tokio::test]
async fn properties_are_set_once_set_and_unset_in_order() {
    for mut world in worlds().await {
        let cases: Vec<(Value, Value)> = vec![
            (json!({"$set": {"a": 1}}), json!({"a": 1})),
            (json!({"$set_once": {"a": 2}}), json!({"a": 1})),
            (json!({"properties": {"$unset": ["a"]}}), json!({})),
            (json!({"$set": {"a": 1}, "properties": {"$set": {"a": 2, "b": 2}}}), json!({"a": 1, "b": 2})),
            (json!({"$set": {"c": 1}, "$set_once": {"c": 2}}), json!({"a": 1, "b": 2, "c": 1})),
            (json!({"$set": {"d": 1}, "properties": {"$unset": {"d": 0, "c": 0}}}), json!({"a": 1, "b": 2})),
            (json!({"properties": {"$set": "text", "$set_once": 5, "$unset": "a"}}), json!({"a": 1, "b": 2})),
            (json!({"$unset": ["a"]}), json!({"a": 1, "b": 2})),
            (json!({"$set": {"o": {"x": [1]}, "n": null}}), json!({"a": 1, "b": 2, "o": {"x": [1]}, "n": null})),
        ];
        for (event, expected) in cases {
            world.send(json!([event])).await;
            assert_eq!(world.properties("u").await, expected, "{}: {event}", world.name);
        }
    }
}

#[tokio::test]
async fn the_stored_event_shows_the_person_as_of_then() {
    for mut world in worlds().await {
        world.send(json!([{"event": "first", "$set": {"plan": "free"}}, {"event": "second", "$set": {"plan": "paid"}}])).await;
        assert_eq!(world.row("first").person_properties.get_str("plan"), Some("free"));
        assert_eq!(world.row("second").person_properties.get_str("plan"), Some("paid"));
    }
}

#[tokio::test]
async fn campaign_and_browser_become_person_properties_first_and_last() {
    for mut world in worlds().await {
        let view = |source: &str| json!({"event": "$pageview", "properties": {"utm_source": source, "$browser": "Chrome", "_kx": "k", "other": 1}});
        world.send(json!([view("x"), view("y")])).await;
        let expected = json!({"utm_source": "y", "$initial_utm_source": "x", "$browser": "Chrome", "$initial_browser": "Chrome",
                              "_kx": "k", "$initial__kx": "k"});
        assert_eq!(world.properties("u").await, expected);
    }
}

#[tokio::test]
async fn a_servers_operating_system_is_not_the_persons() {
    for mut world in worlds().await {
        world
            .send(
                json!([{"distinct_id": "py", "properties": {"$os": "Linux", "$os_version": "6", "$is_server": true, "$app_version": "1"}},
                         {"distinct_id": "go", "properties": {"$os": "Linux", "$lib": "posthog-go"}},
                         {"distinct_id": "web", "properties": {"$os": "Linux", "$lib": "web"}},
                         {"distinct_id": "phone", "properties": {"$os_name": "iOS"}}]),
            )
            .await;
        assert_eq!(world.properties("py").await, json!({"$app_version": "1", "$initial_app_version": "1"}));
        assert_eq!(world.properties("go").await, json!({}));
        assert_eq!(world.properties("web").await, json!({"$os": "Linux", "$initial_os": "Linux"}));
        assert_eq!(world.properties("phone").await, json!({"$os": "iOS", "$initial_os": "iOS"}));
    }
}

#[tokio::test]
async fn a_page_change_alone_does_not_rewrite_the_person() {
    for mut world in worlds().await {
        world
            .send(json!([{"event": "one", "properties": {"$current_url": "/a"}}, {"event": "two", "properties": {"$current_url": "/b"}}]))
            .await;
        assert_eq!(world.row("two").person_properties.get_str("$current_url"), Some("/b"));
        let before = world.person("u").await.unwrap().person.version;
        world.send(json!([{"event": "three", "properties": {"$current_url": "/c"}}])).await;
        assert_eq!(world.row("three").person_properties.get_str("$current_url"), Some("/c"));
        assert_eq!(world.person("u").await.unwrap().person.version, before, "{}", world.name);
        world.send(json!([{"event": "$set", "properties": {"$current_url": "/d"}}])).await;
        assert_eq!(world.properties("u").await["$current_url"], "/d");
    }
}

#[tokio::test]
async fn an_exception_never_changes_its_person() {
    for mut world in worlds().await {
        world.send(json!([{"$set": {"a": 1}}, {"event": "$exception", "$set": {"a": 2}, "properties": {"$browser": "A"}}])).await;
        assert_eq!(world.properties("u").await, json!({"a": 1}));
        assert_eq!(world.property("$exception", "$set"), Some(json!({"a": 2})));
    }
}

#[tokio::test]
async fn a_personless_event_of_a_known_person_means_a_stale_sdk() {
    for mut world in worlds().await {
        let personless = json!({"$process_person_profile": false});
        world
            .send(json!([{"event": "full", "timestamp": "2025-01-01T11:00:00Z", "$set": {"a": 1}},
                         {"event": "soon", "timestamp": "2025-01-01T11:00:30Z", "properties": personless},
                         {"event": "later", "timestamp": "2025-01-01T11:02:00Z", "properties": personless}]))
            .await;
        let uuid = world.person("u").await.unwrap().person.uuid;
        for (event, mode) in [("soon", PersonMode::Propertyless), ("later", PersonMode::ForceUpgrade)] {
            let row = world.row(event);
            assert_eq!((row.person_id, row.person_mode), (uuid, mode), "{}", world.name);
            assert!(row.person_properties.is_empty());
        }
    }
}

#[tokio::test]
async fn a_flag_call_makes_no_person_unless_it_asks_for_one() {
    for mut world in worlds().await {
        world
            .send(json!([{"event": "$feature_flag_called", "distinct_id": "server", "$set": {"a": 1}},
                         {"event": "$feature_flag_called", "distinct_id": "asked", "properties": {"$process_person_profile": true}},
                         {"event": "$feature_flag_called", "distinct_id": "grouped", "properties": {"$groups": {"company": "acme"}}}]))
            .await;
        assert!(world.person("server").await.is_none());
        assert!(world.person("asked").await.is_some() && world.person("grouped").await.is_some());
        let row = world.rows().into_iter().find(|row| &*row.distinct_id == "server").unwrap();
        assert_eq!(row.person_mode, PersonMode::Propertyless);
        assert_eq!(row.properties.to_json_text(), r#"{"$process_person_profile":false}"#);
    }
}

#[tokio::test]
async fn a_project_can_opt_out_of_persons() {
    for mut world in worlds().await {
        world.set_team(|team| _ = team.settings.insert("person_processing_opt_out".into(), json!(true))).await;
        world.send(json!([{"event": "a"}, {"event": "b", "no_person_processing": true}])).await;
        world.send(json!([{"event": "$identify", "properties": {"$anon_distinct_id": "x"}}])).await;
        assert_eq!(world.person_count().await, 0);
        assert_eq!(world.row("a").person_mode, PersonMode::Propertyless);
        assert_eq!((world.rows().len(), world.drops()["invalid_event_when_process_person_profile_is_false"]), (2, 1));
    }
}

#[tokio::test]
async fn last_seen_is_the_hour_of_the_newest_event() {
    for mut world in worlds().await {
        world
            .send(json!([{"event": "a", "timestamp": "2025-01-01T10:59:00Z"}, {"event": "b", "timestamp": "2025-01-01T09:00:00Z"},
                         {"event": "c", "distinct_id": "hidden", "properties": {"$update_person_last_seen_at": false}}]))
            .await;
        assert_eq!(world.person("u").await.unwrap().person.last_seen_at, Some(crate::world::at("2025-01-01T10:00:00Z")));
        assert_eq!(world.person("hidden").await.unwrap().person.last_seen_at, None);
    }
}

#[tokio::test]
async fn a_person_that_grows_too_large_is_trimmed_with_a_warning() {
    for mut world in worlds().await {
        let half = "x".repeat(400_000);
        world.send(json!([{"$set": {"email": "a@b.c", "one": half}}, {"$set": {"two": half}}])).await;
        let properties = world.properties("u").await;
        assert_eq!(
            (&properties["email"], properties.get("one").is_some(), properties.get("two").is_some()),
            (&json!("a@b.c"), true, false)
        );
        assert_eq!(world.warnings().await, ["person_properties_size_violation"]);
    }
}

#[tokio::test]
async fn a_survey_that_was_shown_is_remembered() {
    for mut world in worlds().await {
        world.send(json!([{"event": "survey shown"}])).await;
        assert_eq!(world.properties("u").await, json!({"$survey_last_seen_date": "2025-01-01T12:00:00.000000Z"}));
    }
}

#[tokio::test]
async fn persons_changed_elsewhere_are_not_overwritten() {
    for mut world in worlds().await {
        world.send(json!([{"$set": {"a": 1}}])).await;
        let uuid = world.person("u").await.unwrap().person.uuid;
        let mut transaction = world.db.begin().await.unwrap();
        people::store::bump(&mut transaction, world.team).await.unwrap();
        let sql = "UPDATE person SET properties = $1 WHERE uuid = $2";
        transaction.execute(sql, db::args![r#"{"a":1,"edited":true}"#, uuid]).await.unwrap();
        transaction.commit().await.unwrap();
        world.send(json!([{"$set": {"b": 1}}])).await;
        assert_eq!(world.properties("u").await, json!({"a": 1, "edited": true, "b": 1}));
    }
}

#[tokio::test]
async fn an_imported_person_gets_its_ids_and_properties_and_no_event() {
    for mut world in worlds().await {
        let import = |ids: Value, set: Value| {
            json!({"event": "$$import_person", "distinct_id": ids[0], "ip": "1.2.3.4", "properties": {"distinct_ids": ids, "$set": set,
                   "created_at": "2020-01-01T00:00:00Z", "is_identified": true}})
        };
        let one = import(json!(["i1", "i2"]), json!({"email": "i@x.dev"}));
        world.send(json!([one, one, {"distinct_id": "apart"}, import(json!(["i3", "i2", "apart"]), json!({"n": 1}))])).await;
        let person = world.person("i1").await.unwrap();
        assert_eq!(person.distinct_ids, ["i1", "i2", "i3"], "{}", world.name);
        assert_eq!((person.person.created_at, person.person.is_identified), (crate::world::at("2020-01-01T00:00:00Z"), true));
        let text = person.person.properties.to_json_text();
        assert_eq!(text, r#"{"email":"i@x.dev","n":1}"#);
        assert_ne!(world.person("apart").await.unwrap().person.uuid, person.person.uuid);
        assert_eq!(world.rows().len(), 1);
        let names = world.db.fetch_all("SELECT name FROM event_definition", &[]).await.unwrap();
        assert_eq!(names.len(), 1);
    }
}
