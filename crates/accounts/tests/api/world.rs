//! A server without a network, and browsers and clients that talk to it.

use accounts::AccountsState;
use axum::Router;
use axum::body::Body;
use db::Db;
use http::{HeaderMap, Method, Request, StatusCode};
use mail::Mailer;
use model::{Clock, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use teams::Teams;
use tempfile::TempDir;

pub const NOW: Timestamp = Timestamp(1_763_600_000_000_000);
pub const PASSWORD: &str = "correct horse battery";

pub struct World {
    pub name: &'static str,
    pub state: AccountsState,
    pub app: Router,
    mail: TempDir,
}

impl World {
    /// One empty instance per database.
    pub async fn each() -> Vec<World> {
        let mut worlds = Vec::new();
        for (name, db) in Db::test_databases().await {
            worlds.push(World::on(name, db).await);
        }
        worlds
    }

    /// One empty instance, for rules that no database has a say in.
    pub async fn one() -> World {
        World::on("sqlite", Db::in_memory().await).await
    }

    async fn on(name: &'static str, db: Db) -> World {
        db.migrate(&[
            ("teams", teams::MIGRATIONS),
            ("people", people::MIGRATIONS),
            ("accounts", accounts::MIGRATIONS),
            ("activity", activity::MIGRATIONS),
        ])
        .await
        .unwrap();
        let mail = tempfile::tempdir().unwrap();
        let mailer = Mailer::file(mail.path().into(), "hoglet@example.com").unwrap();
        let state = AccountsState::new(db.clone(), Teams::new(db), mailer, Clock::Fixed(NOW), "http://hog.test", b"live secret");
        let app = build(&state);
        World { name, state, app, mail }
    }

    /// The same instance at another moment or with other settings.
    pub fn with(&self, change: impl FnOnce(&mut AccountsState)) -> Router {
        let mut state = self.state.clone();
        change(&mut state);
        build(&state)
    }

    /// Signs up the first user: owner and staff.
    pub async fn owner(&self) -> Browser {
        let mut browser = Browser::new(&self.app);
        let (status, body) = browser.post("/api/signup", person("owner@example.com")).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        browser
    }

    /// Invites and signs up another member.
    pub async fn member(&self, owner: &mut Browser, email: &str, level: u8) -> Browser {
        let invite = json!({"target_email": email, "level": level});
        let (status, body) = owner.post("/api/organizations/@current/invites", invite).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        let mut browser = Browser::new(&self.app);
        let path = format!("/api/signup/{}", body["id"].as_str().unwrap());
        let (status, body) = browser.post(&path, json!({"first_name": "Member", "password": PASSWORD})).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        browser
    }

    /// A user of another organization on the same instance.
    pub async fn stranger(&self) -> Browser {
        let mut browser = Browser::new(&self.with(|state| state.multi_org = true));
        let (status, body) = browser.post("/api/signup", person("stranger@example.com")).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        browser
    }

    /// Waits for the newest mail to this address and returns its text.
    pub async fn mail_to(&self, address: &str) -> String {
        for _ in 0..500 {
            let files = std::fs::read_dir(self.mail.path()).unwrap();
            let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap().replace("=\r\n", "").replace("=3D", "="));
            if let Some(text) = texts.filter(|text| text.contains(&format!("To: {address}"))).last() {
                return text;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("no mail to {address}");
    }

    pub fn mails(&self) -> usize {
        std::fs::read_dir(self.mail.path()).unwrap().count()
    }
}

fn build(state: &AccountsState) -> Router {
    web::fallbacks(state.authenticator().guard(accounts::routes(state.clone())))
}

pub fn person(email: &str) -> Value {
    json!({"first_name": "Ada", "email": email, "password": PASSWORD, "organization_name": "Hedgehogs"})
}

/// Keeps cookies, and sends the CSRF token and its own origin as our pages do.
pub struct Browser {
    pub app: Router,
    pub cookies: BTreeMap<String, String>,
    pub csrf: bool,
    pub origin: Option<&'static str>,
    pub last_headers: HeaderMap,
}

impl Browser {
    pub fn new(app: &Router) -> Browser {
        Browser { app: app.clone(), cookies: BTreeMap::new(), csrf: true, origin: Some("http://hog.test"), last_headers: HeaderMap::new() }
    }

    pub async fn call(&mut self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path).header("host", "hog.test").header("content-type", "application/json");
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", pairs.join("; "));
        }
        if let (true, Some(token)) = (self.csrf, self.cookies.get("csrftoken")) {
            request = request.header("x-csrftoken", token);
        }
        if let Some(origin) = self.origin {
            request = request.header("origin", origin);
        }
        let body = body.map_or_else(Body::empty, |json| Body::from(json.to_string()));
        let response = web::testing::send(&self.app, request.body(body).unwrap()).await;
        self.last_headers = response.headers().clone();
        for header in response.headers().get_all("set-cookie") {
            let (name, value) = header.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        web::testing::read(response).await
    }

    pub async fn get(&mut self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&mut self, path: &str, body: Value) -> (StatusCode, Value) {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn patch(&mut self, path: &str, body: Value) -> (StatusCode, Value) {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&mut self, path: &str) -> (StatusCode, Value) {
        self.call(Method::DELETE, path, None).await
    }

    /// Makes a personal key and returns a client that uses it.
    pub async fn key(&mut self, choice: Value) -> Client {
        let (status, body) = self.post("/api/personal_api_keys", choice).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        Client { app: self.app.clone(), key: body["value"].as_str().unwrap().to_owned() }
    }
}

/// A program with a key.
pub struct Client {
    pub app: Router,
    pub key: String,
}

impl Client {
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path).header("host", "hog.test");
        let request = request.header("authorization", format!("Bearer {}", self.key)).header("content-type", "application/json");
        let body = body.map_or_else(Body::empty, |json| Body::from(json.to_string()));
        web::testing::read(web::testing::send(&self.app, request.body(body).unwrap()).await).await
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, None).await
    }
}

/// Status and code, for comparisons in one line.
pub fn outcome((status, body): (StatusCode, Value)) -> (u16, String) {
    (status.as_u16(), body["code"].as_str().unwrap_or_default().to_owned())
}

pub fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
