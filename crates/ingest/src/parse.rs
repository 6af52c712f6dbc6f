//! One pass from an event's JSON object to [`Properties`], with shared names.
//!
//! Capture has already refused what is not JSON, so that this reader needs no good error messages; it still refuses anything
//! that it cannot read and never reads past the text.

use crate::names::{Automatic, Meaning, Names, Read, SpecialSet};
use model::{Properties, PropertyValue};
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Debug, Default)]
pub struct Parsed {
    pub properties: Properties,
    pub special: SpecialSet,
    /// Automatic person properties and their place in `properties`, which holds until something is removed.
    pub automatic: Vec<(Automatic, usize)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Not a JSON object.
    Malformed,
    /// More than [`MAX_PROPERTIES`].
    TooMany,
}

/// Distinct names of one event. PostHog's own limit is the size of the event; without this one, a single event could use up a
/// project's definitions and put thousands of columns into a segment.
pub const MAX_PROPERTIES: usize = 10_000;

pub fn parse(text: &str, names: &mut Names) -> Result<Parsed, ParseError> {
    let mut cursor = Cursor { text, at: 0 };
    let expected = names.begin_object() + ADDED_PROPERTIES;
    let mut parsed = Parsed { properties: Properties::with_capacity(expected.min(MOST_EXPECTED)), ..Parsed::default() };
    let mut repeated = false;
    cursor.expect(b'{')?;
    if !cursor.accept(b'}') {
        loop {
            let name = cursor.string()?;
            let read = match name {
                Text::Plain(text) => names.read(text),
                Text::Escaped(text) => names.read(&text),
            };
            match read.meaning {
                Meaning::Plain => {}
                Meaning::Special(special) => parsed.special.insert(special),
                Meaning::Automatic(automatic) => parsed.automatic.push((automatic, parsed.properties.len())),
            }
            repeated |= read.repeated != Some(false);
            cursor.expect(b':')?;
            let value = cursor.value(names, &read)?;
            parsed.properties.push_new(read.name, value);
            if cursor.accept(b'}') {
                break;
            }
            cursor.expect(b',')?;
            if parsed.properties.len() > 4 * MAX_PROPERTIES {
                return Err(ParseError::TooMany);
            }
        }
    }
    cursor.skip_space();
    if cursor.at != text.len() {
        return Err(ParseError::Malformed);
    }
    names.end_object();
    if repeated {
        keep_last(&mut parsed, names);
    }
    if parsed.properties.len() > MAX_PROPERTIES {
        return Err(ParseError::TooMany);
    }
    Ok(parsed)
}

/// Room for what steps add.
const ADDED_PROPERTIES: usize = 3;
/// More room than this is not made on suspicion.
const MOST_EXPECTED: usize = 100;

/// Drops all but the last value of each name.
fn keep_last(parsed: &mut Parsed, names: &mut Names) {
    let all = std::mem::take(&mut parsed.properties);
    let last: HashMap<&Arc<str>, usize> = all.iter().enumerate().map(|(at, (name, _))| (name, at)).collect();
    parsed.automatic.clear();
    for (_, (name, value)) in all.iter().enumerate().filter(|(at, (name, _))| last[name] == *at) {
        if let Meaning::Automatic(one) = names.meaning(name) {
            parsed.automatic.push((one, parsed.properties.len()));
        }
        parsed.properties.push_new(name.clone(), value.clone());
    }
}

enum Text<'t> {
    Plain(&'t str),
    Escaped(String),
}

struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn accept(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), ParseError> {
        self.accept(byte).then_some(()).ok_or(ParseError::Malformed)
    }

    fn string(&mut self) -> Result<Text<'t>, ParseError> {
        self.expect(b'"')?;
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut escaped = false;
        loop {
            let step = memchr::memchr2(b'"', b'\\', &bytes[self.at..]).ok_or(ParseError::Malformed)?;
            self.at += step;
            if bytes[self.at] == b'"' {
                break;
            }
            escaped = true;
            self.at += 2;
            if self.at > bytes.len() {
                return Err(ParseError::Malformed);
            }
        }
        let end = self.at;
        self.at += 1;
        if !escaped {
            return Ok(Text::Plain(&self.text[start..end]));
        }
        let quoted = &self.text[start - 1..=end];
        serde_json::from_str(quoted).map(Text::Escaped).map_err(|_| ParseError::Malformed)
    }

    fn value(&mut self, names: &mut Names, of: &Read) -> Result<PropertyValue, ParseError> {
        self.skip_space();
        match self.peek().ok_or(ParseError::Malformed)? {
            b'"' => Ok(PropertyValue::String(match self.string()? {
                Text::Plain(text) => names.value_of(of, text),
                Text::Escaped(text) => Arc::from(text),
            })),
            b'{' | b'[' => {
                let start = self.at;
                self.skip_nested()?;
                PropertyValue::from_json_text(&self.text[start..self.at]).ok_or(ParseError::Malformed)
            }
            _ => {
                let start = self.at;
                while !matches!(self.peek(), None | Some(b',' | b'}' | b' ' | b'\n' | b'\r' | b'\t')) {
                    self.at += 1;
                }
                scalar(&self.text[start..self.at]).ok_or(ParseError::Malformed)
            }
        }
    }

    /// To the end of an array or object, which is only balanced here; whether it is JSON is checked when it is read.
    fn skip_nested(&mut self) -> Result<(), ParseError> {
        let bytes = self.text.as_bytes();
        let mut depth = 0usize;
        while let Some(&byte) = bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                b'"' => self.skip_string_rest()?,
                _ => {}
            }
        }
        Err(ParseError::Malformed)
    }

    fn skip_string_rest(&mut self) -> Result<(), ParseError> {
        let bytes = self.text.as_bytes();
        loop {
            let step = memchr::memchr2(b'"', b'\\', bytes.get(self.at..).unwrap_or_default()).ok_or(ParseError::Malformed)?;
            self.at += step + 1;
            if bytes[self.at - 1] == b'"' {
                return Ok(());
            }
            self.at += 1;
        }
    }
}

