//! The least a durable server can do: take a body, write it, sync, answer. Concurrent requests share one sync.

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::routing::{get, post};
use bytes::Bytes;
use std::io::Write;
use std::path::Path;
use tokio::sync::{mpsc, oneshot};

type Job = (Bytes, oneshot::Sender<()>);

pub async fn serve(listen: &str, file: &Path) -> Result<()> {
    let mut log = std::fs::File::create(file)?;
    let (jobs, mut inbox) = mpsc::channel::<Job>(10_000);
    std::thread::spawn(move || -> Result<()> {
        while let Some(first) = inbox.blocking_recv() {
            let mut group = vec![first];
            while let Ok(job) = inbox.try_recv() {
                group.push(job);
            }
            let bytes: Vec<u8> = group.iter().flat_map(|(body, _)| body.iter().copied()).collect();
            log.write_all(&bytes)?;
            log.sync_data()?;
            for (_, done) in group {
                let _ = done.send(());
            }
        }
        Ok(())
    });
    let app = Router::new().route("/_ready", get(|| async { "ok" })).route("/batch/", post(take)).with_state(jobs);
    let listener = tokio::net::TcpListener::bind(listen).await?;
    axum::serve(listener, app).await?;
    Ok(())
}

async fn take(State(jobs): State<mpsc::Sender<Job>>, body: Bytes) -> ([(header::HeaderName, &'static str); 1], &'static str) {
    let (done, wait) = oneshot::channel();
    if jobs.send((body, done)).await.is_ok() {
        let _ = wait.await;
    }
    ([(header::CONTENT_TYPE, "application/json")], "{\"status\":\"Ok\"}")
}
