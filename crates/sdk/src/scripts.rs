//! The embedded browser scripts: one pack made by `npm/pack.mjs`, parsed once at start.

use std::{collections::HashMap, io::Read};

use anyhow::{Context, bail};
use bytes::Bytes;
use serde::Deserialize;

static EMBEDDED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/scripts.pack"));

/// One script in the two encodings that browsers ask for.
#[derive(Clone, Debug)]
pub struct Script {
    /// Hash of the plain bytes; the served `ETag` adds the encoding.
    pub etag: String,
    pub bytes: usize,
    pub gzip: Bytes,
    pub brotli: Bytes,
}

impl Script {
    pub fn plain(&self) -> anyhow::Result<Vec<u8>> {
        let mut plain = Vec::with_capacity(self.bytes);
        let limit = self.bytes as u64 + 1;
        flate2::read::GzDecoder::new(self.gzip.as_ref()).take(limit).read_to_end(&mut plain).context("unpacking an embedded script")?;
        if plain.len() != self.bytes {
            bail!("an embedded script has {} bytes instead of {}", plain.len(), self.bytes);
        }
        Ok(plain)
    }
}

/// Every script by file name (`array.js`, `surveys.js`, …) and the licences that cover them.
#[derive(Clone, Debug, Default)]
pub struct Scripts {
    /// Version of the npm package; empty when this build has no scripts.
    pub version: String,
    by_name: HashMap<String, Script>,
    licences: Vec<Licence>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Licence {
    pub name: String,
    pub text: String,
}

impl Scripts {
    pub fn embedded() -> anyhow::Result<Self> {
        Self::parse(Bytes::from_static(EMBEDDED)).context("reading the embedded browser scripts")
    }

    /// An empty pack is a build without Node: valid, but with no scripts in it.
    pub fn parse(pack: Bytes) -> anyhow::Result<Self> {
        if pack.is_empty() {
            return Ok(Self::default());
        }
        let head: [u8; 4] = pack.get(..4).context("the pack is cut short")?.try_into()?;
        let bodies_at = 4 + u32::from_le_bytes(head) as usize;
        let index = pack.get(4..bodies_at).context("the pack's index is cut short")?;
        let index: Index = serde_json::from_slice(index).context("the pack's index is not readable")?;
        let bodies = pack.slice(bodies_at..);
        let by_name = index.scripts.into_iter().map(|entry| entry.read(&bodies)).collect::<anyhow::Result<_>>()?;
        Ok(Self { version: index.version, by_name, licences: index.licences })
    }

    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub fn get(&self, name: &str) -> Option<&Script> {
        self.by_name.get(name)
    }

    pub fn licences(&self) -> &[Licence] {
        &self.licences
    }
}

#[derive(Deserialize)]
struct Index {
    version: String,
    scripts: Vec<IndexEntry>,
    licences: Vec<Licence>,
}

#[derive(Deserialize)]
struct IndexEntry {
    name: String,
    etag: String,
    bytes: usize,
    gzip: (usize, usize),
    brotli: (usize, usize),
}

impl IndexEntry {
    fn read(self, bodies: &Bytes) -> anyhow::Result<(String, Script)> {
        let body = |(offset, length): (usize, usize)| {
            let end = offset.checked_add(length).filter(|end| *end <= bodies.len());
            end.map(|end| bodies.slice(offset..end)).with_context(|| format!("the body of {} lies outside the pack", self.name))
        };
        let script = Script { gzip: body(self.gzip)?, brotli: body(self.brotli)?, etag: self.etag, bytes: self.bytes };
        Ok((self.name, script))
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use std::io::Write;

    /// A pack as `npm/pack.mjs` writes it; the brotli body is a marker because nothing here reads it.
    pub fn pack(version: &str, scripts: &[(&str, &str)]) -> Bytes {
        let mut bodies = Vec::new();
        let mut append = |body: &[u8]| {
            let place = [bodies.len(), body.len()];
            bodies.extend_from_slice(body);
            place
        };
        let entries: Vec<_> = scripts
            .iter()
            .map(|(name, text)| {
                let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                gzip.write_all(text.as_bytes()).unwrap();
                let gzip = append(&gzip.finish().unwrap());
                let brotli = append(format!("br:{name}").as_bytes());
                serde_json::json!({"name": name, "etag": format!("hash-of-{name}"), "bytes": text.len(), "gzip": gzip, "brotli": brotli})
            })
            .collect();
        let licences = serde_json::json!([{"name": "posthog-js.txt", "text": "Copyright 2020 Posthog / Hiberly, Inc."}]);
        let index = serde_json::json!({"version": version, "scripts": entries, "licences": licences}).to_string();
        let mut pack = (index.len() as u32).to_le_bytes().to_vec();
        pack.extend_from_slice(index.as_bytes());
        pack.extend_from_slice(&bodies);
        Bytes::from(pack)
    }

    #[test]
    fn pack_gives_back_the_plain_script() {
        let scripts = Scripts::parse(pack("1.2.3", &[("array.js", "one();"), ("surveys.js", "two();")])).unwrap();
        assert_eq!(scripts.version, "1.2.3");
        assert_eq!(scripts.get("surveys.js").unwrap().plain().unwrap(), b"two();");
        assert_eq!(scripts.get("array.js").unwrap().brotli.as_ref(), b"br:array.js");
        assert!(scripts.get("../array.js").is_none());
    }

    #[test]
    fn damaged_pack_is_refused() {
        let whole = pack("1.2.3", &[("array.js", "one();")]);
        for length in 1..whole.len() {
            assert!(Scripts::parse(whole.slice(..length)).is_err(), "a pack cut to {length} bytes was accepted");
        }
    }

    #[test]
    fn empty_pack_means_a_build_without_scripts() {
        assert!(Scripts::parse(Bytes::new()).unwrap().is_empty());
    }

    #[cfg(scripts_packed)]
    #[test]
    fn embedded_pack_is_readable_and_its_scripts_are_whole() {
        let scripts = Scripts::embedded().unwrap();
        for name in [
            "array.js",
            "array.full.js",
            "lazy-recorder.js",
            "posthog-recorder.js",
            "surveys.js",
            "web-vitals.js",
            "dead-clicks-autocapture.js",
        ] {
            let script = scripts.get(name).unwrap_or_else(|| panic!("{name} is not in the pack"));
            assert_eq!(script.plain().unwrap().len(), script.bytes);
        }
        assert!(scripts.licences().iter().any(|licence| licence.name.starts_with("posthog-js")));
    }
}
