//! Secrets that the operator did not give: made on first start, kept in the data directory, readable by the owner only.

use anyhow::{Context, Result};
use rand::RngExt;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The key that signs sessions and tokens: `configured`, or the one in `<data_dir>/secrets/secret_key`, made when missing.
pub fn secret_key(data_dir: &Path, configured: Option<&str>) -> Result<String> {
    if let Some(key) = configured {
        return Ok(key.to_owned());
    }
    let dir = data_dir.join("secrets");
    let path = dir.join("secret_key");
    match std::fs::read_to_string(&path) {
        Ok(key) if key.trim().len() >= 32 => return Ok(key.trim().to_owned()),
        Ok(_) => anyhow::bail!(
            "{} is damaged: it holds fewer than 32 characters. Restore it from a backup; removing it ends all sessions",
            path.display()
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    }
    std::fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
    let bytes: [u8; 32] = rand::rng().random();
    let key: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    // Written aside and renamed, so that a crash never leaves half a key.
    let aside = dir.join("secret_key.new");
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(key.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&aside, &path)?;
    std::fs::File::open(&dir)?.sync_all()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_generated_key_is_kept_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let key = secret_key(dir.path(), None).unwrap();
        assert_eq!(key.len(), 64);
        assert_eq!(secret_key(dir.path(), None).unwrap(), key);
        let mode = std::fs::metadata(dir.path().join("secrets/secret_key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_reported_and_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("secrets")).unwrap();
        std::fs::write(dir.path().join("secrets/secret_key"), "short").unwrap();
        assert!(secret_key(dir.path(), None).is_err());
    }
}
