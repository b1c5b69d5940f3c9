//! The folder itself: its key, its disk, its size, and until when somebody served it.

use crate::{keyfile, socket};
use anyhow::{Context, Result};
use roadbook_app::Config;
use roadbook_embedded::Embedded;
use roadbook_kernel::Moment;
use roadbook_runtime::doctor::{Finding, Report};
use std::path::Path;
use std::time::UNIX_EPOCH;

const NAME: &str = "folder";

/// What is wrong with the master key.
pub struct KeyProblem {
    code: &'static str,
    detail: String,
}

/// Reads the master key; never makes one.
pub fn key(data: &Path) -> Result<[u8; 32], KeyProblem> {
    if !keyfile::path(data).exists() {
        let detail = format!("{} is missing", keyfile::path(data).display());
        return Err(KeyProblem { code: "key_missing", detail });
    }
    keyfile::open(data).map_err(|error| KeyProblem { code: "key_unusable", detail: format!("{error:#}") })
}

/// What the files of a store say from outside, before anybody opens it.
#[derive(Clone, Copy)]
pub struct Files {
    /// Until when somebody served it: its newest write. A folder that nobody ever served (a replay of the past fills it
    /// under a clock of its own) says nothing about lateness.
    pub served_until: Moment,
    /// Bytes of all of them.
    pub bytes: u64,
}

/// Looks at the files.
pub fn files(data: &Path) -> Result<Files> {
    let mut files = Files { served_until: Moment::MIN, bytes: 0 };
    walk(&data.join("store"), &mut files).with_context(|| format!("cannot look into {}", data.display()))?;
    if !socket::path(data).exists() {
        files.served_until = Moment::MIN;
    }
    Ok(files)
}

fn walk(folder: &Path, files: &mut Files) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        if about.is_dir() {
            walk(&entry.path(), files)?;
        } else {
            let since = about.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            let at = Moment::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
            files.served_until = files.served_until.max(at);
            files.bytes += about.len();
        }
    }
    Ok(())
}

/// Adds what is to be said of the folder.
pub fn look(
    data: &Path,
    files: Files,
    store: &Embedded,
    config: &Config,
    key: Option<&KeyProblem>,
    report: &mut Report,
) {
    report.looked(NAME, 1);
    if let Some(KeyProblem { code, detail }) = key {
        let means = "without the key no arriving event finds its customer, and nothing can be repaired";
        found(report, code, "master.key", detail.clone(), means);
    }
    let sizes = store.sizes();
    let tables: Vec<String> =
        sizes.iter().filter(|(_, bytes)| *bytes > 0).map(|(name, bytes)| format!("{name} {}", size(*bytes))).collect();
    let tables = if tables.is_empty() { "all of it still in the log".to_owned() } else { tables.join(", ") };
    report.note(NAME, format!("{} in all; tables: {tables}", size(files.bytes)));
    if files.served_until == Moment::MIN {
        report.note(NAME, "never served, so nothing in it can be late".to_owned());
    }
    match store.free_bytes() {
        Some(free) if free < config.disk_free_bytes_min => {
            let needed = size(config.disk_free_bytes_min);
            let detail = format!("{} free, {needed} must stay free (disk_free_bytes_min)", size(free));
            let means = "everything that writes is answered 503 until there is room";
            found(report, "disk_nearly_full", &data.display().to_string(), detail, means);
        }
        Some(free) => report.note(NAME, format!("{} free on its disk", size(free))),
        None => report.note(NAME, "its file system does not say how much is free".to_owned()),
    }
}

fn found(report: &mut Report, code: &'static str, subject: &str, detail: String, means: &'static str) {
    let subject = subject.to_owned();
    report.add(Finding { check: NAME, code, tenant: None, subject, detail, means, repair: None });
}

fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    let fits = UNITS.into_iter().find(|(_, unit)| bytes >= *unit);
    fits.map_or(format!("{bytes} B"), |(name, unit)| format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit))
}
