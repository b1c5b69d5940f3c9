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

const NAME: &str = "demo.json";

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
    /// Openids that allowed a message lately. The platform that knew it was stopped with the former run.
    pub granted: Vec<String>,
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
    /// What the folder remembers; `None` where nothing was played in it yet.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn of(folder: &Path) -> Result<Option<Self>> {
        let file = folder.join(NAME);
        if !file.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        Self::read(file.clone(), &text).map(Some).with_context(|| format!("read {}", file.display()))
    }

    /// Begins to remember, with the keys that a server shows once, when its folder is new.
    ///
    /// # Errors
    /// A server that has a folder already: nobody has its keys any more.
    pub fn begin(folder: &Path, server: &Process) -> Result<Self> {
        let lost = || format!("the keys to {} are lost; remove the folder to begin anew", folder.display());
        Ok(Self {
            file: folder.join(NAME),
            admin_key: server.told("admin_key").with_context(lost)?.to_owned(),
            write_key: server.told("write_key").with_context(lost)?.to_owned(),
            definitions: None,
            run: 1,
            before: Done::default(),
            granted: Vec::new(),
            clean: true,
        })
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
            granted: kept["granted"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|id| Some(id.as_str()?.to_owned()))
                .collect(),
            clean: kept["clean"] == true,
        })
    }

    /// Writes what is known now. `clean` only when everything has been counted.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, done: Done, granted: &[String], clean: bool) -> Result<()> {
        let kept = json!({
            "admin_key": self.admin_key,
            "write_key": self.write_key,
            "definitions": self.definitions.as_ref().map(Definitions::to_json),
            "run": self.run,
            "visitors": self.before.visitors + done.visitors,
            "leads": self.before.leads + done.leads,
            "delivered": self.before.delivered + done.delivered,
            "granted": granted,
            "clean": clean,
        });
        // Keys are in it: for the owner's eyes.
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.file);
        let mut file = file.with_context(|| format!("write {}", self.file.display()))?;
        writeln!(file, "{kept:#}").with_context(|| format!("write {}", self.file.display()))
    }
}
