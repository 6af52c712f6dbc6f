//! `/i/v0/ai/otel`: OpenTelemetry traces of model calls, as protobuf or JSON, become `$ai_` events.

use super::ai::bearer_token;
use super::v0::{not_stored, read_body, refused, status_class};
use crate::Capture;
use crate::client_address::client_address;
use crate::dates;
use crate::decompress::{Format, decompress};
use crate::event::{Encoder, new_uuid};
use crate::http_edge::{JSON, Methods, answer, method_not_allowed, preflight, text, with_cors};
use crate::outcomes::{Example, Reason};
use crate::payload;
use crate::protobuf::{self, Field, Wire};
use crate::refusal::Refusal;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::request::Parts;
use http::{Method, StatusCode, header};
use model::captured::CapturedFlags;
use model::{CapturedEvent, Timestamp};
use queue::Topic;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::sync::Arc;

const PATH: &str = "/i/v0/ai/otel";
const MAX_BODY: usize = 4 << 20;
const MAX_SPANS: usize = 1000;
const MAX_AI_SPANS: usize = 100;
const MAX_DEPTH: usize = 16;

pub async fn serve(capture: Arc<Capture>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if parts.method == Method::OPTIONS {
        return preflight(Methods::Post, &parts.headers);
    }
    if !Methods::Post.permit(&parts.method) {
        return method_not_allowed(Methods::Post, &parts.headers);
    }
    let mut token = String::new();
    let response = match handle(&capture, &parts, body, &mut token).await {
        Ok(None) => answer(StatusCode::OK, JSON, "{}"),
        // Final on purpose: exporters would send it again and again.
        Ok(Some(Reason::Quota)) => answer(StatusCode::BAD_REQUEST, JSON, r#"{"error":"quota exceeded"}"#),
        Ok(Some(_)) => answer(StatusCode::OK, JSON, "{}"),
        Err(refusal) => {
            let user_agent = text(&parts.headers, &header::USER_AGENT).unwrap_or_default().to_owned();
            let example = Example { path: PATH.to_owned(), detail: refusal.to_string(), user_agent, event: String::new() };
            capture.outcomes.refused(&token, refusal.reason(), 1, example);
            refused(&refusal)
        }
    };
    metrics::counter!("capture_requests_total", "path" => PATH, "status" => status_class(response.status())).increment(1);
    with_cors(response, &parts.headers)
}

async fn handle(capture: &Arc<Capture>, parts: &Parts, body: Body, token: &mut String) -> Result<Option<Reason>, Refusal> {
    *token = bearer_token(&parts.headers)?;
    let mut grant = capture.budget.grant();
    let mut body = read_body(capture, parts, body, MAX_BODY, &mut grant).await?;
    if body.is_empty() {
        return Err(Refusal::NoPayload);
    }
    if text(&parts.headers, &header::CONTENT_ENCODING).is_some_and(|encoding| encoding.eq_ignore_ascii_case("gzip")) {
        body = decompress(Format::Gzip, &body, MAX_BODY, &mut grant).map_err(|error| payload::refuse(error, "invalid GZIP data"))?;
    }
    let content_type = text(&parts.headers, &header::CONTENT_TYPE).unwrap_or_default();
    let spans = decode_traces(content_type, &body)?;
    let spans: Vec<Span> = spans.into_iter().filter(Span::is_ai).collect();
    if spans.len() > MAX_AI_SPANS {
        return Err(Refusal::Invalid(format!("a request may hold at most {MAX_AI_SPANS} AI spans")));
    }
    if spans.is_empty() {
        return Ok(None);
    }
    let count = spans.len() as u64;
    if capture.config.quota.drops_event(token, "$ai_span", false) {
        let example = Example { path: PATH.to_owned(), ..Example::default() };
        capture.outcomes.refused(token, Reason::Quota, count, example);
        return Ok(Some(Reason::Quota));
    }
    let now = capture.clock.now();
    let ip = client_address(&capture.config.trusted_proxies, &parts.extensions, &parts.headers);
    let fallback = new_uuid(now).to_string();
    let mut encoder = Encoder::new();
    for span in &spans {
        let properties = Value::Object(span.properties()).to_string();
        encoder.push(&span.capture(token, &fallback, &properties, now, &ip));
    }
    capture.queue.append(Topic::Events, encoder.finish()).await.map_err(|error| not_stored(&error))?;
    capture.outcomes.accepted(token, count);
    Ok(None)
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    /// Hexadecimal.
    trace_id: String,
    span_id: String,
    parent_id: String,
    name: String,
    start_ns: u64,
    end_ns: u64,
    is_error: bool,
    error: String,
    attributes: Map<String, Value>,
    resource: Arc<Map<String, Value>>,
}

impl Span {
    fn is_ai(&self) -> bool {
        const PREFIXES: [&str; 5] = ["gen_ai.", "llm.", "ai.", "traceloop.", "openinference."];
        self.attributes.keys().any(|name| PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
    }

    fn attribute(&self, name: &str) -> Option<&Value> {
        self.attributes.get(name).or_else(|| self.resource.get(name))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.attribute(name).and_then(Value::as_str)
    }

    fn event_name(&self) -> &'static str {
        const EMBEDDING_OPERATIONS: [&str; 2] = ["ai.embed.doEmbed", "ai.embedMany.doEmbed"];
        match self.text("gen_ai.operation.name") {
            Some("chat") => return "$ai_generation",
            Some("embeddings") => return "$ai_embedding",
            _ => {}
        }
        match self.text("llm.request.type") {
            Some("chat" | "completion") => return "$ai_generation",
            Some("embedding" | "embeddings") => return "$ai_embedding",
            _ => {}
        }
        match self.text("ai.operationId") {
            Some(operation) if EMBEDDING_OPERATIONS.contains(&operation) => "$ai_embedding",
            Some(operation) if operation.ends_with(".doGenerate") || operation.ends_with(".doStream") => "$ai_generation",
            _ => "$ai_span",
        }
    }

    fn distinct_id(&self) -> Option<&str> {
        const NAMES: [&str; 5] = ["posthog.distinct_id", "posthog_distinct_id", "distinct_id", "user.id", "enduser.id"];
        NAMES.iter().find_map(|name| self.text(name)).filter(|id| !id.trim().is_empty())
    }

    /// All attributes under their own names, and the ones that the product shows under its names.
    fn properties(&self) -> Map<String, Value> {
        const NAMED: [(&str, &[&str]); 8] = [
            ("$ai_model", &["gen_ai.response.model", "gen_ai.request.model", "ai.model.id", "llm.model_name"]),
            ("$ai_provider", &["gen_ai.provider.name", "gen_ai.system", "ai.model.provider"]),
            ("$ai_input_tokens", &["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "ai.usage.promptTokens"]),
            ("$ai_output_tokens", &["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "ai.usage.completionTokens"]),
            ("$ai_input", &["gen_ai.input.messages", "gen_ai.prompt", "ai.prompt.messages", "ai.prompt"]),
            ("$ai_output_choices", &["gen_ai.output.messages", "gen_ai.completion", "ai.response.text"]),
            ("$ai_temperature", &["gen_ai.request.temperature", "ai.settings.temperature"]),
            ("$ai_session_id", &["gen_ai.conversation.id", "session.id"]),
        ];
        let mut properties = (*self.resource).clone();
        properties.extend(self.attributes.clone());
        for (property, sources) in NAMED {
            if let Some(value) = sources.iter().find_map(|source| self.attributes.get(*source)) {
                properties.insert(property.to_owned(), value.clone());
            }
        }
        let ids = [
            ("$ai_trace_id", &self.trace_id),
            ("$ai_span_id", &self.span_id),
            ("$ai_parent_id", &self.parent_id),
            ("$ai_span_name", &self.name),
        ];
        properties.extend(ids.into_iter().filter(|(_, id)| !id.is_empty()).map(|(name, id)| (name.to_owned(), id.as_str().into())));
        if self.end_ns >= self.start_ns && self.start_ns > 0 {
            properties.insert("$ai_latency".to_owned(), json!((self.end_ns - self.start_ns) as f64 / 1e9));
        }
        properties.insert("$ai_is_error".to_owned(), self.is_error.into());
        if self.is_error && !self.error.is_empty() {
            properties.insert("$ai_error".to_owned(), self.error.as_str().into());
        }
        properties.insert("$ai_ingestion_source".to_owned(), "otel".into());
        if self.distinct_id().is_none() {
            properties.insert("$process_person_profile".to_owned(), false.into());
        }
        properties
    }

    fn capture<'a>(&'a self, token: &'a str, fallback: &'a str, properties: &'a str, now: Timestamp, ip: &'a str) -> CapturedEvent<'a> {
        let started = Timestamp((self.start_ns / 1000) as i64);
        let known = self.start_ns > 0 && !dates::is_far_ahead(started, now);
        CapturedEvent {
            token: Cow::Borrowed(token),
            uuid: new_uuid(now),
            event: Cow::Borrowed(self.event_name()),
            distinct_id: Cow::Owned(self.distinct_id().unwrap_or(fallback).chars().take(200).collect()),
            timestamp: if known { dates::within_reason(started) } else { now },
            now,
            sent_at: None,
            ip: Cow::Borrowed(ip),
            properties: Cow::Borrowed(properties),
            set: Cow::Borrowed(""),
            set_once: Cow::Borrowed(""),
            flags: CapturedFlags::default(),
        }
    }
}

/// The spans of an OTLP export request.
pub fn decode_traces(content_type: &str, body: &[u8]) -> Result<Vec<Span>, Refusal> {
    let spans = match &*payload::media_type(content_type) {
        "application/json" => from_json(body)?,
        "application/x-protobuf" => from_protobuf(body).map_err(|_| Refusal::Parse("the body is no OTLP trace request".to_owned()))?,
        other => return Err(Refusal::Invalid(format!("content type {other:?} is neither application/x-protobuf nor application/json"))),
    };
    if spans.len() > MAX_SPANS {
        return Err(Refusal::Invalid(format!("a request may hold at most {MAX_SPANS} spans")));
    }
    Ok(spans)
}

fn from_json(body: &[u8]) -> Result<Vec<Span>, Refusal> {
    let cleaned = crate::json::clean(body.to_vec());
    let root: Value = serde_json::from_slice(&cleaned).map_err(|error| Refusal::Parse(error.to_string()))?;
    let mut spans = Vec::new();
    for resource_spans in list(&root["resourceSpans"]) {
        let resource = Arc::new(json_attributes(&resource_spans["resource"]["attributes"]));
        for span in list(&resource_spans["scopeSpans"]).iter().flat_map(|scope| list(&scope["spans"])).take(MAX_SPANS + 1) {
            spans.push(json_span(span, resource.clone()));
        }
    }
    Ok(spans)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn json_span(span: &Value, resource: Arc<Map<String, Value>>) -> Span {
    let text = |name: &str| span[name].as_str().unwrap_or_default().to_owned();
    // 64-bit integers are strings in protobuf's JSON.
    let nanos = |name: &str| span[name].as_u64().or_else(|| span[name].as_str()?.parse().ok()).unwrap_or(0);
    Span {
        trace_id: text("traceId"),
        span_id: text("spanId"),
        parent_id: text("parentSpanId"),
        name: text("name"),
        start_ns: nanos("startTimeUnixNano"),
        end_ns: nanos("endTimeUnixNano"),
        is_error: matches!(&span["status"]["code"], Value::Number(code) if code.as_i64() == Some(2))
            || span["status"]["code"] == "STATUS_CODE_ERROR",
        error: span["status"]["message"].as_str().unwrap_or_default().to_owned(),
        attributes: json_attributes(&span["attributes"]),
        resource,
    }
}

fn json_attributes(attributes: &Value) -> Map<String, Value> {
    let pairs = list(attributes).iter().filter_map(|pair| Some((pair["key"].as_str()?.to_owned(), json_value(&pair["value"]))));
    pairs.collect()
}

fn json_value(value: &Value) -> Value {
    let Some((kind, value)) = value.as_object().and_then(|object| object.iter().next()) else { return Value::Null };
    match kind.as_str() {
        "intValue" => value.as_str().and_then(|text| text.parse::<i64>().ok()).map_or_else(|| value.clone(), Into::into),
        "arrayValue" => list(&value["values"]).iter().map(json_value).collect(),
        "kvlistValue" => Value::Object(json_attributes(&value["values"])),
        _ => value.clone(),
    }
}

fn from_protobuf(body: &[u8]) -> Result<Vec<Span>, protobuf::Malformed> {
    let mut spans = Vec::new();
    for resource_spans in protobuf::messages(body, 1) {
        let resource_spans = resource_spans?;
        let mut resource = Map::new();
        for message in protobuf::messages(resource_spans, 1) {
            resource.extend(attributes(message?, 1, 0)?);
        }
        let resource = Arc::new(resource);
        for scope in protobuf::messages(resource_spans, 2) {
            for span in protobuf::messages(scope?, 2).take(MAX_SPANS + 1) {
                spans.push(protobuf_span(span?, resource.clone())?);
            }
        }
    }
    Ok(spans)
}

fn protobuf_span(bytes: &[u8], resource: Arc<Map<String, Value>>) -> Result<Span, protobuf::Malformed> {
    let mut span = Span { resource, attributes: attributes(bytes, 9, 0)?, ..Span::default() };
    for field in protobuf::fields(bytes) {
        let Field { number, wire } = field?;
        match (number, wire) {
            (1, Wire::Bytes(id)) => span.trace_id = hex(id),
            (2, Wire::Bytes(id)) => span.span_id = hex(id),
            (4, Wire::Bytes(id)) => span.parent_id = hex(id),
            (5, Wire::Bytes(name)) => span.name = lossy(name),
            (7, Wire::Fixed64(at)) => span.start_ns = at,
            (8, Wire::Fixed64(at)) => span.end_ns = at,
            (15, Wire::Bytes(status)) => {
                for field in protobuf::fields(status) {
                    match field? {
                        Field { number: 2, wire: Wire::Bytes(message) } => span.error = lossy(message),
                        Field { number: 3, wire: Wire::Varint(code) } => span.is_error = code == 2,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok(span)
}

/// The key-value pairs in field `number` of a message.
fn attributes(message: &[u8], number: u32, depth: usize) -> Result<Map<String, Value>, protobuf::Malformed> {
    let mut attributes = Map::new();
    for pair in protobuf::messages(message, number) {
        let (mut key, mut value) = (String::new(), Value::Null);
        for field in protobuf::fields(pair?) {
            match field? {
                Field { number: 1, wire: Wire::Bytes(bytes) } => key = lossy(bytes),
                Field { number: 2, wire: Wire::Bytes(bytes) } => value = protobuf_value(bytes, depth + 1)?,
                _ => {}
            }
        }
        attributes.insert(key, value);
    }
    Ok(attributes)
}

fn protobuf_value(bytes: &[u8], depth: usize) -> Result<Value, protobuf::Malformed> {
    if depth > MAX_DEPTH {
        return Err(protobuf::Malformed);
    }
    let mut value = Value::Null;
    for field in protobuf::fields(bytes) {
        value = match field? {
            Field { number: 1, wire: Wire::Bytes(text) } => lossy(text).into(),
            Field { number: 2, wire: Wire::Varint(flag) } => (flag != 0).into(),
            Field { number: 3, wire: Wire::Varint(number) } => (number as i64).into(),
            Field { number: 4, wire: Wire::Fixed64(bits) } => json!(f64::from_bits(bits)),
            Field { number: 5, wire: Wire::Bytes(items) } => {
                let items = protobuf::messages(items, 1).map(|item| protobuf_value(item?, depth + 1));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Field { number: 6, wire: Wire::Bytes(pairs) } => Value::Object(attributes(pairs, 1, depth + 1)?),
            Field { number: 7, wire: Wire::Bytes(bytes) } => hex(bytes).into(),
            _ => continue,
        };
    }
    Ok(value)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let length = [bytes.len() as u8 | 0x80, (bytes.len() >> 7) as u8];
        [&[number << 3 | 2], &length[..], bytes].concat()
    }

    #[test]
    fn protobuf_and_json_mean_the_same() {
        let pair = [field(1, b"gen_ai.operation.name"), field(2, &field(1, b"chat"))].concat();
        let mut span = [field(1, &[0xab; 16]), field(5, b"call"), field(9, &pair)].concat();
        span.extend([7 << 3 | 1]);
        span.extend(1_735_732_800_000_000_000u64.to_le_bytes());
        let request = field(1, &field(2, &field(2, &span)));
        let from_protobuf = decode_traces("application/x-protobuf", &request).unwrap();
        let json = json!({"resourceSpans":[{"scopeSpans":[{"spans":[{
            "traceId": "ab".repeat(16), "name": "call", "startTimeUnixNano": "1735732800000000000",
            "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}]
        }]}]}]});
        let from_json = decode_traces("application/json", json.to_string().as_bytes()).unwrap();
        assert_eq!(from_protobuf, from_json);
        assert_eq!((from_json[0].event_name(), from_json[0].is_ai()), ("$ai_generation", true));
    }

    #[test]
    fn operations_are_recognised_by_any_convention() {
        let named = |name: &str, value: &str| {
            let attributes = [(name.to_owned(), Value::from(value))].into_iter().collect();
            Span { attributes, ..Span::default() }.event_name()
        };
        assert_eq!(named("gen_ai.operation.name", "embeddings"), "$ai_embedding");
        assert_eq!(named("llm.request.type", "completion"), "$ai_generation");
        assert_eq!(named("ai.operationId", "ai.generateText.doGenerate"), "$ai_generation");
        assert_eq!(named("ai.operationId", "ai.embed.doEmbed"), "$ai_embedding");
        assert_eq!(named("ai.operationId", "ai.toolCall"), "$ai_span");
    }

    #[test]
    fn nested_values_are_limited() {
        let mut value = field(1, b"x");
        for _ in 0..30 {
            value = field(5, &field(1, &value));
        }
        let request = field(1, &field(2, &field(2, &field(9, &field(2, &value)))));
        assert!(decode_traces("application/x-protobuf", &request).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_traces("application/x-protobuf", &body);
            let _ = decode_traces("application/json", &body);
        }
    }
}
