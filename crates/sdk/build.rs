//! Puts the packed browser scripts where the crate embeds them.
//!
//! Without `npm/scripts.pack` (made by `npm ci` and `npm run pack` in `npm/`) the crate still builds and answers 503 for the scripts, so that the inner
//! loop needs no Node. `HOGLET_REQUIRE_ASSETS=1` makes their absence an error: a release must never ship without them.

use std::{env, fs, path::Path};

fn main() {
    println!("cargo:rerun-if-changed=npm/scripts.pack");
    println!("cargo:rerun-if-env-changed=HOGLET_REQUIRE_ASSETS");
    println!("cargo:rustc-check-cfg=cfg(scripts_packed)");

    let target = Path::new(&env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("scripts.pack");
    match fs::read("npm/scripts.pack") {
        Ok(pack) => {
            println!("cargo:rustc-cfg=scripts_packed");
            fs::write(&target, pack).expect("OUT_DIR is writable");
        }
        Err(error) => {
            let required = env::var("HOGLET_REQUIRE_ASSETS").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
            assert!(
                !required,
                "crates/sdk/npm/scripts.pack cannot be read ({error}): run `npm ci && npm run pack` in crates/sdk/npm before a release build"
            );
            // A file that does not exist is always newer to cargo, so this runs again until the pack is made.
            fs::write(&target, []).expect("OUT_DIR is writable");
        }
    }
}
