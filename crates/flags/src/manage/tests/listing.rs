use super::*;

async fn keys(world: &World, query: &str) -> Vec<String> {
    let list = world.get(&format!("{FLAGS}?{query}")).await;
    list["results"].as_array().unwrap().iter().map(|flag| flag["key"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn lists_are_filtered_ordered_and_paged_with_absolute_links() {
    for world in worlds().await {
        let variants = json!({"groups": [{}], "multivariate": {"variants": [{"key": "a", "rollout_percentage": 100}]}});
        world.create(json!({"key": "alpha", "name": "First one", "tags": ["team-a"]})).await;
        world.create(json!({"key": "Beta", "active": false, "evaluation_runtime": "server"})).await;
        world.create(json!({"key": "gamma", "filters": variants, "tags": ["team-a", "x"]})).await;
        world.create(json!({"key": "delta", "is_remote_configuration": true})).await;
        assert_eq!(keys(&world, "").await, ["delta", "gamma", "Beta", "alpha"], "newest first");
        assert_eq!(keys(&world, "order=key").await, ["alpha", "Beta", "delta", "gamma"]);
        assert_eq!(keys(&world, "order=-key").await, ["gamma", "delta", "Beta", "alpha"]);
        assert_eq!(keys(&world, "search=FIRST%20one").await, ["alpha"]);
        assert_eq!(keys(&world, "search=eta").await, ["Beta"]);
        assert_eq!(keys(&world, "active=false").await, ["Beta"]);
        assert_eq!(keys(&world, "active=true&type=boolean").await, ["alpha"]);
        assert_eq!(keys(&world, "type=multivariant").await, ["gamma"]);
        assert_eq!(keys(&world, "type=remote_config").await, ["delta"]);
        assert_eq!(keys(&world, "tags=%5B%22team-a%22%5D&order=key").await, ["alpha", "gamma"]);
        assert_eq!(keys(&world, "tags=x,y").await, ["gamma"]);
        assert_eq!(keys(&world, "evaluation_runtime=server").await, ["Beta"]);
        assert_eq!(keys(&world, "created_by_id=1").await.len(), 4);
        assert_eq!(keys(&world, "created_by_id=2").await.len(), 0);
        let first = world.get(&format!("{FLAGS}?limit=3&order=key")).await;
        assert_eq!((&first["count"], first["results"].as_array().unwrap().len(), &first["previous"]), (&json!(4), 3, &Value::Null));
        let next = first["next"].as_str().unwrap();
        assert!(next.starts_with("http://hog.example/api/projects/1/feature_flags?"), "{next}");
        let second = world.get(next.strip_prefix("http://hog.example").unwrap()).await;
        assert_eq!((&second["results"][0]["key"], &second["next"]), (&json!("gamma"), &Value::Null));
        let (status, refused) = world.call_as("phx_1", Method::GET, &format!("{FLAGS}?type=odd"), None).await;
        assert_eq!((status.as_u16(), &refused["attr"]), (400, &json!("type")));
    }
}

#[tokio::test]
async fn calls_that_ingestion_notices_keep_a_flag_from_being_stale() {
    for world in worlds().await {
        let used = world.create(json!({"key": "used"})).await;
        world.create(json!({"key": "unused"})).await;
        let later = world.after(31 * 86_400);
        let calls = crate::manage::Calls::default();
        let now = later.flags.clock.now();
        calls.note(TeamId(1), "used", now.plus_seconds(-3_600));
        calls.note(TeamId(1), "used", now.plus_seconds(-7_200));
        calls.note(TeamId(1), "no such flag", now);
        calls.write(&world.flags.db, now).await.unwrap();
        let flag = later.get(&path(&used)).await;
        assert_eq!(flag["last_called_at"], now.plus_seconds(-3_600).to_string());
        assert_eq!((&flag["version"], &flag["status"]), (&json!(1), &json!("ACTIVE")), "being called is no change");
        assert_eq!(keys(&later, "active=STALE").await, ["unused"]);
        let status = later.get(&format!("{FLAGS}/unused/status")).await;
        assert_eq!(status, json!({"status": "stale", "reason": "Everyone gets the flag, for more than 30 days"}));
        // A clock that runs ahead does not keep a flag fresh for years.
        calls.note(TeamId(1), "used", now.plus_seconds(86_400 * 365));
        calls.write(&world.flags.db, now).await.unwrap();
        assert_eq!(later.get(&path(&used)).await["last_called_at"], now.to_string());
        // Editing at the same time loses no call.
        later.edit(&used, json!({"name": "x"})).await;
        assert_eq!(later.get(&path(&used)).await["last_called_at"], now.to_string());
    }
}
