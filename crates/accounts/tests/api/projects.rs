use crate::world::{World, outcome, refused};
use http::StatusCode;
use serde_json::{Value, json};

/// Every setting that PATCH takes, with a value that is not its default.
fn everything() -> Value {
    json!({
        "name": "Renamed",
        "timezone": "Europe/Berlin",
        "week_start_day": 1,
        "anonymize_ips": true,
        "cookieless_server_hash_mode": 2,
        "app_urls": ["https://b.example", "https://a.example"],
        "recording_domains": ["https://*.example.com"],
        "slack_incoming_webhook": "https://hooks.example/x",
        "completed_snippet_onboarding": true,
        "has_completed_onboarding_for": {"product_analytics": true},
        "onboarding_tasks": {"a": "completed"},
        "test_account_filters": [{"key": "email", "value": "@x.co", "operator": "not_icontains", "type": "person"}],
        "test_account_filters_default_checked": true,
        "path_cleaning_filters": [{"regex": "\\d+", "alias": "id"}],
        "data_attributes": ["data-test"],
        "person_display_name_properties": ["email", "name"],
        "correlation_config": {"excluded_event_names": []},
        "autocapture_opt_out": true,
        "autocapture_exceptions_opt_in": true,
        "autocapture_exceptions_errors_to_ignore": ["x"],
        "autocapture_web_vitals_opt_in": true,
        "autocapture_web_vitals_allowed_metrics": ["LCP"],
        "capture_console_log_opt_in": true,
        "capture_performance_opt_in": false,
        "capture_dead_clicks": true,
        "heatmaps_opt_in": true,
        "surveys_opt_in": true,
        "survey_config": {"appearance": {"a": 1}},
        "session_recording_opt_in": true,
        "session_recording_sample_rate": "0.50",
        "session_recording_minimum_duration_milliseconds": 2000,
        "session_recording_linked_flag": {"id": 1, "key": "flag"},
        "session_recording_network_payload_capture_config": {"recordHeaders": true},
        "session_recording_masking_config": {"maskAllInputs": true},
        "session_recording_url_trigger_config": [{"url": "^https", "matching": "regex"}],
        "session_recording_url_blocklist_config": [{"url": "x", "matching": "regex"}],
        "session_recording_event_trigger_config": ["purchase"],
        "session_recording_trigger_match_type_config": "any",
        "session_replay_config": {"record_canvas": true},
        "session_recording_retention_period": "90d",
        "primary_dashboard": 5,
        "live_events_columns": ["event"],
        "human_friendly_comparison_periods": true,
        "inject_web_apps": true,
        "extra_settings": {"a": [1]},
        "modifiers": {"personsOnEventsMode": "person_id_override_properties_on_events"},
        "flags_persistence_default": true,
        "feature_flag_confirmation_enabled": true,
        "feature_flag_confirmation_message": "sure?",
        "default_data_theme": 2,
        "revenue_analytics_config": {"base_currency": "EUR", "events": [], "goals": [], "filter_test_accounts": true},
        "marketing_analytics_config": {"sources_map": {"a": {}}},
        "base_currency": "EUR",
        "web_analytics_pre_aggregated_tables_enabled": true,
        "access_control": true
    })
}

#[tokio::test]
async fn every_setting_is_written_and_read_back_identical() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let (status, answer) = owner.patch("/api/environments/@current", everything()).await;
        assert_eq!(status, StatusCode::OK, "{}: {answer}", world.name);
        let (_, read) = owner.get("/api/projects/1").await;
        for (name, value) in everything().as_object().unwrap() {
            assert_eq!(&answer[name], value, "{}: {name} as answered", world.name);
            assert_eq!(&read[name], value, "{}: {name} as read", world.name);
        }
        let team = world.state.teams.by_id(model::TeamId(1)).await.unwrap().unwrap();
        assert_eq!((&read["has_group_types"], &read["group_types"]), (&json!(false), &json!([])));
        assert_eq!((team.timezone, team.week_start_day, team.anonymize_ips, team.cookieless_mode), (chrono_tz::Europe::Berlin, 1, true, 2));
    }
}

#[tokio::test]
async fn unset_settings_have_their_defaults() {
    let world = World::one().await;
    let mut owner = world.owner().await;
    let (_, project) = owner.get("/api/projects/1").await;
    for (name, value) in [
        ("timezone", json!("UTC")),
        ("week_start_day", json!(0)),
        ("heatmaps_opt_in", json!(null)),
        ("session_recording_opt_in", json!(false)),
        ("recording_domains", json!(null)),
        ("app_urls", json!([])),
        ("data_attributes", json!(["data-attr"])),
        ("session_recording_retention_period", json!("30d")),
        ("default_modifiers", json!({})),
        ("effective_membership_level", json!(15)),
        ("user_access_level", json!("admin")),
        ("secret_api_token", json!(null)),
        ("ingested_event", json!(false)),
        ("project_id", json!(1)),
    ] {
        assert_eq!(project[name], value, "{name}");
    }
    assert_eq!(project["test_account_filters"][0]["key"], "$host");
}

