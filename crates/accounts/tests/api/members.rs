use crate::world::{Browser, World, outcome, refused};
use http::{Method, StatusCode};
use serde_json::{Value, json};

const MEMBERS: &str = "/api/organizations/@current/members";

async fn uuid(browser: &mut Browser) -> String {
    browser.get("/api/users/@me").await.1["uuid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn members_are_listed_with_their_levels() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        world.member(&mut owner, "m@example.com", 1).await;
        let (_, list) = owner.get(MEMBERS).await;
        assert_eq!(list["count"], 2, "{}", world.name);
        let mut levels: Vec<(&Value, &Value)> =
            list["results"].as_array().unwrap().iter().map(|one| (&one["user"]["email"], &one["level"])).collect();
        levels.sort_by_key(|(email, _)| email.to_string());
        assert_eq!(levels, [(&json!("m@example.com"), &json!(1)), (&json!("owner@example.com"), &json!(15))]);
    }
}

#[tokio::test]
async fn levels_change_only_downwards_from_ones_own() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let mut admin = world.member(&mut owner, "admin@example.com", 8).await;
        let mut member = world.member(&mut owner, "member@example.com", 1).await;
        let (owner_id, admin_id, member_id) = (uuid(&mut owner).await, uuid(&mut admin).await, uuid(&mut member).await);
        let path = |id: &str| format!("{MEMBERS}/{id}");
        let level = |level: i64| json!({"level": level});
        assert_eq!(outcome(member.patch(&path(&admin_id), level(1)).await), refused(403, "permission_denied"), "{}", world.name);
        assert_eq!(outcome(member.patch(&path(&member_id), level(15)).await), refused(403, "permission_denied"));
        assert_eq!(outcome(admin.patch(&path(&member_id), level(15)).await), refused(403, "permission_denied"));
        assert_eq!(outcome(admin.patch(&path(&owner_id), level(1)).await), refused(403, "permission_denied"));
        assert_eq!(outcome(admin.patch(&path(&member_id), level(7)).await), refused(400, "invalid_choice"));
        assert_eq!(outcome(admin.patch(&path(&member_id), json!({"level": "x"})).await), refused(400, "invalid"));
        assert_eq!(admin.patch(&path(&member_id), level(8)).await.1["level"], 8);
        assert_eq!(owner.patch(&path(&member_id), level(15)).await.1["level"], 15);
        assert_eq!(owner.get("/api/users/@me").await.1["organization"]["membership_level"], 8, "ownership was handed over");
    }
}

#[tokio::test]
async fn a_removed_member_sees_nothing_any_more() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let mut member = world.member(&mut owner, "member@example.com", 1).await;
        let key = member.key(json!({"label": "k", "scopes": ["*"]})).await;
        let (owner_id, member_id) = (uuid(&mut owner).await, uuid(&mut member).await);
        assert_eq!(outcome(member.delete(&format!("{MEMBERS}/{owner_id}")).await), refused(403, "permission_denied"));
        assert_eq!(outcome(owner.delete(&format!("{MEMBERS}/{owner_id}")).await), refused(409, "conflict"), "the last owner stays");
        assert_eq!(owner.delete(&format!("{MEMBERS}/{member_id}")).await.0, StatusCode::NO_CONTENT, "{}", world.name);
        for path in ["/api/projects/1", "/api/projects/@current", "/api/organizations/@current", MEMBERS] {
            assert_eq!(member.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(key.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
        }
        let (_, me) = member.get("/api/users/@me").await;
        assert_eq!((&me["team"], &me["organization"]), (&json!(null), &json!(null)));
        assert_eq!(member.delete("/api/users/@me").await.0, StatusCode::NO_CONTENT);
        assert_eq!(outcome(member.get("/api/users/@me").await), refused(401, "not_authenticated"));
    }
}

