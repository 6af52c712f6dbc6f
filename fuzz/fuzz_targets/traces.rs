//! OpenTelemetry traces.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = capture::routes::decode_traces("application/x-protobuf", data);
    let _ = capture::routes::decode_traces("application/json", data);
});
