use crate::world::{Browser, NOW, PASSWORD, World, outcome, refused};
use http::StatusCode;
use model::Clock;
use serde_json::json;

const NEW: &str = "a brand new secret";

/// The path of the reset link that was mailed to the owner.
async fn link(world: &World) -> (String, String) {
    let text = world.mail_to("owner@example.com").await;
    let rest = text.split("http://hog.test/reset/").nth(1).expect("the mail holds a link");
    let (uuid, token) = rest.split_whitespace().next().unwrap().split_once('/').unwrap();
    (format!("/api/reset/{uuid}"), token.to_owned())
}

#[tokio::test]
async fn a_forgotten_password_is_reset_by_a_link_that_works_once() {
    for world in World::each().await {
        let mut signed_in = world.owner().await;
        let mut browser = Browser::new(&world.app);
        assert_eq!(browser.post("/api/reset", json!({"email": "owner@example.com"})).await.0, StatusCode::NO_CONTENT);
        let (path, token) = link(&world).await;
        assert_eq!(browser.get(&format!("{path}?token={token}")).await.0, StatusCode::OK, "{}", world.name);
        assert_eq!(outcome(browser.get(&format!("{path}?token=wrong")).await), refused(400, "invalid_token"));
        let weak = browser.post(&path, json!({"token": token, "password": "short"})).await;
        assert_eq!(outcome(weak), refused(400, "password_too_short"), "a weak password does not use the link up");
        assert_eq!(browser.post(&path, json!({"token": token, "password": NEW})).await.0, StatusCode::NO_CONTENT, "{}", world.name);
        assert_eq!(outcome(browser.post(&path, json!({"token": token, "password": PASSWORD})).await), refused(400, "invalid_token"));

        assert_eq!(outcome(signed_in.get("/api/users/@me").await), refused(401, "not_authenticated"), "other sessions end");
        let login = |password| json!({"email": "owner@example.com", "password": password});
        assert_eq!(outcome(browser.post("/api/login", login(PASSWORD)).await), refused(400, "invalid_credentials"));
        assert_eq!(browser.post("/api/login", login(NEW)).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_reset_link_dies_after_an_hour_and_with_the_next_one() {
    for world in World::each().await {
        world.owner().await;
        let mut browser = Browser::new(&world.app);
        browser.post("/api/reset", json!({"email": "owner@example.com"})).await;
        let (path, token) = link(&world).await;
        let later = world.with(|state| state.clock = Clock::Fixed(NOW.plus_seconds(3_600)));
        let body = json!({"token": token, "password": NEW});
        assert_eq!(outcome(Browser::new(&later).post(&path, body.clone()).await), refused(400, "invalid_token"), "{}", world.name);
        browser.post("/api/reset", json!({"email": "owner@example.com"})).await;
        while world.mails() < 2 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert_eq!(outcome(browser.post(&path, body).await), refused(400, "invalid_token"), "{}", world.name);
    }
}

#[tokio::test]
async fn asking_for_a_reset_tells_nothing_about_the_account() {
    for world in World::each().await {
        world.owner().await;
        let mut browser = Browser::new(&world.app);
        let (status, body) = browser.post("/api/reset", json!({"email": "nobody@example.com"})).await;
        assert_eq!((status, body), (StatusCode::NO_CONTENT, json!(null)), "{}", world.name);
        let stranger = uuid::Uuid::new_v4();
        let answer = browser.post(&format!("/api/reset/{stranger}"), json!({"token": "x", "password": NEW})).await;
        assert_eq!(outcome(answer), refused(400, "invalid_token"));
    }
}

#[tokio::test]
async fn changing_the_password_needs_the_old_one_and_ends_other_sessions() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let mut elsewhere = Browser::new(&world.app);
        elsewhere.post("/api/login", json!({"email": "owner@example.com", "password": PASSWORD})).await;
        let (_, missing) = owner.patch("/api/users/@me", json!({"password": NEW})).await;
        assert_eq!((&missing["code"], &missing["attr"]), (&json!("required"), &json!("current_password")), "{}", world.name);
        let wrong = owner.patch("/api/users/@me", json!({"password": NEW, "current_password": "nope nope nope"})).await;
        assert_eq!(outcome(wrong), refused(400, "incorrect_password"));
        let (status, _) = owner.patch("/api/users/@me", json!({"password": NEW, "current_password": PASSWORD})).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(owner.get("/api/users/@me").await.0, StatusCode::OK);
        assert_eq!(outcome(elsewhere.get("/api/users/@me").await), refused(401, "not_authenticated"));
    }
}

#[tokio::test]
async fn no_secret_is_stored_or_answered_in_the_clear() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let key = owner.key(json!({"label": "k", "scopes": ["*"]})).await.key;
        let (_, rotated) = owner.patch("/api/projects/1/rotate_secret_token", json!({})).await;
        let secret = rotated["secret_api_token"].as_str().unwrap().to_owned();
        let session = owner.cookies["sessionid"].clone();
        let mut stored = String::new();
        for table in ["account", "user_session", "personal_api_key", "team", "one_time_token", "attempt"] {
            for row in world.state.db.fetch_all(&format!("SELECT * FROM {table}"), &[]).await.unwrap() {
                stored.push_str(&format!("{:?}", row.values()));
            }
        }
        let answers =
            [owner.get("/api/personal_api_keys").await.1, owner.get("/api/projects/1").await.1, owner.get("/api/users/@me").await.1];
        let answers = answers.map(|answer| answer.to_string()).concat();
        for hidden in [PASSWORD, &key, &secret, &session] {
            assert!(!stored.contains(hidden), "{}: {hidden} is stored", world.name);
            assert!(!answers.contains(hidden), "{}: {hidden} is answered", world.name);
        }
    }
}