#[tokio::test]
async fn another_organization_does_not_exist_for_a_stranger() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let me = owner.get("/api/users/@me").await.1;
        let (_, invite) = owner.post("/api/organizations/@current/invites", json!({"target_email": "i@example.com"})).await;
        let organization = format!("/api/organizations/{}", me["organization"]["id"].as_str().unwrap());
        let user = me["uuid"].as_str().unwrap();
        let mut stranger = world.stranger().await;
        let key = stranger.key(json!({"label": "all", "scopes": ["*"]})).await;
        let cases = [
            (Method::GET, organization.clone()),
            (Method::PATCH, organization.clone()),
            (Method::DELETE, organization.clone()),
            (Method::GET, "/api/organizations/hedgehogs".to_owned()),
            (Method::GET, format!("{organization}/members")),
            (Method::PATCH, format!("{organization}/members/{user}")),
            (Method::DELETE, format!("{organization}/members/{user}")),
            (Method::GET, format!("{organization}/members/{user}/scoped_api_keys")),
            (Method::PATCH, format!("{MEMBERS}/{user}")),
            (Method::DELETE, format!("{MEMBERS}/{user}")),
            (Method::GET, format!("{organization}/invites")),
            (Method::POST, format!("{organization}/invites")),
            (Method::DELETE, format!("{organization}/invites/{}", invite["id"].as_str().unwrap())),
            (Method::DELETE, format!("/api/organizations/@current/invites/{}", invite["id"].as_str().unwrap())),
            (Method::GET, format!("{organization}/projects")),
            (Method::POST, format!("{organization}/projects")),
            (Method::GET, format!("{organization}/projects/1")),
            (Method::PATCH, format!("{organization}/projects/1")),
            (Method::GET, "/api/organizations/@current/projects/1".to_owned()),
            (Method::GET, "/api/projects/1".to_owned()),
            (Method::PATCH, "/api/projects/1".to_owned()),
            (Method::DELETE, "/api/projects/1".to_owned()),
            (Method::PATCH, "/api/environments/1/reset_token".to_owned()),
            (Method::PATCH, "/api/environments/1/rotate_secret_token".to_owned()),
            (Method::GET, "/api/environments/1/activity".to_owned()),
            (Method::GET, format!("/api/users/{user}")),
            (Method::PATCH, format!("/api/users/{user}")),
            (Method::DELETE, format!("/api/users/{user}")),
        ];
        for (method, path) in cases {
            let body = Some(json!({"name": "taken", "level": 1, "target_email": "x@example.com"}));
            let by_session = stranger.call(method.clone(), &path, body.clone()).await;
            assert_eq!(by_session.0, StatusCode::NOT_FOUND, "{}: {method} {path} {}", world.name, by_session.1);
            let by_key = key.call(method.clone(), &path, body).await;
            assert_eq!(by_key.0, StatusCode::NOT_FOUND, "{}: {method} {path} {}", world.name, by_key.1);
        }
        for field in [json!({"set_current_team": 1}), json!({"set_current_organization": me["organization"]["id"]})] {
            assert_eq!(outcome(stranger.patch("/api/users/@me", field).await), refused(400, "does_not_exist"));
        }
    }
}

#[tokio::test]
async fn members_without_rank_change_neither_organization_nor_tokens() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let mut member = world.member(&mut owner, "member@example.com", 1).await;
        for (method, path) in [
            (Method::PATCH, "/api/organizations/@current"),
            (Method::DELETE, "/api/organizations/@current"),
            (Method::POST, "/api/projects"),
            (Method::DELETE, "/api/projects/1"),
            (Method::PATCH, "/api/projects/1/reset_token"),
            (Method::PATCH, "/api/projects/1/rotate_secret_token"),
            (Method::PATCH, "/api/projects/1/delete_secret_token_backup"),
        ] {
            let (status, body) = member.call(method.clone(), path, Some(json!({"name": "x"}))).await;
            assert_eq!(
                (status.as_u16(), &body["detail"]),
                (403, &json!("Your organization access level is insufficient.")),
                "{method} {path}"
            );
        }
        let up = member.post("/api/organizations/@current/invites", json!({"target_email": "friend@example.com", "level": 8})).await;
        assert_eq!(outcome(up), refused(403, "permission_denied"), "{}", world.name);
        owner.patch("/api/organizations/@current", json!({"members_can_invite": false})).await;
        let invite = member.post("/api/organizations/@current/invites", json!({"target_email": "friend@example.com"})).await;
        assert_eq!(outcome(invite), refused(403, "permission_denied"));
    }
}

#[tokio::test]
async fn an_organization_is_renamed_and_its_settings_checked() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let (_, changed) =
            owner.patch("/api/organizations/@current", json!({"name": "New name", "enforce_2fa": null, "slug": "ignored"})).await;
        assert_eq!(
            (&changed["name"], &changed["slug"], &changed["member_count"]),
            (&json!("New name"), &json!("hedgehogs"), &json!(1)),
            "{}",
            world.name
        );
        let wrong = owner.patch("/api/organizations/@current", json!({"members_can_invite": "yes"})).await;
        assert_eq!(outcome(wrong), refused(400, "invalid"));
        assert_eq!(outcome(owner.post("/api/organizations", json!({"name": "Second"})).await), refused(403, "permission_denied"));
        owner.app = world.with(|state| state.multi_org = true);
        let (status, second) = owner.post("/api/organizations", json!({"name": "Second"})).await;
        assert_eq!((status, &second["membership_level"]), (StatusCode::CREATED, &json!(15)));
        assert_eq!(owner.get("/api/organizations").await.1["count"], 2);
        assert_eq!(owner.delete("/api/organizations/@current").await.0, StatusCode::NO_CONTENT);
        assert_eq!(owner.get("/api/organizations").await.1["count"], 1);
        assert_eq!(owner.get("/api/users/@me").await.1["organization"]["name"], "New name");
    }
}

#[tokio::test]
async fn the_instance_is_shown_to_staff_only() {
    let world = World::one().await;
    let mut owner = world.owner().await;
    let mut member = world.member(&mut owner, "member@example.com", 8).await;
    for path in ["/api/instance_status", "/api/instance_settings"] {
        assert_eq!(owner.get(path).await.0, StatusCode::OK);
        assert_eq!(outcome(member.get(path).await), refused(403, "permission_denied"));
    }
}
