//! What an export says of itself: where it came from, how far it is, what it must add up to.

use crate::moving::tally::Tally;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The form of parts and manifest that this version writes, and the only one it reads.
const FORM: u32 = 1;

/// The manifest. Written anew after every part, in one piece, so it never speaks of a part that is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The form of all of it.
    pub form: u32,
    /// Which installation this is, as the command named it.
    pub from: String,
    /// Tells the master key it belongs to from others, and says nothing else about it.
    pub key_check: String,
    /// Whether everything is here.
    pub is_complete: bool,
    /// Where the source is read on, in hex, while it is not complete.
    pub next: Option<String>,
    /// The hash of each part.
    pub parts: Vec<String>,
    /// What the parts add up to.
    pub spaces: Tally,
}

impl Manifest {
    /// Of an export that begins.
    pub fn new(from: &str, key: &[u8; 32]) -> Self {
        Self {
            form: FORM,
            from: from.to_owned(),
            key_check: key_check(key),
            is_complete: false,
            next: None,
            parts: Vec::new(),
            spaces: Tally::default(),
        }
    }

    /// Reads the manifest in a folder; `None` where there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = path(folder);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let manifest: Self =
            serde_json::from_str(&text).with_context(|| format!("{} is no manifest", path.display()))?;
        if manifest.form != FORM {
            bail!("{} has form {}, and this version reads {FORM}", path.display(), manifest.form);
        }
        Ok(Some(manifest))
    }

    /// Writes it in place of the former one.
    ///
    /// # Errors
    /// The disk says no.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        replace(&path(folder), &text)
    }

    /// A name for this very content: an import goes on only with the export it began with.
    pub fn id(&self) -> String {
        let mut hash = blake3::Hasher::new();
        for part in &self.parts {
            hash.update(part.as_bytes());
        }
        hash.update(self.key_check.as_bytes());
        hash.finalize().to_hex().to_string()
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("manifest.json")
}

/// A word by which a key is recognised.
pub fn key_check(key: &[u8; 32]) -> String {
    let derived = blake3::derive_key("roadbook 2026 which master key an export belongs to", key);
    derived[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a file for its owner alone, so that there is the former one or this one and never a half.
///
/// # Errors
/// The disk says no.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = path.with_extension("writing");
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
