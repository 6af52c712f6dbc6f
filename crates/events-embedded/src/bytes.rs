//! Reading and writing of the small binary formats: variable-length integers and length-prefixed text.

use anyhow::{Context, Result, bail};
use std::sync::Arc;
use uuid::Uuid;

pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn byte(&mut self) -> Result<u8> {
        let (&first, rest) = self.0.split_first().context("data ends early")?;
        self.0 = rest;
        Ok(first)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>().context("data ends early")?;
        self.0 = rest;
        Ok(*head)
    }

    pub fn varint(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        bail!("integer of more than 64 bits")
    }

    pub fn signed(&mut self) -> Result<i64> {
        let raw = self.varint()?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    /// A count of things that each take at least one byte, so a damaged one cannot ask for endless memory.
    pub fn count(&mut self) -> Result<usize> {
        let count = self.varint()? as usize;
        if count > self.0.len() {
            bail!("count of {count} with {} bytes left", self.0.len());
        }
        Ok(count)
    }

    pub fn text(&mut self) -> Result<&'a str> {
        let length = self.varint()? as usize;
        let (head, rest) = self.0.split_at_checked(length).context("text ends early")?;
        self.0 = rest;
        std::str::from_utf8(head).context("text is not UTF-8")
    }

    pub fn shared_text(&mut self) -> Result<Arc<str>> {
        self.text().map(Arc::from)
    }

    pub fn uuid(&mut self) -> Result<Uuid> {
        Ok(Uuid::from_bytes(self.array()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_every_size_survive_a_round_trip() {
        for value in [0, 1, -1, 63, 64, -65, i64::MAX, i64::MIN, 1 << 53] {
            let mut out = Vec::new();
            put_signed(&mut out, value);
            put_varint(&mut out, value as u64);
            let mut reader = Reader(&out);
            assert_eq!(reader.signed().unwrap(), value);
            assert_eq!(reader.varint().unwrap(), value as u64);
        }
    }
}
