//! Date texts.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let zoned = capture::dates::parse_zoned(text);
    let any = capture::dates::parse(text);
    assert!(zoned.is_none() || zoned == any);
});
