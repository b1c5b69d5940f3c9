//! `cargo xtask bench`: builds for release and hands over to `tests/bench`, which measures the machine first.

use crate::place::Place;
use crate::run;
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

/// What to measure, and where the figures go.
#[derive(Args)]
pub struct Options {
    /// Write every figure under its key to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Measure everything so many times and show the medians.
    #[arg(long, default_value_t = 1)]
    runs: usize,
    /// These figures only (keys as in the table, separated by commas).
    #[arg(long)]
    only: Option<String>,
    /// Print the table as Markdown, as README.md keeps it.
    #[arg(long)]
    markdown: bool,
}

/// Measures. `false` where something was tried and went wrong; a missed target is a figure, not a failure.
///
/// # Errors
/// What does not build, or cannot be started.
pub fn run(place: &Place, options: &Options) -> Result<bool> {
    run::openly(&mut place.cargo(&[
        "build",
        "--quiet",
        "--release",
        "--package",
        "roadbook-host",
        "--package",
        "roadbook-bench",
    ]))?;
    let mut bench = place.command(place.program("release", "roadbook-bench"));
    bench.arg("--server").arg(place.program("release", "roadbook")).args(["--runs", &options.runs.to_string()]);
    bench.arg("--dir").arg(place.target.join("bench"));
    if let Some(file) = &options.json {
        // Relative to where the person stands, not to the repository.
        bench.arg("--json").arg(std::path::absolute(file)?);
    }
    if let Some(only) = &options.only {
        bench.args(["--only", only]);
    }
    if options.markdown {
        bench.arg("--markdown");
    }
    Ok(bench.status()?.success())
}
