//! The folder itself: its key, its disk, its size, and until when somebody served it.

use crate::keyfile;
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

/// When anything in the store was written last.
pub fn served_until(data: &Path) -> Result<Moment> {
    let newest = newest(&data.join("store")).with_context(|| format!("cannot look into {}", data.display()))?;
    Ok(Moment::from_millis(newest))
}

fn newest(folder: &Path) -> std::io::Result<i64> {
    let mut latest = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        let here = if about.is_dir() {
            newest(&entry.path())?
        } else {
            let since = about.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        };
        latest = latest.max(here);
    }
    Ok(latest)
}

/// Adds what is to be said of the folder.
pub fn look(data: &Path, store: &Embedded, config: &Config, key: Option<&KeyProblem>, report: &mut Report) {
    report.looked(NAME, 1);
    if let Some(KeyProblem { code, detail }) = key {
        let means = "without the key no arriving event finds its customer, and nothing can be repaired";
        found(report, code, "master.key", detail.clone(), means);
    }
    let sizes = store.sizes();
    let total: u64 = sizes.iter().map(|(_, bytes)| bytes).sum();
    let tables: Vec<String> =
        sizes.iter().filter(|(_, bytes)| *bytes > 0).map(|(name, bytes)| format!("{name} {}", size(*bytes))).collect();
    report.note(NAME, format!("{} in tables: {}", size(total), tables.join(", ")));
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
