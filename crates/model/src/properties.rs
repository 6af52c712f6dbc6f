use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use std::fmt;
use std::sync::Arc;

/// The value of one event, person or group property.
///
/// Arrays and objects stay compact JSON text: nothing below the top level is looked into while events are ingested.
#[derive(Clone, Debug, PartialEq)]
pub enum PropertyValue {
    Null,
    Bool(bool),
    /// An integer that fits; larger ones and fractions are `Float`.
    Int(i64),
    Float(f64),
    String(Arc<str>),
    /// An array or object, as compact JSON text.
    Json(Arc<str>),
}

impl PropertyValue {
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        PropertyValue::String(text.into())
    }

    #[inline]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            PropertyValue::String(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            PropertyValue::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, PropertyValue::Null)
    }

    /// JavaScript's idea of truth, which SDKs rely on.
    pub fn is_truthy(&self) -> bool {
        match self {
            PropertyValue::Null => false,
            PropertyValue::Bool(flag) => *flag,
            PropertyValue::Int(number) => *number != 0,
            PropertyValue::Float(number) => *number != 0.0 && !number.is_nan(),
            PropertyValue::String(text) => !text.is_empty(),
            PropertyValue::Json(_) => true,
        }
    }

    /// The text that queries see: a string's characters, anything else as JSON text. `None` for null.
    pub fn to_text(&self) -> Option<Arc<str>> {
        match self {
            PropertyValue::Null => None,
            PropertyValue::String(text) | PropertyValue::Json(text) => Some(text.clone()),
            other => Some(Arc::from(serde_json::to_string(other).unwrap_or_default())),
        }
    }

    pub fn to_json(&self) -> serde_json::Value {
        match self {
            PropertyValue::Null => serde_json::Value::Null,
            PropertyValue::Bool(flag) => (*flag).into(),
            PropertyValue::Int(number) => (*number).into(),
            PropertyValue::Float(number) => serde_json::Number::from_f64(*number).map_or(serde_json::Value::Null, Into::into),
            PropertyValue::String(text) => serde_json::Value::String(text.to_string()),
            PropertyValue::Json(text) => serde_json::from_str(text).unwrap_or(serde_json::Value::Null),
        }
    }
}

impl From<&serde_json::Value> for PropertyValue {
    fn from(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => PropertyValue::Null,
            serde_json::Value::Bool(flag) => PropertyValue::Bool(*flag),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(integer) => PropertyValue::Int(integer),
                None => PropertyValue::Float(number.as_f64().unwrap_or(f64::MAX)),
            },
            serde_json::Value::String(text) => PropertyValue::string(text.as_str()),
            nested => PropertyValue::Json(Arc::from(nested.to_string())),
        }
    }
}

impl From<&str> for PropertyValue {
    fn from(text: &str) -> Self {
        PropertyValue::string(text)
    }
}

impl From<bool> for PropertyValue {
    fn from(flag: bool) -> Self {
        PropertyValue::Bool(flag)
    }
}

impl Serialize for PropertyValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            PropertyValue::Null => serializer.serialize_unit(),
            PropertyValue::Bool(flag) => serializer.serialize_bool(*flag),
            PropertyValue::Int(number) => serializer.serialize_i64(*number),
            PropertyValue::Float(number) => serializer.serialize_f64(*number),
            PropertyValue::String(text) => serializer.serialize_str(text),
            PropertyValue::Json(text) => match serde_json::from_str::<&RawValue>(text) {
                Ok(raw) => raw.serialize(serializer),
                Err(_) => serializer.serialize_str(text),
            },
        }
    }
}

/// Must be read from JSON text by serde_json (nested values are kept as raw text).
impl<'de> Deserialize<'de> for PropertyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        PropertyValue::from_json_text(raw.get()).ok_or_else(|| serde::de::Error::custom("unreadable property value"))
    }
}

impl PropertyValue {
    /// Reads one JSON value. `None` when the text is not JSON.
    pub fn from_json_text(text: &str) -> Option<Self> {
        match text.as_bytes().first()? {
            b'{' | b'[' => {
                let raw: &RawValue = serde_json::from_str(text).ok()?;
                Some(PropertyValue::Json(compact(raw.get())))
            }
            b'"' => serde_json::from_str::<String>(text).ok().map(PropertyValue::string),
            b't' | b'f' => text.parse().ok().map(PropertyValue::Bool),
            b'n' => (text == "null").then_some(PropertyValue::Null),
            _ => match text.parse::<i64>() {
                Ok(integer) => Some(PropertyValue::Int(integer)),
                Err(_) => text.parse::<f64>().ok().map(|number| {
                    // JSON has no infinity; the nearest number keeps the event readable.
                    PropertyValue::Float(number.clamp(f64::MIN, f64::MAX))
                }),
            },
        }
    }
}

