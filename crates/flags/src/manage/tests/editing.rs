use super::*;
use crate::NewFlag;

#[tokio::test]
async fn what_a_client_writes_is_what_it_reads() {
    for world in worlds().await {
        let filters = json!({
            "groups": [{"properties": [{"key": "email", "type": "person", "value": ["a@b.c"], "operator": "exact", "cohort_name": null}],
                "rollout_percentage": 33.3, "variant": null, "sort_key": "x", "description": "first"}],
            "payloads": {"control": "{\"x\": 1}", "test": "\"text\""},
            "multivariate": {"variants": [{"key": "control", "name": "", "rollout_percentage": 50}, {"key": "test", "rollout_percentage": 50}]},
            "something_new": {"kept": [1, 2.5, null]},
            "super_groups": null,
        });
        let flag = world.create(json!({"key": "beta-1_A", "name": "Beta", "filters": filters, "tags": ["b", "a"]})).await;
        let read = world.get(&path(&flag)).await;
        assert_eq!(read, flag);
        assert_eq!(read["filters"], filters, "{}", world.name);
        assert_eq!(
            (&read["tags"], &read["active"], &read["version"], &read["deleted"]),
            (&json!(["b", "a"]), &json!(true), &json!(1), &json!(false))
        );
        assert_eq!((&read["created_by"]["id"], &read["status"], &read["rollout_percentage"]), (&json!(1), &json!("ACTIVE"), &Value::Null));
        assert_eq!(world.get(&format!("{FLAGS}/beta-1_A")).await["id"], flag["id"], "a flag is found by its key too");
        assert_eq!(world.get("/api/environments/1/feature_flags/beta-1_A").await["id"], flag["id"]);
    }
}

#[tokio::test]
async fn a_flag_of_which_nothing_is_said_is_on_for_everyone() {
    for world in worlds().await {
        let flag = world.create(json!({"key": "plain"})).await;
        assert_eq!(flag["filters"], json!({"groups": [{"properties": [], "rollout_percentage": 100}]}));
        assert_eq!((&flag["rollout_percentage"], &flag["is_simple_flag"]), (&json!(100), &json!(true)));
        assert_eq!((&flag["evaluation_runtime"], &flag["bucketing_identifier"]), (&json!("all"), &Value::Null));
        let old = world.create(json!({"key": "old", "rollout_percentage": 20})).await;
        assert_eq!(old["rollout_percentage"], 20.0);
    }
}

#[tokio::test]
async fn a_change_keeps_what_it_does_not_name_and_raises_the_version() {
    for world in worlds().await {
        let flag = world.create(json!({"key": "beta", "name": "Beta", "tags": ["x"], "ensure_experience_continuity": true})).await;
        let changed = world.edit(&flag, json!({"active": false})).await;
        assert_eq!((&changed["active"], &changed["version"], &changed["status"]), (&json!(false), &json!(2), &json!("INACTIVE")));
        for kept in ["key", "name", "tags", "filters", "ensure_experience_continuity", "created_at"] {
            assert_eq!(changed[kept], flag[kept], "{kept}");
        }
        let same = world.edit(&flag, json!({"active": false})).await;
        assert_eq!(same["version"], 2, "nothing changed");
    }
}

