//! What is known about the one who asks: each property that a condition names, where it came from, and the forms it is compared in.

use super::{Facts, dates, keys::Keys, versions};
use crate::Question;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use model::PropertyValue;
use semver::Version;
use serde_json::Value;
use std::{borrow::Cow, cell::OnceCell};
use xxhash_rust::xxh3::xxh3_64;

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    Stored,
    Geoip,
    Request,
    /// Filled in: the first value is not known, so the current one stands in.
    Initial,
    Group,
    Cohort,
    Flag,
}

impl Source {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Geoip => "geoip",
            Self::Request => "request",
            Self::Initial => "initial",
            Self::Group => "group",
            Self::Cohort => "cohort",
            Self::Flag => "flag",
        }
    }
}

/// Who has a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    Person,
    /// A fact about the stored person that is not one of its properties.
    PersonRow,
    /// By group type index.
    Group(u8),
}

#[derive(Debug)]
pub enum Found<'q> {
    Absent,
    /// Could not be looked up.
    Unknown,
    Here(Held<'q>, Source),
}

/// A value and, as soon as something compares it, the forms it is compared in.
#[derive(Debug)]
pub struct Held<'q> {
    value: Raw<'q>,
    text: OnceCell<Cow<'q, str>>,
    /// `None` inside: the text is in lower case already.
    folded: OnceCell<Option<Box<str>>>,
    fingerprint: OnceCell<u64>,
    ascii_folded: OnceCell<Option<Box<str>>>,
    number: OnceCell<Option<f64>>,
    instant: OnceCell<Option<DateTime<Utc>>>,
    version: OnceCell<Option<Box<Version>>>,
}

#[derive(Clone, Debug)]
enum Raw<'q> {
    Stored(&'q PropertyValue),
    Sent(&'q Value),
    Text(Cow<'q, str>),
}

impl<'q> Held<'q> {
    fn new(value: Raw<'q>) -> Self {
        let (text, folded, fingerprint, ascii_folded, number, instant, version) = Default::default();
        Self { value, text, folded, fingerprint, ascii_folded, number, instant, version }
    }

    pub fn sent(value: &'q Value) -> Self {
        Self::new(Raw::Sent(value))
    }

    /// Text as it is, everything else as JSON: `1.0` stays `1.0`, null is `null`.
    pub fn text(&self) -> &str {
        match &self.value {
            Raw::Stored(PropertyValue::String(text)) => text,
            Raw::Sent(Value::String(text)) => text,
            Raw::Text(text) => text,
            value => self.text.get_or_init(|| match value {
                // Read anew, because keys are compared in one order whoever wrote them.
                Raw::Stored(value) => Cow::Owned(value.to_json().to_string()),
                Raw::Sent(value) => Cow::Owned(value.to_string()),
                Raw::Text(text) => text.clone(),
            }),
        }
    }

    /// In lower case by Unicode's rules.
    pub fn folded(&self) -> &str {
        let text = self.text();
        let folded = self.folded.get_or_init(|| {
            let is_folded = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
            (!is_folded).then(|| text.to_lowercase().into_boxed_str())
        });
        folded.as_deref().unwrap_or(text)
    }

    /// Of the folded text: texts with different ones are different.
    pub fn fingerprint(&self) -> u64 {
        *self.fingerprint.get_or_init(|| fingerprint(self.folded()))
    }

    /// With only `A` to `Z` in lower case.
    pub fn ascii_folded(&self) -> &str {
        let text = self.text();
        let folded = self.ascii_folded.get_or_init(|| {
            let has_upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
            has_upper.then(|| text.to_ascii_lowercase().into_boxed_str())
        });
        folded.as_deref().unwrap_or(text)
    }

    /// Of a number, or of text that is nothing but one.
    pub fn number(&self) -> Option<f64> {
        *self.number.get_or_init(|| match &self.value {
            Raw::Stored(PropertyValue::Int(number)) => Some(*number as f64),
            Raw::Stored(PropertyValue::Float(number)) => Some(*number),
            Raw::Stored(PropertyValue::String(text)) => number_in(text),
            Raw::Sent(value) => number_of(value),
            Raw::Text(text) => number_in(text),
            Raw::Stored(PropertyValue::Null | PropertyValue::Bool(_) | PropertyValue::Json(_)) => None,
        })
    }

    /// `true`, or the text of it; a list when all in it are.
    pub fn is_true(&self) -> bool {
        match &self.value {
            Raw::Stored(PropertyValue::Bool(value)) => *value,
            Raw::Stored(PropertyValue::String(text)) => text.eq_ignore_ascii_case("true"),
            Raw::Stored(value @ PropertyValue::Json(_)) => is_true(&value.to_json()),
            Raw::Stored(_) => false,
            Raw::Sent(value) => is_true(value),
            Raw::Text(text) => text.eq_ignore_ascii_case("true"),
        }
    }

    /// Exactly `true` or `"true"`: an early access feature was chosen.
    pub fn is_chosen(&self) -> bool {
        match &self.value {
            Raw::Stored(PropertyValue::Bool(value)) => *value,
            Raw::Sent(Value::Bool(value)) => *value,
            _ => self.is_text() && self.text() == "true",
        }
    }

    fn is_text(&self) -> bool {
        matches!(&self.value, Raw::Stored(PropertyValue::String(_)) | Raw::Sent(Value::String(_)) | Raw::Text(_))
    }

    /// Neither truth values nor lists are dates. A question has one time zone, its project's.
    pub fn instant(&self, timezone: Tz) -> Option<DateTime<Utc>> {
        *self.instant.get_or_init(|| match self.number() {
            Some(seconds) => dates::instant_of_number(seconds),
            None if self.is_text() => dates::instant(self.text(), timezone),
            None => None,
        })
    }

    pub fn version(&self) -> Option<&Version> {
        self.version.get_or_init(|| versions::parse(self.text()).map(Box::new)).as_deref()
    }

    pub fn json(&self) -> Value {
        match &self.value {
            Raw::Stored(value) => value.to_json(),
            Raw::Sent(value) => (*value).clone(),
            Raw::Text(text) => Value::from(text.as_ref()),
        }
    }

    /// The value under another key.
    fn again(&self) -> Self {
        Self::new(self.value.clone())
    }
}

pub fn fingerprint(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

/// Recursive, as in SDKs: a list is true when everything in it is, so an empty one is.
pub fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::String(text) => text.eq_ignore_ascii_case("true"),
        Value::Array(items) => items.iter().all(is_true),
        _ => false,
    }
}

pub fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64().filter(|number| number.is_finite()),
        Value::String(text) => number_in(text),
        _ => None,
    }
}

