//! LZ-String: at most the limit comes out.
#![no_main]

use capture::body::Budget;
use capture::lz_string::decompress_from_base64;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = decompress_from_base64(data, 1 << 20, &mut Budget::new(1 << 24).grant());
});
