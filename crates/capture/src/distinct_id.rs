//! Who did it: any JSON value is accepted as a distinct id, within limits.

use crate::json::{Kind, Value};
use std::borrow::Cow;

const MAX_CHARS: usize = 200;
/// Larger objects keep their order: sorting is a courtesy, not worth a tree of any size.
const MAX_SORTED: usize = 16 << 10;

/// The lenient endpoints' rules: the root wins unless null, nothing but white space counts as missing, and too long is cut.
pub fn choose<'a>(root: Option<Value<'a>>, in_properties: Option<Value<'a>>) -> Option<Cow<'a, str>> {
    let value = root.filter(|value| !value.is_null()).or(in_properties.filter(|value| !value.is_null()))?;
    let text = match value.as_string() {
        Some(text) => text,
        None => compact(value),
    };
    if text.trim().is_empty() {
        return None;
    }
    Some(shorten(without_nul(text)))
}

fn without_nul(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { text }
}

fn shorten(text: Cow<'_, str>) -> Cow<'_, str> {
    // Fewer bytes than the limit cannot be more characters.
    if text.len() <= MAX_CHARS {
        return text;
    }
    match text.char_indices().nth(MAX_CHARS) {
        None => text,
        Some((end, _)) => match text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
            Cow::Owned(text) => Cow::Owned(text[..end].to_owned()),
        },
    }
}

/// Numbers, lists and so on as compact JSON text, names sorted.
fn compact(value: Value<'_>) -> Cow<'_, str> {
    match value.kind {
        Kind::Object | Kind::Array if value.raw.len() <= MAX_SORTED => match serde_json::from_str::<serde_json::Value>(value.raw) {
            Ok(tree) => {
                let mut out = String::new();
                write_sorted(&tree, &mut out);
                Cow::Owned(out)
            }
            Err(_) => Cow::Owned(without_white_space(value.raw)),
        },
        Kind::Object | Kind::Array => Cow::Owned(without_white_space(value.raw)),
        _ => Cow::Borrowed(value.raw),
    }
}

fn write_sorted(value: &serde_json::Value, out: &mut String) {
    match value {
        serde_json::Value::Object(map) => {
            let mut members: Vec<_> = map.iter().collect();
            members.sort_by_key(|(name, _)| name.as_str());
            out.push('{');
            for (index, (name, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                crate::json::write_string(out, name);
                out.push(':');
                write_sorted(value, out);
            }
            out.push('}');
        }
        serde_json::Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_sorted(item, out);
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// As much of the text as can matter.
fn without_white_space(raw: &str) -> String {
    let (mut out, mut in_string, mut escaped) = (String::new(), false, false);
    for c in raw.chars() {
        if in_string || !c.is_ascii_whitespace() {
            out.push(c);
        }
        (in_string, escaped) = if in_string { (escaped || c != '"', !escaped && c == '\\') } else { (c == '"', false) };
        if out.len() > MAX_CHARS * 4 {
            break;
        }
    }
    out
}

/// Ids that stand for nobody in particular; protocol v1 keeps such events but attaches them to no person.
pub fn is_nobody(id: &str) -> bool {
    const NOBODY: [&str; 19] = [
        "0",
        "00000000-0000-0000-0000-000000000000",
        "[object object]",
        "anonymous",
        "anonymous-user",
        "backend",
        "distinct_id",
        "distinctid",
        "email",
        "false",
        "guest",
        "id",
        "nan",
        "none",
        "not_authenticated",
        "null",
        "system",
        "true",
        "undefined",
    ];
    let id = id.trim().to_lowercase();
    id == "user" || NOBODY.contains(&id.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Scanner;

    fn id(root: &str, in_properties: Option<&str>) -> Option<String> {
        let value = |text| Scanner::new(text).value().unwrap();
        choose(Some(value(root)), in_properties.map(value)).map(Cow::into_owned)
    }

    #[test]
    fn any_value_becomes_text() {
        for (json, expected) in [
            ("\"u1\"", "u1"),
            ("23", "23"),
            ("23.4", "23.4"),
            ("true", "true"),
            ("[\"a\", \"b\"]", "[\"a\",\"b\"]"),
            ("{\"s\": \"a\", \"n\": 3}", "{\"n\":3,\"s\":\"a\"}"),
            ("\" hello \"", " hello "),
            ("\"a\\u0000b\"", "a\u{fffd}b"),
        ] {
            assert_eq!(id(json, None).as_deref(), Some(expected), "{json}");
        }
    }

    #[test]
    fn nothing_but_white_space_is_missing_and_null_falls_back() {
        for json in ["null", "\"\"", "\"  \""] {
            assert_eq!(id(json, None), None);
        }
        assert_eq!(id("null", Some("\"x\"")).as_deref(), Some("x"));
        assert_eq!(id("23", Some("\"x\"")).as_deref(), Some("23"));
    }

    #[test]
    fn long_ids_are_cut_by_characters() {
        for letter in ["x", "€"] {
            assert_eq!(id(&format!("\"{}\"", letter.repeat(250)), None), Some(letter.repeat(200)));
        }
        let list = format!("[{}1]", "1, ".repeat(1_000_000));
        assert_eq!(id(&list, None).unwrap().len(), 200);
    }

    #[test]
    fn nobodies_are_known_in_any_spelling() {
        assert!(is_nobody(" Anonymous ") && is_nobody("[object Object]") && is_nobody("user") && !is_nobody("user1"));
    }
}
