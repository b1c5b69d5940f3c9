//! `cargo xtask sim`: builds the simulator by itself, with the mutants, and runs it.

use crate::place::Place;
use crate::run;
use anyhow::{Context, Result};
use clap::Args;
use std::path::PathBuf;
use std::process::Command;

/// What the simulator is asked; without anything, a hundred seeds.
#[derive(Args)]
pub struct Options {
    /// Handed to the simulator as it is: `--seeds N --from S --json FILE --mutants --story SEED`; `--help` tells all.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds and runs it; `false` where a promise was broken or a mutant was not noticed.
///
/// # Errors
/// A simulator that does not build or does not start.
pub fn run(place: &Place, options: &Options) -> Result<bool> {
    run::quietly(&mut build(place), &place.target.join("xtask/sim-build.log"))?;
    let mut command = place.command(program(place));
    let status = command.args(&options.arguments).status().context("start the simulator")?;
    Ok(status.success())
}

/// The command that builds it. By itself: together with a program of the product, cargo would build one engine for
/// both, and the product's would have the mutants.
pub fn build(place: &Place) -> Command {
    place.cargo(&["build", "--profile", "fast", "--package", "roadbook-sim", "--features", "mutants", "--locked"])
}

/// The named situations, built alike: one of them needs a message that can be made to fail.
pub fn named(place: &Place) -> Command {
    let mut command = place.cargo(&["test", "--profile", "fast", "--package", "roadbook-sim", "--features", "mutants"]);
    command.args(["--locked", "--test", "named"]);
    command
}

/// Where it lies then.
pub fn program(place: &Place) -> PathBuf {
    place.program("fast", "roadbook-sim")
}
