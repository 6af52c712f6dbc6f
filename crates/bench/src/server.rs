//! Starts and stops the servers under test as separate processes.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

const PERSONAL_KEY: &str = "phx_bench_0123456789abcdefghijklmnop";

pub struct Server {
    child: Child,
    pub address: String,
    /// From starting the process to the first 200 of `/_ready`.
    pub start_ms: f64,
}

impl Server {
    pub async fn hoglet(binary: &Path, dir: &Path) -> Result<Server> {
        let address = free_address()?;
        let mut command = Command::new(binary);
        command
            .args(["serve", "--listen", &address, "--data-dir"])
            .arg(dir)
            .env("HOGLET_ADMIN_EMAIL", "bench@mail.example")
            .env("HOGLET_ADMIN_PASSWORD", "a-long-bench-password-1")
            .env("HOGLET_PROJECT_TOKEN", crate::payload::TOKEN)
            .env("HOGLET_PERSONAL_API_KEY", PERSONAL_KEY)
            .env("HOGLET_LOG", "warn");
        Server::start(command, address).await
    }

    pub async fn floor(file: &Path) -> Result<Server> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--hoglet", "none", "--floor", &address, "--floor-file"]).arg(file);
        Server::start(command, address).await
    }

    async fn start(mut command: Command, address: String) -> Result<Server> {
        let started = Instant::now();
        let child = command.stdin(Stdio::null()).kill_on_drop(true).spawn().context("starting the server")?;
        let mut server = Server { child, address, start_ms: 0.0 };
        loop {
            if let Ok((200, _)) = server.get("/_ready", false).await {
                server.start_ms = started.elapsed().as_secs_f64() * 1000.0;
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                bail!("the server ended with {status} before it was ready");
            }
            if started.elapsed() > Duration::from_secs(60) {
                bail!("the server was not ready within a minute");
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub async fn stop(mut self) -> Result<()> {
        let pid = self.child.id().context("the server has ended already")?;
        // SAFETY: a plain system call on our own child.
        unsafe { libc::kill(pid as i32, libc::SIGTERM) };
        self.child.wait().await?;
        Ok(())
    }

    pub async fn wait_until_ingested(&self) -> Result<()> {
        while self.lag().await?.0 > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Accepted events that are not queryable yet, and the age of the oldest in seconds.
    pub async fn lag(&self) -> Result<(u64, f64)> {
        let (status, body) = self.get("/api/projects/@current/ingestion/lag", true).await?;
        let lag: serde_json::Value = serde_json::from_slice(&body).with_context(|| format!("lag answered {status}"))?;
        lag["pending_events"].as_u64().zip(lag["oldest_seconds"].as_f64()).with_context(|| format!("lag answered {status}: {lag}"))
    }

    /// Status and body of a query's answer, computed anew.
    pub async fn query(&self, query: &serde_json::Value) -> Result<(u16, Vec<u8>)> {
        self.post("/api/projects/@current/query/", &serde_json::json!({"query": query, "refresh": "force_blocking"})).await
    }

    /// JSON in the name of the first administrator.
    pub async fn post(&self, path: &str, body: &serde_json::Value) -> Result<(u16, Vec<u8>)> {
        self.write("POST", path, body).await
    }

    pub async fn patch(&self, path: &str, body: &serde_json::Value) -> Result<(u16, Vec<u8>)> {
        self.write("PATCH", path, body).await
    }

    async fn write(&self, method: &str, path: &str, body: &serde_json::Value) -> Result<(u16, Vec<u8>)> {
        let body = body.to_string();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\nauthorization: Bearer {PERSONAL_KEY}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.exchange(&request).await
    }

    /// A request for a connection that is kept.
    pub fn signed_get(&self, path: &str, headers: &[(&str, &str)]) -> String {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {PERSONAL_KEY}\r\n{headers}\r\n")
    }

    pub async fn tag_of(&self, path: &str) -> Result<String> {
        let mut socket = TcpStream::connect(&self.address).await?;
        socket.write_all(self.signed_get(path, &[("connection", "close")]).as_bytes()).await?;
        let mut response = Vec::new();
        socket.read_to_end(&mut response).await?;
        let text = String::from_utf8_lossy(&response);
        let tag = text.lines().find_map(|line| line.strip_prefix("etag: "));
        Ok(tag.with_context(|| format!("{path} has no tag: {}", text.lines().next().unwrap_or_default()))?.to_owned())
    }

    /// Waits until it has next to nothing left to do in the background.
    pub async fn settle(&self) -> Result<()> {
        const LOOK_EVERY: Duration = Duration::from_secs(5);
        const AT_MOST: u32 = 60;
        for _ in 0..AT_MOST {
            let before = self.cpu_seconds()?;
            tokio::time::sleep(LOOK_EVERY).await;
            if self.cpu_seconds()? - before < 0.02 * LOOK_EVERY.as_secs_f64() {
                break;
            }
        }
        Ok(())
    }

    pub async fn count_events(&self) -> Result<u64> {
        let (status, body) = self.query(&serde_json::json!({"kind": "HogQLQuery", "query": "select count() from events"})).await?;
        let answer: serde_json::Value = serde_json::from_slice(&body).with_context(|| format!("query answered {status}"))?;
        answer["results"][0][0].as_u64().with_context(|| format!("query answered {status}: {answer}"))
    }

    pub fn resident_mb(&self) -> Result<u64> {
        self.memory_mb("VmRSS:")
    }

    /// Since it started.
    pub fn peak_mb(&self) -> Result<u64> {
        self.memory_mb("VmHWM:")
    }

    fn memory_mb(&self, field: &str) -> Result<u64> {
        let pid = self.child.id().context("the server has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find(|line| line.starts_with(field)).context("a line of memory")?;
        let kilobytes: u64 = line.split_whitespace().nth(1).context("a figure of memory")?.parse()?;
        Ok(kilobytes / 1024)
    }

    /// User and system time of all threads so far. Unlike a rate it says the same on a machine that is busy with other things.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let pid = self.child.id().context("the server has ended")?;
        cpu_seconds_of(&pid.to_string())
    }

    async fn get(&self, path: &str, signed: bool) -> Result<(u16, Vec<u8>)> {
        let authorization = if signed { format!("authorization: Bearer {PERSONAL_KEY}\r\n") } else { String::new() };
        self.exchange(&format!("GET {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n{authorization}\r\n")).await
    }

    async fn exchange(&self, request: &str) -> Result<(u16, Vec<u8>)> {
        let mut socket = TcpStream::connect(&self.address).await?;
        socket.write_all(request.as_bytes()).await?;
        let mut response = Vec::new();
        socket.read_to_end(&mut response).await?;
        let end = response.windows(4).position(|window| window == b"\r\n\r\n").context("response head")?;
        let status = std::str::from_utf8(&response[..end])?.split(' ').nth(1).and_then(|code| code.parse().ok()).context("status line")?;
        Ok((status, response.split_off(end + 4)))
    }
}

/// The same of this process, the load generator.
pub fn own_cpu_seconds() -> Result<f64> {
    cpu_seconds_of("self")
}

fn cpu_seconds_of(process: &str) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, after_name) = stat.rsplit_once(')').context("/proc/PID/stat")?;
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    // SAFETY: a plain system call.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    Ok(ticks as f64 / per_second as f64)
}

fn free_address() -> Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.to_string())
}

/// Bytes of all files below `dir`.
pub fn size_of(dir: &Path) -> Result<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let entry = entry?;
        let meta = entry.metadata()?;
        total += if meta.is_dir() { size_of(&entry.path())? } else { meta.len() };
    }
    Ok(total)
}
