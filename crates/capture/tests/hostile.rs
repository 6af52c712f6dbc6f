//! Bombs, rubbish and slow senders: the right status, bounded memory, and a server that goes on.

mod served;

use axum::body::Body;
use bytes::Bytes;
use capture::CaptureConfig;
use http::{Request, StatusCode};
use proptest::prelude::*;
use served::*;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt;

const ONE: &str = r#"{"api_key":"phc_test","event":"a","distinct_id":"u1"}"#;
const PATHS: [&str; 8] = ["/e", "/capture", "/track", "/engage", "/batch", "/i/v0/e", "/i/v0/ai/batch", "/s"];

async fn still_works(served: &Served) {
    assert_eq!(served.send(post("/e/", ONE)).await.status, StatusCode::OK, "the server goes on");
    assert_eq!(served.capture.memory_in_use(), 0, "all memory was given back");
}

/// Every code is the phrase that is just being defined, so each adds one more character than the one before.
fn lz_bomb(codes: u32) -> String {
    let mut bits: Vec<u8> = Vec::new();
    let mut push = |value: u32, count: u32| bits.extend((0..count).map(|index| (value >> index & 1) as u8));
    push(0, 2);
    push(u32::from(b'0'), 8);
    let (mut width, mut room) = (3, 4);
    for code in 0..codes {
        push(code + 4, width);
        room -= 1;
        if room == 0 {
            room = 1 << width;
            width += 1;
        }
    }
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sextets = bits.chunks(6).map(|chunk| chunk.iter().fold(0, |value, bit| value << 1 | bit) << (6 - chunk.len()));
    sextets.map(|sextet| char::from(alphabet[sextet as usize])).collect()
}

#[tokio::test]
async fn bombs_are_stopped_on_every_path_and_in_every_compression() {
    let zeroes = vec![b'0'; 120 << 20];
    let lz = lz_bomb(20_000);
    let gzipped = gzip(&zeroes);
    let bombs = [
        ("gzip", post("", gzipped.clone())),
        ("gzip in base64", post("", base64(&gzipped))),
        ("gzip in base64 in a form", form("", format!("data={}", escape(base64(&gzipped))))),
        ("LZ-String", form("", format!("data={}&compression=lz64", escape(lz)))),
    ];
    let served = Served::new();
    for path in PATHS {
        for (name, bomb) in &bombs {
            let answer = served.send(Call { uri: path.to_owned(), ..bomb.clone() }).await;
            assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "case 41: {name} to {path}: {}", answer.body);
            assert!(answer.body.starts_with("maximum event size exceeded: Decompressed payload would exceed"), "{}", answer.body);
        }
    }
    let nested = gzip(gzip(&gzipped));
    assert_eq!(served.send(post("/e", nested)).await.status, StatusCode::BAD_REQUEST, "gzip is unpacked once");
    still_works(&served).await;
}

