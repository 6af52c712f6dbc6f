//! The scanner accepts exactly what serde_json accepts, up to its own limit of nesting, and reads strings alike.
#![no_main]

use capture::json::{Scanner, clean};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = String::from_utf8(clean(data.to_vec())) else { return };
    let mut scanner = Scanner::new(&text);
    let ours = scanner.value().and_then(|value| scanner.finish().map(|()| value));
    let deep = ours.as_ref().is_err_and(|error| error.to_string().starts_with("recursion limit"));
    let theirs = serde_json::from_str::<&RawValue>(&text);
    assert!(deep || ours.is_ok() == theirs.is_ok(), "{text:?}: {ours:?} but {theirs:?}");
    if let Ok(value) = ours
        && let Some(string) = value.as_string()
    {
        assert_eq!(serde_json::from_str::<String>(value.raw).unwrap(), string);
    }
});
