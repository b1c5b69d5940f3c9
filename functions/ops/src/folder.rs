//! The data folder of one machine: its key, and its store while nobody serves it.

use anyhow::{Context, Result, bail};
use roadbook_app::{read_master, write_master};
use roadbook_embedded::{Embedded, OpenError, Options};
use roadbook_runtime::ports::{Journal, Store};
use roadbook_runtime::relay;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Where the store of a folder lies.
pub fn store(data: &Path) -> PathBuf {
    data.join("store")
}

/// Where the key of a folder lies.
pub fn key(data: &Path) -> PathBuf {
    data.join("master.key")
}

/// Reads a key from a file of its own.
///
/// # Errors
/// It is not there, others can read it, or it is none.
pub fn read_key(path: &Path) -> Result<[u8; 32]> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the key {}", path.display()))?;
    let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        bail!("{} can be read by others (mode {mode:o}); run: chmod 600 {}", path.display(), path.display());
    }
    read_master(&text).with_context(|| format!("{} must hold 64 hex digits: it is no master key", path.display()))
}

/// Writes a key that only the owner can read; nothing where the same one is there.
///
/// # Errors
/// Another one is there, or the disk says no.
pub fn write_key(path: &Path, key: &[u8; 32]) -> Result<()> {
    if path.exists() {
        if read_key(path)? != *key {
            bail!(
                "{} holds another master key, and what comes was hashed under its own. Move that file away first, if \
                 nothing is stored under it.",
                path.display()
            );
        }
        return Ok(());
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{}", write_master(key))?;
    file.sync_all().with_context(|| format!("cannot write {}", path.display()))
}

/// Opens a store that nobody serves.
///
/// # Errors
/// Somebody does, or it cannot be opened.
pub fn open(path: &Path) -> Result<Embedded> {
    match Embedded::open(path, &Options::default()) {
        Ok(store) => Ok(store),
        Err(OpenError::InUse(_)) => {
            bail!("{} is being served; stop that process (SIGTERM) and ask again", path.display())
        }
        Err(error) => Err(error).context("the store cannot be opened; restore the folder from a backup"),
    }
}

/// Refuses while turns wait for the relay: what they intend is nowhere else.
///
/// # Errors
/// Some do.
pub async fn must_be_carried(store: &Embedded, data: &Path) -> Result<()> {
    let carried = relay::place_in(store).await?;
    let waiting = store.read(carried, 1).await?;
    if !waiting.is_empty() {
        bail!(
            "turns of {} wait for the relay, and what they send and count is nowhere else yet. Serve the folder until \
             roadbook_relay_lag_turns in /metrics is 0, stop it with SIGTERM, and ask again.",
            data.display()
        );
    }
    store.ready().await.context("the store does not look well")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_once_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = key(folder.path());
        write_key(&path, &[7; 32]).unwrap();
        assert_eq!(read_key(&path).unwrap(), [7; 32]);
        write_key(&path, &[7; 32]).unwrap();
        assert!(write_key(&path, &[8; 32]).unwrap_err().to_string().contains("another master key"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(read_key(&path).unwrap_err().to_string().contains("chmod 600"));
        std::fs::write(&path, "planted").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let told = read_key(&path).unwrap_err().to_string();
        assert!(told.contains("64 hex digits") && !told.contains("planted"), "{told}");
    }
}