#[tokio::test]
async fn multipart_and_trace_bombs_are_stopped() {
    let served = Served::new();
    let bomb = gzip(vec![b'0'; 120 << 20]);
    for path in ["/i/v0/ai", "/i/v0/ai/otel"] {
        let call = post(path, bomb.clone()).header("authorization", "Bearer phc_test").header("content-encoding", "gzip");
        assert_eq!(served.send(call).await.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
    still_works(&served).await;
}

#[tokio::test]
async fn hostile_json_is_stored_faithfully_or_refused() {
    let served = Served::new();
    let with = |value: &str| event(&format!(r#""distinct_id":"u","properties":{{"x":{value}}}"#));
    for value in ["1e400", "-1e-400", &"9".repeat(300), r#""\u0000""#, r#"{"a":1,"a":2}"#] {
        let stored = served.store_one(with(value)).await;
        assert_eq!(stored.properties, format!(r#"{{"x":{value}}}"#));
    }
    for value in ["NaN", "Infinity", "-Infinity", "01", "+1", "'x'", "undefined", "\"\\x\"", "\"\u{1}\"", "[1,]"] {
        let answer = served.send(with(value)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{value}");
        assert!(answer.body.starts_with("failed to parse request: "), "{value}: {}", answer.body);
    }
    let deep = with(&("[".repeat(100_000) + &"]".repeat(100_000)));
    let answer = served.send(deep).await;
    assert!(answer.body.starts_with("failed to parse request: recursion limit exceeded"), "{}", answer.body);
    assert_eq!(served.send(post("/e", "[".repeat(1_000_000))).await.status, StatusCode::BAD_REQUEST);
    let marked = served.store_one(post("/e", format!("\u{feff}{ONE}"))).await;
    assert_eq!(marked.event, "a", "a byte order mark is skipped");
    still_works(&served).await;
}

#[tokio::test]
async fn millions_of_keys_or_events_cost_no_more_than_their_text() {
    let served = Served::new();
    let keys: String = (0..1_500_000).map(|number| format!("\"k{number}\":1,")).collect();
    let stored = served.store_one(event(&format!(r#""distinct_id":"u","properties":{{{keys}"z":1}}"#))).await;
    assert_eq!(stored.properties.len(), keys.len() + 7);
    let events = format!("[{}]", vec![r#"{"event":"a","api_key":"t","distinct_id":"u"}"#; 100_001].join(","));
    let answer = served.send(post("/e", events)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.body.as_str()),
        (413, "maximum event size exceeded: a request may hold at most 100000 events")
    );
    let ids = served.send(event(&format!(r#""distinct_id":[{}1]"#, "1,".repeat(5_000_000)))).await;
    assert_eq!(ids.status, StatusCode::OK);
    still_works(&served).await;
}

#[tokio::test]
async fn a_body_cut_anywhere_never_stores_half() {
    let served = Served::new();
    let batch =
        r#"{"api_key":"phc_test","batch":[{"event":"a","distinct_id":"u","properties":{"x":"é\n"}},{"event":"b","distinct_id":"v"}]}"#;
    for length in 1..batch.len() {
        let answer = served.send(post("/batch", &batch.as_bytes()[..length])).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "cut to {length}: {}", answer.body);
    }
    let packed = gzip(batch);
    for length in 1..packed.len() {
        let answer = served.send(post("/batch", &packed[..length])).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "gzip cut to {length}: {}", answer.body);
    }
    assert!(served.stored().await.is_empty());
    still_works(&served).await;
}

#[tokio::test]
async fn when_memory_is_spoken_for_clients_are_told_to_retry() {
    let served = Served::with(CaptureConfig { memory_bytes: 1 << 20, ..CaptureConfig::default() });
    let large = event(&format!(r#""distinct_id":"u","properties":{{"x":"{}"}}"#, "x".repeat(2 << 20)));
    let answer = served.send(large).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, Some("1")));
    still_works(&served).await;
}

#[tokio::test]
async fn a_sender_that_stalls_is_let_go() {
    let served = Served::with(CaptureConfig { body_patience: Duration::from_millis(50), ..CaptureConfig::default() });
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    sender.send(Ok(Bytes::from_static(b"{\"event\""))).await.unwrap();
    let body = Body::from_stream(tokio_stream_of(receiver));
    let response = served.router.clone().oneshot(Request::post("/e").body(body).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    drop(sender);
    still_works(&served).await;
}

fn tokio_stream_of(
    mut receiver: tokio::sync::mpsc::Receiver<Result<Bytes, std::io::Error>>,
) -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    futures::stream::poll_fn(move |context| receiver.poll_recv(context))
}

/// Reads one answer with a `content-length` from a raw connection.
async fn read_answer(connection: &mut tokio::net::TcpStream) -> String {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&seen).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .to_lowercase()
                .split("content-length: ")
                .nth(1)
                .map(|rest| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        let read = connection.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the connection was closed after {text:?}");
        seen.extend_from_slice(&buffer[..read]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oversize_body_gets_its_answer_and_the_connection_lives_on() {
    let served = Served::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = served.router.clone();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let size = (20 << 20) + 1024;
    let large = vec![b'x'; size];
    for path in PATHS {
        let limit = if path == "/s" { 25 << 20 } else { 20 << 20 };
        let large = if path == "/s" { vec![b'x'; limit + 1024] } else { large.clone() };
        let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", large.len());
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(&large).await.unwrap();
        let answer = read_answer(&mut connection).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "case 39: {path}: {answer}");
        assert!(
            answer.ends_with(&format!("maximum event size exceeded: Request body exceeds limit of {limit} bytes")),
            "case 39: {path}: {answer}"
        );
        let next = format!("POST /e HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{ONE}", ONE.len());
        connection.write_all(next.as_bytes()).await.unwrap();
        let answer = read_answer(&mut connection).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "case 39: {path}: {answer}");
    }
    server.abort();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn arbitrary_requests_are_always_answered() {
    let runtime = runtime();
    let served = runtime.block_on(async { Served::new() });
    let content_types = [
        "application/json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/csp-report",
        "application/reports+json",
        "application/x-protobuf",
        "multipart/form-data; boundary=B",
    ];
    let paths =
        ["/e", "/s", "/batch", "/engage/", "/i/v0/ai", "/i/v0/ai/otel", "/report?token=t", "/i/v1/analytics/events", "/test/black_hole"];
    let body = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        r#"[\[\]{}",:eventokn0-9\\ ]{0,150}"#.prop_map(String::into_bytes),
        r#"(--B\r\n|name="event"|Content-Disposition: form-data; |\r\n\r\n|\{"event":"\$ai_x"\}|--B--){0,12}"#.prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..100).prop_map(gzip),
    ];
    proptest!(ProptestConfig::with_cases(600), |(path in 0..paths.len(), kind in 0..content_types.len(), query in "[a-z=&%0-9_]{0,20}", body in body)| {
        let separator = if paths[path].contains('?') { '&' } else { '?' };
        let call = post(format!("{}{separator}{query}", paths[path].trim_end_matches('/')), body)
            .header("content-type", content_types[kind])
            .header("authorization", "Bearer phc_test");
        let answer = runtime.block_on(served.send(call));
        prop_assert!(answer.status.as_u16() < 500, "{}: {}", answer.status, answer.body);
    });
    runtime.block_on(still_works(&served));
}
