//! Reports that browsers send by themselves.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = capture::routes::decode_report("application/csp-report", data);
    let _ = capture::routes::decode_report("application/reports+json", data);
});
