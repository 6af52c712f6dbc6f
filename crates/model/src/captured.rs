//! What capture writes to the queue and ingest reads back: one record per event, in a versioned binary form.
//!
//! Property objects stay the JSON text that the client sent (already known to be valid), so that nothing is parsed twice
//! before it must be.

use crate::Timestamp;
use std::borrow::Cow;
use uuid::Uuid;

const VERSION: u8 = 1;

/// One event as a client sent it, checked for shape and stamped with what only the edge knows.
#[derive(Clone, Debug, PartialEq)]
pub struct CapturedEvent<'a> {
    pub token: Cow<'a, str>,
    pub uuid: Uuid,
    pub event: Cow<'a, str>,
    pub distinct_id: Cow<'a, str>,
    /// When it happened, after clock-skew correction.
    pub timestamp: Timestamp,
    /// When the server received it.
    pub now: Timestamp,
    pub sent_at: Option<Timestamp>,
    /// The client's address as seen by the edge; empty when unknown or withheld.
    pub ip: Cow<'a, str>,
    /// JSON object.
    pub properties: Cow<'a, str>,
    /// Root `$set`: JSON object, or empty.
    pub set: Cow<'a, str>,
    /// Root `$set_once`: JSON object, or empty.
    pub set_once: Cow<'a, str>,
    pub flags: CapturedFlags,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapturedFlags {
    pub historical_migration: bool,
    pub cookieless: bool,
    /// Capture refused person processing (rate limit, illegal id in protocol v1, operator rule).
    pub no_person_processing: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Written by a newer Hoglet.
    UnknownVersion(u8),
    Truncated,
    NotUtf8,
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DecodeError::UnknownVersion(version) => write!(f, "captured event of version {version}, which this build does not know"),
            DecodeError::Truncated => f.write_str("captured event ends early"),
            DecodeError::NotUtf8 => f.write_str("captured event holds text that is not UTF-8"),
        }
    }
}

impl std::error::Error for DecodeError {}

const HISTORICAL: u8 = 1;
const COOKIELESS: u8 = 2;
const NO_PERSON: u8 = 4;
const HAS_SENT_AT: u8 = 8;

impl<'a> CapturedEvent<'a> {
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut flags = 0;
        for (set, bit) in [
            (self.flags.historical_migration, HISTORICAL),
            (self.flags.cookieless, COOKIELESS),
            (self.flags.no_person_processing, NO_PERSON),
            (self.sent_at.is_some(), HAS_SENT_AT),
        ] {
            if set {
                flags |= bit;
            }
        }
        out.push(VERSION);
        out.push(flags);
        out.extend_from_slice(self.uuid.as_bytes());
        out.extend_from_slice(&self.timestamp.0.to_le_bytes());
        out.extend_from_slice(&self.now.0.to_le_bytes());
        if let Some(sent_at) = self.sent_at {
            out.extend_from_slice(&sent_at.0.to_le_bytes());
        }
        for text in self.texts() {
            out.extend_from_slice(&(text.len() as u32).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
    }

    /// Bytes that [`encode`](Self::encode) appends.
    pub fn encoded_len(&self) -> usize {
        2 + 16 + 16 + if self.sent_at.is_some() { 8 } else { 0 } + self.texts().iter().map(|text| 4 + text.len()).sum::<usize>()
    }

    fn texts(&self) -> [&str; 7] {
        [&self.token, &self.event, &self.distinct_id, &self.ip, &self.properties, &self.set, &self.set_once]
    }

    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader(bytes);
        let [version, flags] = reader.array()?;
        if version != VERSION {
            return Err(DecodeError::UnknownVersion(version));
        }
        let uuid = Uuid::from_bytes(reader.array()?);
        let timestamp = reader.timestamp()?;
        let now = reader.timestamp()?;
        let sent_at = if flags & HAS_SENT_AT != 0 { Some(reader.timestamp()?) } else { None };
        Ok(CapturedEvent {
            token: reader.text()?,
            uuid,
            event: reader.text()?,
            distinct_id: reader.text()?,
            timestamp,
            now,
            sent_at,
            ip: reader.text()?,
            properties: reader.text()?,
            set: reader.text()?,
            set_once: reader.text()?,
            flags: CapturedFlags {
                historical_migration: flags & HISTORICAL != 0,
                cookieless: flags & COOKIELESS != 0,
                no_person_processing: flags & NO_PERSON != 0,
            },
        })
    }

    pub fn into_owned(self) -> CapturedEvent<'static> {
        fn own(text: Cow<'_, str>) -> Cow<'static, str> {
            Cow::Owned(text.into_owned())
        }
        CapturedEvent {
            token: own(self.token),
            uuid: self.uuid,
            event: own(self.event),
            distinct_id: own(self.distinct_id),
            timestamp: self.timestamp,
            now: self.now,
            sent_at: self.sent_at,
            ip: own(self.ip),
            properties: own(self.properties),
            set: own(self.set),
            set_once: own(self.set_once),
            flags: self.flags,
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, tail) = self.0.split_first_chunk::<N>().ok_or(DecodeError::Truncated)?;
        self.0 = tail;
        Ok(*head)
    }

    fn timestamp(&mut self) -> Result<Timestamp, DecodeError> {
        Ok(Timestamp(i64::from_le_bytes(self.array()?)))
    }

    fn text(&mut self) -> Result<Cow<'a, str>, DecodeError> {
        let length = u32::from_le_bytes(self.array()?) as usize;
        let (head, tail) = self.0.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.0 = tail;
        std::str::from_utf8(head).map(Cow::Borrowed).map_err(|_| DecodeError::NotUtf8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> CapturedEvent<'static> {
        CapturedEvent {
            token: "phc_test".into(),
            uuid: Uuid::from_u128(7),
            event: "$pageview".into(),
            distinct_id: "u1".into(),
            timestamp: Timestamp(1),
            now: Timestamp(2),
            sent_at: Some(Timestamp(3)),
            ip: "1.2.3.4".into(),
            properties: r#"{"a":1}"#.into(),
            set: "".into(),
            set_once: r#"{"b":2}"#.into(),
            flags: CapturedFlags { historical_migration: true, cookieless: false, no_person_processing: true },
        }
    }

    #[test]
    fn a_record_survives_a_round_trip() {
        let mut bytes = Vec::new();
        sample().encode(&mut bytes);
        assert_eq!(bytes.len(), sample().encoded_len());
        assert_eq!(CapturedEvent::decode(&bytes), Ok(sample()));
    }

    #[test]
    fn every_truncation_is_refused() {
        let mut bytes = Vec::new();
        sample().encode(&mut bytes);
        for length in 0..bytes.len() {
            assert!(CapturedEvent::decode(&bytes[..length]).is_err(), "{length} bytes were accepted");
        }
    }

    #[test]
    fn a_newer_version_is_named_in_the_error() {
        let mut bytes = Vec::new();
        sample().encode(&mut bytes);
        bytes[0] = 9;
        assert_eq!(CapturedEvent::decode(&bytes), Err(DecodeError::UnknownVersion(9)));
    }
}
