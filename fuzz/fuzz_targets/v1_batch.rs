//! Bodies of protocol v1.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = String::from_utf8(capture::json::clean(data.to_vec())) else { return };
    let _ = capture::routes::decode_batch(&text, 1000);
});
