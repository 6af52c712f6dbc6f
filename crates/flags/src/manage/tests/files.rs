use super::*;

#[tokio::test]
async fn exported_flags_imported_again_change_nothing() {
    for world in worlds().await {
        let parent = world.create(json!({"key": "z-parent", "tags": ["t"]})).await;
        world.create(behind("a-child", &parent)).await;
        let file = world.get(&format!("{FLAGS}/export")).await;
        let keys: Vec<&str> = file["flags"].as_array().unwrap().iter().map(|flag| flag["key"].as_str().unwrap()).collect();
        assert_eq!(keys, ["a-child", "z-parent"]);
        let (status, reply) = world.post(&format!("{FLAGS}/import"), file).await;
        assert_eq!((status.as_u16(), &reply["unchanged"], &reply["updated"]), (200, &json!(2), &json!(0)), "{}: {reply}", world.name);
        assert_eq!(world.get(&path(&parent)).await["version"], 1);
    }
}

#[tokio::test]
async fn a_file_makes_flags_of_another_project_with_that_projects_numbers() {
    for world in worlds().await {
        let pros = json!({"properties": {"type": "OR", "values": [{"type": "person", "key": "plan", "value": "pro"}]}});
        let here = world.cohort("Pros", pros.clone(), false).await;
        let parent = world.create(json!({"key": "z-parent"})).await;
        let mut child = behind("a-child", &parent);
        let cohort = json!({"key": "id", "type": "cohort", "operator": "in", "value": here});
        child["filters"]["groups"][0]["properties"].as_array_mut().unwrap().push(cohort);
        world.create(child).await;
        let file = world.get(&format!("{FLAGS}/export")).await;
        let other = world.second_project(OrganizationId(Uuid::from_u128(1))).await;
        let import = format!("/api/projects/{}/feature_flags/import", other.id);
        let (status, refused) = world.post(&import, file.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(refused["flags"].to_string().contains("cohort \\\"Pros\\\""), "{refused}");
        let there = World { team: other.clone(), ..world.after(0) }.cohort("Pros", pros, false).await;
        assert_ne!(here, there);
        let (status, tried) = world.post(&format!("{import}?dry_run=true"), file.clone()).await;
        assert_eq!((status.as_u16(), &tried["created"], &tried["dry_run"]), (200, &json!(2), &json!(true)), "{tried}");
        let list = format!("/api/projects/{}/feature_flags?order=key", other.id);
        assert_eq!(world.get(&list).await["count"], 0, "a dry run makes nothing");
        let (status, reply) = world.post(&import, file).await;
        assert_eq!((status.as_u16(), &reply["created"]), (200, &json!(2)), "{reply}");
        let flags = world.get(&list).await;
        let (child, parent) = (&flags["results"][0], &flags["results"][1]);
        let properties = &child["filters"]["groups"][0]["properties"];
        assert_eq!((&properties[0]["key"], &properties[1]["value"]), (&json!(parent["id"].to_string()), &json!(there)), "{}", world.name);
    }
}

#[tokio::test]
async fn an_import_shows_differences_and_is_whole_or_not_at_all() {
    for world in worlds().await {
        let flag = world.create(json!({"key": "beta", "name": "Old", "active": false})).await;
        let import = format!("{FLAGS}/import");
        let file = json!({"flags": [{"key": "new"}, {"key": "beta", "name": "New"}]});
        let (_, tried) = world.post(&format!("{import}?dry_run=true"), file.clone()).await;
        let beta = tried["flags"].as_array().unwrap().iter().find(|step| step["key"] == "beta").unwrap();
        let change = json!({"type": "FeatureFlag", "action": "changed", "field": "name", "before": "Old", "after": "New"});
        assert_eq!((&beta["action"], &beta["changes"]), (&json!("update"), &json!([change])));
        let broken = json!({"flags": [{"key": "new"}, {"key": "bad key"}]});
        let (status, refused) = world.post(&import, broken).await;
        assert_eq!((status.as_u16(), &refused["code"]), (400, &json!("invalid_input")));
        assert_eq!(world.get(FLAGS).await["count"], 1, "{}: nothing was made", world.name);
        let (status, reply) = world.post(&import, file).await;
        assert_eq!((status.as_u16(), &reply["created"], &reply["updated"]), (200, &json!(1), &json!(1)));
        let changed = world.get(&path(&flag)).await;
        assert_eq!((&changed["name"], &changed["active"], &changed["version"]), (&json!("New"), &json!(false), &json!(2)));
        assert_eq!(world.get(&format!("{}/activity", path(&flag))).await["count"], 2);
    }
}

#[tokio::test]
async fn a_saved_list_of_posthogs_can_be_imported() {
    for world in worlds().await {
        world.create(json!({"key": "one", "tags": ["x"]})).await;
        let list = world.get(FLAGS).await;
        world.edit(&list["results"][0], json!({"name": "changed"})).await;
        let (status, reply) = world.post(&format!("{FLAGS}/import"), list).await;
        assert_eq!((status.as_u16(), &reply["updated"]), (200, &json!(1)), "{}: {reply}", world.name);
    }
}
