//! Records of the queue: what decodes encodes to itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::CapturedEvent;

fuzz_target!(|data: &[u8]| {
    let Ok(event) = CapturedEvent::decode(data) else { return };
    let mut bytes = Vec::new();
    event.encode(&mut bytes);
    assert_eq!(CapturedEvent::decode(&bytes), Ok(event));
});
