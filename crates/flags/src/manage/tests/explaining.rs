use super::*;

#[tokio::test]
async fn a_flag_explains_every_comparison_it_makes_for_a_stored_person() {
    for world in worlds().await {
        let person = world.person("u1", json!({"plan": "free", "email": "a@acme.com"})).await;
        let filters = json!({"groups": [
            {"properties": [{"key": "plan", "type": "person", "operator": "exact", "value": ["pro"]}], "rollout_percentage": 100},
            {"properties": [{"key": "email", "type": "person", "operator": "icontains", "value": "@acme"}], "rollout_percentage": 100},
        ], "payloads": {"true": "{\"a\": 1}"}});
        let flag = world.create(json!({"key": "beta", "filters": filters})).await;
        for who in [json!({"distinct_id": "u1"}), json!({"person_id": person})] {
            let (status, reply) = world.post(&format!("{}/explain", path(&flag)), who).await;
            assert_eq!(status, StatusCode::OK, "{}: {reply}", world.name);
            assert_eq!((&reply["person"]["uuid"], &reply["person"]["distinct_ids"]), (&json!(person), &json!(["u1"])));
            let evaluation = &reply["evaluation"];
            assert_eq!((&evaluation["enabled"], &evaluation["payload"]), (&json!(true), &json!("{\"a\": 1}")));
            assert_eq!((&evaluation["reason"]["code"], &evaluation["reason"]["condition_index"]), (&json!("condition_match"), &json!(1)));
            let first = &reply["steps"][0];
            assert_eq!((&first["kind"], &first["matched"], &first["condition_index"]), (&json!("condition"), &json!(false), &json!(0)));
            let compared = json!({"key": "plan", "type": "person", "operator": "exact", "value": ["pro"], "found": "free", "source": "stored",
                "matched": false});
            assert_eq!(first["properties"][0], compared);
            assert_eq!(reply["steps"][1]["matched"], true);
        }
        let asked = json!({"distinct_id": "u1", "person_properties": {"plan": "pro"}});
        let (_, reply) = world.post(&format!("{}/explain", path(&flag)), asked).await;
        assert_eq!(reply["steps"][0]["properties"][0]["source"], "request");
        let (_, nobody) = world.post(&format!("{}/explain", path(&flag)), json!({"distinct_id": "stranger"})).await;
        assert_eq!((&nobody["person"], &nobody["evaluation"]["enabled"]), (&Value::Null, &json!(false)));
        assert_eq!(nobody["steps"][0]["properties"][0].get("found"), None);
        let (status, _, _) = world.refused(&format!("{}/explain", path(&flag)), json!({})).await;
        assert_eq!(status, 400);
    }
}

#[tokio::test]
async fn a_flag_that_is_not_saved_yet_is_explained_too() {
    for world in worlds().await {
        world.person("u1", json!({"plan": "pro"})).await;
        let parent = world.create(json!({"key": "parent"})).await;
        let draft = behind("draft", &parent);
        let (status, reply) = world.post(&format!("{FLAGS}/explain"), json!({"distinct_id": "u1", "flag": draft})).await;
        assert_eq!((status.as_u16(), &reply["evaluation"]["enabled"]), (200, &json!(true)), "{}: {reply}", world.name);
        assert_eq!(reply["steps"][0]["properties"][0]["source"], "flag");
        let edited = json!({"distinct_id": "u1", "flag": {"filters": {"groups": [{"rollout_percentage": 0}]}}});
        let (_, reply) = world.post(&format!("{}/explain", path(&parent)), edited).await;
        assert_eq!(reply["evaluation"]["reason"]["code"], "out_of_rollout_bound");
        assert_eq!(world.get(&path(&parent)).await["version"], 1, "explaining changes nothing");
        let off = json!({"distinct_id": "u1", "flag": {"active": false}});
        let (_, reply) = world.post(&format!("{}/explain", path(&parent)), off).await;
        assert_eq!((&reply["evaluation"]["reason"]["code"], &reply["evaluation"]["enabled"]), (&json!("flag_disabled"), &json!(false)));
        assert_eq!(reply["steps"][0]["matched"], true, "as it would be if it were on");
    }
}

