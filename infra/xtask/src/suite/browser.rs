//! The step with a real browser.

use super::bench::{Bench, Verdict};
use crate::run;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// Where Debian puts the browser.
const CHROMIUM: &str = "/usr/bin/chromium";
/// What is needed of `tests/e2e`. It is copied, so that the packages it needs are installed beside the copy.
const FILES: &[&str] = &["package.json", "package-lock.json", "console.mjs", "world.mjs"];

/// A person signs in to the console, finds a customer and reads why.
pub fn console(bench: &Bench) -> Result<Verdict> {
    if !Path::new(CHROMIUM).exists() {
        return Ok(Verdict::Skipped(format!("{CHROMIUM} is not there; Debian keeps it in the package chromium")));
    }
    let stage = bench.stage()?;
    let folder = bench.fresh_folder("browser")?;
    let scripts = bench.place.root.join("tests/e2e");
    for file in FILES {
        fs::copy(scripts.join(file), folder.join(file)).with_context(|| format!("copy tests/e2e/{file}"))?;
    }
    let mut npm = bench.place.command("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder);
    run::quietly(&mut npm, &bench.log("browser-npm"))?;
    let mut script = stage.client(bench, Path::new("node"));
    script.current_dir(&folder).arg("console.mjs").env("CHROMIUM", CHROMIUM);
    run::quietly(&mut script, &bench.log("browser"))?;
    Ok(Verdict::Passed)
}
