//! The content of one log frame: an appended batch. Version 2; version 1 had no references among values.
//!
//! Texts that repeat (event names, property names, element chains, short values) are written once per frame and referred to by
//! number, and so are person property objects that rows share; reading gives the sharing back.

use crate::bytes::{Reader, put_signed, put_text, put_varint};
use crate::texts::Recent;
use anyhow::{Context, Result, bail};
use events::{EventBatch, EventRow, PersonOverride};
use hashbrown::HashMap;
use model::{PersonMode, Properties, PropertyValue, TeamId, Timestamp};
use std::sync::Arc;

const VERSION: u8 = 2;

/// The frame's bytes, and for each row how many of them it takes before compression.
pub struct Encoded {
    pub payload: Vec<u8>,
    pub row_bytes: Vec<u32>,
}

pub fn encode(batch: &EventBatch) -> Encoded {
    let mut texts = Texts::default();
    let mut persons = Persons::default();
    let mut body = Vec::with_capacity(batch.rows.len() * 512);
    let mut row_bytes = Vec::with_capacity(batch.rows.len());
    for row in &batch.rows {
        let before = body.len() + persons.body.len() + texts.spared;
        encode_row(row, &mut body, &mut texts, &mut persons);
        row_bytes.push((body.len() + persons.body.len() + texts.spared - before) as u32);
    }
    let mut out = vec![VERSION];
    match batch.position {
        Some(position) => {
            out.push(1);
            put_varint(&mut out, position);
        }
        None => out.push(0),
    }
    put_varint(&mut out, batch.overrides.len() as u64);
    for change in &batch.overrides {
        encode_override(change, &mut out);
    }
    put_varint(&mut out, texts.list.len() as u64);
    for text in &texts.list {
        put_text(&mut out, text);
    }
    put_varint(&mut out, persons.count);
    out.extend_from_slice(&persons.body);
    put_varint(&mut out, batch.rows.len() as u64);
    out.extend_from_slice(&body);
    Encoded { payload: lz4_flex::compress_prepend_size(&out), row_bytes }
}

/// What each row would take in a frame.
pub fn sizes(rows: &[EventRow]) -> Vec<u32> {
    let value = |value: &PropertyValue| match value {
        PropertyValue::String(text) | PropertyValue::Json(text) => text.len() + 4,
        _ => 9,
    };
    let object = |properties: &Properties| properties.iter().map(|(_, of)| value(of) + 2).sum::<usize>();
    rows.iter().map(|row| (96 + row.distinct_id.len() + object(&row.properties) + object(&row.person_properties)) as u32).collect()
}

pub fn decode(payload: &[u8]) -> Result<EventBatch> {
    let plain = lz4_flex::decompress_size_prepended(payload).context("decompressing a log frame")?;
    let mut reader = Reader(&plain);
    let version = reader.byte()?;
    if !(1..=VERSION).contains(&version) {
        bail!("log frame of version {version}, which this build does not know");
    }
    let position = if reader.byte()? == 1 { Some(reader.varint()?) } else { None };
    let overrides = (0..reader.count()?).map(|_| decode_override(&mut reader)).collect::<Result<_>>()?;
    let texts: Vec<Arc<str>> = (0..reader.count()?).map(|_| reader.shared_text()).collect::<Result<_>>()?;
    let persons: Vec<Arc<Properties>> =
        (0..reader.count()?).map(|_| decode_properties(&mut reader, &texts).map(Arc::new)).collect::<Result<_>>()?;
    let rows = (0..reader.count()?).map(|_| decode_row(&mut reader, &texts, &persons)).collect::<Result<_>>()?;
    Ok(EventBatch { rows, overrides, position })
}

pub fn encode_override(change: &PersonOverride, out: &mut Vec<u8>) {
    put_signed(out, change.team.0);
    put_text(out, &change.distinct_id);
    out.extend_from_slice(change.person_id.as_bytes());
    put_signed(out, change.version);
}

pub fn decode_override(reader: &mut Reader) -> Result<PersonOverride> {
    Ok(PersonOverride {
        team: TeamId(reader.signed()?),
        distinct_id: reader.shared_text()?,
        person_id: reader.uuid()?,
        version: reader.signed()?,
    })
}

