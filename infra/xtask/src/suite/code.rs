//! Steps that ask cargo.

use super::bench::{Bench, Verdict};
use crate::run;
use anyhow::Result;

/// `cargo fmt --check`.
pub fn format(bench: &Bench) -> Result<Verdict> {
    cargo(bench, "format", &["fmt", "--all", "--check", "--", "--color", "never"])
}

/// `cargo clippy`, warnings are errors.
pub fn lint(bench: &Bench) -> Result<Verdict> {
    cargo(bench, "lint", &["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"])
}

/// `cargo test`.
pub fn tests(bench: &Bench) -> Result<Verdict> {
    cargo(bench, "tests", &["test", "--workspace", "--locked"])
}

/// What the following steps run.
pub fn programs(bench: &Bench) -> Result<Verdict> {
    bench.programs()?;
    Ok(Verdict::Passed)
}

fn cargo(bench: &Bench, name: &str, arguments: &[&str]) -> Result<Verdict> {
    run::quietly(&mut bench.place.cargo(arguments), &bench.log(name))?;
    Ok(Verdict::Passed)
}
