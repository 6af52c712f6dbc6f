use crate::world::{Browser, NOW, PASSWORD, World, outcome, refused};
use http::{Method, StatusCode};
use model::Clock;
use serde_json::json;

fn login(email: &str, password: &str) -> serde_json::Value {
    json!({"email": email, "password": password})
}

#[tokio::test]
async fn a_user_signs_in_and_out() {
    for world in World::each().await {
        world.owner().await;
        let mut browser = Browser::new(&world.app);
        let (status, body) = browser.post("/api/login", login("OWNER@example.com", PASSWORD)).await;
        assert_eq!((status, body), (StatusCode::OK, json!({"success": true})), "{}", world.name);
        let cookies: Vec<&str> = browser.last_headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
        assert!(
            cookies[0].starts_with("sessionid=") && cookies[0].contains("HttpOnly") && cookies[0].contains("SameSite=Lax"),
            "{cookies:?}"
        );
        assert!(cookies[0].contains("Max-Age=1209600") && !cookies[0].contains("Secure"), "{cookies:?}");
        assert!(cookies[1].starts_with("csrftoken=") && !cookies[1].contains("HttpOnly"), "{cookies:?}");
        assert_eq!(browser.get("/api/users/@me").await.0, StatusCode::OK);

        let stolen = browser.cookies.clone();
        let (status, _) = browser.get("/logout?next=//evil.example").await;
        assert_eq!((status, browser.last_headers["location"].to_str().unwrap()), (StatusCode::FOUND, "/login"));
        browser.cookies = stolen;
        assert_eq!(
            outcome(browser.get("/api/users/@me").await),
            refused(401, "not_authenticated"),
            "{}: the session is gone on the server too",
            world.name
        );
    }
}

#[tokio::test]
async fn wrong_password_and_unknown_account_look_the_same() {
    for world in World::each().await {
        world.owner().await;
        let mut browser = Browser::new(&world.app);
        let wrong = browser.post("/api/login", login("owner@example.com", "not the password")).await;
        let unknown = browser.post("/api/login", login("nobody@example.com", "not the password")).await;
        assert_eq!(wrong, unknown);
        assert_eq!(
            wrong.1,
            json!({"type": "validation_error", "code": "invalid_credentials", "detail": "Invalid email or password.", "attr": null})
        );
        assert!(browser.cookies.is_empty());
        let known = browser.post("/api/login/precheck", json!({"email": "owner@example.com"})).await;
        assert_eq!(known, browser.post("/api/login/precheck", json!({"email": "nobody@example.com"})).await);
        assert_eq!(known.1["sso_enforcement"], json!(null));
    }
}

