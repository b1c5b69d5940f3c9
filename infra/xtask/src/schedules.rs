//! `cargo xtask schedules`: builds `tests/sched` with what threads share on shuttle's locks, and runs it.

use crate::place::Place;
use crate::run;
use anyhow::{Context, Result};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is played; without anything, what the step `schedules` of `cargo xtask test` plays.
#[derive(Args)]
pub struct Options {
    /// So many schedules of each situation.
    #[arg(long)]
    pub schedules: Option<u64>,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    pub from: u64,
    /// Only this situation: `tests/sched/src/situations.rs` lists them.
    #[arg(long, value_name = "SITUATION")]
    pub only: Option<String>,
    /// Hunt the mistakes that were made on purpose instead, and say at which schedule each was found.
    #[arg(long)]
    pub mutants: bool,
    /// Write the figures to this file, as JSON.
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// Builds and runs it; `false` where a promise was broken or a mutant was not found.
///
/// # Errors
/// What does not build, or does not start.
pub fn run(place: &Place, options: &Options) -> Result<bool> {
    build(place, &place.target.join("xtask/schedules-build.log"))?;
    let status = command(place, options)?.status().context("start the schedules")?;
    Ok(status.success())
}

/// Builds it in a target folder of its own: with the cfg every crate is another one. With the mutants, all of them off;
/// without warnings, because no other step sees this code.
///
/// # Errors
/// What does not build.
pub fn build(place: &Place, log: &Path) -> Result<()> {
    let arguments = ["build", "--profile", "fast", "--package", "roadbook-sched", "--features", "mutants", "--locked"];
    let mut cargo = place.cargo(&arguments);
    cargo.env("CARGO_TARGET_DIR", target(place)).env("RUSTFLAGS", "--cfg schedules -D warnings");
    run::quietly(&mut cargo, log)
}

/// The command that does what is asked.
///
/// # Errors
/// A file whose folder cannot be named.
pub fn command(place: &Place, options: &Options) -> Result<Command> {
    let mut command = place.command(target(place).join("fast/roadbook-sched"));
    command.args(["--from", &options.from.to_string()]);
    if let Some(schedules) = options.schedules {
        command.args(["--schedules", &schedules.to_string()]);
    }
    if let Some(only) = &options.only {
        command.args(["--only", only]);
    }
    if options.mutants {
        command.arg("--mutants");
    }
    if let Some(file) = &options.json {
        // Relative to where the person stands, not to the repository.
        command.arg("--json").arg(std::path::absolute(file)?);
    }
    Ok(command)
}

fn target(place: &Place) -> PathBuf {
    place.target.join("schedules")
}
