//! One pass over JSON text that checks all of it and hands out raw slices of what matters.
//!
//! Property objects are stored as the text that came in, so building a tree would be work for nothing; but what is stored
//! must be known to be valid. The scanner is strict (RFC 8259) with two mercies that [`clean`] grants beforehand: a byte order mark
//! is skipped and half of a surrogate pair becomes U+FFFD.

use std::borrow::Cow;
use std::fmt;

/// As deep as serde_json reads what is stored.
const MAX_DEPTH: usize = 120;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    message: &'static str,
    at: usize,
    line: usize,
    column: usize,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {} column {}", self.message, self.line, self.column)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    True,
    False,
    Number,
    /// Without escapes: the raw text between the quotes is the string.
    PlainString,
    EscapedString,
    Array,
    Object,
}

/// A value that was checked, as it stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    pub kind: Kind,
    pub raw: &'a str,
}

impl<'a> Value<'a> {
    pub fn is_null(&self) -> bool {
        self.kind == Kind::Null
    }

    pub fn is_object(&self) -> bool {
        self.kind == Kind::Object
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self.kind {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    pub fn as_string(&self) -> Option<Cow<'a, str>> {
        let inside = || &self.raw[1..self.raw.len() - 1];
        match self.kind {
            Kind::PlainString => Some(Cow::Borrowed(inside())),
            Kind::EscapedString => Some(Cow::Owned(unescape(inside()))),
            _ => None,
        }
    }

    /// An integer that fits; `1.0` and `1e3` are none.
    pub fn as_integer(&self) -> Option<i64> {
        if self.kind == Kind::Number { self.raw.parse().ok() } else { None }
    }
}

/// Skips a byte order mark and replaces halves of surrogate pairs (`"\ud83d"`), in place, by U+FFFD.
pub fn clean(mut text: Vec<u8>) -> Vec<u8> {
    if text.starts_with(b"\xef\xbb\xbf") {
        text.drain(..3);
    }
    let mut from = 0;
    while let Some(found) = memchr::memmem::find(&text[from..], b"\\u") {
        let at = from + found;
        let backslashes = text[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        let unit = if backslashes % 2 == 0 { hex_unit(&text, at) } else { None };
        from = at + 2;
        match unit {
            Some(0xd800..=0xdbff) if matches!(hex_unit(&text, at + 6), Some(0xdc00..=0xdfff)) => from = at + 12,
            Some(0xd800..=0xdfff) => text[at + 2..at + 6].copy_from_slice(b"fffd"),
            _ => {}
        }
    }
    text
}

/// The code unit of a `\uXXXX` at `at`.
fn hex_unit(text: &[u8], at: usize) -> Option<u16> {
    let escape = text.get(at..at + 6)?;
    if !escape.starts_with(b"\\u") {
        return None;
    }
    escape[2..].iter().try_fold(0u16, |unit, digit| Some(unit << 4 | (*digit as char).to_digit(16)? as u16))
}

/// Text between quotes whose escapes are known to be valid.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let escape = &rest.as_bytes()[at..];
        let mut used = 2;
        match escape.get(1) {
            Some(b'b') => out.push('\u{8}'),
            Some(b'f') => out.push('\u{c}'),
            Some(b'n') => out.push('\n'),
            Some(b'r') => out.push('\r'),
            Some(b't') => out.push('\t'),
            Some(b'u') => {
                let high = hex_unit(escape, 0).unwrap_or(0xfffd);
                let low = hex_unit(escape, 6).filter(|low| (0xdc00..=0xdfff).contains(low) && (0xd800..=0xdbff).contains(&high));
                used = if low.is_some() { 12 } else { 6 };
                let decoded = char::decode_utf16([high].into_iter().chain(low)).next();
                out.push(decoded.and_then(Result::ok).unwrap_or('\u{fffd}'));
            }
            Some(other) => out.push(*other as char),
            None => {}
        }
        rest = rest.get(at + used..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str) -> Self {
        Scanner { text, at: 0, depth: 0 }
    }

    pub fn error(&self, message: &'static str) -> JsonError {
        let before = &self.text.as_bytes()[..self.at.min(self.text.len())];
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        // serde_json, whose words clients have seen so far, counts the byte that it stumbled over.
        let column = before.len() - line_start + usize::from(self.at < self.text.len());
        JsonError { message, at: self.at, line, column }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Skips white space; the next byte without taking it.
    fn next_token(&mut self) -> Option<u8> {
        while let Some(byte) = self.peek() {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// What kind of value comes next, `None` at the end of the text.
    pub fn peek_kind(&mut self) -> Option<Kind> {
        Some(match self.next_token()? {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => Kind::PlainString,
            b'n' => Kind::Null,
            b't' => Kind::True,
            b'f' => Kind::False,
            _ => Kind::Number,
        })
    }

    /// Nothing but white space may follow.
    pub fn finish(&mut self) -> Result<(), JsonError> {
        match self.next_token() {
            None => Ok(()),
            Some(_) => Err(self.error("trailing characters")),
        }
    }

    /// Checks and returns the next value.
    pub fn value(&mut self) -> Result<Value<'a>, JsonError> {
        let Some(first) = self.next_token() else {
            return Err(self.error("EOF while parsing a value"));
        };
        let start = self.at;
        let kind = match first {
            b'"' => {
                if self.string()? {
                    Kind::EscapedString
                } else {
                    Kind::PlainString
                }
            }
            b'{' => {
                self.object(|scanner, _| scanner.value().map(drop))?;
                Kind::Object
            }
            b'[' => {
                self.array(|scanner| scanner.value().map(drop))?;
                Kind::Array
            }
            b't' => self.word("true", Kind::True)?,
            b'f' => self.word("false", Kind::False)?,
            b'n' => self.word("null", Kind::Null)?,
            b'-' | b'0'..=b'9' => self.number()?,
            _ => return Err(self.error("expected value")),
        };
        Ok(Value { kind, raw: &self.text[start..self.at] })
    }

    /// Calls `member` for each name of the object that comes next; `member` must take exactly one value.
    pub fn object(&mut self, mut member: impl FnMut(&mut Self, &str) -> Result<(), JsonError>) -> Result<(), JsonError> {
        self.enter()?;
        let mut first = true;
        loop {
            match self.next_token() {
                Some(b'}') if first => break,
                Some(b',') if !first => {
                    self.at += 1;
                    if self.next_token() == Some(b'}') {
                        return Err(self.error("trailing comma"));
                    }
                }
                Some(b'}') => break,
                Some(_) if first => {}
                Some(_) => return Err(self.error("expected `,` or `}`")),
                None => return Err(self.error("EOF while parsing an object")),
            }
            first = false;
            match self.next_token() {
                Some(b'"') => {}
                Some(_) => return Err(self.error("key must be a string")),
                None => return Err(self.error("EOF while parsing an object")),
            }
            let start = self.at + 1;
            let escaped = self.string()?;
            let name = &self.text[start..self.at - 1];
            match self.next_token() {
                Some(b':') => self.at += 1,
                Some(_) => return Err(self.error("expected `:`")),
                None => return Err(self.error("EOF while parsing an object")),
            }
            if escaped { member(self, &unescape(name))? } else { member(self, name)? }
        }
        self.leave();
        Ok(())
    }

    /// Calls `item` for each item of the array that comes next; `item` must take exactly one value.
    pub fn array(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), JsonError>) -> Result<(), JsonError> {
        self.enter()?;
        let mut first = true;
        loop {
            match self.next_token() {
                Some(b']') => break,
                Some(b',') if !first => {
                    self.at += 1;
                    if self.next_token() == Some(b']') {
                        return Err(self.error("trailing comma"));
                    }
                }
                Some(_) if first => {}
                Some(_) => return Err(self.error("expected `,` or `]`")),
                None => return Err(self.error("EOF while parsing a list")),
            }
            first = false;
            item(self)?;
        }
        self.leave();
        Ok(())
    }

    /// The text of what `read` takes.
    pub fn raw(&mut self, read: impl FnOnce(&mut Self) -> Result<(), JsonError>) -> Result<&'a str, JsonError> {
        self.next_token();
        let start = self.at;
        read(self)?;
        Ok(&self.text[start..self.at])
    }

    fn enter(&mut self) -> Result<(), JsonError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("recursion limit exceeded"));
        }
        self.at += 1;
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
        self.at += 1;
    }

    fn word(&mut self, word: &'static str, kind: Kind) -> Result<Kind, JsonError> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.error("expected ident"));
        }
        self.at += word.len();
        Ok(kind)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<Kind, JsonError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let leading_zero = self.peek() == Some(b'0');
        let digits = self.digits();
        if digits == 0 || (leading_zero && digits > 1) {
            return Err(self.error("invalid number"));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.error("invalid number"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(self.error("invalid number"));
            }
        }
        Ok(Kind::Number)
    }

    /// Skips the string whose opening quote comes next; true if it holds escapes.
    fn string(&mut self) -> Result<bool, JsonError> {
        let bytes = self.text.as_bytes();
        self.at += 1;
        let mut escaped = false;
        loop {
            self.at = plain_until(bytes, self.at);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.error("control character (\\u0000-\\u001F) found while parsing a string")),
                None => return Err(self.error("EOF while parsing a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        let bytes = self.text.as_bytes();
        match bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') if hex_unit(bytes, self.at).is_some() => self.at += 6,
            Some(_) => return Err(self.error("invalid escape")),
            None => return Err(self.error("EOF while parsing a string")),
        }
        Ok(())
    }
}

