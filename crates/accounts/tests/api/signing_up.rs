use crate::world::{Browser, PASSWORD, World, outcome, person, refused};
use accounts::{FirstAdmin, NewProject, bootstrap_admin};
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[tokio::test]
async fn the_first_user_becomes_owner_and_staff_with_a_project_of_their_own() {
    for world in World::each().await {
        let mut browser = Browser::new(&world.app);
        let (_, before) = browser.get("/_preflight").await;
        assert_eq!((&before["initiated"], &before["can_create_org"], &before["db"]), (&json!(false), &json!(true), &json!(true)));
        assert!(before.get("available_timezones").is_none());

        let (status, body) = browser.post("/api/signup", person("Owner@Example.com")).await;
        assert_eq!(status, StatusCode::CREATED, "{}: {body}", world.name);
        assert_eq!((&body["email"], &body["redirect_url"]), (&json!("Owner@Example.com"), &json!("/")));

        let (status, me) = browser.get("/api/users/@me").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!((&me["is_staff"], &me["organization"]["membership_level"]), (&json!(true), &json!(15)));
        assert_eq!((&me["organization"]["name"], &me["organization"]["slug"]), (&json!("Hedgehogs"), &json!("hedgehogs")));
        assert_eq!((&me["team"]["id"], &me["team"]["name"]), (&json!(1), &json!("Default project")));
        assert!(me["team"]["api_token"].as_str().unwrap().starts_with("phc_"));
        assert!(me["organizations"][0]["id"].is_string() && me["distinct_id"].is_string());

        let (_, after) = browser.get("/_preflight").await;
        assert_eq!((&after["initiated"], &after["can_create_org"]), (&json!(true), &json!(false)));
        assert_eq!(after["available_timezones"]["Asia/Kolkata"], json!(5.5));
    }
}

#[tokio::test]
async fn a_second_stranger_cannot_sign_up() {
    for world in World::each().await {
        world.owner().await;
        let mut second = Browser::new(&world.app);
        assert_eq!(
            outcome(second.post("/api/signup", person("two@example.com")).await),
            refused(403, "permission_denied"),
            "{}",
            world.name
        );
        assert_eq!(
            outcome(second.post("/api/signup/precheck", json!({"email": "two@example.com"})).await),
            refused(403, "permission_denied")
        );
        assert_eq!(outcome(second.get("/api/users/@me").await), refused(401, "not_authenticated"));
    }
}

