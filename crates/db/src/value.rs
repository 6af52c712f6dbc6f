use anyhow::{Context, Result, anyhow, bail};
use model::{GroupTypeIndex, OrganizationId, TeamId, Timestamp, UserId};
use uuid::Uuid;

/// One parameter or column. Uuids and JSON are text, times are microseconds, so that both databases store the same.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Int(i64),
    Float(f64),
    Bool(bool),
    Text(String),
    Bytes(Vec<u8>),
}

impl Value {
    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::Null => "NULL",
            Value::Int(_) => "an integer",
            Value::Float(_) => "a float",
            Value::Bool(_) => "a boolean",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytes",
        }
    }

    /// PostgreSQL refuses NUL inside text; both databases get the replacement character instead.
    fn text(text: String) -> Value {
        match text.contains('\0') {
            true => Value::Text(text.replace('\0', "\u{fffd}")),
            false => Value::Text(text),
        }
    }
}

macro_rules! from_integers {
    ($($integer:ty),*) => {
        $(impl From<$integer> for Value {
            fn from(number: $integer) -> Value {
                Value::Int(number as i64)
            }
        })*
    };
}
from_integers!(i64, i32, i16, u8, u16, u32, usize);

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Float(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Bool(flag)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Value {
        Value::text(text.clone())
    }
}

impl From<std::sync::Arc<str>> for Value {
    fn from(text: std::sync::Arc<str>) -> Value {
        Value::from(&*text)
    }
}

impl From<std::borrow::Cow<'_, str>> for Value {
    fn from(text: std::borrow::Cow<'_, str>) -> Value {
        Value::text(text.into_owned())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Value {
        Value::Bytes(bytes)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Value {
        Value::Bytes(bytes.to_vec())
    }
}

impl From<Uuid> for Value {
    fn from(uuid: Uuid) -> Value {
        Value::Text(uuid.to_string())
    }
}

impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Value {
        Value::Int(at.0)
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Value {
        Value::text(json.to_string())
    }
}

impl From<&serde_json::Value> for Value {
    fn from(json: &serde_json::Value) -> Value {
        Value::text(json.to_string())
    }
}

impl From<&serde_json::Map<String, serde_json::Value>> for Value {
    fn from(object: &serde_json::Map<String, serde_json::Value>) -> Value {
        Value::text(serde_json::to_string(object).unwrap_or_else(|_| "{}".to_owned()))
    }
}

impl From<TeamId> for Value {
    fn from(id: TeamId) -> Value {
        Value::Int(id.0)
    }
}

impl From<UserId> for Value {
    fn from(id: UserId) -> Value {
        Value::Int(id.0)
    }
}

impl From<OrganizationId> for Value {
    fn from(id: OrganizationId) -> Value {
        Value::from(id.0)
    }
}

impl From<GroupTypeIndex> for Value {
    fn from(index: GroupTypeIndex) -> Value {
        Value::Int(i64::from(index.0))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

/// What a column can be read as. Fails, naming what was found, when the column holds something else.
pub trait FromValue: Sized {
    fn from_value(value: Value) -> Result<Self>;
}

fn unexpected<T>(wanted: &str, found: &Value) -> Result<T> {
    bail!("expected {wanted}, found {}", found.kind())
}

impl FromValue for Value {
    fn from_value(value: Value) -> Result<Self> {
        Ok(value)
    }
}

impl FromValue for i64 {
    fn from_value(value: Value) -> Result<Self> {
        match value {
            Value::Int(number) => Ok(number),
            Value::Bool(flag) => Ok(i64::from(flag)),
            // SUM() of integers is NUMERIC in PostgreSQL and arrives as a float.
            Value::Float(number) if number.fract() == 0.0 && number.abs() < 9.0e15 => Ok(number as i64),
            other => unexpected("an integer", &other),
        }
    }
}

macro_rules! narrow_integers {
    ($($integer:ty),*) => {
        $(impl FromValue for $integer {
            fn from_value(value: Value) -> Result<Self> {
                let number = i64::from_value(value)?;
                <$integer>::try_from(number).map_err(|_| anyhow!("{number} does not fit {}", stringify!($integer)))
            }
        })*
    };
}
narrow_integers!(i32, i16, u8, u16, u32, u64, usize);

impl FromValue for f64 {
    fn from_value(value: Value) -> Result<Self> {
        match value {
            Value::Float(number) => Ok(number),
            Value::Int(number) => Ok(number as f64),
            other => unexpected("a number", &other),
        }
    }
}

impl FromValue for bool {
    fn from_value(value: Value) -> Result<Self> {
        match value {
            Value::Bool(flag) => Ok(flag),
            Value::Int(number) => Ok(number != 0),
            other => unexpected("a boolean", &other),
        }
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Result<Self> {
        match value {
            Value::Text(text) => Ok(text),
            other => unexpected("text", &other),
        }
    }
}

impl FromValue for std::sync::Arc<str> {
    fn from_value(value: Value) -> Result<Self> {
        String::from_value(value).map(Into::into)
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value) -> Result<Self> {
        match value {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Text(text) => Ok(text.into_bytes()),
            other => unexpected("bytes", &other),
        }
    }
}

impl FromValue for Uuid {
    fn from_value(value: Value) -> Result<Self> {
        let text = String::from_value(value)?;
        Uuid::parse_str(&text).with_context(|| format!("{text:?} is not a UUID"))
    }
}

impl FromValue for Timestamp {
    fn from_value(value: Value) -> Result<Self> {
        i64::from_value(value).map(Timestamp)
    }
}

impl FromValue for serde_json::Value {
    fn from_value(value: Value) -> Result<Self> {
        serde_json::from_str(&String::from_value(value)?).context("stored JSON is unreadable")
    }
}

impl FromValue for serde_json::Map<String, serde_json::Value> {
    fn from_value(value: Value) -> Result<Self> {
        serde_json::from_str(&String::from_value(value)?).context("stored JSON object is unreadable")
    }
}

impl FromValue for TeamId {
    fn from_value(value: Value) -> Result<Self> {
        i64::from_value(value).map(TeamId)
    }
}

impl FromValue for UserId {
    fn from_value(value: Value) -> Result<Self> {
        i64::from_value(value).map(UserId)
    }
}

impl FromValue for OrganizationId {
    fn from_value(value: Value) -> Result<Self> {
        Uuid::from_value(value).map(OrganizationId)
    }
}

impl FromValue for GroupTypeIndex {
    fn from_value(value: Value) -> Result<Self> {
        u8::from_value(value).map(GroupTypeIndex)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self> {
        match value {
            Value::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}
