//! LZ-String's `compressToBase64`, which posthog-js used before browsers could gzip.
//!
//! Written here because the output of a hostile stream grows with the square of its input, so the decoder must stop at a
//! limit by itself. Every phrase of this dictionary is a piece of the output so far, so it is kept as a place in it.

use crate::body::Grant;
use crate::decompress::{DecompressError, admit};

#[derive(Debug, PartialEq, Eq)]
pub enum LzError {
    /// Not LZ-String in base64.
    Invalid,
    /// Decodes to something that is not UTF-16.
    NotText,
    TooLarge(DecompressError),
}

/// Text from base64 of LZ-String, at most about `limit` bytes of it.
pub fn decompress_from_base64(input: &[u8], limit: usize, grant: &mut Grant) -> Result<String, LzError> {
    let units = decompress(input, limit, grant)?;
    char::decode_utf16(units).collect::<Result<String, _>>().map_err(|_| LzError::NotText)
}

struct Bits<'a> {
    input: &'a [u8],
    at: usize,
    current: u8,
    left: u32,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Result<u32, LzError> {
        let mut value = 0;
        for index in 0..count {
            if self.left == 0 {
                self.current = self.input.get(self.at).and_then(|byte| sextet(*byte)).ok_or(LzError::Invalid)?;
                self.at += 1;
                self.left = 6;
            }
            self.left -= 1;
            value |= u32::from(self.current >> self.left & 1) << index;
        }
        Ok(value)
    }
}

fn sextet(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' | b' ' => 62,
        b'/' | b'_' => 63,
        // Padding reads as zero bits.
        b'=' => 0,
        _ => return None,
    })
}

#[derive(Clone, Copy)]
struct Phrase {
    start: u32,
    length: u32,
}

/// Codes that are no phrases.
const UNIT_8: u32 = 0;
const UNIT_16: u32 = 1;
const END: u32 = 2;

struct Decoder<'a> {
    bits: Bits<'a>,
    out: Vec<u16>,
    phrases: Vec<Phrase>,
    /// The phrase before, where it was written last: at the end of the output.
    previous: Phrase,
    width: u32,
    /// Codes that still fit into `width` bits.
    room: u32,
}

fn decompress(input: &[u8], limit: usize, grant: &mut Grant) -> Result<Vec<u16>, LzError> {
    let mut bits = Bits { input, at: 0, current: 0, left: 0 };
    let first = match bits.take(2)? {
        UNIT_8 => bits.take(8)?,
        UNIT_16 => bits.take(16)?,
        END => return Ok(Vec::new()),
        _ => return Err(LzError::Invalid),
    };
    let start = Phrase { start: 0, length: 1 };
    // The first unit already has a place; with the three special codes that makes four.
    let mut decoder = Decoder { bits, out: vec![first as u16], phrases: vec![start], previous: start, width: 3, room: 4 };
    loop {
        let (phrase, is_new) = match decoder.step()? {
            Step::End => return Ok(decoder.out),
            Step::Known(phrase) => (phrase, false),
            Step::NewUnit(phrase) => (phrase, true),
        };
        let size = decoder.out.len() + phrase.length as usize;
        admit(decoder.bits.at, size * 2, limit, grant).map_err(LzError::TooLarge)?;
        if !grant.reach(size * 2 + decoder.phrases.len() * size_of::<Phrase>()) {
            return Err(LzError::TooLarge(DecompressError::Busy));
        }
        decoder.emit(phrase, is_new);
    }
}

enum Step {
    Known(Phrase),
    /// A unit that was never seen before; it is written already.
    NewUnit(Phrase),
    End,
}

impl Decoder<'_> {
    /// What the next code stands for.
    fn step(&mut self) -> Result<Step, LzError> {
        let code = self.bits.take(self.width)?;
        let known = match code {
            END => return Ok(Step::End),
            UNIT_8 | UNIT_16 => {
                let unit = self.bits.take(if code == UNIT_8 { 8 } else { 16 })?;
                let phrase = Phrase { start: self.out.len() as u32, length: 1 };
                // A new unit takes a place in the dictionary by itself.
                self.out.push(unit as u16);
                self.phrases.push(phrase);
                self.use_room();
                return Ok(Step::NewUnit(phrase));
            }
            code => self.phrases.get((code - 3) as usize).copied(),
        };
        let defined_now = code as usize == self.phrases.len() + 3;
        match known {
            Some(phrase) => Ok(Step::Known(phrase)),
            // The phrase that is just being defined: the previous one and its own first unit again.
            None if defined_now => Ok(Step::Known(Phrase { start: self.previous.start, length: self.previous.length + 1 })),
            None => Err(LzError::Invalid),
        }
    }

    fn emit(&mut self, phrase: Phrase, already_written: bool) {
        let start = if already_written { phrase.start } else { self.out.len() as u32 };
        if !already_written {
            for index in phrase.start as usize..(phrase.start + phrase.length) as usize {
                // The previous phrase ends where the output ends, so its first unit is there again when it is needed.
                self.out.push(self.out[index]);
            }
        }
        // The previous phrase and the first unit of this one follow each other in the output.
        self.phrases.push(Phrase { start: self.previous.start, length: self.previous.length + 1 });
        self.use_room();
        self.previous = Phrase { start, length: phrase.length };
    }

    fn use_room(&mut self) {
        self.room -= 1;
        if self.room == 0 {
            self.room = 1 << self.width;
            self.width += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Budget;
    use proptest::prelude::*;

    fn run(input: &[u8], limit: usize) -> Result<String, LzError> {
        decompress_from_base64(input, limit, &mut Budget::new(1 << 30).grant())
    }

    #[test]
    fn bombs_stop_at_the_limit() {
        let bomb = lz_str::compress_to_base64("0".repeat(100_000).as_str());
        assert!(bomb.len() < 2_000, "{}", bomb.len());
        assert!(matches!(run(bomb.as_bytes(), 10_000), Err(LzError::TooLarge(DecompressError::TooLarge { .. }))));
    }

    #[test]
    fn rubbish_and_halves_of_pairs_are_named() {
        assert_eq!(run(b"!!!!", 100), Err(LzError::Invalid));
        assert_eq!(run(b"", 100), Err(LzError::Invalid));
        assert_eq!(run(lz_str::compress_to_base64(&[0xd83du16][..]).as_bytes(), 100), Err(LzError::NotText));
    }

    proptest! {
        #[test]
        fn gives_back_what_went_in(text in ".*|[ab]{0,400}|(event|\\{\\}|é😀){0,60}") {
            let compressed = lz_str::compress_to_base64(text.as_str());
            prop_assert_eq!(run(compressed.as_bytes(), 1 << 20).unwrap(), text);
        }

        #[test]
        fn arbitrary_bytes_never_panic(input in "[A-Za-z0-9+/=]{0,300}") {
            let _ = run(input.as_bytes(), 1 << 20);
        }
    }
}
