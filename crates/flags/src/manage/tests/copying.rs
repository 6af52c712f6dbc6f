use super::*;

const COPY: &str = "/api/organizations/@current/feature_flags/copy_flags";

#[tokio::test]
async fn a_flag_is_copied_with_its_cohorts_and_secrets_into_each_project_for_itself() {
    for world in worlds().await {
        let ours = OrganizationId(Uuid::from_u128(1));
        let (good, without, foreign) = (
            world.second_project(ours).await,
            world.second_project(ours).await,
            world.second_project(OrganizationId(Uuid::from_u128(2))).await,
        );
        let pros = json!({"properties": {"type": "OR", "values": [{"type": "person", "key": "plan", "value": "pro"}]}});
        let here = world.cohort("Pros", pros.clone(), false).await;
        let there = World { team: good.clone(), ..world.after(0) }.cohort("Pros", pros, false).await;
        let mut filters = when(json!([{"key": "id", "type": "cohort", "operator": "in", "value": here}]));
        filters["payloads"] = json!({"true": "\"secret\""});
        let body = json!({"key": "beta", "filters": filters, "is_remote_configuration": true, "has_encrypted_payloads": true});
        world.create(body).await;
        let targets = json!([good.id, without.id, foreign.id, 1, 99]);
        let body = json!({"feature_flag_key": "beta", "from_project": 1, "target_project_ids": targets});
        let (status, reply) = world.post(COPY, body.clone()).await;
        assert_eq!(status, StatusCode::OK, "{}: {reply}", world.name);
        let success = reply["success"].as_array().unwrap();
        assert_eq!((success.len(), &success[0]["team_id"]), (1, &json!(good.id)), "{reply}");
        assert_eq!(success[0]["filters"]["groups"][0]["properties"][0]["value"], there);
        let failed: Vec<i64> = reply["failed"].as_array().unwrap().iter().map(|one| one["project_id"].as_i64().unwrap()).collect();
        assert_eq!(failed, [without.id.0, foreign.id.0, 1, 99]);
        assert!(reply["failed"][0]["error_message"].as_str().unwrap().contains("cohort \"Pros\""), "{reply}");
        let copied = world.flags.flag_by_key(good.id, "beta").await.unwrap().unwrap();
        let sealed = copied.filters["payloads"]["true"].as_str().unwrap();
        assert_eq!(world.flags.payload_key.decrypt(good.id, sealed).unwrap(), "\"secret\"");
        // Again, after a change: the copy follows.
        world.patch(&format!("{FLAGS}/beta"), json!({"active": false})).await;
        world.post(COPY, body).await;
        assert!(!world.flags.flag_by_key(good.id, "beta").await.unwrap().unwrap().active);
    }
}

#[tokio::test]
async fn nobody_copies_from_or_into_projects_that_they_cannot_see() {
    for world in worlds().await {
        world.create(json!({"key": "beta"})).await;
        let other = world.second_project(OrganizationId(Uuid::from_u128(1))).await;
        let body = |from: i64, to: i64| Some(json!({"feature_flag_key": "beta", "from_project": from, "target_project_ids": [to]}));
        let (status, reply) = world.call_as("phx_2", Method::POST, COPY, body(1, other.id.0)).await;
        assert_eq!((status.as_u16(), &reply["success"], &reply["failed"][0]["project_id"]), (200, &json!([]), &json!(other.id)));
        assert_eq!(world.call_as("phx_2", Method::POST, COPY, body(other.id.0, 1)).await.0, StatusCode::NOT_FOUND);
        assert_eq!(world.call_as("phx_read", Method::POST, COPY, body(1, other.id.0)).await.0, StatusCode::FORBIDDEN);
        let path = format!("/api/organizations/{}/feature_flags/beta", Uuid::from_u128(1));
        let places = world.get(&path).await;
        assert_eq!((places.as_array().unwrap().len(), &places[0]["team_id"]), (1, &json!(1)));
    }
}
