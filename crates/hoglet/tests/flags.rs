//! Flags in the real program: what its jobs do by themselves, and the command line.

mod server;

use anyhow::{Result, ensure};
use model::Clock;
use serde_json::{Value, json};
use server::{KEY, Server, TOKEN};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const FLAGS: &str = "api/projects/@current/feature_flags";

struct World {
    server: Server,
    http: reqwest::Client,
    dir: tempfile::TempDir,
}

impl World {
    async fn start() -> Result<World> {
        let (dir, http) = (tempfile::tempdir()?, reqwest::Client::new());
        let server = Server::start(&dir.path().join("data"), &http).await?;
        Ok(World { server, http, dir })
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        let answer = self.http.post(format!("{}/{path}/", self.server.base)).bearer_auth(KEY).json(&body).send().await?;
        let (status, body) = (answer.status(), answer.json::<Value>().await?);
        ensure!(status.is_success(), "{path} answered {status}: {body}");
        Ok(body)
    }

    /// The flag, as soon as it is as wanted.
    async fn flag_when(&self, key: &str, is_as_wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let started = Instant::now();
        loop {
            let answer = self.http.get(format!("{}/{FLAGS}/{key}/", self.server.base)).bearer_auth(KEY).send().await?;
            let flag: Value = answer.json().await?;
            if is_as_wanted(&flag) {
                return Ok(flag);
            }
            ensure!(started.elapsed() < Duration::from_secs(30), "still not as wanted: {flag}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn hoglet(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hoglet"));
        let output = command.arg("flags").args(arguments).args(["--host", &self.server.base, "--personal-api-key", KEY]).output()?;
        Ok(output)
    }
}

#[tokio::test]
async fn flags_change_on_schedule_and_remember_when_they_were_called() -> Result<()> {
    let world = World::start().await?;
    let flag = world.post(FLAGS, json!({"key": "beta"})).await?;
    let payload = json!({"operation": "update_status", "value": false});
    let at = Clock::System.now().plus_seconds(2);
    let change = json!({"record_id": flag["id"], "model_name": "FeatureFlag", "payload": payload, "scheduled_at": at});
    world.post("api/projects/@current/scheduled_changes", change).await?;
    let event = json!({"api_key": TOKEN, "event": "$feature_flag_called", "distinct_id": "u", "properties": {"$feature_flag": "beta"}});
    world.post("i/v0/e", event).await?;
    let off = world.flag_when("beta", |flag| flag["active"] == false).await?;
    ensure!(off["version"] == 2, "one change: {off}");
    world.flag_when("beta", |flag| flag["last_called_at"].is_string()).await?;
    let asked: Value = world.post("flags", json!({"token": TOKEN, "distinct_id": "u"})).await?;
    ensure!(asked["flags"] == json!({}), "a flag that is off is not answered: {asked}");
    Ok(())
}

#[tokio::test]
async fn flags_are_kept_in_a_file_by_the_command_line() -> Result<()> {
    let world = World::start().await?;
    world.post(FLAGS, json!({"key": "beta", "name": "Old"})).await?;
    let file = world.dir.path().join("flags.json");
    let path = file.to_string_lossy().into_owned();
    ensure!(world.hoglet(&["export", &path])?.status.success());
    let text = std::fs::read_to_string(&file)?;
    std::fs::write(&file, text.replace("\"Old\"", "\"New\""))?;
    let tried = world.hoglet(&["import", "--dry-run", &path])?;
    let told = String::from_utf8(tried.stdout)?;
    ensure!(told == "~ beta: name\n0 would be created, 1 would be changed, 0 stay as they are.\n", "{told}");
    world.flag_when("beta", |flag| flag["name"] == "Old").await?;
    ensure!(world.hoglet(&["import", &path])?.status.success());
    world.flag_when("beta", |flag| flag["name"] == "New").await?;
    std::fs::write(&file, json!({"flags": [{"key": "not a key"}]}).to_string())?;
    let refused = world.hoglet(&["import", &path])?;
    ensure!(!refused.status.success() && String::from_utf8(refused.stdout)?.starts_with("! not a key: A key consists of"));
    Ok(())
}
