use super::*;

#[tokio::test]
async fn each_change_is_told_with_who_what_and_from_what_to_what() {
    for world in worlds().await {
        let flag = world.create(json!({"key": "beta", "name": "Beta"})).await;
        let (status, _) = world.call_as("phx_2", Method::PATCH, &path(&flag), Some(json!({"active": false, "name": "Gamma"}))).await;
        assert_eq!(status, StatusCode::OK);
        world.edit(&flag, json!({"filters": {"groups": [{"rollout_percentage": 5}]}})).await;
        world.create(json!({"key": "other"})).await;
        let activity = world.get(&format!("{}/activity", path(&flag))).await;
        assert_eq!((&activity["count"], &activity["total_count"]), (&json!(3), &json!(3)));
        let results = activity["results"].as_array().unwrap();
        let told: Vec<(&str, i64)> =
            results.iter().map(|entry| (entry["activity"].as_str().unwrap(), entry["user"]["id"].as_i64().unwrap())).collect();
        assert_eq!(told, [("updated", 1), ("updated", 2), ("created", 1)], "{}", world.name);
        assert_eq!((&results[1]["scope"], &results[1]["detail"]["name"]), (&json!("FeatureFlag"), &json!("beta")));
        let changes = results[1]["detail"]["changes"].as_array().unwrap();
        let expected = [
            json!({"type": "FeatureFlag", "action": "changed", "field": "name", "before": "Beta", "after": "Gamma"}),
            json!({"type": "FeatureFlag", "action": "changed", "field": "active", "before": true, "after": false}),
        ];
        assert_eq!(changes.len(), 2, "{changes:?}");
        assert!(expected.iter().all(|change| changes.contains(change)), "{changes:?}");
        let filters = &results[0]["detail"]["changes"][0];
        assert_eq!((&filters["field"], &filters["after"]), (&json!("filters"), &json!({"groups": [{"rollout_percentage": 5}]})));
        assert_eq!(world.get(&format!("{FLAGS}/activity")).await["count"], 4);
        let page = world.get(&format!("{}/activity?limit=1&offset=1", path(&flag))).await;
        assert_eq!(page["results"][0]["user"]["id"], 2);
    }
}

#[tokio::test]
async fn any_version_can_be_read_and_brought_back() {
    for world in worlds().await {
        let first = json!({"groups": [{"properties": [], "rollout_percentage": 10}], "odd": {"kept": true}});
        let flag = world.create(json!({"key": "beta", "filters": first, "tags": ["a"]})).await;
        world.edit(&flag, json!({"filters": {"groups": [{"rollout_percentage": 90}]}, "tags": []})).await;
        world.edit(&flag, json!({"active": false})).await;
        let versions = world.get(&format!("{}/versions", path(&flag))).await;
        let numbers: Vec<i64> =
            versions["results"].as_array().unwrap().iter().map(|version| version["version"].as_i64().unwrap()).collect();
        assert_eq!(numbers, [3, 2, 1]);
        assert_eq!((&versions["results"][2]["flag"]["filters"], &versions["results"][2]["user"]["id"]), (&first, &json!(1)));
        let (status, reverted) = world.post(&format!("{}/revert", path(&flag)), json!({"version": 1})).await;
        assert_eq!(status, StatusCode::OK, "{}: {reverted}", world.name);
        assert_eq!((&reverted["filters"], &reverted["tags"], &reverted["active"]), (&first, &json!(["a"]), &json!(true)));
        assert_eq!(reverted["version"], 4, "going back is a change, too");
        let (status, refused) = world.post(&format!("{}/revert", path(&flag)), json!({"version": 9})).await;
        assert_eq!((status.as_u16(), &refused["attr"]), (400, &json!("version")));
    }
}

#[tokio::test]
async fn a_version_that_is_no_longer_valid_is_not_brought_back() {
    for world in worlds().await {
        let parent = world.create(json!({"key": "parent"})).await;
        let child = world.create(behind("child", &parent)).await;
        world.edit(&child, json!({"filters": {"groups": [{}]}})).await;
        world.edit(&parent, json!({"deleted": true})).await;
        let (status, _, detail) = world.refused(&format!("{}/revert", path(&child)), json!({"version": 1})).await;
        assert_eq!(status, 400);
        assert!(detail.contains("does not exist"), "{detail}");
        assert_eq!(world.get(&path(&child)).await["version"], 2);
    }
}

#[tokio::test]
async fn of_filters_that_are_too_long_for_the_log_the_parts_that_changed_are_told() {
    for world in worlds().await {
        let of = |last: u8| {
            let mut sets: Vec<Value> = (0..10).map(|at| json!({"rollout_percentage": at, "description": "x".repeat(1_000)})).collect();
            sets.push(json!({"rollout_percentage": last}));
            json!({"groups": sets})
        };
        let flag = world.create(json!({"key": "long", "filters": of(1)})).await;
        world.edit(&flag, json!({"filters": of(2)})).await;
        let activity = world.get(&format!("{}/activity", path(&flag))).await;
        let change = json!({"type": "FeatureFlag", "action": "changed", "field": "filters.groups.10",
            "before": {"rollout_percentage": 1}, "after": {"rollout_percentage": 2}});
        assert_eq!(activity["results"][0]["detail"]["changes"], json!([change]), "{}", world.name);
    }
}