/// The first quote, backslash or control character at or after `at`; eight bytes at a time.
fn plain_until(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let zero_bytes = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quotes = zero_bytes(word ^ (ONES * u64::from(b'"')));
        let backslashes = zero_bytes(word ^ (ONES * u64::from(b'\\')));
        let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let stops = quotes | backslashes | controls;
        if stops != 0 {
            // The lowest set bit is exact; borrows only spoil bytes after a real stop.
            return at + (stops.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        at += 1;
    }
    at
}

/// Appends `text` as a JSON string.
pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                out.push_str("\\u00");
                for shift in [4, 0] {
                    out.push(char::from_digit(u32::from(c) >> shift & 15, 16).unwrap_or('0'));
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scan(text: &str) -> Result<Value<'_>, JsonError> {
        let mut scanner = Scanner::new(text);
        let value = scanner.value()?;
        scanner.finish()?;
        Ok(value)
    }

    #[test]
    fn every_kind_of_value_is_recognised() {
        for (text, kind) in [
            ("null", Kind::Null),
            (" true ", Kind::True),
            ("false", Kind::False),
            ("-0.5e+10", Kind::Number),
            ("1e400", Kind::Number),
            ("\"a\"", Kind::PlainString),
            ("\"a\\n\"", Kind::EscapedString),
            ("[1, [2], {}]", Kind::Array),
            ("{\"a\" : {\"b\":[]} , \"a\":1}", Kind::Object),
        ] {
            assert_eq!(scan(text).unwrap().kind, kind, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused_where_it_goes_wrong() {
        for (text, message) in [
            ("", "EOF while parsing a value at line 1 column 0"),
            ("not json", "expected ident at line 1 column 1"),
            ("{\"a\":NaN}", "expected value at line 1 column 6"),
            ("[1,]", "trailing comma at line 1 column 4"),
            ("{\n\"a\" 1}", "expected `:` at line 2 column 5"),
            ("[01]", "invalid number at line 1 column 4"),
            ("\"\\x\"", "invalid escape at line 1 column 2"),
            ("\"a\u{1}\"", "control character (\\u0000-\\u001F) found while parsing a string at line 1 column 3"),
            ("1 2", "trailing characters at line 1 column 3"),
            ("\"open", "EOF while parsing a string at line 1 column 5"),
        ] {
            assert_eq!(scan(text).unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn nesting_is_limited() {
        let deep = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(scan(&deep(MAX_DEPTH)).is_ok());
        assert!(scan(&deep(100_000)).unwrap_err().to_string().starts_with("recursion limit exceeded"));
        assert!(scan(&"{\"a\":".repeat(100_000)).is_err());
    }

    #[test]
    fn strings_are_unescaped() {
        let value = scan(r#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00z""#).unwrap();
        assert_eq!(value.as_string().unwrap(), "a\"\\/\u{8}\u{c}\n\r\té😀z");
    }

    #[test]
    fn halves_of_surrogate_pairs_become_replacement_characters() {
        let cleaned = |text: &str| String::from_utf8(clean(text.as_bytes().to_vec())).unwrap();
        assert_eq!(cleaned(r#"["\ud83d","\ude00x","\ud83d\ude00"]"#), r#"["\ufffd","\ufffdx","\ud83d\ude00"]"#);
        assert_eq!(cleaned(r#""\\ud83d""#), r#""\\ud83d""#, "an escaped backslash is no escape");
        assert_eq!(cleaned(r#""\\\uD83D\ud83d\ude00""#), r#""\\\ufffd\ud83d\ude00""#);
        assert_eq!(cleaned("\u{feff}{}"), "{}");
    }

    #[test]
    fn written_strings_are_read_back() {
        let text = "a\"\\\n\r\t\u{0}\u{1f}é😀";
        let mut out = String::new();
        write_string(&mut out, text);
        assert_eq!(scan(&out).unwrap().as_string().unwrap(), text);
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json_on_what_is_json(text in r#"[\[\]{}",:0-9a-eu\\ .+\-\n]{0,40}"#) {
            let theirs = serde_json::from_str::<&serde_json::value::RawValue>(&text);
            prop_assert_eq!(scan(&text).is_ok(), theirs.is_ok(), "{}", text);
        }

        #[test]
        fn any_json_value_is_accepted_and_cut_out_whole(value in any_json()) {
            let text = format!(" {value} ");
            prop_assert_eq!(scan(&text).unwrap().raw, text.trim());
        }

        #[test]
        fn strings_mean_what_serde_json_says(text in ".*") {
            let encoded = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(scan(&encoded).unwrap().as_string().unwrap(), text);
        }

        #[test]
        fn arbitrary_text_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(text) = String::from_utf8(clean(bytes)) {
                let _ = scan(&text).map(|value| value.as_string());
            }
        }
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            (-1e9..1e9f64).prop_map(Into::into),
            ".*".prop_map(serde_json::Value::String),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::Array),
                proptest::collection::hash_map(".*", inner, 0..6).prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }
}
