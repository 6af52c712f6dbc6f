//! A disk that fills up under load: capture answers 503, nothing acknowledged is lost, and work goes on without a restart once
//! there is room again.

mod server;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use server::{Server, TOKEN};
use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const DISK_MB: usize = 96;
const BALLAST_MB: usize = 48;

/// A wrapper that gives the program a small disk of its own at `dir`, in a mount namespace, so that no privileges are needed.
fn on_small_disk(scratch: &Path, dir: &Path) -> Result<Command> {
    let script = scratch.join("on-small-disk.sh");
    let text = format!(
        "#!/bin/sh\nset -e\nmount -t tmpfs -o size={DISK_MB}m tmpfs '{dir}'\nhead -c {BALLAST_MB}M /dev/zero > '{dir}/ballast'\nexec '{hoglet}' \"$@\"\n",
        dir = dir.display(),
        hoglet = env!("CARGO_BIN_EXE_hoglet")
    );
    std::fs::write(&script, text)?;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))?;
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount"]).arg(script);
    Ok(command)
}

/// Sends one batch and returns the status with the `Retry-After` header. Acknowledged ids are remembered.
async fn send(server: &Server, http: &reqwest::Client, acknowledged: &mut HashSet<String>) -> Result<(u16, Option<String>)> {
    let ids: Vec<String> = (0..50).map(|_| uuid::Uuid::new_v4().to_string()).collect();
    let filler = "x".repeat(4000);
    let events: Vec<Value> = ids
        .iter()
        .map(|id| json!({"event": "crash", "uuid": id, "distinct_id": "u", "properties": {"round": 1, "filler": format!("{id}{filler}")}}))
        .collect();
    let answer = http.post(format!("{}/batch/", server.base)).json(&json!({"api_key": TOKEN, "batch": events})).send().await?;
    let status = answer.status().as_u16();
    if status == 200 {
        acknowledged.extend(ids);
    }
    let pause = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
    Ok((status, pause))
}

#[tokio::test]
async fn a_full_disk_is_answered_with_503_and_recovers_without_a_restart() -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let dir = scratch.path().join("data");
    std::fs::create_dir(&dir)?;
    let http = reqwest::Client::new();
    let server =
        Server::start_with(on_small_disk(scratch.path(), &dir)?, &dir, &http).await.context("is `unshare` (util-linux) allowed here?")?;
    let mut acknowledged = HashSet::new();
    let started = Instant::now();
    let pause = loop {
        ensure!(started.elapsed() < Duration::from_secs(120), "{DISK_MB} MB were never full; {} events were taken", acknowledged.len());
        let (status, pause) = send(&server, &http, &mut acknowledged).await?;
        match status {
            200 => {}
            503 => break pause,
            other => anyhow::bail!("a full disk was answered with {other}"),
        }
    };
    ensure!(pause.is_some(), "503 came without Retry-After");
    ensure!(!acknowledged.is_empty(), "nothing was ever acknowledged");
    let health = http.get(format!("{}/_livez", server.base)).send().await?;
    ensure!(health.status() == 200, "the server is not alive on a full disk");

    std::fs::remove_file(inside(&server, &dir).join("ballast")).context("making room")?;
    let started = Instant::now();
    loop {
        let (status, _) = send(&server, &http, &mut acknowledged).await?;
        if status == 200 {
            break;
        }
        ensure!(started.elapsed() < Duration::from_secs(60), "there is room again, but capture still answers {status}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    server.settle(&http).await?;
    let stored = server.ids_of_round(&http, 1).await?;
    let unique: HashSet<&String> = stored.iter().collect();
    ensure!(unique.len() == stored.len(), "{} events are stored twice", stored.len() - unique.len());
    let lost = acknowledged.iter().filter(|id| !unique.contains(id)).count();
    ensure!(lost == 0, "{lost} of {} acknowledged events are lost", acknowledged.len());
    Ok(())
}

/// The server's own view of a path: its disk is mounted for it alone.
fn inside(server: &Server, dir: &Path) -> PathBuf {
    PathBuf::from(format!("/proc/{}/root{}", server.pid(), dir.display()))
}
