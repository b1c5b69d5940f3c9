//! What comes from the registries: Python environments below the target folder, and `node_modules` beside the clients'
//! scripts. Each is made again only where the list of its packages has changed.

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
    let python = python_with(bench, &scripts.join("requirements.txt"), &venv, "clients")?;
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

/// A Python of its own with the packages of a list; made again where the list has changed.
///
/// # Errors
/// A missing `python3` (with its venv module), or a registry out of reach.
pub fn python_with(bench: &Bench, wanted: &Path, venv: &Path, name: &str) -> Result<PathBuf> {
    let python = venv.join("bin/python");
    let stamp = venv.join("installed.txt");
    if !same(wanted, &stamp) {
        let mut make = bench.place.command("python3");
        make.args(["-m", "venv", "--clear"]).arg(venv);
        run::quietly(&mut make, &bench.log(&format!("venv-{name}")))
            .context("Debian keeps the venv module in the package python3-venv")?;
        let mut pip = bench.place.command(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(wanted);
        run::quietly(&mut pip, &bench.log(&format!("pip-{name}")))?;
        fs::copy(wanted, &stamp).with_context(|| format!("write {}", stamp.display()))?;
    }
    Ok(python)
}

/// Whether both files are there and equal.
fn same(a: &Path, b: &Path) -> bool {
    matches!((fs::read(a), fs::read(b)), (Ok(a), Ok(b)) if a == b)
}
