//! Arbitrary bodies under every content type, encoding and hint: a text, a refusal, never a panic or unbounded memory.
#![no_main]

use libfuzzer_sys::fuzz_target;

const CONTENT_TYPES: [Option<&str>; 3] = [None, Some("application/x-www-form-urlencoded"), Some("text/plain")];
const ENCODINGS: [Option<&str>; 3] = [None, Some("gzip"), Some("lz64")];
const QUERIES: [&str; 4] = ["", "compression=gzip-js", "compression=lz64", "compression=base64&beacon=1"];

fuzz_target!(|data: &[u8]| {
    let Some((choice, body)) = data.split_first() else { return };
    let choice = *choice as usize;
    let (content_type, encoding, query) = (CONTENT_TYPES[choice % 3], ENCODINGS[choice / 3 % 3], QUERIES[choice / 9 % 4]);
    let _ = capture::payload::unpack_for_test(query, content_type, encoding, body, 1 << 20);
    if let Ok(query) = std::str::from_utf8(body) {
        let _ = capture::payload::unpack_for_test(query, content_type, encoding, b"", 1 << 20);
    }
});
