use crate::world::{Client, NOW, World, outcome, refused};
use http::{Method, StatusCode};
use model::Clock;
use serde_json::json;

#[tokio::test]
async fn a_key_shows_its_value_once_and_works_until_deleted() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let choice = json!({"label": "CI", "scopes": ["project:read", "user:read"]});
        let (status, made) = owner.post("/api/personal_api_keys", choice).await;
        assert_eq!(status, StatusCode::CREATED, "{}: {made}", world.name);
        let value = made["value"].as_str().unwrap().to_owned();
        assert!(value.starts_with("phx_") && made["mask_value"].as_str().unwrap().ends_with(&value[value.len() - 4..]));
        let (_, list) = owner.get("/api/personal_api_keys").await;
        assert_eq!((list.as_array().unwrap().len(), &list[0]["value"], &list[0]["last_used_at"]), (1, &json!(null), &json!(null)));

        let client = Client { app: world.app.clone(), key: value };
        assert_eq!(client.get("/api/users/@me").await.0, StatusCode::OK);
        assert_eq!(client.get("/api/projects/@current").await.1["id"], 1);
        let (_, current) = client.get("/api/personal_api_keys/@current").await;
        assert_eq!(current["scopes"], json!(["project:read", "user:read"]));
        assert_eq!((&current["scoped_teams"], &current["scoped_organizations"]), (&json!([]), &json!([])));
        assert_eq!(current["last_used_at"], json!(NOW));

        let id = made["id"].as_str().unwrap();
        assert_eq!(owner.delete(&format!("/api/personal_api_keys/{id}")).await.0, StatusCode::NO_CONTENT);
        assert_eq!(outcome(client.get("/api/users/@me").await), refused(401, "authentication_failed"), "{}", world.name);
    }
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let client = owner.key(json!({"label": "r", "scopes": ["project:read"]})).await;
        for (method, path, scope) in [
            (Method::GET, "/api/users/@me", "user:read"),
            (Method::PATCH, "/api/users/@me", "user:write"),
            (Method::PATCH, "/api/projects/1", "project:write"),
            (Method::POST, "/api/projects", "project:write"),
            (Method::DELETE, "/api/environments/1", "project:write"),
            (Method::GET, "/api/organizations", "organization:read"),
            (Method::PATCH, "/api/organizations/@current", "organization:write"),
            (Method::GET, "/api/organizations/@current/members", "organization_member:read"),
            (Method::POST, "/api/organizations/@current/invites", "organization_member:write"),
        ] {
            let (status, body) = client.call(method.clone(), path, Some(json!({}))).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}");
            assert_eq!(body["detail"], format!("API key missing required scope '{scope}'"), "{method} {path}");
        }
        assert_eq!(client.get("/api/projects/1").await.0, StatusCode::OK, "{}", world.name);
    }
}

#[tokio::test]
async fn a_key_cannot_manage_keys() {
    let world = World::one().await;
    let mut owner = world.owner().await;
    let client = owner.key(json!({"label": "all", "scopes": ["*"]})).await;
    assert_eq!(outcome(client.get("/api/personal_api_keys").await), refused(403, "permission_denied"));
    let made = client.call(Method::POST, "/api/personal_api_keys", Some(json!({"label": "x", "scopes": ["*"]}))).await;
    assert_eq!(outcome(made), refused(403, "permission_denied"));
    let password = client.call(Method::PATCH, "/api/users/@me", Some(json!({"password": "another good one"}))).await;
    assert_eq!(outcome(password), refused(403, "permission_denied"));
}

#[tokio::test]
async fn a_key_limited_to_projects_reaches_only_those() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let (status, second) = owner.post("/api/projects", json!({"name": "Second"})).await;
        assert_eq!(status, StatusCode::CREATED, "{second}");
        let second = second["id"].as_i64().unwrap();
        let client = owner.key(json!({"label": "one", "scopes": ["*"], "scoped_teams": [second]})).await;
        assert_eq!(client.get(&format!("/api/projects/{second}")).await.0, StatusCode::OK, "{}", world.name);
        let (status, body) = client.get("/api/projects/1").await;
        assert_eq!((status.as_u16(), &body["detail"]), (403, &json!("API key does not have access to the requested project: ID 1.")));
        let (_, list) = client.get("/api/projects").await;
        assert_eq!((list["count"].as_u64(), list["results"][0]["id"].as_i64()), (Some(1), Some(second)));
        let stranger = owner.post("/api/personal_api_keys", json!({"label": "x", "scopes": ["*"], "scoped_teams": [999]})).await;
        assert_eq!(outcome(stranger), refused(400, "invalid_input"));
    }
}

