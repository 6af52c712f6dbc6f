//! Realistic events: twenty-five properties, a heavy-tailed choice of persons and pages, about 880 bytes of JSON each.

use crate::client::Requests;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::io::Write;
use std::sync::Arc;

pub const TOKEN: &str = "phc_bench";
const PERSONS: f64 = 50_000.0;
const NAMES: &[&str] = &[
    "$pageview",
    "$pageview",
    "$pageview",
    "$autocapture",
    "$autocapture",
    "$pageleave",
    "note_created",
    "signed_up",
    "search",
    "upgraded",
];
const BROWSERS: &[&str] = &["Chrome", "Safari", "Firefox", "Microsoft Edge"];
const SYSTEMS: &[&str] = &["Windows", "Mac OS X", "Linux", "iOS", "Android"];
const COUNTRIES: &[&str] = &["United States", "Germany", "France", "India", "Brazil", "Japan"];

fn event(rng: &mut StdRng, out: &mut Vec<u8>) {
    let person = (rng.random::<f64>().powi(3) * PERSONS) as u32;
    let page = (rng.random::<f64>().powi(2) * 400.0) as u32;
    let uuid = uuid::Builder::from_random_bytes(rng.random()).into_uuid();
    let name = NAMES[rng.random_range(0..NAMES.len())];
    let ago = rng.random_range(0..7 * 86_400_000_u32);
    let session =
        uuid::Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0000_u128 + u128::from(person) * 1000 + u128::from(ago / 3_600_000));
    write!(
        out,
        r#"{{"uuid":"{uuid}","event":"{name}","offset":{ago},"distinct_id":"user-{person}","properties":{{"$current_url":"https://app.example/page/{page}?ref=mail","$pathname":"/page/{page}","$host":"app.example","$browser":"{}","$browser_version":{},"$os":"{}","$os_version":"{}","$device_type":"{}","$screen_width":1920,"$screen_height":1080,"$viewport_width":{},"$viewport_height":937,"$lib":"web","$lib_version":"1.434.18","$session_id":"{session}","$window_id":"{session}","$referrer":"https://www.google.com/","$referring_domain":"www.google.com","$timezone":"Europe/Berlin","$is_identified":true,"$process_person_profile":true,"plan":"{}","country":"{}","price":{},"duration":{},"experiment":"variant-{}","$geoip_disable":true}}}}"#,
        BROWSERS[rng.random_range(0..BROWSERS.len())],
        rng.random_range(100..145),
        SYSTEMS[person as usize % SYSTEMS.len()],
        person % 17,
        if person % 3 == 0 { "Mobile" } else { "Desktop" },
        1200 + person % 700,
        if person % 9 == 0 { "pro" } else { "free" },
        COUNTRIES[person as usize % COUNTRIES.len()],
        f64::from(rng.random_range(100..9900_u32)) / 100.0,
        rng.random_range(0..100_000_u32),
        person % 4,
    )
    .expect("writing to memory");
}

fn request(rng: &mut StdRng, batch: usize, out: &mut Vec<u8>) {
    let mut body = Vec::with_capacity(batch * 1000 + 100);
    write!(body, r#"{{"api_key":"{TOKEN}","batch":["#).expect("writing to memory");
    for index in 0..batch {
        if index > 0 {
            body.push(b',');
        }
        event(rng, &mut body);
    }
    body.extend_from_slice(b"]}");
    write!(out, "POST /batch/ HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len())
        .expect("writing to memory");
    out.extend_from_slice(&body);
}

/// Prepared requests, sent over and over: the generator then costs next to nothing.
#[derive(Clone)]
pub struct Prepared(Arc<Vec<Vec<u8>>>);

pub fn requests(batch: usize, count: usize, seed: u64) -> Prepared {
    let mut rng = StdRng::seed_from_u64(seed);
    Prepared(Arc::new(
        (0..count)
            .map(|_| {
                let mut out = Vec::new();
                request(&mut rng, batch, &mut out);
                out
            })
            .collect(),
    ))
}

impl Requests for Prepared {
    fn write(&self, number: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0[number as usize % self.0.len()]);
    }
}

/// Requests that never repeat, for runs whose events must all be counted.
#[derive(Clone)]
pub struct Stream {
    batch: usize,
    seed: u64,
}

impl Stream {
    pub fn new(batch: usize, seed: u64) -> Self {
        Stream { batch, seed: seed << 40 | u64::from(std::process::id()) }
    }
}

impl Requests for Stream {
    fn write(&self, number: u64, out: &mut Vec<u8>) {
        // Ids must differ between calls of `drive` on one server too, so time goes into the seed.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |at| at.as_nanos() as u64);
        let mut rng = StdRng::seed_from_u64(self.seed ^ number.rotate_left(20) ^ now);
        request(&mut rng, self.batch, out);
    }
}

pub fn bytes_per_event() -> usize {
    let mut rng = StdRng::seed_from_u64(1);
    let mut out = Vec::new();
    for _ in 0..1000 {
        event(&mut rng, &mut out);
    }
    out.len() / 1000
}
