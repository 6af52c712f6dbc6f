//! A load generator that costs little: HTTP/1.1 over kept-alive sockets, prepared requests, no parsing beyond the status.

use anyhow::{Context, Result, bail};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Clone, Copy)]
pub enum Until {
    Time(Instant),
    Requests(u64),
}

/// Where the bytes of the n-th request come from.
pub trait Requests: Clone + Send + Sync + 'static {
    fn write(&self, number: u64, out: &mut Vec<u8>);
}

/// Sends requests over `connections` sockets at once and returns how many were answered 200.
pub async fn drive(address: &str, connections: usize, requests: &impl Requests, until: Until) -> Result<u64> {
    let (next, answered) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (address, requests, next, answered) = (address.to_owned(), requests.clone(), next.clone(), answered.clone());
        tasks.push(tokio::spawn(async move {
            let mut connection = Connection::open(&address).await?;
            let mut request = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                match until {
                    Until::Time(at) if Instant::now() >= at => return anyhow::Ok(()),
                    Until::Requests(limit) if number >= limit => return Ok(()),
                    _ => {}
                }
                request.clear();
                requests.write(number, &mut request);
                connection.send(&request).await?;
                answered.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(answered.load(Ordering::Relaxed))
}

/// One socket, for callers that keep a pace of their own.
pub struct Connection {
    socket: TcpStream,
    response: Vec<u8>,
}

impl Connection {
    pub async fn open(address: &str) -> Result<Connection> {
        let socket = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
        socket.set_nodelay(true)?;
        Ok(Connection { socket, response: vec![0; 16 << 10] })
    }

    /// The answer's status.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<u16> {
        self.socket.write_all(request).await?;
        read_status(&mut self.socket, &mut self.response).await
    }

    /// Until it is answered 200.
    pub async fn send(&mut self, request: &[u8]) -> Result<()> {
        loop {
            match self.exchange(request).await? {
                200 => return Ok(()),
                // The server asks for a pause; a real SDK waits and sends the same again.
                503 => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
                other => bail!("answered {other}"),
            }
        }
    }
}

async fn read_status(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<u16> {
    let mut filled = 0;
    loop {
        let read = socket.read(&mut buffer[filled..]).await?;
        if read == 0 {
            bail!("the server closed the connection");
        }
        filled += read;
        let Some(end) = find(&buffer[..filled], b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&buffer[..end]).context("response head")?;
        let length: usize = head
            .lines()
            .find_map(|line| {
                line.split_once(':')
                    .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                    .and_then(|(_, value)| value.trim().parse().ok())
            })
            .unwrap_or(0);
        let whole = end + 4 + length;
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).context("status line")?;
        if buffer.len() < whole {
            buffer.resize(whole, 0);
        }
        while filled < whole {
            let read = socket.read(&mut buffer[filled..]).await?;
            if read == 0 {
                bail!("the server closed the connection");
            }
            filled += read;
        }
        return Ok(status);
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