#[tokio::test]
async fn wrong_values_are_refused_by_name_and_change_nothing() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        for (change, code) in [
            (json!({"timezone": "Mars/Olympus"}), "invalid_choice"),
            (json!({"timezone": null}), "invalid_choice"),
            (json!({"name": ""}), "blank"),
            (json!({"name": 5}), "invalid"),
            (json!({"anonymize_ips": "yes"}), "invalid"),
            (json!({"week_start_day": 2}), "invalid_choice"),
            (json!({"cookieless_server_hash_mode": 3}), "invalid_choice"),
            (json!({"app_urls": "https://a"}), "not_a_list"),
            (json!({"app_urls": ["javascript:alert(1)"]}), "invalid"),
            (json!({"heatmaps_opt_in": 1}), "invalid"),
            (json!({"session_recording_opt_in": null}), "null"),
            (json!({"session_recording_sample_rate": 1.5}), "invalid"),
            (json!({"session_recording_minimum_duration_milliseconds": -1}), "min_value"),
            (json!({"session_recording_retention_period": "2w"}), "invalid_choice"),
            (json!({"extra_settings": [1]}), "not_a_dict"),
            (json!({"test_account_filters": ["x"]}), "invalid"),
            (json!({"extra_settings": {"a": "x".repeat(70_000)}}), "max_length"),
        ] {
            let attr = change.as_object().unwrap().keys().next().unwrap().clone();
            let mut body = change.as_object().unwrap().clone();
            body.insert("surveys_opt_in".into(), json!(true));
            let (status, answer) = owner.patch("/api/projects/1", Value::Object(body)).await;
            assert_eq!(
                (status.as_u16(), &answer["code"], &answer["attr"]),
                (400, &json!(code), &json!(attr)),
                "{}: {attr} {answer}",
                world.name
            );
        }
        assert_eq!(outcome(owner.patch("/api/projects/1", json!(["x"])).await), refused(400, "invalid"));
        let (_, project) = owner.get("/api/projects/1").await;
        assert_eq!(project["surveys_opt_in"], json!(null));
    }
}

#[tokio::test]
async fn read_only_and_unknown_fields_are_ignored() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let (_, before) = owner.get("/api/projects/1").await;
        let body = json!({"id": 9, "api_token": "phc_mine", "organization": "x", "uuid": "x", "is_demo": true, "ingested_event": true, "nonsense": 1,
            "secret_api_token": "phs_mine", "effective_membership_level": 1, "product_intents": [1]});
        assert_eq!(owner.patch("/api/projects/1", body).await.0, StatusCode::OK);
        let (_, after) = owner.get("/api/projects/1").await;
        for name in ["id", "api_token", "organization", "uuid", "is_demo", "ingested_event", "secret_api_token", "product_intents"] {
            assert_eq!(before[name], after[name], "{}: {name}", world.name);
        }
        assert!(after.get("nonsense").is_none());
    }
}

#[tokio::test]
async fn a_project_is_made_listed_chosen_and_deleted() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let body = json!({"name": "Second", "timezone": "Asia/Tokyo", "surveys_opt_in": true});
        let (status, second) = owner.post("/api/organizations/@current/projects", body).await;
        assert_eq!(status, StatusCode::CREATED, "{}: {second}", world.name);
        assert_eq!((&second["timezone"], &second["surveys_opt_in"]), (&json!("Asia/Tokyo"), &json!(true)));
        let (id, token) = (second["id"].as_i64().unwrap(), second["api_token"].as_str().unwrap());
        let path = format!("/api/organizations/@current/projects/{id}");
        assert_eq!(owner.get(&path).await.1["name"], "Second");
        assert_eq!(owner.get("/api/environments").await.1["count"], 2);
        let (_, me) = owner.patch("/api/users/@me", json!({"set_current_team": id})).await;
        assert_eq!(me["team"]["id"], id);
        assert_eq!(owner.get("/api/projects/@current").await.1["id"], id);
        assert!(world.state.teams.by_token(token).await.unwrap().is_some());

        assert_eq!(owner.delete(&path).await.0, StatusCode::NO_CONTENT);
        assert_eq!(outcome(owner.get(&format!("/api/projects/{id}")).await), refused(404, "not_found"));
        assert!(world.state.teams.by_token(token).await.unwrap().is_none());
        assert_eq!(owner.get("/api/projects/@current").await.1["id"], 1, "the choice falls back");
    }
}

