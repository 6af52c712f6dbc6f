//! Autocaptured DOM elements as the one-line text in which PostHog stores and searches them.

use model::PropertyValue;
use serde_json::{Map, Value};
use std::fmt::Write;

const MAX_TEXT_CHARS: usize = 400;
const MAX_HREF_CHARS: usize = 2048;
/// More than a page can nest; keeps a hostile array from becoming a column of megabytes.
const MAX_ELEMENTS: usize = 100;

/// `$elements` as sent, an array of objects, to the chain from the target outwards. `None` when it is not an array.
pub fn chain(elements: &PropertyValue) -> Option<String> {
    let PropertyValue::Json(text) = elements else { return None };
    let list: Vec<Value> = serde_json::from_str(text).ok()?;
    let mut chain = String::new();
    for element in list.iter().take(MAX_ELEMENTS).filter_map(Value::as_object) {
        if !chain.is_empty() {
            chain.push(';');
        }
        write_element(&mut chain, element);
    }
    Some(chain)
}

fn write_element(out: &mut String, element: &Map<String, Value>) {
    if let Some(tag) = element.get("tag_name") {
        out.push_str(&text_of(tag));
    }
    for class in classes(element) {
        out.push('.');
        out.push_str(&class.replace('"', ""));
    }
    out.push(':');
    for (name, value) in attributes(element) {
        let _ = write!(out, "{}=\"{}\"", name.replace('"', ""), value.replace('"', "\\\""));
    }
}

fn classes(element: &Map<String, Value>) -> Vec<String> {
    let mut classes: Vec<String> = match element.get("attr__class") {
        Some(Value::Array(list)) => list.iter().map(text_of).collect(),
        Some(Value::String(list)) => list.split_whitespace().map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    classes.retain(|class| !class.is_empty());
    classes.sort();
    classes
}

fn attributes(element: &Map<String, Value>) -> Vec<(String, String)> {
    let mut attributes: Vec<(String, String)> = element
        .iter()
        .filter(|(name, value)| name.starts_with("attr__") && !value.is_null())
        .map(|(name, value)| (name.clone(), text_of(value)))
        .collect();
    let mut add = |name: &str, value: Option<String>| attributes.extend(value.map(|value| (name.to_owned(), value)));
    let read = |name: &str| element.get(name).filter(|value| !value.is_null()).map(text_of);
    add("text", read("$el_text").map(|text| cut(text, MAX_TEXT_CHARS)));
    add("href", read("attr__href").map(|href| cut(href, MAX_HREF_CHARS)));
    add("attr_id", read("attr__id"));
    add("nth-child", Some(read("nth_child").unwrap_or_else(|| "0".to_owned())));
    add("nth-of-type", Some(read("nth_of_type").unwrap_or_else(|| "0".to_owned())));
    attributes.sort();
    attributes
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(text_of).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

fn cut(text: String, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((at, _)) => text[..at].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Option<String> {
        chain(&PropertyValue::from_json_text(json).unwrap())
    }

    #[test]
    fn a_button_in_a_box() {
        let json = r#"[{"tag_name":"a","$el_text":"Go","attr__class":"btn primary","attr__href":"/x","nth_child":1,"nth_of_type":2},
                       {"tag_name":"div","nth_child":3,"nth_of_type":1}]"#;
        let expected = concat!(
            r#"a.btn.primary:attr__class="btn primary"attr__href="/x"href="/x"nth-child="1"nth-of-type="2"text="Go";"#,
            r#"div:nth-child="3"nth-of-type="1""#
        );
        assert_eq!(of(json).as_deref(), Some(expected));
    }

    #[test]
    fn quotes_are_escaped_and_classes_sorted() {
        let json = r#"[{"tag_name":"p","attr__class":["b","a\"c"],"attr__id":"x","$el_text":"say \"hi\""}]"#;
        let expected = r#"p.ac.b:attr__class="b a\"c"attr__id="x"attr_id="x"nth-child="0"nth-of-type="0"text="say \"hi\"""#;
        assert_eq!(of(json).as_deref(), Some(expected));
    }

    #[test]
    fn something_else_than_an_array_is_no_chain() {
        assert_eq!(of(r#"{"a":1}"#), None);
        assert_eq!(chain(&PropertyValue::from("x")), None);
        assert_eq!(of("[1,null]").as_deref(), Some(""));
    }
}
