//! What the demo's folder remembers between runs: keys (a server shows them once), ids, and how much was done, so that
//! a restart can be seen to have lost nothing.

use super::definitions::Definitions;
use crate::process::Process;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The content of `demo.json`.
pub struct Memory {
    file: PathBuf,
    /// Secret key of the demo's tenant.
    pub admin_key: String,
    /// Write key of the demo's tenant.
    pub write_key: String,
    /// What was created; absent until the first run has created it.
    pub definitions: Option<Definitions>,
    /// This run's number, from 1. Customers and messages are named after it.
    pub run: u64,
    /// Sums over all runs so far.
    pub before: Done,
    /// Whether the former run ended by itself or by Ctrl-C. After a crash the sums are not exact.
    pub clean: bool,
}

/// How much was done.
#[derive(Clone, Copy, Default)]
pub struct Done {
    /// Customers who looked at a car.
    pub visitors: u64,
    /// Customers who left a phone number.
    pub leads: u64,
    /// Messages that reached somebody.
    pub delivered: u64,
}

impl Memory {
    /// Reads the folder's memory, or begins one with the keys that the server has just shown.
    ///
    /// # Errors
    /// A folder that holds data but not the keys to it.
    pub fn open(folder: &Path, server: &Process) -> Result<Self> {
        let file = folder.join("demo.json");
        if let (Ok(admin_key), Ok(write_key)) = (server.told("admin_key"), server.told("write_key")) {
            let (admin_key, write_key) = (admin_key.to_owned(), write_key.to_owned());
            let before = Done::default();
            return Ok(Self { file, admin_key, write_key, definitions: None, run: 1, before, clean: true });
        }
        let text = fs::read_to_string(&file).with_context(|| {
            format!("{} is missing, and with it the keys; remove {} to begin anew", file.display(), folder.display())
        })?;
        Self::read(file.clone(), &text).with_context(|| format!("read {}", file.display()))
    }

    fn read(file: PathBuf, text: &str) -> Result<Self> {
        let kept: Value = serde_json::from_str(text)?;
        let text = |name: &str| kept[name].as_str().map(str::to_owned).with_context(|| format!("`{name}` is missing"));
        let number = |name: &str| kept[name].as_u64().with_context(|| format!("`{name}` is missing"));
        let definitions = match &kept["definitions"] {
            Value::Null => None,
            known => Some(Definitions::from_json(known)?),
        };
        Ok(Self {
            file,
            admin_key: text("admin_key")?,
            write_key: text("write_key")?,
            definitions,
            run: number("run")? + 1,
            before: Done { visitors: number("visitors")?, leads: number("leads")?, delivered: number("delivered")? },
            clean: kept["clean"] == true,
        })
    }

    /// Writes what is known now. `clean` only when everything has been counted.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, done: Done, clean: bool) -> Result<()> {
        let kept = json!({
            "admin_key": self.admin_key,
            "write_key": self.write_key,
            "definitions": self.definitions.as_ref().map(Definitions::to_json),
            "run": self.run,
            "visitors": self.before.visitors + done.visitors,
            "leads": self.before.leads + done.leads,
            "delivered": self.before.delivered + done.delivered,
            "clean": clean,
        });
        // Keys are in it: for the owner's eyes.
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.file);
        let mut file = file.with_context(|| format!("write {}", self.file.display()))?;
        writeln!(file, "{kept:#}").with_context(|| format!("write {}", self.file.display()))
    }
}
