//! Streams of every compression: at most the limit comes out.
#![no_main]

use capture::body::Budget;
use capture::decompress::{Format, decompress};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let Some((choice, body)) = data.split_first() else { return };
    let format = [Format::Gzip, Format::Deflate, Format::Brotli, Format::Zstd][*choice as usize % 4];
    if let Ok(plain) = decompress(format, body, LIMIT, &mut Budget::new(LIMIT * 4).grant()) {
        assert!(plain.len() <= LIMIT);
    }
});
