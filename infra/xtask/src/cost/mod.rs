//! `cargo xtask cost`: what the product costs on AWS, by counting.
//!
//! | what is counted | by |
//! | --- | --- |
//! | requests and units of DynamoDB, of each kind of turn | `tests/aws/tests/dynamodb/cost.rs`: the engine over the emulator, units from item sizes |
//! | CPU of the packaged functions, and what they log | `tests/aws/functions.py`: `getrusage` of the processes |
//! | the artefact | `package.rs` |
//! | requests of SQS, invocations, transitions | the protocol: `sheet.rs` |
//!
//! Prices are in `infra/prices.json`; any of them can be said on the command line.

mod prices;
mod sheet;
mod table;

use crate::package;
use crate::place::Place;
use crate::run;
use crate::suite::{self, Bench};
use anyhow::{Context, Result};
use clap::Args;
use prices::Prices;
use serde_json::{Value, json};
use sheet::{Assumed, Sheet};
use std::fs;
use std::path::PathBuf;

/// Where the figures go, and what they stand on.
#[derive(Args)]
pub struct Options {
    /// Write every figure, with what was counted and assumed, to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Whose prices, as in `infra/prices.json`.
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Another price or assumption, such as `write_units_million=0.7` or `received_together=3`; may be repeated.
    #[arg(long, value_name = "NAME=NUMBER")]
    rate: Vec<String>,
    /// Count again from this file, which `--json` wrote, in place of running anything.
    #[arg(long, value_name = "FILE")]
    counted: Option<PathBuf>,
    /// An artefact that is built already, in place of building it.
    #[arg(long, value_name = "FILE")]
    artefact: Option<PathBuf>,
}

/// Counts, and prints the table. A missed target is a figure, not a failure.
///
/// # Errors
/// What does not build or start, a price nobody knows, an emulator that cannot be had.
pub fn run(place: Place, options: &Options) -> Result<bool> {
    let mut assumed = Assumed::default();
    let mut prices = Prices::read(&place.root.join("infra/prices.json"), &options.region)?;
    for rate in &options.rate {
        let (name, number) = prices::rate(rate)?;
        if !assumed.set(name, number) {
            prices.set(name, number)?;
        }
    }
    let counted = match &options.counted {
        Some(file) => read(file)?["counted"].take(),
        None => count(place, options.artefact.as_ref())?,
    };
    let sheet = Sheet::of(&counted, &prices, &assumed)?;
    print!("{}", table::text(&sheet, &prices, &assumed));
    if let Some(file) = &options.json {
        let mut all = sheet.json();
        all["prices"] = prices.json();
        all["assumed"] = assumed.json();
        all["counted"] = counted;
        fs::write(file, format!("{all:#}\n")).with_context(|| format!("write {}", file.display()))?;
    }
    Ok(true)
}

/// Builds what is measured, starts the emulator, and counts.
fn count(place: Place, artefact: Option<&PathBuf>) -> Result<Value> {
    let bench = Bench::new(place);
    let place = &bench.place;
    let artefact = match artefact {
        Some(file) => std::path::absolute(file)?,
        None => {
            run::openly(&mut package::build(place))?;
            package::lay_out(place)?
        }
    };
    let mut empty = place.cargo(&["build", "--locked", "--profile", package::PROFILE]);
    run::openly(empty.args(["--package", "roadbook-aws-it", "--example", "empty"]))?;
    let file = bench.fresh_folder("cost")?.join("counts.json");
    let (emulator, python) = suite::emulator(&bench, "cost-emulator", &[])?;
    let url = emulator.told("url")?;

    let mut turns = place.cargo(&["test", "--locked", "--package", "roadbook-aws-it", "--test", "dynamodb"]);
    turns.args(["--", "cost::"]).env("ROADBOOK_DYNAMODB", url).env("ROADBOOK_COST_JSON", &file);
    run::quietly(&mut turns, &bench.log("cost-turns"))?;

    let mut functions = place.command(python);
    functions.arg("tests/aws/functions.py").arg(&artefact);
    functions.arg(place.program(package::PROFILE, "examples/empty"));
    suite::as_somebody(&mut functions, url);
    let functions: Value = serde_json::from_str(&run::answer(&mut functions)?).context("what the functions used")?;
    emulator.stop()?;
    let zip_mb = package::zipped_bytes(&artefact)? as f64 / 1e6;
    Ok(json!({ "turns": read(&file)?, "functions": functions, "zip_mb": zip_mb }))
}

fn read(file: &PathBuf) -> Result<Value> {
    let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("read {}", file.display()))
}