#[tokio::test]
async fn bad_choices_are_refused() {
    let world = World::one().await;
    let mut owner = world.owner().await;
    for (choice, attr) in [
        (json!({"scopes": ["*"]}), "label"),
        (json!({"label": "x"}), "scopes"),
        (json!({"label": "x", "scopes": []}), "scopes"),
        (json!({"label": "x", "scopes": ["insight"]}), "scopes"),
        (json!({"label": "x", "scopes": ["insight:admin"]}), "scopes"),
        (json!({"label": "x", "scopes": "*"}), "scopes"),
        (json!({"label": "x".repeat(41), "scopes": ["*"]}), "label"),
    ] {
        let (status, body) = owner.post("/api/personal_api_keys", choice.clone()).await;
        assert_eq!((status.as_u16(), &body["attr"]), (400, &json!(attr)), "{choice}");
    }
}

#[tokio::test]
async fn a_rolled_key_has_a_new_value_and_the_old_one_is_dead() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let (_, made) = owner.post("/api/personal_api_keys", json!({"label": "k", "scopes": ["*"]})).await;
        let path = format!("/api/personal_api_keys/{}", made["id"].as_str().unwrap());
        let (status, rolled) = owner.post(&format!("{path}/roll"), json!({})).await;
        assert_eq!(status, StatusCode::OK, "{}: {rolled}", world.name);
        let client = |value: &serde_json::Value| Client { app: world.app.clone(), key: value.as_str().unwrap().to_owned() };
        assert_eq!(client(&made["value"]).get("/api/users/@me").await.0, StatusCode::UNAUTHORIZED);
        assert_eq!(client(&rolled["value"]).get("/api/users/@me").await.0, StatusCode::OK);
        let (_, changed) = owner.patch(&path, json!({"label": "renamed", "scopes": ["insight:read"]})).await;
        assert_eq!((&changed["label"], &changed["scopes"], &changed["value"]), (&json!("renamed"), &json!(["insight:read"]), &json!(null)));
        let mut stranger = world.stranger().await;
        for method in [Method::GET, Method::PATCH, Method::DELETE] {
            assert_eq!(outcome(stranger.call(method, &path, Some(json!({"label": "mine"}))).await), refused(404, "not_found"));
        }
    }
}

#[tokio::test]
async fn a_user_has_at_most_ten_keys() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        for number in 0..10 {
            owner.key(json!({"label": format!("k{number}"), "scopes": ["*"]})).await;
        }
        assert_eq!(
            outcome(owner.post("/api/personal_api_keys", json!({"label": "k", "scopes": ["*"]})).await),
            refused(400, "invalid_input"),
            "{}",
            world.name
        );
    }
}

#[tokio::test]
async fn an_old_session_must_sign_in_again_before_it_makes_keys() {
    let world = World::one().await;
    let mut owner = world.owner().await;
    owner.app = world.with(|state| state.clock = Clock::Fixed(NOW.plus_seconds(6 * 3_600)));
    assert_eq!(
        outcome(owner.post("/api/personal_api_keys", json!({"label": "k", "scopes": ["*"]})).await),
        refused(403, "sensitive_action")
    );
    assert_eq!(owner.get("/api/personal_api_keys").await.0, StatusCode::OK);
}

#[tokio::test]
async fn keys_that_are_not_private_do_not_open_the_api() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let token = owner.get("/api/projects/1").await.1["api_token"].as_str().unwrap().to_owned();
        for key in [token.as_str(), "phx_guess", "", "phs_guess", "garbage"] {
            let client = Client { app: world.app.clone(), key: key.to_owned() };
            assert_eq!(client.get("/api/projects/1").await.0, StatusCode::UNAUTHORIZED, "{}: {key}", world.name);
        }
        let (_, rotated) = owner.patch("/api/projects/1/rotate_secret_token", json!({})).await;
        let secret = Client { app: world.app.clone(), key: rotated["secret_api_token"].as_str().unwrap().to_owned() };
        let (status, body) = secret.get("/api/projects/1").await;
        assert_eq!((status.as_u16(), &body["detail"]), (403, &json!("API key missing required scope 'project:read'")));
        assert_eq!(secret.get("/api/users/@me").await.0, StatusCode::FORBIDDEN);
    }
}
