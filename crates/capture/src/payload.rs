//! From a request of the lenient endpoints to JSON text: base64, forms, gzip and LZ-String in every combination that SDKs
//! have sent since 2020.

use crate::body::Grant;
use crate::decompress::{DecompressError, Format, decompress};
use crate::lz_string::{self, LzError};
use crate::refusal::Refusal;
use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::borrow::Cow;

/// How much of a text is looked at to tell what it is.
const LOOK_AT: usize = 128;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    Gzip,
    Lz,
    Base64,
}

impl Hint {
    /// Unknown names are no hint, never an error.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "gzip" | "gzip-js" => Hint::Gzip,
            "lz64" | "lz-string" => Hint::Lz,
            "base64" | "b64" => Hint::Base64,
            _ => return None,
        })
    }
}

/// Parameters that matter; everything else in the query is ignored, readable or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub data: Option<String>,
    pub compression: Option<Hint>,
    /// Milliseconds since 1970.
    pub sent_at_ms: Option<i64>,
    pub beacon: bool,
}

impl Query {
    pub fn parse(query: &str) -> Self {
        let mut parsed = Query::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "data" if !value.is_empty() => parsed.data = Some(value.into_owned()),
                "compression" => parsed.compression = Hint::parse(&value).or(parsed.compression),
                "_" | "sent_at" => parsed.sent_at_ms = value.parse().ok().or(parsed.sent_at_ms),
                "beacon" => parsed.beacon = value == "1",
                _ => {}
            }
        }
        parsed
    }
}

/// A request's payload and everything that says how it is packed.
pub struct Packed<'a> {
    pub query: &'a Query,
    pub content_type: Option<&'a str>,
    pub content_encoding: Option<&'a str>,
    pub body: Vec<u8>,
}

/// The JSON text. `limit` bounds what compressed payloads may become.
pub fn unpack(packed: Packed<'_>, limit: usize, grant: &mut Grant) -> Result<String, Refusal> {
    let Packed { query, content_type, content_encoding, body } = packed;
    // The query wins over the body, even on POST.
    let (mut payload, from_query) = match &query.data {
        Some(data) => (data.clone().into_bytes(), true),
        None => (body, false),
    };
    if payload.is_empty() {
        return Err(Refusal::NoPayload);
    }
    let mut hint = query.compression;
    if from_query {
        restore_plus(&mut payload);
    } else if let Some(form) = read_form(&payload, content_type)? {
        hint = hint.or(form.compression);
        payload = form.data;
    }
    let hint = hint.or(content_encoding.and_then(Hint::parse));
    if hint == Some(Hint::Lz) && !payload.starts_with(&[0x1f, 0x8b]) && !starts_like_json(&payload) {
        return lz_text(&payload, limit, grant);
    }
    if looks_like_base64(&payload) || (hint == Some(Hint::Base64) && !starts_like_json(&payload)) {
        payload = decode_base64(payload);
    }
    let mut text = decompress_or_text(payload, limit, grant)?;
    // Base64 inside gzip, or base64 twice.
    if looks_like_base64(text.as_bytes()) {
        text = match String::from_utf8(decode_base64(text.into_bytes())) {
            Ok(decoded) => decoded,
            Err(_) => return Err(Refusal::Decode("invalid UTF8 in request payload".to_owned())),
        };
    }
    Ok(text)
}

fn decompress_or_text(payload: Vec<u8>, limit: usize, grant: &mut Grant) -> Result<String, Refusal> {
    // The magic bytes decide, not the hint: posthog-js sends gzip without any.
    if payload.starts_with(&[0x1f, 0x8b, 0x08]) {
        let plain = decompress(Format::Gzip, &payload, limit, grant).map_err(|error| refuse(error, "invalid GZIP data"))?;
        return into_text(plain, "invalid gzip data");
    }
    if payload.len() > limit {
        return Err(Refusal::TooLarge(format!("Uncompressed payload size limit {limit} exceeded: {}", payload.len())));
    }
    into_text(payload, "invalid UTF8 in request payload")
}

fn into_text(bytes: Vec<u8>, otherwise: &str) -> Result<String, Refusal> {
    String::from_utf8(crate::json::clean(bytes)).map_err(|_| Refusal::Decode(otherwise.to_owned()))
}

