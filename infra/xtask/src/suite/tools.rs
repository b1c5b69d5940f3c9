//! The strangers' clients: a Python environment below the target folder, and `node_modules` beside the scripts. Both
//! are made again only where the list of packages has changed.

use super::bench::{Bench, Verdict};
use crate::run;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// What runs the client scripts.
pub struct Tools {
    /// The interpreter that has the packages.
    pub python: PathBuf,
    /// Finds its packages beside the scripts.
    pub node: PathBuf,
}

/// Installs, as a step of its own.
pub fn install(bench: &Bench) -> Result<Verdict> {
    bench.tools()?;
    Ok(Verdict::Passed)
}

/// Installs what is not there yet.
///
/// # Errors
/// An installer that fails: a missing `python3` (with its venv module) or `npm`, or a registry out of reach.
pub fn set_up(bench: &Bench) -> Result<Tools> {
    let scripts = bench.place.root.join("tests/clients");
    let venv = bench.place.target.join("clients").join("venv");
    let python = venv.join("bin/python");
    let wanted = scripts.join("requirements.txt");
    let stamp = venv.join("installed.txt");
    if !same(&wanted, &stamp) {
        let mut make = bench.place.command("python3");
        make.args(["-m", "venv", "--clear"]).arg(&venv);
        run::quietly(&mut make, &bench.log("venv"))
            .context("Debian keeps the venv module in the package python3-venv")?;
        let mut pip = bench.place.command(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&wanted);
        run::quietly(&mut pip, &bench.log("pip"))?;
        fs::copy(&wanted, &stamp).with_context(|| format!("write {}", stamp.display()))?;
    }
    let wanted = scripts.join("package-lock.json");
    let stamp = scripts.join("node_modules/.installed-lock.json");
    if !same(&wanted, &stamp) {
        let mut npm = bench.place.command("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&scripts);
        run::quietly(&mut npm, &bench.log("npm"))?;
        fs::copy(&wanted, &stamp).with_context(|| format!("write {}", stamp.display()))?;
    }
    Ok(Tools { python, node: "node".into() })
}

/// Whether both files are there and equal.
fn same(a: &Path, b: &Path) -> bool {
    matches!((fs::read(a), fs::read(b)), (Ok(a), Ok(b)) if a == b)
}
