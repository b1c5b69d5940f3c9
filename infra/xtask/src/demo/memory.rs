//! What the demo's folder remembers between runs: keys and passwords (a server shows keys once), ids, and how much was
//! done, so that a restart can be seen to have lost nothing.

use super::definitions::Definitions;
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
    /// Per car maker, in the order of `BRANDS`.
    pub kept: Vec<Kept>,
    /// This run's number, from 1. Customers and messages are named after it.
    pub run: u64,
    /// Messages delivered in all runs so far.
    pub delivered: u64,
    /// Openids that allowed a message lately. The platform that knew it was stopped with the former run.
    pub granted: Vec<String>,
    /// Whether the former run ended by itself or by Ctrl-C. After a crash the sums are not exact.
    pub clean: bool,
}

/// What is kept of one car maker.
pub struct Kept {
    /// Its word in ids.
    pub code: String,
    /// Its tenant's id.
    pub tenant: String,
    /// Secret key.
    pub admin_key: String,
    /// Write key.
    pub write_key: String,
    /// The password of everybody who works there.
    pub password: String,
    /// What was created; null until the first run has created it.
    pub definitions: Value,
    /// Sums over all runs so far.
    pub before: Done,
}

/// How much was done.
#[derive(Clone, Copy, Default)]
pub struct Done {
    /// Customers who looked at a car.
    pub visitors: u64,
    /// Customers who left a lead.
    pub leads: u64,
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
        Self::read(file.clone(), &text).map(Some).with_context(|| {
            format!("read {}; if another version of the demo made it, remove its folder", file.display())
        })
    }

    /// Begins to remember.
    pub fn begin(folder: &Path, kept: Vec<Kept>) -> Self {
        Self { file: folder.join(NAME), kept, run: 1, delivered: 0, granted: Vec::new(), clean: true }
    }

    fn read(file: PathBuf, text: &str) -> Result<Self> {
        let kept: Value = serde_json::from_str(text)?;
        let number = |name: &str| kept[name].as_u64().with_context(|| format!("`{name}` is missing"));
        let granted = kept["granted"].as_array().into_iter().flatten();
        Ok(Self {
            file,
            kept: kept["brands"].as_array().into_iter().flatten().map(Kept::read).collect::<Result<_>>()?,
            run: number("run")? + 1,
            delivered: number("delivered")?,
            granted: granted.filter_map(|id| Some(id.as_str()?.to_owned())).collect(),
            clean: kept["clean"] == true,
        })
    }

    /// Writes what is known now. `clean` only when everything has been counted.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, done: &[Done], delivered: u64, granted: &[String], clean: bool) -> Result<()> {
        let nothing = Done::default();
        let brands = self.kept.iter().enumerate().map(|(place, kept)| kept.shown(done.get(place).unwrap_or(&nothing)));
        let kept = json!({
            "brands": brands.collect::<Vec<_>>(),
            "run": self.run,
            "delivered": self.delivered + delivered,
            "granted": granted,
            "clean": clean,
        });
        // Keys are in it: for the owner's eyes.
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.file);
        let mut file = file.with_context(|| format!("write {}", self.file.display()))?;
        writeln!(file, "{kept:#}").with_context(|| format!("write {}", self.file.display()))
    }
}

impl Kept {
    fn read(kept: &Value) -> Result<Self> {
        let text = |name: &str| kept[name].as_str().map(str::to_owned).with_context(|| format!("`{name}` is missing"));
        let number = |name: &str| kept[name].as_u64().with_context(|| format!("`{name}` is missing"));
        Ok(Self {
            code: text("code")?,
            tenant: text("tenant")?,
            admin_key: text("admin_key")?,
            write_key: text("write_key")?,
            password: text("password")?,
            definitions: kept["definitions"].clone(),
            before: Done { visitors: number("visitors")?, leads: number("leads")? },
        })
    }

    fn shown(&self, done: &Done) -> Value {
        json!({
            "code": self.code,
            "tenant": self.tenant,
            "admin_key": self.admin_key,
            "write_key": self.write_key,
            "password": self.password,
            "definitions": self.definitions,
            "visitors": self.before.visitors + done.visitors,
            "leads": self.before.leads + done.leads,
        })
    }

    /// What was created, if it was.
    ///
    /// # Errors
    /// A file that lacks one.
    pub fn definitions(&self) -> Result<Option<Definitions>> {
        if self.definitions.is_null() { Ok(None) } else { Definitions::from_json(&self.definitions).map(Some) }
    }
}