fn lz_text(payload: &[u8], limit: usize, grant: &mut Grant) -> Result<String, Refusal> {
    let text = lz_string::decompress_from_base64(payload, limit, grant).map_err(|error| match error {
        LzError::Invalid => Refusal::Decode("decompress_lz64: failed decompress to UTF16".to_owned()),
        LzError::NotText => Refusal::Decode("decompress_lz64: failed UTF16 to UTF8 conversion".to_owned()),
        LzError::TooLarge(error) => refuse(error, "decompress_lz64: failed decompress to UTF16"),
    })?;
    into_text(text.into_bytes(), "decompress_lz64: failed UTF16 to UTF8 conversion")
}

pub fn refuse(error: DecompressError, invalid: &str) -> Refusal {
    match error {
        DecompressError::Invalid => Refusal::Decode(invalid.to_owned()),
        DecompressError::TooLarge { limit, got } => {
            Refusal::TooLarge(format!("Decompressed payload would exceed {limit} bytes (got {got} bytes)"))
        }
        DecompressError::Busy => Refusal::Unavailable,
    }
}

struct Form {
    data: Vec<u8>,
    compression: Option<Hint>,
}

/// Reads a form; `None` when the payload is none.
fn read_form(payload: &[u8], content_type: Option<&str>) -> Result<Option<Form>, Refusal> {
    let media_type = content_type.map(|value| value.split(';').next().unwrap_or(value).trim());
    let says_form = media_type.is_some_and(|media| media.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    // Some old beacons send a form and call it text.
    let is_form = (says_form && looks_like_form(payload)) || payload.starts_with(b"data=");
    if !is_form {
        let understood = !says_form || starts_like_json(payload) || payload.starts_with(&[0x1f, 0x8b]) || looks_like_base64(payload);
        return if understood {
            // `curl -d '{…}'` calls JSON a form.
            Ok(None)
        } else {
            Err(Refusal::Decode("expected form data in POST request payload".to_owned()))
        };
    }
    let mut form = Form { data: Vec::new(), compression: None };
    for (name, value) in url::form_urlencoded::parse(payload) {
        match &*name {
            "data" if form.data.is_empty() => form.data = value.into_owned().into_bytes(),
            "compression" => form.compression = Hint::parse(&value).or(form.compression),
            _ => {}
        }
    }
    if form.data.is_empty() {
        return Err(Refusal::NoPayload);
    }
    restore_plus(&mut form.data);
    Ok(Some(form))
}

/// An unescaped `+` in base64 arrives as a space, and some clients use the alphabet for URLs.
fn restore_plus(payload: &mut [u8]) {
    let alphabet = |byte: &u8| is_base64(*byte) || matches!(byte, b' ' | b'-' | b'_');
    if starts_like_json(payload) || !payload.iter().take(LOOK_AT).all(alphabet) {
        return;
    }
    for byte in payload {
        match byte {
            b' ' | b'-' => *byte = b'+',
            b'_' => *byte = b'/',
            _ => {}
        }
    }
}

fn looks_like_form(payload: &[u8]) -> bool {
    let head = &payload[..payload.len().min(LOOK_AT)];
    let fields: [&[u8]; 4] = [b"data=", b"_=", b"ip=", b"compression="];
    head.split(|byte| *byte == b'&').any(|part| fields.iter().any(|field| part.starts_with(field)))
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

fn looks_like_base64(payload: &[u8]) -> bool {
    !payload.is_empty() && payload.len().is_multiple_of(4) && payload.iter().take(LOOK_AT).all(|byte| is_base64(*byte))
}

fn starts_like_json(payload: &[u8]) -> bool {
    matches!(payload.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// What cannot be decoded stays as it is.
fn decode_base64(payload: Vec<u8>) -> Vec<u8> {
    let trimmed = payload.trim_ascii();
    match BASE64.decode(trimmed) {
        Ok(decoded) => decoded,
        Err(_) => payload,
    }
}

/// For tests and fuzzing: what `unpack` makes of a request, given only text.
pub fn unpack_for_test(
    query: &str,
    content_type: Option<&str>,
    content_encoding: Option<&str>,
    body: &[u8],
    limit: usize,
) -> Result<String, Refusal> {
    let query = Query::parse(query);
    let packed = Packed { query: &query, content_type, content_encoding, body: body.to_vec() };
    unpack(packed, limit, &mut crate::body::Budget::new(limit.saturating_mul(4)).grant())
}

/// The media type of a header value, lower-cased, without parameters.
pub fn media_type(content_type: &str) -> Cow<'_, str> {
    let media = content_type.split(';').next().unwrap_or(content_type).trim();
    if media.bytes().any(|byte| byte.is_ascii_uppercase()) { Cow::Owned(media.to_ascii_lowercase()) } else { Cow::Borrowed(media) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use std::io::Write;

    const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
    const JSON: &str = r#"{"event":"a","distinct_id":"ü?>"}"#;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn run(query: &str, content_type: Option<&str>, body: &[u8]) -> Result<String, String> {
        unpack_for_test(query, content_type, None, body, 1 << 20).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn every_packing_gives_the_same_text() {
        let base64 = STANDARD.encode(JSON);
        let escaped: String = url::form_urlencoded::byte_serialize(base64.as_bytes()).collect();
        let escaped_json: String = url::form_urlencoded::byte_serialize(JSON.as_bytes()).collect();
        let lz = lz_str::compress_to_base64(JSON);
        let escaped_lz: String = url::form_urlencoded::byte_serialize(lz.as_bytes()).collect();
        let cases: Vec<(&str, Option<&str>, Vec<u8>)> = vec![
            ("", None, JSON.into()),
            ("compression=foo", None, JSON.into()),
            ("compression=gzip", None, JSON.into()),
            ("", Some("text/plain"), gzip(JSON.as_bytes())),
            ("compression=gzip-js", None, gzip(JSON.as_bytes())),
            ("", None, base64.clone().into()),
            ("", None, STANDARD.encode(gzip(JSON.as_bytes())).into()),
            ("", None, gzip(base64.as_bytes())),
            ("compression=base64", FORM, format!("data={escaped}").into()),
            ("", Some("application/x-www-form-urlencoded; charset=UTF-8"), format!("data={escaped}").into()),
            ("", Some("text/plain"), format!("data={escaped}").into()),
            ("", FORM, format!("data={}", base64.replace('/', "%2F")).into()),
            ("", FORM, format!("ip=1&data={escaped_json}").into()),
            ("", FORM, JSON.into()),
            ("", FORM, gzip(JSON.as_bytes())),
            ("", FORM, format!("data={escaped_lz}&compression=lz64").into()),
            ("compression=lz64", FORM, format!("data={escaped_lz}").into()),
            ("compression=lz-string", None, lz.into()),
        ];
        for (query, content_type, body) in cases {
            assert_eq!(run(query, content_type, &body).as_deref(), Ok(JSON), "{query} {content_type:?} {}", String::from_utf8_lossy(&body));
        }
        for data in [&escaped, &escaped_json, &base64.replace('+', " "), &base64.replace('+', "-").replace('/', "_")] {
            assert_eq!(run(&format!("data={data}"), None, b"").as_deref(), Ok(JSON), "?data={data}");
        }
    }

    #[test]
    fn refusals_say_what_was_wrong() {
        for (query, content_type, body, message) in [
            ("", None, &b""[..], "request missing data payload"),
            ("", FORM, b"data=", "request missing data payload"),
            ("", FORM, b"hello there", "failed to decode request: expected form data in POST request payload"),
            ("", None, b"\x1f\x8b\x08broken", "failed to decode request: invalid GZIP data"),
            ("", None, b"{\"a\":\"\xff\"}", "failed to decode request: invalid UTF8 in request payload"),
            ("compression=lz64", None, b"AAAA", "failed to decode request: decompress_lz64: failed decompress to UTF16"),
        ] {
            assert_eq!(run(query, content_type, body), Err(message.to_owned()), "{body:?}");
        }
        assert_eq!(run("", None, &gzip(b"\xff")), Err("failed to decode request: invalid gzip data".to_owned()));
    }

    #[test]
    fn unreadable_query_parameters_are_ignored() {
        let query = Query::parse("_=soon&sent_at=1.5&beacon=yes&compression=&data=&%ff=%zz&foo");
        assert_eq!(query, Query::default());
        assert_eq!(Query::parse("_=1735732800000&beacon=1&compression=GZIP-JS").sent_at_ms, Some(1_735_732_800_000));
    }

    proptest! {
        #[test]
        fn arbitrary_requests_never_panic(query in ".{0,60}", kind in 0..3, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let content_type = [None, FORM, Some("text/plain")][kind as usize];
            let _ = run(&query, content_type, &body);
        }

        #[test]
        fn arbitrary_forms_never_panic(body in "(data|compression|ip|_|x)=[A-Za-z0-9+/=% ]{0,60}(&compression=(lz64|gzip|base64))?") {
            let _ = run("", FORM, body.as_bytes());
        }
    }
}