/// Values up to this length are referred to when they come again.
const MAX_VALUE: usize = 64;
/// A value that came once, and has no number yet.
const ONCE: u32 = u32::MAX - 1;

struct Texts<'a> {
    names: Recent<'a>,
    values: Recent<'a>,
    numbers: HashMap<&'a str, u32>,
    list: Vec<&'a str>,
    /// Bytes of values that references stand for.
    spared: usize,
}

impl Default for Texts<'_> {
    fn default() -> Self {
        Texts { names: Recent::new(8), values: Recent::new(12), numbers: HashMap::new(), list: Vec::new(), spared: 0 }
    }
}

impl<'a> Texts<'a> {
    /// The number of a value that came before, if it is the same memory.
    fn repeated(&mut self, value: &'a str) -> Option<u64> {
        if !(3..=MAX_VALUE).contains(&value.len()) {
            return None;
        }
        let number = match self.values.get(value) {
            None => {
                self.values.put(value, ONCE);
                return None;
            }
            Some(ONCE) => {
                let number = self.number(value) as u32;
                self.values.put(value, number);
                number
            }
            Some(number) => number,
        };
        self.spared += value.len();
        Some(u64::from(number))
    }

    fn number(&mut self, text: &'a str) -> u64 {
        if let Some(number) = self.names.get(text) {
            return u64::from(number);
        }
        let next = self.list.len() as u32;
        let number = *self.numbers.entry(text).or_insert_with(|| {
            self.list.push(text);
            next
        });
        self.names.put(text, number);
        u64::from(number)
    }
}

#[derive(Default)]
struct Persons {
    numbers: HashMap<*const Properties, u64>,
    body: Vec<u8>,
    count: u64,
}

fn encode_row<'a>(row: &'a EventRow, out: &mut Vec<u8>, texts: &mut Texts<'a>, persons: &mut Persons) {
    put_signed(out, row.team.0);
    out.extend_from_slice(row.uuid.as_bytes());
    put_varint(out, texts.number(&row.event));
    for at in [row.timestamp, row.created_at, row.person_created_at] {
        put_signed(out, at.0);
    }
    put_text(out, &row.distinct_id);
    out.extend_from_slice(row.person_id.as_bytes());
    out.push(row.person_mode as u8 | u8::from(row.historical_migration) << 4);
    put_varint(out, texts.number(&row.elements_chain));
    let number = match persons.numbers.get(&Arc::as_ptr(&row.person_properties)) {
        Some(&number) => number,
        None => {
            encode_properties(&row.person_properties, &mut persons.body, texts);
            persons.numbers.insert(Arc::as_ptr(&row.person_properties), persons.count);
            persons.count += 1;
            persons.count - 1
        }
    };
    put_varint(out, number);
    encode_properties(&row.properties, out, texts);
}

fn decode_row(reader: &mut Reader, texts: &[Arc<str>], persons: &[Arc<Properties>]) -> Result<EventRow> {
    let team = TeamId(reader.signed()?);
    let uuid = reader.uuid()?;
    let event = nth(texts, reader.varint()?)?;
    let [timestamp, created_at, person_created_at] = [(); 3].map(|()| reader.signed().map(Timestamp));
    let distinct_id = reader.shared_text()?;
    let person_id = reader.uuid()?;
    let flags = reader.byte()?;
    Ok(EventRow {
        team,
        uuid,
        event,
        timestamp: timestamp?,
        created_at: created_at?,
        distinct_id,
        person_id,
        person_created_at: person_created_at?,
        person_mode: PersonMode::from_code(flags & 15).context("unknown person mode")?,
        historical_migration: flags >> 4 == 1,
        elements_chain: nth(texts, reader.varint()?)?,
        person_properties: nth(persons, reader.varint()?)?,
        properties: decode_properties(reader, texts)?,
    })
}

fn nth<T: ?Sized>(list: &[Arc<T>], number: u64) -> Result<Arc<T>> {
    list.get(number as usize).cloned().context("reference to an entry that is not there")
}

