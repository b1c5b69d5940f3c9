//! `cargo xtask schemas`: writes the JSON Schemas and the OpenAPI document that are generated from code. The same test
//! that writes them fails on drift, in `tests/it/tests/house/schemas.rs`; this crate stays free of the crates it would
//! have to ask.

use crate::place::Place;
use crate::run;
use anyhow::Result;
use clap::Args;

/// Write, or only compare.
#[derive(Args)]
pub struct Options {
    /// Write nothing; fail where a committed schema is not what the code says.
    #[arg(long)]
    check: bool,
}

/// Writes `schemas/journeys/*.schema.json` and `schemas/openapi/roadbook.json`, or compares them.
///
/// # Errors
/// Schemas that have drifted, or tests that do not build.
pub fn run(place: &Place, options: &Options) -> Result<bool> {
    let mut test = place.cargo(&["test", "--quiet", "--package", "roadbook-it", "--test", "house", "schemas"]);
    if !options.check {
        test.env("ROADBOOK_BLESS", "1");
    }
    run::openly(&mut test)?;
    Ok(true)
}
