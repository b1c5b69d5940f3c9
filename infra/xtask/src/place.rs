//! Where things are: the repository, what is built from it, the data beside it.

use anyhow::{Context, Result};
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the variables begin with in which `cargo run` describes the package it runs.
const DESCRIPTIONS: &[&str] = &["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];

/// The repository this program was started for.
pub struct Place {
    /// The folder of the root `Cargo.toml`.
    pub root: PathBuf,
    /// Cargo's target folder; everything made here lies below it.
    pub target: PathBuf,
    /// Whether this is a CI machine (`CI=true`): there, what is skipped elsewhere fails.
    pub ci: bool,
    shared: PathBuf,
    cargo: OsString,
}

impl Place {
    /// Looks around.
    ///
    /// # Errors
    /// A working folder that cannot be read.
    #[expect(clippy::disallowed_methods, reason = "binaries read the environment, once, here")]
    pub fn find() -> Result<Self> {
        // Cargo says at run time which clone it runs; the folder known at compile time may be another one where
        // clones share a target folder.
        let built = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = built.join("../..").canonicalize().context("find the repository")?;
        let here = env::current_dir().context("find the working folder")?;
        Ok(Self {
            target: env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| here.join(folder)),
            shared: match env::var_os("ROADBOOK_SHARED") {
                Some(folder) if !folder.is_empty() => here.join(folder),
                Some(_) | None => root.join("../shared"),
            },
            ci: env::var("CI").is_ok_and(|value| value == "true"),
            cargo: env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
            root,
        })
    }

    /// The same place, taken as a CI machine.
    pub fn in_ci(self) -> Self {
        Self { ci: true, ..self }
    }

    /// Data sets that are not part of the repository: `ROADBOOK_SHARED`, or `../shared` beside it.
    pub fn data_set(&self, name: &str) -> PathBuf {
        self.shared.join("data").join(name)
    }

    /// A built program.
    pub fn program(&self, profile: &str, name: &str) -> PathBuf {
        self.target.join(profile).join(name)
    }

    /// A command that runs in the repository and knows whether this is a CI machine.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        if self.ci {
            command.env("CI", "true");
        }
        command
    }

    /// A cargo command.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&self.cargo);
        // `cargo xtask` describes THIS package to us in variables. A child cargo would hand them on to build scripts,
        // and some (ring's) build everything again when one of them changes.
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(|name| DESCRIPTIONS.iter().any(|prefix| name.starts_with(prefix))) {
                command.env_remove(name);
            }
        }
        command.args(arguments);
        command
    }

    /// Builds what the demo and the client tests run. One selection for both, or cargo would build the shared
    /// dependencies twice with different features.
    pub fn build_programs(&self) -> Command {
        self.cargo(&["build", "--profile", "fast", "--package", "roadbook-host", "--package", "roadbook-simulator"])
    }

    /// Builds what `crash`, `disk` and `soak` hand over to.
    pub fn build_instruments(&self) -> Command {
        let packages = ["--package", "roadbook-crash", "--package", "roadbook-disk"];
        self.cargo(&[&["build", "--quiet", "--profile", "fast"][..], &packages].concat())
    }

    /// The `roadbook` the demo and the client tests run.
    pub fn roadbook(&self) -> PathBuf {
        self.program("fast", "roadbook")
    }

    /// The platform simulator.
    pub fn simulator(&self) -> PathBuf {
        self.program("fast", "roadbook-simulator")
    }
}
