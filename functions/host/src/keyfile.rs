//! The master key: 32 random bytes in a file only its owner can read, beside the store.
//!
//! Every identifier is stored as a hash under this key. Without it nobody's phone number can be tried against the
//! store, and without it no arriving identifier finds its customer: a lost key file cannot be made again.

use anyhow::{Context, Result, bail};
use roadbook_app::{read_master, write_master};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const NAME: &str = "master.key";

/// Where the key of a folder lies.
pub fn path(data: &Path) -> PathBuf {
    data.join(NAME)
}

/// Reads the key of a folder, or makes one where the folder holds no store yet.
///
/// # Errors
/// A key that is lost, unreadable, or readable by others.
pub fn open(data: &Path) -> Result<[u8; 32]> {
    let path = path(data);
    match std::fs::read_to_string(&path) {
        Ok(text) => read(&path, text.trim()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(data, &path),
        Err(error) => Err(error).with_context(|| format!("cannot read the master key {}", path.display())),
    }
}

fn read(path: &Path, text: &str) -> Result<[u8; 32]> {
    let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        bail!("{} can be read by others (mode {mode:o}); run: chmod 600 {}", path.display(), path.display());
    }
    let damaged = || format!("{} is damaged: it must hold 64 hex digits; restore it from a backup", path.display());
    read_master(text).with_context(damaged)
}

fn make(data: &Path, path: &Path) -> Result<[u8; 32]> {
    if data.join("store").exists() {
        bail!(
            "the master key {} is missing, but there is a store beside it. Every identifier in that store is hashed \
             under that key: without it no event finds its customer. Restore the file from a backup; it cannot be \
             made again.",
            path.display()
        );
    }
    let key: [u8; 32] = roadbook_app::random()?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{}", write_master(&key))?;
    file.sync_all()?;
    // The name, too: a power cut must not leave a store behind whose key has no name.
    std::fs::File::open(data)?.sync_all()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_key_is_explained_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let first = open(folder.path()).unwrap();
        assert_eq!(open(folder.path()).unwrap(), first);
        let mode = std::fs::metadata(folder.path().join(NAME)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);

        std::fs::create_dir(folder.path().join("store")).unwrap();
        std::fs::remove_file(folder.path().join(NAME)).unwrap();
        assert!(open(folder.path()).unwrap_err().to_string().contains("cannot be made again"));
        assert!(!folder.path().join(NAME).exists());
    }

    #[test]
    fn a_key_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path()).unwrap();
        let path = folder.path().join(NAME);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(open(folder.path()).unwrap_err().to_string().contains("chmod 600"));
    }
}