fn encode_properties<'a>(properties: &'a Properties, out: &mut Vec<u8>, texts: &mut Texts<'a>) {
    put_varint(out, properties.len() as u64);
    for (name, value) in properties.iter() {
        put_varint(out, texts.number(name));
        match value {
            PropertyValue::Null => out.push(0),
            PropertyValue::Bool(flag) => out.push(1 + u8::from(*flag)),
            PropertyValue::Int(number) => {
                out.push(3);
                put_signed(out, *number);
            }
            PropertyValue::Float(number) => {
                out.push(4);
                out.extend_from_slice(&number.to_le_bytes());
            }
            PropertyValue::String(text) => match texts.repeated(text) {
                Some(number) => {
                    out.push(7);
                    put_varint(out, number);
                }
                None => {
                    out.push(5);
                    put_text(out, text);
                }
            },
            PropertyValue::Json(text) => {
                out.push(6);
                put_text(out, text);
            }
        }
    }
}

fn decode_properties(reader: &mut Reader, texts: &[Arc<str>]) -> Result<Properties> {
    let count = reader.count()?;
    let mut properties = Properties::with_capacity(count);
    for _ in 0..count {
        let name = nth(texts, reader.varint()?)?;
        let value = match reader.byte()? {
            0 => PropertyValue::Null,
            1 => PropertyValue::Bool(false),
            2 => PropertyValue::Bool(true),
            3 => PropertyValue::Int(reader.signed()?),
            4 => PropertyValue::Float(f64::from_le_bytes(reader.array()?)),
            5 => PropertyValue::String(reader.shared_text()?),
            6 => PropertyValue::Json(reader.shared_text()?),
            7 => PropertyValue::String(nth(texts, reader.varint()?)?),
            other => bail!("property value of unknown kind {other}"),
        };
        properties.push_new(name, value);
    }
    Ok(properties)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::row;

    #[test]
    fn a_batch_survives_a_round_trip_and_keeps_its_sharing() {
        let person = Arc::new(Properties::from_json_text(r#"{"email":"a@b.c"}"#).unwrap());
        let mut rows: Vec<_> = (0..3).map(|i| row(1, i, "e", r#"{"a":1,"b":2.5,"c":"x","d":[1],"e":null,"f":true}"#)).collect();
        for row in &mut rows {
            row.person_properties = person.clone();
        }
        let change = PersonOverride { team: TeamId(1), distinct_id: "x".into(), person_id: rows[0].uuid, version: 3 };
        let batch = EventBatch { rows: rows.clone(), overrides: vec![change.clone()], position: Some(9) };
        let read = decode(&encode(&batch).payload).unwrap();
        assert_eq!((read.rows, read.overrides, read.position), (rows, vec![change], Some(9)));
        let again = decode(&encode(&batch).payload).unwrap();
        assert!(Arc::ptr_eq(&again.rows[0].person_properties, &again.rows[2].person_properties));
    }

    #[test]
    fn values_that_come_again_are_written_once_and_count_each_time() {
        let mut rows: Vec<_> = (0..5).map(|i| row(1, i, "e", r#"{"plan":"one of the longer plans","n":1}"#)).collect();
        let shared = rows[0].properties.clone();
        rows.iter_mut().for_each(|row| row.properties = shared.clone());
        let apart: Vec<_> = rows.iter().map(|row| EventRow { properties: copied(&row.properties), ..row.clone() }).collect();
        let [together, apart] = [rows, apart].map(|rows| EventBatch { rows, ..EventBatch::default() });
        let [encoded, longer] = [&together, &apart].map(encode);
        assert_eq!(decode(&encoded.payload).unwrap().rows, together.rows);
        assert_eq!(decode(&longer.payload).unwrap().rows, together.rows);
        let plain = |encoded: &Encoded| lz4_flex::decompress_size_prepended(&encoded.payload).unwrap().len();
        assert!(plain(&encoded) + 50 < plain(&longer));
        assert!(encoded.row_bytes.iter().zip(&longer.row_bytes).all(|(shared, copied)| shared.abs_diff(*copied) <= 2));
    }

    /// The same properties in other memory.
    fn copied(properties: &Properties) -> Properties {
        Properties::from_json_text(&properties.to_json_text()).unwrap()
    }

    #[test]
    fn every_truncation_is_refused() {
        let batch = EventBatch { rows: vec![row(1, 1, "e", r#"{"a":"some text"}"#)], ..EventBatch::default() };
        let payload = encode(&batch).payload;
        for length in 0..payload.len() {
            assert!(decode(&payload[..length]).is_err(), "{length} bytes were accepted");
        }
    }
}