#[tokio::test]
async fn the_blast_radius_counts_who_would_match_by_the_rules_of_evaluation() {
    for world in worlds().await {
        for at in 0..30 {
            let plan = if at % 3 == 0 { "Pro" } else { "free" };
            world.person(&format!("u{at}"), json!({"plan": plan, "seats": at})).await;
        }
        let pros = json!({"properties": {"type": "OR", "values": [{"type": "AND", "values": [{"type": "person", "key": "plan", "value": "pro"}]}]}});
        let cohort = world.cohort("Pros", pros, false).await;
        let count = async |properties: Value| {
            let body = json!({"condition": {"properties": properties, "rollout_percentage": 5}, "group_type_index": null});
            let (status, reply) = world.post(&format!("{FLAGS}/user_blast_radius"), body).await;
            assert_eq!(
                (status.as_u16(), &reply["total_users"], &reply["sampled"]),
                (200, &json!(30), &Value::Null),
                "{}: {reply}",
                world.name
            );
            reply["users_affected"].as_u64().unwrap()
        };
        assert_eq!(count(json!([])).await, 30);
        assert_eq!(count(json!([{"key": "plan", "type": "person", "operator": "exact", "value": "pro"}])).await, 10);
        assert_eq!(count(json!([{"key": "seats", "type": "person", "operator": "gte", "value": "20"}])).await, 10);
        assert_eq!(count(json!([{"key": "id", "type": "cohort", "operator": "in", "value": cohort}])).await, 10);
        assert_eq!(count(json!([{"key": "distinct_id", "type": "person", "operator": "exact", "value": "u7"}])).await, 1);
        assert_eq!(count(json!([{"key": "nothing", "type": "person", "operator": "is_not_set"}])).await, 30);
        let (status, _, _) = world.refused(&format!("{FLAGS}/user_blast_radius"), json!({"condition": {"properties": "x"}})).await;
        assert_eq!(status, 400);
    }
}

#[tokio::test]
async fn the_blast_radius_of_groups_counts_groups() {
    for world in worlds().await {
        let db = &world.flags.db;
        db.execute("INSERT INTO group_type_mapping (team_id, group_type, group_type_index) VALUES (1, 'company', 0)", &[]).await.unwrap();
        for at in 0..10 {
            let sql = "INSERT INTO person_group (team_id, group_type_index, group_key, properties, created_at, updated_at) VALUES (1, 0, $1, $2, 0, 0)";
            db.execute(sql, db::args![format!("c{at}"), json!({"size": at})]).await.unwrap();
        }
        let large = json!([{"key": "size", "type": "group", "group_type_index": 0, "operator": "gt", "value": 6}]);
        let body = json!({"condition": {"properties": large}, "group_type_index": 0});
        let (_, reply) = world.post(&format!("{FLAGS}/user_blast_radius"), body).await;
        assert_eq!((&reply["users_affected"], &reply["total_users"]), (&json!(3), &json!(10)), "{}", world.name);
    }
}

#[tokio::test]
async fn the_reasons_of_all_flags_are_told_for_a_person_and_for_oneself() {
    for world in worlds().await {
        world.create(json!({"key": "on"})).await;
        world.create(json!({"key": "off", "filters": {"groups": [{"rollout_percentage": 0}]}})).await;
        world.create(json!({"key": "inactive", "active": false})).await;
        let reasons = world.get(&format!("{FLAGS}/evaluation_reasons?distinct_id=u1")).await;
        let expected = json!({
            "on": {"value": true, "evaluation": {"reason": "condition_match", "condition_index": 0}},
            "off": {"value": false, "evaluation": {"reason": "out_of_rollout_bound", "condition_index": 0}},
        });
        assert_eq!(reasons, expected, "{}", world.name);
        let mine = world.get(&format!("{FLAGS}/my_flags")).await;
        assert_eq!((&mine[1]["feature_flag"]["key"], &mine[1]["value"]), (&json!("on"), &json!(true)));
    }
}