/// Only finite numbers, without spaces: what SDKs read as one.
fn number_in(text: &str) -> Option<f64> {
    let starts_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.'));
    if !starts_well {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// The values of all keys that conditions name, for one question.
pub fn gather<'q>(keys: &Keys, question: &'q Question, facts: &'q Facts) -> Vec<Found<'q>> {
    let mut found: Vec<Found<'q>> = keys.list.iter().map(|_| Found::Absent).collect();
    let mut put = |slot: u32, value: Raw<'q>, source: Source| found[slot as usize] = Found::Here(Held::new(value), source);
    let person = facts.person.as_ref();
    for (name, value) in person.into_iter().flat_map(|person| person.properties.iter()) {
        if let Some(slot) = keys.of_person(name) {
            put(slot, Raw::Stored(value), Source::Stored);
        }
    }
    if let (Some(slot), Some(person)) = (keys.created_at, person) {
        put(slot, Raw::Text(Cow::Owned(person.created_at.to_string())), Source::Stored);
    }
    if let Some(slot) = keys.of_person("distinct_id") {
        put(slot, Raw::Text(Cow::Borrowed(&question.distinct_id)), Source::Request);
    }
    for (name, value) in &facts.geoip {
        if let Some(slot) = keys.of_person(name) {
            put(slot, Raw::Sent(value), Source::Geoip);
        }
    }
    for (name, value) in &question.person_properties {
        // SDKs send null for a place that they do not know; what the address tells is better.
        if let Some(slot) = keys.of_person(name).filter(|_| !(value.is_null() && facts.geoip.contains_key(name))) {
            put(slot, Raw::Sent(value), Source::Request);
        }
    }
    for (index, kind) in &keys.group_types {
        let Some(key) = group_key(question, kind) else { continue };
        let stored = facts.groups.get(index);
        for (name, value) in stored.into_iter().flat_map(|properties| properties.iter()) {
            if let Some(slot) = keys.of_group(*index, name) {
                put(slot, Raw::Stored(value), Source::Group);
            }
        }
        for (name, value) in question.group_properties.get(kind).and_then(Value::as_object).into_iter().flatten() {
            if let Some(slot) = keys.of_group(*index, name) {
                put(slot, Raw::Sent(value), Source::Request);
            }
        }
        if let Some(slot) = keys.of_group(*index, "$group_key") {
            put(slot, Raw::Text(Cow::Borrowed(key)), Source::Request);
        }
    }
    if facts.failed {
        mark_unknown(keys, question, facts, &mut found);
    }
    fill_initial(keys, &mut found);
    found
}

/// A lookup failed: what is absent may be there.
fn mark_unknown(keys: &Keys, question: &Question, facts: &Facts, found: &mut [Found]) {
    for (key, found) in keys.list.iter().zip(found) {
        let looked_up = match key.owner {
            Owner::Person | Owner::PersonRow => facts.person.is_some(),
            Owner::Group(index) => facts.groups.contains_key(&index) || keys.group_key(question, index).is_none(),
        };
        if !looked_up && matches!(found, Found::Absent) {
            *found = Found::Unknown;
        }
    }
}

fn fill_initial(keys: &Keys, found: &mut [Found]) {
    for &(initial, current) in &keys.initial {
        if let (Found::Absent, Found::Here(held, _)) = (&found[initial as usize], &found[current as usize]) {
            found[initial as usize] = Found::Here(held.again(), Source::Initial);
        }
    }
}

/// The key of the group of this type; an empty one counts as none.
pub fn group_key<'q>(question: &'q Question, kind: &str) -> Option<&'q str> {
    let (_, key) = question.groups.iter().find(|(name, _)| name == kind)?;
    (!key.is_empty()).then_some(key)
}
