//! Hashes whose values are those of ClickHouse for texts.

use super::eval::entries;
use super::value::Value;
use siphasher::sip::SipHasher24;
use std::hash::Hasher;

entries! {
    strict {
        // Several texts: the hash of the hash so far and the next one.
        "sipHash64" => |args, _| {
            let hashes = args.iter().map(|text| sip(text.as_str().as_bytes()));
            let both = |a: u64, b: u64| sip(&[a.to_le_bytes(), b.to_le_bytes()].concat());
            Ok(Value::Int(hashes.reduce(both).unwrap_or(0) as i64))
        },
    }
}

fn sip(bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher24::new();
    hasher.write(bytes);
    hasher.finish()
}
