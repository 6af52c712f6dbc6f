//! Parts of multipart model calls: whatever comes out is a JSON value.
#![no_main]

use libfuzzer_sys::fuzz_target;

const TYPES: [Option<&str>; 4] = [None, Some("application/json"), Some("text/plain"), Some("image/png")];

fuzz_target!(|data: &[u8]| {
    let Some((choice, body)) = data.split_first() else { return };
    let encoding = (*choice >= 128).then_some("gzip");
    if let Ok(text) = capture::routes::blob_text(TYPES[*choice as usize % 4], encoding, body) {
        assert!(serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok());
    }
});