fn scalar(text: &str) -> Option<PropertyValue> {
    match text.as_bytes().first()? {
        b't' | b'f' | b'n' => PropertyValue::from_json_text(text),
        _ if is_number(text.as_bytes()) => PropertyValue::from_json_text(text),
        _ => None,
    }
}

/// JSON's numbers; Rust's would include `01`, `1.` and `-inf`.
fn is_number(text: &[u8]) -> bool {
    fn digits(text: &[u8]) -> usize {
        text.iter().take_while(|byte| byte.is_ascii_digit()).count()
    }
    let rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || whole > 1 && rest[0] == b'0' {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    match rest {
        [] => true,
        [b'e' | b'E', exponent @ ..] => {
            let exponent = exponent.strip_prefix(b"-").or(exponent.strip_prefix(b"+")).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Special;

    #[test]
    fn reads_what_the_plain_reader_reads() {
        let mut names = Names::default();
        for text in [
            "{}",
            " { } ",
            r#"{"a":1,"b":2.5,"c":"x\"y\\","d":true,"e":null,"f":[1,{"g":"]}\\"}],"h":{}}"#,
            r#"{"a" : -1 , "é\n":"\u00e9\ud83d\ude00", "z":1e3, "big": 12345678901234567890}"#,
            r#"{"a":1,"b":2,"a":3}"#,
            "{\"a\": [1,  \"b \\\" c\",\n {\"d\": 2}]}",
        ] {
            let parsed = parse(text, &mut names).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            assert_eq!(parsed.properties, Properties::from_json_text(text).unwrap(), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_an_object() {
        let mut names = Names::default();
        for text in [
            "",
            "[]",
            "{",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{"a":1}x"#,
            r#"{"a":"b}"#,
            r#"{"a":[1}"#,
            r#"{"a":{"b":1]}"#,
            r#"{"a":tru}"#,
            r#"{"a":NaN}"#,
            r#"{"a":inf}"#,
            r#"{"a":"\"#,
            r#"{"a":["\"#,
            r#"{"a":"\ud83d"}"#,
        ] {
            assert_eq!(parse(text, &mut names).err(), Some(ParseError::Malformed), "{text}");
        }
    }

    #[test]
    fn special_and_automatic_names_are_found_even_when_repeated() {
        let mut names = Names::default();
        let parsed = parse(r#"{"x":1,"$browser":"A","$set":{},"x":2,"$browser":"B"}"#, &mut names).unwrap();
        assert!(parsed.special.has(Special::Set) && !parsed.special.has(Special::Ip));
        assert_eq!(parsed.automatic.len(), 1);
        let (_, at) = parsed.automatic[0];
        assert_eq!(parsed.properties.iter().nth(at).unwrap().1, &PropertyValue::from("B"));
    }

    #[test]
    fn an_event_with_too_many_names_is_refused() {
        let mut names = Names::default();
        let many: Vec<String> = (0..MAX_PROPERTIES + 1).map(|at| format!("\"p{at}\":1")).collect();
        assert_eq!(parse(&format!("{{{}}}", many.join(",")), &mut names).err(), Some(ParseError::TooMany));
    }

    #[test]
    fn no_prefix_of_an_object_makes_the_reader_fall_over() {
        let text = r#"{"a":1,"b":[{"c":"\\\"é"}],"d":"x\u00e9","e":tru"#;
        let mut names = Names::default();
        for end in (0..text.len()).filter(|&end| text.is_char_boundary(end)) {
            assert!(parse(&text[..end], &mut names).is_err());
        }
    }

    use proptest::prelude::*;

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(|number| serde_json::Number::from_f64(number).map_or(serde_json::Value::Null, Into::into)),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::hash_map(any::<String>(), inner, 0..6)
                    .prop_map(|object| serde_json::Value::Object(object.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_object_reads_as_the_plain_reader_reads_it(object in prop::collection::hash_map(any::<String>(), any_json(), 0..12), pretty: bool) {
            let object = serde_json::Value::Object(object.into_iter().collect());
            let text = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) }.unwrap();
            let parsed = parse(&text, &mut Names::default()).map(|parsed| parsed.properties);
            prop_assert_eq!(parsed, Ok(Properties::from_json_text(&text).unwrap()));
        }

        #[test]
        fn what_the_plain_reader_refuses_is_refused(value in prop_oneof!["[-+0-9.eE]{1,6}", "-?(inf|nan|NaN)", "[a-z\\[\\]{}\",:\\\\]{0,8}", "\"[ -~]{0,6}\""]) {
            let text = format!("{{\"a\":{value}}}");
            let parsed = parse(&text, &mut Names::default()).ok().map(|parsed| parsed.properties);
            prop_assert_eq!(parsed, Properties::from_json_text(&text).ok(), "{}", text);
        }
    }
}
