//! Packs the built web app (`ui/dist`) into the binary, each file compressed once.
//!
//! Without a built app the binary still builds and serves a page that says how to build it; `HOGLET_REQUIRE_ASSETS=1`,
//! which the release targets of the Makefile set, turns that into an error.

use flate2::{Compression, write::GzEncoder};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../ui/dist");
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it"));
    println!("cargo:rerun-if-env-changed=HOGLET_REQUIRE_ASSETS");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, &root, &mut files);
    if files.is_empty() && std::env::var("HOGLET_REQUIRE_ASSETS").is_ok_and(|value| value == "1") {
        panic!("ui/dist is missing: run 'make ui' first");
    }
    files.sort();
    let mut code = String::from("pub static FILES: &[(&str, &[u8], &str)] = &[\n");
    for (index, (name, path)) in files.iter().enumerate() {
        println!("cargo:rerun-if-changed={}", path.display());
        let bytes = std::fs::read(path).expect("a file that was just listed");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&bytes).expect("writing to memory");
        let packed = encoder.finish().expect("writing to memory");
        let file = out.join(format!("ui-{index}.gz"));
        std::fs::write(&file, packed).expect("OUT_DIR is writable");
        let tag = crc32(&bytes);
        writeln!(code, "    ({name:?}, include_bytes!({:?}), \"{tag:08x}\"),", file.display().to_string()).expect("writing to memory");
    }
    code.push_str("];\n");
    std::fs::write(out.join("ui_files.rs"), code).expect("OUT_DIR is writable");
}

fn collect(root: &Path, dir: &Path, files: &mut Vec<(String, PathBuf)>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if let Ok(name) = path.strip_prefix(root) {
            files.push((name.to_string_lossy().replace('\\', "/"), path));
        }
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