#[tokio::test]
async fn of_many_first_sign_ups_at_once_exactly_one_wins() {
    for world in World::each().await {
        let hooked = Arc::new(AtomicUsize::new(0));
        let counter = hooked.clone();
        let app = world.with(|state| state.after_first_sign_up = Some(Arc::new(move |_, _| _ = counter.fetch_add(1, Ordering::SeqCst))));
        let tasks: Vec<_> = (0..6)
            .map(|number| {
                let mut browser = Browser::new(&app);
                tokio::spawn(async move { browser.post("/api/signup", person(&format!("p{number}@example.com"))).await.0.as_u16() })
            })
            .collect();
        let mut statuses = Vec::new();
        for task in tasks {
            statuses.push(task.await.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 403, 403, 403, 403, 403], "{}", world.name);
        assert_eq!(hooked.load(Ordering::SeqCst), 1);
        assert_eq!(world.state.teams.all().await.unwrap().len(), 1);
        let rows = world.state.db.fetch_all("SELECT email FROM account", &[]).await.unwrap();
        assert_eq!(rows.len(), 1, "{}: a refused sign-up leaves nothing", world.name);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_sign_up_is_named() {
    let world = World::one().await;
    let mut browser = Browser::new(&world.app);
    let cases = [
        (json!({"email": "not an address"}), "invalid", "email"),
        (json!({"password": "short"}), "password_too_short", "password"),
        (json!({"password": "1234567890"}), "password_entirely_numeric", "password"),
        (json!({"password": "password123"}), "password_too_common", "password"),
        (json!({"first_name": null}), "null", "first_name"),
        (json!({"first_name": " "}), "blank", "first_name"),
        (json!({"email": 7}), "invalid", "email"),
        (json!({"organization_name": "x".repeat(65)}), "max_length", "organization_name"),
    ];
    for (change, code, attr) in cases {
        let mut body = person("owner@example.com");
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (status, answer) = browser.post("/api/signup", body).await;
        assert_eq!((status.as_u16(), &answer["code"], &answer["attr"]), (400, &json!(code), &json!(attr)), "{change}");
    }
    let (status, answer) = browser.post("/api/signup", json!({"email": "owner@example.com", "first_name": "A"})).await;
    assert_eq!((status.as_u16(), &answer["code"], &answer["attr"]), (400, &json!("required"), &json!("password")));
    assert_eq!(outcome(browser.post("/api/signup", json!([])).await), refused(400, "invalid"));
    let (_, preflight) = browser.get("/_preflight").await;
    assert_eq!(preflight["initiated"], false);
}

#[tokio::test]
async fn an_invited_person_joins_with_the_level_of_the_invite() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let invite = json!({"target_email": "New@example.com", "first_name": "New", "level": 8, "message": "welcome"});
        let (status, invite) = owner.post("/api/organizations/@current/invites", invite).await;
        assert_eq!(status, StatusCode::CREATED, "{}: {invite}", world.name);
        let path = format!("/api/signup/{}", invite["id"].as_str().unwrap());
        assert!(world.mail_to("New@example.com").await.contains(&format!("http://hog.test/signup/{}", invite["id"].as_str().unwrap())));

        let mut guest = Browser::new(&world.app);
        let (_, shown) = guest.get(&path).await;
        assert_eq!(
            shown,
            json!({"id": invite["id"], "target_email": "N*****w@example.com", "first_name": "New", "organization_name": "Hedgehogs"})
        );
        assert_eq!(outcome(owner.get(&path).await), refused(400, "invalid_recipient"));

        let (status, body) = guest.post(&path, json!({"first_name": "Newt", "password": PASSWORD, "email": "other@example.com"})).await;
        assert_eq!((status, &body["email"]), (StatusCode::CREATED, &json!("New@example.com")), "the address is the invite's");
        let (_, me) = guest.get("/api/users/@me").await;
        assert_eq!((&me["organization"]["membership_level"], &me["is_staff"], &me["team"]["id"]), (&json!(8), &json!(false), &json!(1)));

        assert_eq!(
            outcome(Browser::new(&world.app).post(&path, json!({"first_name": "x", "password": PASSWORD})).await),
            refused(400, "invalid_input")
        );
        let again = owner.post("/api/organizations/@current/invites", json!({"target_email": "new@example.com"})).await;
        assert_eq!(outcome(again), refused(400, "invalid"), "{}", world.name);
    }
}

#[tokio::test]
async fn invites_expire_after_three_days() {
    let world = World::one().await;
    let mut owner = world.owner().await;
    let (_, invite) = owner.post("/api/organizations/@current/invites", json!({"target_email": "late@example.com"})).await;
    let path = format!("/api/signup/{}", invite["id"].as_str().unwrap());
    let later = |seconds| world.with(|state| state.clock = model::Clock::Fixed(crate::world::NOW.plus_seconds(seconds)));
    assert_eq!(Browser::new(&later(3 * 86_400 - 1)).get(&path).await.0, StatusCode::OK);
    assert_eq!(outcome(Browser::new(&later(3 * 86_400)).get(&path).await), refused(400, "expired"));
}

#[tokio::test]
async fn someone_with_an_account_joins_another_organization_by_invite() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let mut stranger = world.stranger().await;
        let (_, invite) = owner.post("/api/organizations/@current/invites", json!({"target_email": "stranger@example.com"})).await;
        let path = format!("/api/signup/{}", invite["id"].as_str().unwrap());
        assert_eq!(outcome(Browser::new(&world.app).get(&path).await), refused(400, "account_exists"));
        assert_eq!(stranger.post(&path, json!({})).await.0, StatusCode::CREATED, "{}", world.name);
        let (_, me) = stranger.get("/api/users/@me").await;
        assert_eq!(me["organizations"].as_array().unwrap().len(), 2);
        assert_eq!(me["team"]["id"], 1, "they land in the organization that invited them");
    }
}