#[tokio::test]
async fn thirty_failures_lock_an_account_for_ten_minutes() {
    for world in World::each().await {
        world.owner().await;
        for _ in 0..30 {
            // As the counter sees it; thirty real failures take a minute of password hashing.
            let subject = format!("login:account:{}", teams::hash_secret("owner@example.com"));
            let sql = "INSERT INTO attempt (id, subject, at) VALUES ($1, $2, $3)";
            world.state.db.execute(sql, db::args![uuid::Uuid::new_v4(), subject, NOW]).await.unwrap();
        }
        let mut browser = Browser::new(&world.app);
        let locked = browser.post("/api/login", login("owner@example.com", PASSWORD)).await;
        assert_eq!(outcome(locked), refused(403, "too_many_failed_attempts"), "{}", world.name);
        let later = world.with(|state| state.clock = Clock::Fixed(NOW.plus_seconds(600)));
        assert_eq!(Browser::new(&later).post("/api/login", login("owner@example.com", PASSWORD)).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn thirty_failures_lock_an_address_out_of_every_account() {
    for world in World::each().await {
        world.owner().await;
        let from = |address: [u8; 4]| {
            let peer = axum::extract::ConnectInfo(std::net::SocketAddr::from((address, 1)));
            Browser::new(&world.app.clone().layer(axum::Extension(peer)))
        };
        let mut attacker = from([203, 0, 113, 7]);
        // Reset links are cheap to try, and counted in the same way.
        let guess =
            |number: u32| (format!("/api/reset/{}", uuid::Uuid::from_u128(number.into())), json!({"token": "guess", "password": PASSWORD}));
        for number in 0..30 {
            let (path, body) = guess(number);
            assert_eq!(outcome(attacker.post(&path, body).await), refused(400, "invalid_token"), "{} {number}", world.name);
        }
        let (path, body) = guess(31);
        assert_eq!(outcome(attacker.post(&path, body.clone()).await), refused(403, "too_many_failed_attempts"), "{}", world.name);
        assert_eq!(outcome(from([198, 51, 100, 1]).post(&path, body).await), refused(400, "invalid_token"));
    }
}

#[tokio::test]
async fn nobody_is_flooded_with_reset_mails() {
    for world in World::each().await {
        world.owner().await;
        let mut browser = Browser::new(&world.app);
        for _ in 0..5 {
            assert_eq!(browser.post("/api/reset", json!({"email": "owner@example.com"})).await.0, StatusCode::NO_CONTENT);
        }
        let sixth = browser.post("/api/reset", json!({"email": "OWNER@example.com "})).await;
        assert_eq!(outcome(sixth), refused(403, "too_many_failed_attempts"), "{}", world.name);
    }
}

#[tokio::test]
async fn a_failure_counts_for_account_and_address_and_success_clears_it() {
    let world = World::one().await;
    world.owner().await;
    let app = world.app.clone().layer(axum::Extension(axum::extract::ConnectInfo(std::net::SocketAddr::from(([203, 0, 113, 7], 1)))));
    let mut browser = Browser::new(&app);
    let count = async || {
        let row = world.state.db.fetch_one("SELECT COUNT(*) AS n FROM attempt WHERE subject LIKE 'login:%'", &[]).await.unwrap();
        row.get::<i64>("n").unwrap()
    };
    browser.post("/api/login", login("owner@example.com", "wrong password")).await;
    assert_eq!(count().await, 2, "one for the account, one for the address");
    browser.post("/api/login", login("owner@example.com", PASSWORD)).await;
    assert_eq!(count().await, 1, "the address keeps its failure: it may be trying other accounts");
}

#[tokio::test]
async fn a_session_ends_after_two_weeks() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        owner.app = world.with(|state| state.clock = Clock::Fixed(NOW.plus_seconds(14 * 86_400 - 1)));
        assert_eq!(owner.get("/api/users/@me").await.0, StatusCode::OK, "{}", world.name);
        owner.app = world.with(|state| state.clock = Clock::Fixed(NOW.plus_seconds(14 * 86_400)));
        assert_eq!(outcome(owner.get("/api/users/@me").await), refused(401, "not_authenticated"));
    }
}

#[tokio::test]
async fn cookies_are_secure_where_the_site_is() {
    let world = World::one().await;
    let mut browser = Browser::new(&world.with(|state| state.site = web::Site::new("https://hog.test/")));
    browser.post("/api/signup", crate::world::person("a@example.com")).await;
    for cookie in browser.last_headers.get_all("set-cookie") {
        assert!(cookie.to_str().unwrap().ends_with("; Secure"), "{cookie:?}");
    }
}

#[tokio::test]
async fn every_change_by_cookie_needs_the_csrf_token() {
    let world = World::one().await;
    let mut owner = world.owner().await;
    owner.csrf = false;
    let me = owner.get("/api/users/@me").await.1;
    let uuid = me["uuid"].as_str().unwrap().to_owned();
    let changes = [
        (Method::PATCH, "/api/users/@me".to_owned()),
        (Method::DELETE, "/api/users/@me".to_owned()),
        (Method::POST, "/api/users/@me/scene_personalisation".to_owned()),
        (Method::POST, "/api/personal_api_keys".to_owned()),
        (Method::PATCH, "/api/projects/1".to_owned()),
        (Method::DELETE, "/api/environments/1".to_owned()),
        (Method::POST, "/api/projects".to_owned()),
        (Method::PATCH, "/api/projects/1/reset_token".to_owned()),
        (Method::PATCH, "/api/projects/1/rotate_secret_token".to_owned()),
        (Method::PATCH, "/api/projects/1/delete_secret_token_backup".to_owned()),
        (Method::PATCH, "/api/projects/1/add_product_intent".to_owned()),
        (Method::PATCH, "/api/organizations/@current".to_owned()),
        (Method::DELETE, "/api/organizations/@current".to_owned()),
        (Method::POST, "/api/organizations".to_owned()),
        (Method::POST, "/api/organizations/@current/invites".to_owned()),
        (Method::POST, "/api/organizations/@current/invites/bulk".to_owned()),
        (Method::DELETE, format!("/api/organizations/@current/invites/{uuid}")),
        (Method::PATCH, format!("/api/organizations/@current/members/{uuid}")),
        (Method::DELETE, format!("/api/organizations/@current/members/{uuid}")),
    ];
    for (method, path) in changes {
        let (status, body) = owner.call(method.clone(), &path, Some(json!({"name": "x"}))).await;
        assert_eq!((status.as_u16(), &body["code"]), (403, &json!("permission_denied")), "{method} {path}");
        assert_eq!(body["detail"], "CSRF Failed: CSRF token missing.", "{method} {path}");
    }
    owner.csrf = true;
    owner.origin = Some("https://evil.example");
    let (status, body) = owner.patch("/api/users/@me", json!({"first_name": "x"})).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(body["detail"].as_str().unwrap().starts_with("CSRF Failed: Origin checking failed"), "{body}");
    owner.origin = None;
    assert_eq!(owner.patch("/api/users/@me", json!({"first_name": "x"})).await.0, StatusCode::OK);
}

#[tokio::test]
async fn another_site_cannot_sign_its_visitors_in_or_up() {
    let world = World::one().await;
    let mut browser = Browser::new(&world.app);
    for origin in ["https://evil.example", "null", "http://hog.test.evil.example", "http://sub.hog.test"] {
        browser.origin = Some(origin);
        for path in ["/api/signup", "/api/login", "/api/reset", "/logout", "/api/signup/x"] {
            let (status, body) = browser.post(path, crate::world::person("a@example.com")).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{path} from {origin}: {body}");
        }
    }
    assert_eq!(browser.get("/_preflight").await.1["initiated"], false);
}
