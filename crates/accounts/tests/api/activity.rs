use crate::world::{World, outcome, refused};
use http::StatusCode;
use serde_json::{Value, json};

fn lines(list: &Value) -> Vec<String> {
    let line = |one: &Value| {
        format!("{} {} {}", one["scope"].as_str().unwrap(), one["activity"].as_str().unwrap(), one["detail"]["name"].as_str().unwrap())
    };
    list["results"].as_array().unwrap().iter().map(line).collect()
}

#[tokio::test]
async fn who_changed_what_is_logged_newest_first() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let mut member = world.member(&mut owner, "m@example.com", 1).await;
        owner.patch("/api/projects/1", json!({"heatmaps_opt_in": true, "name": "Default project"})).await;
        owner.patch("/api/projects/1", json!({"heatmaps_opt_in": true})).await;
        member.patch("/api/projects/1", json!({"slack_incoming_webhook": "https://hooks.example/secret"})).await;
        owner.patch("/api/organizations/@current", json!({"name": "Renamed"})).await;
        let (_, me) = member.get("/api/users/@me").await;
        owner.patch(&format!("/api/organizations/@current/members/{}", me["uuid"].as_str().unwrap()), json!({"level": 8})).await;
        owner.key(json!({"label": "CI", "scopes": ["*"]})).await;
        let (status, list) = owner.get("/api/projects/1/activity_log").await;
        assert_eq!(status, StatusCode::OK, "{}", world.name);
        let expected = [
            "PersonalAPIKey created CI",
            "OrganizationMembership updated m@example.com",
            "Organization updated Renamed",
            "Team updated Default project",
            "Team updated Default project",
            "OrganizationInvite created m@example.com",
        ];
        assert_eq!(lines(&list), expected, "{}", world.name);
        assert_eq!(list["results"][1]["detail"]["changes"][0]["after"], 8);
        assert_eq!(list["results"][3]["user"]["email"], "m@example.com");
        let change = json!([{"type": "Team", "action": "created", "field": "heatmaps_opt_in", "before": null, "after": true}]);
        assert_eq!(list["results"][4]["detail"]["changes"], change);
        assert!(!list.to_string().contains("hooks.example"), "secrets stay out of the log");

        let (_, own) = owner.get("/api/projects/1/activity?limit=1").await;
        assert_eq!((&own["count"], own["results"].as_array().unwrap().len()), (&json!(2), 1));
        let (_, some) = owner.get("/api/environments/1/advanced_activity_logs?scopes=Organization%2CPersonalAPIKey").await;
        assert_eq!(some["count"], 2);
        let (_, theirs) = owner.get(&format!("/api/projects/1/activity_log?user={}", me["uuid"].as_str().unwrap())).await;
        assert_eq!(theirs["count"], 1);
    }
}

#[tokio::test]
async fn a_stranger_reads_no_activity() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        owner.patch("/api/projects/1", json!({"heatmaps_opt_in": true})).await;
        let mut stranger = world.stranger().await;
        assert_eq!(outcome(stranger.get("/api/projects/1/activity_log").await), refused(404, "not_found"), "{}", world.name);
        assert_eq!(stranger.get("/api/projects/@current/activity_log").await.1["count"], 0);
        let key = owner.key(json!({"label": "k", "scopes": ["project:read"]})).await;
        assert_eq!(key.get("/api/projects/1/activity_log").await.1["detail"], "API key missing required scope 'activity_log:read'");
    }
}

#[tokio::test]
async fn a_reset_token_is_logged_without_the_token() {
    let world = World::one().await;
    let mut owner = world.owner().await;
    let (_, reset) = owner.patch("/api/projects/1/reset_token", json!({})).await;
    let (_, rotated) = owner.patch("/api/projects/1/rotate_secret_token", json!({})).await;
    let (_, list) = owner.get("/api/projects/1/activity").await;
    let fields: Vec<&Value> = list["results"].as_array().unwrap().iter().map(|one| &one["detail"]["changes"][0]["field"]).collect();
    assert_eq!(fields, [&json!("secret_api_token"), &json!("api_token")]);
    for secret in [&reset["api_token"], &rotated["secret_api_token"]] {
        assert!(!list.to_string().contains(secret.as_str().unwrap()));
    }
}