#[tokio::test]
async fn of_two_editors_the_second_is_told_and_overwrites_nothing() {
    for world in worlds().await {
        let flag = world.create(json!({"key": "beta"})).await;
        let (path, version) = (path(&flag), &flag["version"]);
        let (first, second) = tokio::join!(
            world.patch(&path, json!({"name": "one", "version": version})),
            world.patch(&path, json!({"name": "two", "version": version})),
        );
        let mut statuses = [first.0.as_u16(), second.0.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{}", world.name);
        let (winner, loser) = if first.0 == StatusCode::OK { (first.1, second.1) } else { (second.1, first.1) };
        assert_eq!((&loser["code"], &loser["version"]), (&json!("conflict"), &json!(2)));
        assert_eq!(world.get(&path).await["name"], winner["name"]);
    }
}

#[tokio::test]
async fn a_deleted_flag_is_gone_until_it_is_restored() {
    for world in worlds().await {
        let flag = world.create(json!({"key": "beta"})).await;
        assert_eq!(world.status(Method::DELETE, &path(&flag)).await, StatusCode::METHOD_NOT_ALLOWED);
        let deleted = world.edit(&flag, json!({"key": "beta", "deleted": true})).await;
        assert_eq!((&deleted["deleted"], &deleted["status"]), (&json!(true), &json!("DELETED")));
        assert_eq!(world.status(Method::GET, &path(&flag)).await, StatusCode::NOT_FOUND);
        assert_eq!(world.patch(&path(&flag), json!({"name": "x"})).await.0, StatusCode::NOT_FOUND);
        assert_eq!(world.get(FLAGS).await["count"], 0);
        let again = world.create(json!({"key": "beta"})).await;
        let (status, refused) = world.patch(&path(&flag), json!({"deleted": false})).await;
        assert_eq!((status.as_u16(), &refused["code"], &refused["attr"]), (400, &json!("unique"), &json!("key")));
        world.edit(&again, json!({"key": "other"})).await;
        assert_eq!(world.edit(&flag, json!({"deleted": false})).await["deleted"], false);
    }
}

#[tokio::test]
async fn a_key_is_taken_once_even_when_two_create_it_at_once() {
    for world in worlds().await {
        let (one, two) = tokio::join!(world.post(FLAGS, json!({"key": "beta"})), world.post(FLAGS, json!({"key": "beta"})));
        let refused = if one.0 == StatusCode::CREATED { two } else { one };
        assert_eq!((refused.0.as_u16(), &refused.1["code"], &refused.1["attr"]), (400, &json!("unique"), &json!("key")));
        assert_eq!(world.get(FLAGS).await["count"], 1);
    }
}

#[tokio::test]
async fn switching_off_what_others_depend_on_says_so() {
    for world in worlds().await {
        let parent = world.create(json!({"key": "parent"})).await;
        let child = world.create(behind("child", &parent)).await;
        let dependents = world.get(&format!("{}/dependent_flags", path(&parent))).await;
        assert_eq!(dependents, json!([{"id": child["id"], "key": "child", "name": "", "active": true}]));
        let off = world.edit(&parent, json!({"active": false})).await;
        assert_eq!(off["warnings"], json!(["child depends on this flag, which is off now."]));
        assert_eq!(world.edit(&child, json!({"active": false})).await.get("warnings"), None);
    }
}

#[tokio::test]
async fn flags_that_depend_on_each_other_are_refused_also_when_they_are_saved_at_once() {
    for world in worlds().await {
        let one = world.create(json!({"key": "one"})).await;
        let two = world.create(json!({"key": "two"})).await;
        let (path_one, path_two) = (path(&one), path(&two));
        let (first, second) = tokio::join!(
            world.patch(&path_one, json!({"filters": behind("", &two)["filters"]})),
            world.patch(&path_two, json!({"filters": behind("", &one)["filters"]})),
        );
        let refused = if first.0 == StatusCode::OK { second } else { first };
        assert_eq!(refused.0, StatusCode::BAD_REQUEST, "{}: {}", world.name, refused.1);
        assert!(refused.1["detail"].as_str().unwrap().contains("circle"), "{}", refused.1);
        let (status, own) = world.patch(&path_one, json!({"filters": behind("", &one)["filters"]})).await;
        assert_eq!((status.as_u16(), own["detail"].as_str()), (400, Some("A flag cannot depend on itself.")));
    }
}

#[tokio::test]
async fn keys_without_the_scope_read_and_change_nothing() {
    for world in worlds().await {
        let flag = world.create(json!({"key": "beta"})).await;
        let as_reader =
            async |method: Method, path: &str, body: Value| world.call_as("phx_read", method, path, Some(body)).await.0.as_u16();
        assert_eq!(as_reader(Method::POST, FLAGS, json!({"key": "x"})).await, 403);
        assert_eq!(as_reader(Method::PATCH, &path(&flag), json!({"active": false})).await, 403);
        assert_eq!(as_reader(Method::POST, &format!("{FLAGS}/import"), json!({"flags": []})).await, 403);
        assert_eq!(as_reader(Method::GET, FLAGS, json!({})).await, 200);
        assert_eq!(world.call_as("phx_2", Method::GET, "/api/projects/2/feature_flags", None).await.0.as_u16(), 404);
    }
}

#[tokio::test]
async fn many_flags_change_at_once_each_for_itself() {
    for world in worlds().await {
        let one = world.create(json!({"key": "one", "tags": ["old", "both"]})).await;
        let two = world.create(json!({"key": "two"})).await;
        let body =
            json!({"ids": [one["id"], two["id"].to_string(), 999], "active": false, "add_tags": ["new", "both"], "remove_tags": ["old"]});
        let (status, reply) = world.post(&format!("{FLAGS}/bulk_update"), body).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!((&reply["updated"], &reply["failed"][0]["id"]), (&json!([one["id"], two["id"]]), &json!(999)));
        assert_eq!(world.get(&path(&one)).await["tags"], json!(["both", "new"]));
        assert_eq!(world.get(&path(&two)).await["active"], false);
        let (_, keys) = world.post(&format!("{FLAGS}/bulk_keys"), json!({"ids": [one["id"], 999]})).await;
        assert_eq!(keys, json!({"keys": {one["id"].to_string(): "one"}}));
    }
}

#[tokio::test]
async fn encrypted_payloads_are_never_read_back_and_survive_editing() {
    for world in worlds().await {
        let secret = "{\"api_key\": \"sk-12345\"}";
        let filters = json!({"groups": [{"properties": [], "rollout_percentage": 100}], "payloads": {"true": secret}});
        let body = json!({"key": "settings", "filters": filters, "is_remote_configuration": true, "has_encrypted_payloads": true});
        let flag = world.create(body).await;
        assert_eq!(flag["filters"]["payloads"]["true"], "\"********* (encrypted)\"");
        let stored = world.flags.flag(TeamId(1), flag["id"].as_i64().unwrap()).await.unwrap();
        let sealed = stored.filters["payloads"]["true"].as_str().unwrap().to_owned();
        assert!(!sealed.contains("sk-12345"));
        assert_eq!(world.flags.payload_key.decrypt(TeamId(1), &sealed).unwrap(), secret);
        // A client that reads the flag and writes it back keeps the secret.
        let renamed = world.edit(&flag, json!({"name": "Settings", "filters": flag["filters"]})).await;
        assert_eq!(renamed["version"], 2);
        let stored = world.flags.flag(TeamId(1), flag["id"].as_i64().unwrap()).await.unwrap();
        assert_eq!(stored.filters["payloads"]["true"], sealed.as_str());
        let (status, refused) = world.patch(&path(&flag), json!({"has_encrypted_payloads": false})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
        world.edit(&flag, json!({"filters": {"groups": [{}], "payloads": {"true": "\"sk-9\""}}})).await;
        for place in ["activity", "versions"] {
            let told = world.get(&format!("{}/{place}", path(&flag))).await.to_string();
            assert!(!told.contains("sk-") && !told.contains(&sealed) && told.contains("encrypted"), "{place}: {told}");
        }
    }
}

#[tokio::test]
async fn flags_that_other_features_make_for_themselves_are_not_listed_or_edited() {
    for world in worlds().await {
        let new = NewFlag { key: "survey-targeting-1".into(), is_internal: true, ..NewFlag::default() };
        let flag = world.flags.create(TeamId(1), None, new).await.unwrap();
        assert_eq!(world.get(FLAGS).await["count"], 0);
        assert_eq!(world.patch(&format!("{FLAGS}/{}", flag.id), json!({"active": false})).await.0, StatusCode::NOT_FOUND);
        let changed = world.flags.change(TeamId(1), None, flag.id, |flag| flag.active = false).await.unwrap();
        assert_eq!((changed.active, changed.version), (false, 2));
    }
}

#[tokio::test]
async fn a_flag_that_an_experiment_uses_shows_it_and_cannot_be_deleted() {
    for world in worlds().await {
        let flag = world.create(json!({"key": "exp"})).await;
        let id = flag["id"].as_i64().unwrap();
        let link = crate::Link { kind: "experiment", item: "7".into(), name: "Checkout".into() };
        world.flags.link(TeamId(1), id, &link).await.unwrap();
        assert_eq!(world.get(&path(&flag)).await["experiment_set"], json!([7]));
        assert_eq!(world.get(&format!("{FLAGS}?type=experiment")).await["count"], 1);
        let (status, refused) = world.patch(&path(&flag), json!({"deleted": true})).await;
        assert_eq!(
            (status.as_u16(), refused["detail"].as_str()),
            (400, Some("The experiment \"Checkout\" uses this flag. Delete that first."))
        );
        world.flags.unlink(TeamId(1), id, "experiment", "7").await.unwrap();
        world.edit(&flag, json!({"deleted": true})).await;
    }
}
