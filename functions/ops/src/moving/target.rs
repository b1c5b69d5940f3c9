//! An installation that is filled: empty, or left half full by the same import.
//!
//! A folder is filled beside its place (`store.importing`) and gets its name when it is whole, so nobody can serve a half.
//! A stack stands still, and is not started while it holds the note of an import.

use crate::folder;
use crate::moving::manifest::{Manifest, key_check};
use crate::moving::progress_key;
use crate::place::Place;
use crate::stack::Stack;
use anyhow::{Context, Result, bail};
use roadbook_app::{read_master, write_master};
use roadbook_embedded::Embedded;
use roadbook_runtime::ports::{Store, Whole};
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A target, opened.
pub struct Target {
    /// Everything in it.
    pub whole: Arc<dyn Whole>,
    /// Single documents of it.
    pub store: Arc<dyn Store>,
    kind: Kind,
}

enum Kind {
    Folder { data: PathBuf, store: Arc<Embedded> },
    Stack(Box<Stack>),
}

impl Target {
    /// Opens an installation that is to be filled.
    ///
    /// # Errors
    /// It is there already, or being served.
    pub async fn open(place: &Place) -> Result<Self> {
        match place {
            Place::Folder(data) => {
                if folder::store(data).exists() {
                    bail!("{} holds a store already; name another folder", data.display());
                }
                let made = DirBuilder::new().recursive(true).mode(0o700).create(data);
                made.with_context(|| format!("cannot make {}", data.display()))?;
                let store = Arc::new(folder::open(&importing(data))?);
                let kind = Kind::Folder { data: data.clone(), store: store.clone() };
                Ok(Self { whole: store.clone(), store, kind })
            }
            Place::Stack(name) => {
                let stack = Stack::find(name).await?;
                stack.must_stand_still("it must not fire timers of what is half there").await?;
                let dynamo = Arc::new(stack.dynamo()?);
                Ok(Self { whole: dynamo.clone(), store: dynamo, kind: Kind::Stack(Box::new(stack)) })
            }
        }
    }

    /// Puts the key where the installation looks for it. Called while nothing of the import is stored yet, or again.
    ///
    /// # Errors
    /// Another key is there and in use.
    pub async fn take_key(&self, key: &[u8; 32]) -> Result<()> {
        match &self.kind {
            Kind::Folder { data, .. } => folder::write_key(&folder::key(data), key),
            Kind::Stack(stack) => {
                let id = stack.told("ROADBOOK_MASTER_KEY_ARN")?;
                let there = stack.vault().read(id).await?.and_then(|held| read_master(&held.text));
                if there.as_ref() == Some(key) {
                    return Ok(());
                }
                stack.vault().put(id, &write_master(key)).await.context("put the master key into its secret")?;
                println!("The master key is in the secret of {}, in place of the one it had.", stack.name);
                Ok(())
            }
        }
    }

    /// Lets go of the store and gives it its name.
    ///
    /// # Errors
    /// The disk says no; asked again, it goes on.
    pub fn close(self) -> Result<()> {
        drop((self.whole, self.store));
        match self.kind {
            Kind::Folder { data, store } => {
                drop(store);
                let name = folder::store(&data);
                std::fs::rename(importing(&data), &name).with_context(|| format!("cannot name {}", name.display()))?;
                File::open(&data)?.sync_all()?;
                println!("Serve it: roadbook serve --data {}", data.display());
            }
            Kind::Stack(stack) => println!("Start it: roadbook-ops start --stack {}", stack.name),
        }
        Ok(())
    }
}

fn importing(data: &Path) -> PathBuf {
    data.join("store.importing")
}

/// The key an export belongs to: beside it, or in a file that was named.
///
/// # Errors
/// It is nowhere, or another one.
pub fn key_of(manifest: &Manifest, from: &Path, named: Option<&Path>) -> Result<[u8; 32]> {
    let path = named.map_or_else(|| folder::key(from), Path::to_path_buf);
    if named.is_none() && !path.exists() {
        bail!(
            "the master key does not lie in {}, and without it no arriving identifier finds its customer. Name its file \
             with --key: the master.key of the folder, or the text of the stack's secret.",
            from.display()
        );
    }
    let key = folder::read_key(&path)?;
    if key_check(&key) != manifest.key_check {
        bail!("{} is another master key than the one this export belongs to", path.display());
    }
    Ok(key)
}

/// Whether a stack holds the note of an import that has not come to its end.
///
/// # Errors
/// A fault of the store.
pub async fn is_half_full(store: &dyn Store) -> Result<bool> {
    Ok(store.load(&progress_key()).await?.is_some())
}