#[tokio::test]
async fn invites_come_in_bulk_all_or_none() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let path = "/api/organizations/@current/invites";
        let many = |count: usize| Value::Array((0..count).map(|n| json!({"target_email": format!("p{n}@example.com")})).collect());
        assert_eq!(outcome(owner.post(&format!("{path}/bulk"), many(21)).await), refused(400, "max_length"));
        let bad = json!([{"target_email": "a@example.com"}, {"target_email": "nonsense"}]);
        assert_eq!(outcome(owner.post(&format!("{path}/bulk"), bad).await), refused(400, "invalid"));
        assert_eq!(owner.get(path).await.1["count"], 0, "{}", world.name);
        assert_eq!(owner.post(&format!("{path}/bulk"), many(20)).await.0, StatusCode::CREATED);
        let (_, list) = owner.get(&format!("{path}?limit=5")).await;
        assert_eq!((list["count"].as_u64(), list["results"].as_array().map(Vec::len)), (Some(20), Some(5)));
        assert!(list["next"].as_str().unwrap().starts_with("http://hog.test/api/organizations/"));
        let id = list["results"][0]["id"].as_str().unwrap();
        assert_eq!(owner.delete(&format!("{path}/{id}")).await.0, StatusCode::NO_CONTENT);
        assert_eq!(outcome(owner.delete(&format!("{path}/{id}")).await), refused(404, "not_found"));
    }
}

#[tokio::test]
async fn an_administrator_from_the_environment_is_made_once() {
    for world in World::each().await {
        let admin = |email: &str| FirstAdmin {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            project_token: Some("phc_fromtheenvironment".to_owned()),
            personal_api_key: Some("phx_fromtheenvironment".to_owned()),
        };
        let team = bootstrap_admin(&world.state, admin("root@example.com")).await.unwrap().unwrap();
        assert_eq!(bootstrap_admin(&world.state, admin("evil@example.com")).await.unwrap(), None, "{}", world.name);
        assert_eq!(world.state.teams.by_token("phc_fromtheenvironment").await.unwrap().unwrap().id, team);
        let client = crate::world::Client { app: world.app.clone(), key: "phx_fromtheenvironment".into() };
        assert_eq!(client.get("/api/users/@me").await.1["email"], "root@example.com");
        let mut browser = Browser::new(&world.app);
        let (status, _) = browser.post("/api/login", json!({"email": "root@example.com", "password": PASSWORD})).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(outcome(Browser::new(&world.app).post("/api/signup", person("x@example.com")).await), refused(403, "permission_denied"));
    }
}

#[tokio::test]
async fn a_bad_secret_from_the_environment_stops_the_start() {
    let world = World::one().await;
    let admin =
        FirstAdmin { email: "a@example.com".into(), password: PASSWORD.into(), project_token: Some("oops".into()), personal_api_key: None };
    let error = bootstrap_admin(&world.state, admin).await.unwrap_err().to_string();
    assert!(error.contains("HOGLET_PROJECT_TOKEN must begin with phc_"), "{error}");
}

#[tokio::test]
async fn a_demo_project_stands_beside_the_own_one() {
    for world in World::each().await {
        let mut owner = world.owner().await;
        let organization = accounts::first_organization(&world.state.db).await.unwrap().unwrap().id;
        let new = NewProject { organization, name: "Demo".into(), is_demo: true, api_token: None };
        accounts::create_project(&world.state, new).await.unwrap();
        let (_, list) = owner.get("/api/projects").await;
        let names: Vec<(&Value, &Value)> = list["results"].as_array().unwrap().iter().map(|one| (&one["name"], &one["is_demo"])).collect();
        assert_eq!(names, [(&json!("Default project"), &json!(false)), (&json!("Demo"), &json!(true))], "{}", world.name);
        assert_eq!(owner.get("/api/users/@me").await.1["team"]["name"], "Default project");
    }
}
