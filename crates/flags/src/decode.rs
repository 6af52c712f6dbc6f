//! From the bytes of a `/flags` request to a JSON object. SDKs of ten years wrap it in gzip, base64, a form, or several of them, and
//! often without saying so; what the bytes look like counts more than what the request calls them.

use std::{borrow::Cow, io::Read};

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::{Map, Value};

/// As it arrives.
pub const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;
/// After unpacking; a bomb is cut off here.
const MAX_DECODED_BYTES: usize = 10 * 1024 * 1024;
/// gzip inside base64 inside a form is the deepest that any SDK sends.
const MAX_LAYERS: usize = 4;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("failed to decode request: the body is empty")]
    Empty,
    #[error("failed to decode request: invalid GZIP data")]
    Gzip,
    #[error("failed to decode request: the decompressed body exceeds {MAX_DECODED_BYTES} bytes")]
    TooLarge,
    #[error("failed to decode request: invalid base64 data")]
    Base64,
    #[error("failed to decode request: the form has no data field")]
    Form,
    #[error("failed to parse request: {0}")]
    Json(String),
    #[error("failed to parse request: expected a JSON object")]
    NotAnObject,
}

pub fn decode(body: &[u8]) -> Result<Map<String, Value>, DecodeError> {
    let mut bytes = Cow::Borrowed(body);
    for _ in 0..MAX_LAYERS {
        bytes = match shape(&bytes) {
            Shape::Empty => return Err(DecodeError::Empty),
            Shape::Json => return parse(&String::from_utf8_lossy(&bytes)),
            Shape::Gzip => Cow::Owned(gunzip(&bytes)?),
            Shape::Form => Cow::Owned(form_data(&bytes)?),
            Shape::Base64 => Cow::Owned(unwrap_base64(&bytes)?),
        };
    }
    Err(DecodeError::NotAnObject)
}

enum Shape {
    Empty,
    Json,
    Gzip,
    Form,
    Base64,
}

fn shape(bytes: &[u8]) -> Shape {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return Shape::Gzip;
    }
    let text = bytes.trim_ascii_start();
    let is_form = text.starts_with(b"data=") || text.windows(6).take(256).any(|window| window == b"&data=");
    match text.first() {
        None => Shape::Empty,
        Some(b'{' | b'[' | b'"') => Shape::Json,
        Some(_) if is_form => Shape::Form,
        Some(_) if text.iter().all(is_base64) => Shape::Base64,
        // Its parse error tells more than one about base64.
        Some(_) => Shape::Json,
    }
}

/// A form that was not escaped turns `+` into a space.
fn is_base64(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b' ' | b'\r' | b'\n')
}

fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut plain = Vec::new();
    let limit = MAX_DECODED_BYTES as u64 + 1;
    flate2::read::MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut plain).map_err(|_| DecodeError::Gzip)?;
    if plain.len() > MAX_DECODED_BYTES {
        return Err(DecodeError::TooLarge);
    }
    Ok(plain)
}

fn form_data(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let fields: Vec<(Cow<str>, Cow<str>)> = serde_urlencoded::from_bytes(bytes.trim_ascii()).map_err(|_| DecodeError::Form)?;
    let data = fields.into_iter().find_map(|(name, value)| (name == "data").then_some(value));
    data.map(|data| data.into_owned().into_bytes()).ok_or(DecodeError::Form)
}

fn unwrap_base64(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let packed: Vec<u8> =
        bytes.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')).map(|byte| if *byte == b' ' { b'+' } else { *byte }).collect();
    BASE64.decode(packed).map_err(|_| DecodeError::Base64)
}

fn parse(text: &str) -> Result<Map<String, Value>, DecodeError> {
    let parsed = serde_json::from_str(text).or_else(|error| {
        let repaired = repair(text);
        serde_json::from_str(&repaired).map_err(|_| DecodeError::Json(error.to_string()))
    })?;
    match parsed {
        Value::Object(object) => Ok(object),
        // `JSON.stringify` applied twice.
        Value::String(inner) => match serde_json::from_str(&inner) {
            Ok(Value::Object(object)) => Ok(object),
            _ => Err(DecodeError::NotAnObject),
        },
        _ => Err(DecodeError::NotAnObject),
    }
}

