//! Requests of the lenient endpoints, down to the records.
#![no_main]

use capture::event::{Context, accept, request_token};
use capture::{DropList, Quota, shape};
use libfuzzer_sys::fuzz_target;
use model::{CapturedEvent, Timestamp};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = String::from_utf8(capture::json::clean(data.to_vec())) else { return };
    let Ok(request) = shape::read(&text, data.len() % 2 == 0, 1000) else { return };
    let Ok(token) = request_token(&request) else { return };
    let (quota, drop_list) = (Quota::default(), DropList::default());
    let context = Context {
        now: Timestamp::from_seconds(1_735_732_800),
        sent_at: None,
        ip: "1.2.3.4",
        quota: &quota,
        drop_list: &drop_list,
        max_event_bytes: 1 << 20,
    };
    let Ok(accepted) = accept(&request, &token, &context) else { return };
    for record in accepted.records {
        let event = CapturedEvent::decode(&record).expect("what was encoded can be decoded");
        assert!(serde_json::from_str::<&serde_json::value::RawValue>(&event.properties).is_ok());
        assert!(event.distinct_id.chars().count() <= 200);
    }
});