#[tokio::test]
async fn tokens_are_reset_and_secrets_rotated() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let old = owner.get("/api/projects/1").await.1["api_token"].as_str().unwrap().to_owned();
        let (_, reset) = owner.patch("/api/projects/1/reset_token", json!({})).await;
        assert_ne!(reset["api_token"], json!(old), "{}", world.name);
        assert!(world.state.teams.by_token(&old).await.unwrap().is_none());

        let (_, first) = owner.patch("/api/projects/1/rotate_secret_token", json!({})).await;
        let first = first["secret_api_token"].as_str().unwrap().to_owned();
        assert!(first.starts_with("phs_") && first.len() > 40);
        let (_, second) = owner.patch("/api/projects/1/rotate_secret_token", json!({})).await;
        assert!(second["secret_api_token_backup"].as_str().unwrap().ends_with(&first[first.len() - 4..]));
        let (_, cleared) = owner.patch("/api/projects/1/delete_secret_token_backup", json!({})).await;
        assert_eq!(cleared["secret_api_token_backup"], json!(null));
        assert!(world.state.teams.by_secret(&first).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn intents_and_onboarding_are_remembered() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let intent = json!({"product_type": "surveys", "intent_context": "onboarding"});
        assert_eq!(owner.patch("/api/environments/1/add_product_intent", intent.clone()).await.0, StatusCode::CREATED);
        owner.patch("/api/environments/1/add_product_intent", intent).await;
        let (_, done) = owner.patch("/api/environments/1/complete_product_onboarding", json!({"product_type": "surveys"})).await;
        assert_eq!(done["has_completed_onboarding_for"], json!({"surveys": true}), "{}", world.name);
        assert_eq!(done["product_intents"].as_array().unwrap().len(), 1);
        assert!(done["product_intents"][0]["onboarding_completed_at"].is_string());
        assert_eq!(owner.get("/api/projects/1/is_generating_demo_data").await.1, json!({"is_generating_demo_data": false}));
        assert_eq!(owner.get("/api/projects/1/activity").await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn the_live_token_is_signed_for_this_project() {
    let world = World::one().await;
    let mut owner = world.owner().await;
    let (_, project) = owner.get("/api/projects/1").await;
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    rules.set_audience(&["posthog:livestream"]);
    rules.validate_exp = false;
    let key = jsonwebtoken::DecodingKey::from_secret(b"live secret");
    let claims = jsonwebtoken::decode::<Value>(project["live_events_token"].as_str().unwrap(), &key, &rules).unwrap().claims;
    assert_eq!((&claims["team_id"], &claims["api_token"]), (&json!(1), &project["api_token"]));
    assert_eq!(claims["exp"], crate::world::NOW.seconds() + 7 * 86_400);
}

#[tokio::test]
async fn preferences_of_a_user_are_kept_and_checked() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let change = json!({"first_name": "Grace", "last_name": "Hopper", "theme_mode": "dark", "has_seen_product_intro_for": {"a": true}, "is_staff": false});
        let (_, me) = owner.patch("/api/users/@me", change).await;
        assert_eq!(
            (&me["first_name"], &me["last_name"], &me["theme_mode"], &me["is_staff"]),
            (&json!("Grace"), &json!("Hopper"), &json!("dark"), &json!(true))
        );
        assert_eq!(
            outcome(owner.patch("/api/users/@me", json!({"theme_mode": "pink"})).await),
            refused(400, "invalid_choice"),
            "{}",
            world.name
        );
        assert_eq!(outcome(owner.patch("/api/users/@me", json!({"email": "nonsense"})).await), refused(400, "invalid"));
        let (_, moved) = owner.patch("/api/users/@me", json!({"email": "new@example.com"})).await;
        assert_eq!(moved["email"], "new@example.com");
        assert_eq!(
            outcome(owner.delete("/api/users/@me").await),
            refused(409, "conflict"),
            "an owner first leaves or deletes their organization"
        );
    }
}

#[tokio::test]
async fn a_project_names_its_group_types() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let sql = "INSERT INTO group_type_mapping (team_id, group_type, group_type_index) VALUES ($1, $2, $3)";
        world.state.db.execute(sql, db::args![1, "company", 0]).await.unwrap();
        let (_, project) = owner.get("/api/projects/1").await;
        assert_eq!(project["has_group_types"], true, "{}", world.name);
        assert_eq!(
            (&project["group_types"][0]["group_type"], &project["group_types"][0]["group_type_index"]),
            (&json!("company"), &json!(0))
        );
    }
}
