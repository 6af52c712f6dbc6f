//! The real program as a child process, and what tests ask it.
#![allow(dead_code, reason = "each test file uses its part")]

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub const TOKEN: &str = "phc_crash";
pub const KEY: &str = "phx_crash_0123456789abcdefghijklmnop";

pub struct Server {
    child: Child,
    pub base: String,
}

impl Server {
    pub async fn start(dir: &Path, http: &reqwest::Client) -> Result<Server> {
        Server::start_with(Command::new(env!("CARGO_BIN_EXE_hoglet")), dir, http).await
    }

    /// `command` is the program, perhaps behind a wrapper that passes its arguments on.
    pub async fn start_with(mut command: Command, dir: &Path, http: &reqwest::Client) -> Result<Server> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = command
            .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data-dir"])
            .arg(dir)
            .env("HOGLET_ADMIN_EMAIL", "crash@mail.example")
            .env("HOGLET_ADMIN_PASSWORD", "a-long-crash-password-1")
            .env("HOGLET_PROJECT_TOKEN", TOKEN)
            .env("HOGLET_PERSONAL_API_KEY", KEY)
            .env("HOGLET_LOG", "warn")
            .stdin(Stdio::null())
            .spawn()
            .context("starting hoglet")?;
        let mut server = Server { child, base: format!("http://127.0.0.1:{port}") };
        let started = Instant::now();
        loop {
            if let Ok(answer) = http.get(format!("{}/_ready", server.base)).send().await
                && answer.status() == 200
            {
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                bail!("hoglet ended with {status} instead of starting");
            }
            ensure!(started.elapsed() < Duration::from_secs(60), "hoglet was not ready within a minute");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn settle(&self, http: &reqwest::Client) -> Result<()> {
        let started = Instant::now();
        loop {
            let lag: Value =
                http.get(format!("{}/api/projects/@current/ingestion/lag", self.base)).bearer_auth(KEY).send().await?.json().await?;
            if lag["pending_events"] == json!(0) {
                return Ok(());
            }
            ensure!(started.elapsed() < Duration::from_secs(60), "events are still pending after a minute: {lag}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn rows(&self, http: &reqwest::Client, query: &str) -> Result<Vec<Vec<Value>>> {
        let body = json!({"query": {"kind": "HogQLQuery", "query": query}, "refresh": "force_blocking"});
        let answer = http.post(format!("{}/api/projects/@current/query", self.base)).bearer_auth(KEY).json(&body).send().await?;
        let (status, answer) = (answer.status(), answer.json::<Value>().await?);
        ensure!(status == 200, "the query answered {status}: {answer}");
        Ok(serde_json::from_value(answer["results"].clone())?)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ids of the events that a round stored, read in pages.
    pub async fn ids_of_round(&self, http: &reqwest::Client, round: usize) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        loop {
            let query = format!(
                "select toString(uuid) as id from events where event = 'crash' and properties.round = '{round}' order by id limit 50000 offset {}",
                ids.len()
            );
            let page = self.rows(http, &query).await?;
            let last = page.len() < 50_000;
            ids.extend(page.into_iter().filter_map(|row| row[0].as_str().map(str::to_owned)));
            if last {
                return Ok(ids);
            }
        }
    }

    /// SIGKILL: the process gets no chance to tidy up.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