/// Removes insignificant white space.
fn compact(text: &str) -> Arc<str> {
    let spaced = text.bytes().any(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'));
    if !spaced {
        return Arc::from(text);
    }
    let mut out = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in text.chars() {
        if in_string {
            out.push(c);
            (in_string, escaped) = (escaped || c != '"', !escaped && c == '\\');
        } else if !matches!(c, ' ' | '\n' | '\r' | '\t') {
            in_string = c == '"';
            out.push(c);
        }
    }
    Arc::from(out)
}

/// Properties in the order in which they were sent; a repeated name keeps its last value.
///
/// A list and not a map: events carry tens of properties, and a scan over them beats hashing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Properties(Vec<(Arc<str>, PropertyValue)>);

impl Properties {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn with_capacity(capacity: usize) -> Self {
        Properties(Vec::with_capacity(capacity))
    }

    /// Reads a JSON object. Repeated names keep the last value.
    pub fn from_json_text(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    pub fn to_json_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }

    #[inline]
    pub fn get(&self, name: &str) -> Option<&PropertyValue> {
        self.0.iter().find(|(key, _)| &**key == name).map(|(_, value)| value)
    }

    #[inline]
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(PropertyValue::as_str)
    }

    /// The property in this place of the list.
    #[inline]
    pub fn at(&self, place: usize) -> Option<(&Arc<str>, &PropertyValue)> {
        self.0.get(place).map(|(name, value)| (name, value))
    }

    /// Changes the value in a place that [`at`](Self::at) showed.
    pub fn set_at(&mut self, place: usize, value: PropertyValue) {
        if let Some((_, old)) = self.0.get_mut(place) {
            *old = value;
        }
    }

    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets `name`, in place when it is there already.
    pub fn set(&mut self, name: impl Into<Arc<str>> + AsRef<str>, value: impl Into<PropertyValue>) {
        let value = value.into();
        match self.0.iter_mut().find(|(key, _)| &**key == name.as_ref()) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.into(), value)),
        }
    }

    /// Appends without looking for an earlier value; the caller knows that there is none.
    #[inline]
    pub fn push_new(&mut self, name: Arc<str>, value: PropertyValue) {
        self.0.push((name, value));
    }

    pub fn remove(&mut self, name: &str) -> Option<PropertyValue> {
        let at = self.0.iter().position(|(key, _)| &**key == name)?;
        Some(self.0.remove(at).1)
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&str, &PropertyValue) -> bool) {
        self.0.retain(|(name, value)| keep(name, value));
    }

    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &PropertyValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Arc<str>, &mut PropertyValue)> {
        self.0.iter_mut().map(|(name, value)| (&*name, value))
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Arc<str>, PropertyValue)> for Properties {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, PropertyValue)>>(pairs: I) -> Self {
        let mut properties = Properties::new();
        for (name, value) in pairs {
            properties.set(name, value);
        }
        properties
    }
}

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(&**name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Properties;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Properties, A::Error> {
                let mut pairs: Vec<(Arc<str>, PropertyValue)> = Vec::with_capacity(map.size_hint().unwrap_or(24));
                while let Some((name, value)) = map.next_entry::<String, PropertyValue>()? {
                    pairs.push((Arc::from(name), value));
                }
                drop_repeated_names(&mut pairs);
                Ok(Properties(pairs))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// Keeps the last value of each name. Sorting keeps this linear-ithmic: a hostile object may hold millions of names.
fn drop_repeated_names(pairs: &mut Vec<(Arc<str>, PropertyValue)>) {
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by(|&a, &b| pairs[a].0.cmp(&pairs[b].0).then(a.cmp(&b)));
    let mut overwritten = vec![false; pairs.len()];
    let mut any = false;
    for two in order.windows(2) {
        if pairs[two[0]].0 == pairs[two[1]].0 {
            overwritten[two[0]] = true;
            any = true;
        }
    }
    if any {
        let mut at = 0;
        pairs.retain(|_| {
            at += 1;
            !overwritten[at - 1]
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Properties {
        Properties::from_json_text(text).unwrap()
    }

    #[test]
    fn an_object_survives_a_round_trip() {
        let text = r#"{"a":1,"b":2.5,"c":"x\"y","d":true,"e":null,"f":[1,{"g":2}],"h":{}}"#;
        assert_eq!(read(text).to_json_text(), text);
    }

    #[test]
    fn nested_values_are_kept_compact() {
        let properties = read("{\"a\": [1,  \"b \\\" c\",\n {\"d\": 2}]}");
        assert_eq!(properties.get("a").unwrap().to_text().as_deref(), Some(r#"[1,"b \" c",{"d":2}]"#));
    }

    #[test]
    fn a_repeated_name_keeps_its_last_value() {
        assert_eq!(read(r#"{"a":1,"b":2,"a":3}"#).to_json_text(), r#"{"b":2,"a":3}"#);
    }

    #[test]
    fn a_number_beyond_any_float_becomes_the_largest_float() {
        assert_eq!(PropertyValue::from_json_text("1e400"), Some(PropertyValue::Float(f64::MAX)));
    }
}
