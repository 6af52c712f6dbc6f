//! Capture as a server runs it: the real router over a real log in a temporary folder, at a fixed time.
#![allow(dead_code, reason = "each test file uses its own part")]

use axum::Router;
use axum::body::{Body, to_bytes};
use capture::{Capture, CaptureConfig};
use http::{HeaderMap, Method, Request, StatusCode};
use model::{CapturedEvent, Clock, Timestamp};
use queue::disk::{Disk, Faults};
use queue::{Log, LogConfig, Offset, Queue, Topic};
use serde_json::Value;
use std::io::Write;
use std::sync::Arc;
use tempfile::TempDir;
use tower::ServiceExt;

pub const NOW: &str = "2025-01-01T12:00:00Z";
pub const TOKEN: &str = "phc_test";

pub fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

pub struct Served {
    pub capture: Arc<Capture>,
    pub log: Arc<Log>,
    pub faults: Arc<Faults>,
    pub router: Router,
    _dir: TempDir,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Served {
    pub fn new() -> Self {
        Served::with(CaptureConfig::default())
    }

    pub fn with(config: CaptureConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::Fixed(at(NOW));
        let faults = Faults::none();
        let log_config = LogConfig { clock, disk: Disk::with_faults(faults.clone()), ..LogConfig::default() };
        let log = Arc::new(Log::open(dir.path(), log_config).unwrap());
        let capture = Capture::new(log.clone(), clock, config);
        let router = capture::routes(capture.clone());
        Served { capture, log, faults, router, _dir: dir }
    }

    pub async fn send(&self, call: Call) -> Answer {
        let mut request = Request::builder().method(call.method).uri(&call.uri);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(call.body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    pub async fn stored(&self) -> Vec<CapturedEvent<'static>> {
        self.stored_in(Topic::Events).await
    }

    pub async fn stored_in(&self, topic: Topic) -> Vec<CapturedEvent<'static>> {
        let end = self.log.end(topic);
        let (mut next, mut events) = (Offset(0), Vec::new());
        while next < end {
            let batch = self.log.read(topic, next, 1 << 20).await.unwrap();
            next = batch.next();
            events.extend(batch.records.iter().map(|record| CapturedEvent::decode(record).unwrap().into_owned()));
        }
        events
    }

    /// Sends one request that must succeed and returns the only event stored.
    pub async fn store_one(&self, call: Call) -> CapturedEvent<'static> {
        let before = self.stored().await.len();
        let answer = self.send(call).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let mut stored = self.stored().await.split_off(before);
        assert_eq!(stored.len(), 1);
        stored.remove(0)
    }
}

/// A request to be.
#[derive(Clone)]
pub struct Call {
    pub method: Method,
    pub uri: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

pub fn call(method: Method, uri: impl Into<String>) -> Call {
    Call { method, uri: uri.into(), headers: Vec::new(), body: Vec::new() }
}

pub fn post(uri: impl Into<String>, body: impl Into<Vec<u8>>) -> Call {
    call(Method::POST, uri).header("content-type", "application/json").body(body)
}

pub fn get(uri: impl Into<String>) -> Call {
    call(Method::GET, uri)
}

/// A form, as `sendBeacon` and curl send it.
pub fn form(uri: impl Into<String>, body: impl Into<Vec<u8>>) -> Call {
    call(Method::POST, uri).header("content-type", "application/x-www-form-urlencoded").body(body)
}

/// One event with `fields` (JSON members) to `/e/`.
pub fn event(fields: &str) -> Call {
    post("/e/", format!(r#"{{"api_key":"phc_test","event":"a",{fields}}}"#))
}

impl Call {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

pub fn gzip(plain: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain.as_ref()).unwrap();
    encoder.finish().unwrap()
}

pub fn zlib(plain: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain.as_ref()).unwrap();
    encoder.finish().unwrap()
}

pub fn brotli(plain: impl AsRef<[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    brotli::CompressorWriter::new(&mut out, 4096, 4, 20).write_all(plain.as_ref()).unwrap();
    out
}

pub fn zstd(plain: impl AsRef<[u8]>) -> Vec<u8> {
    zstd::encode_all(plain.as_ref(), 3).unwrap()
}

pub fn base64(plain: impl AsRef<[u8]>) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(plain)
}

pub fn escape(text: impl AsRef<[u8]>) -> String {
    url::form_urlencoded::byte_serialize(text.as_ref()).collect()
}

/// A stored event's properties.
pub fn properties(event: &CapturedEvent<'_>) -> Value {
    serde_json::from_str(&event.properties).unwrap()
}

/// `(event, distinct_id)` of each.
pub fn names(events: &[CapturedEvent<'_>]) -> Vec<(String, String)> {
    events.iter().map(|event| (event.event.to_string(), event.distinct_id.to_string())).collect()
}