/// What Python and old browsers write and strict JSON does not know: bare `NaN` and `Infinity` become null, half a surrogate pair
/// becomes U+FFFD. Called only when strict parsing has failed.
fn repair(text: &str) -> String {
    let mut repaired = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_string = false;
    while let Some(next) = rest.chars().next() {
        let taken = match next {
            '"' => {
                in_string = !in_string;
                repaired.push('"');
                1
            }
            '\\' if in_string => repair_escape(rest, &mut repaired),
            _ if !in_string => match ["-Infinity", "Infinity", "NaN"].iter().find(|word| rest.starts_with(**word)) {
                Some(word) => {
                    repaired.push_str("null");
                    word.len()
                }
                None => {
                    repaired.push(next);
                    next.len_utf8()
                }
            },
            _ => {
                repaired.push(next);
                next.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    repaired
}

/// Copies the escape that `rest` begins with and says how many bytes it was.
fn repair_escape(rest: &str, repaired: &mut String) -> usize {
    let unit = |at: usize| {
        let digits = rest.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let taken = match (unit(0), unit(6)) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
        (Some(0xd800..=0xdfff), _) => {
            repaired.push_str("\\ufffd");
            return 6;
        }
        (Some(_), _) => 6,
        (None, _) => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
    };
    repaired.push_str(&rest[..taken]);
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::io::Write;

    const BODY: &str = r#"{"token":"phc","distinct_id":"ü>?"}"#;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn decodes(body: &[u8]) {
        let decoded = Value::Object(decode(body).unwrap());
        assert_eq!(decoded, json!({"token": "phc", "distinct_id": "ü>?"}));
    }

    #[test]
    fn every_wrapping_that_sdks_use_is_taken_off() {
        let base64 = BASE64.encode(BODY);
        decodes(BODY.as_bytes());
        decodes(format!(" \n{BODY}").as_bytes());
        decodes(&gzip(BODY.as_bytes()));
        decodes(base64.as_bytes());
        decodes(base64.trim_end_matches('=').as_bytes());
        decodes(format!("data={}", base64.replace('+', "%2B").replace('=', "%3D")).as_bytes());
        decodes(format!("data={base64}&compression=base64").as_bytes());
        decodes(format!("compression=base64&data={base64}").as_bytes());
        decodes(format!("data={}", BASE64.encode(gzip(BODY.as_bytes()))).as_bytes());
        decodes(&gzip(format!("data={base64}").as_bytes()));
        decodes(serde_json::to_string(BODY).unwrap().as_bytes());
    }

    #[test]
    fn numbers_that_json_does_not_know_become_null() {
        let decoded = decode(br#"{"a":NaN,"b":[Infinity,-Infinity,-1],"c":"NaN","d\"":"Infinity"}"#).unwrap();
        assert_eq!(Value::Object(decoded), json!({"a": null, "b": [null, null, -1], "c": "NaN", "d\"": "Infinity"}));
    }

    #[test]
    fn half_a_surrogate_pair_becomes_the_replacement_character() {
        let decoded = decode(br#"{"a":"x\ud83dy","b":"\ud83d\ude00","c":"\\ud83d","d":"\udc00"}"#).unwrap();
        assert_eq!(Value::Object(decoded), json!({"a": "x\u{fffd}y", "b": "😀", "c": "\\ud83d", "d": "\u{fffd}"}));
    }

    #[test]
    fn invalid_utf8_is_replaced() {
        let decoded = decode(b"{\"token\":\"a\xff\"}").unwrap();
        assert_eq!(Value::Object(decoded), json!({"token": "a\u{fffd}"}));
    }

    #[test]
    fn undecodable_bodies_say_why() {
        assert_eq!(decode(b""), Err(DecodeError::Empty));
        assert_eq!(decode(b"  "), Err(DecodeError::Empty));
        assert_eq!(decode(b"\x1f\x8b\x08nonsense"), Err(DecodeError::Gzip));
        assert_eq!(decode(b"data=%%%"), Err(DecodeError::Json("expected value at line 1 column 1".into())));
        assert_eq!(decode(b"[1]"), Err(DecodeError::NotAnObject));
        assert!(matches!(decode(b"{\"a\":"), Err(DecodeError::Json(_))));
        assert!(matches!(decode(b"hello, world"), Err(DecodeError::Json(_))));
        assert!(matches!(decode("{\"a\":".repeat(100_000).as_bytes()), Err(DecodeError::Json(_))));
    }

    #[test]
    fn bomb_is_cut_off() {
        assert_eq!(decode(&gzip(&vec![b' '; MAX_DECODED_BYTES + 1])), Err(DecodeError::TooLarge));
    }
}
