//! `cargo xtask <verb>`: what a person or a CI machine asks of this repository.
//!
//! It imports nothing of the product: it drives cargo, the built programs and strangers' clients as processes, so that
//! what passes here is what a user gets.
//!
//! | verb | file |
//! | --- | --- |
//! | `demo` | `demo/` |
//! | `test`, `ci` | `suite/` (one step, one function) |
//! | `bench` | `bench.rs` |
//! | `cost` | `cost/` |
//! | `crash`, `disk`, `soak` | `instruments.rs` |
//! | `schedules` | `schedules.rs` |
//! | `schemas` | `schemas.rs` |
//! | `sim` | `sim.rs` |
//! | `package` | `package.rs` |

mod bench;
mod cost;
mod demo;
mod http;
mod instruments;
mod package;
mod place;
mod process;
mod run;
mod schedules;
mod schemas;
mod sim;
mod suite;

use anyhow::Result;
use clap::{Parser, Subcommand};
use place::Place;
use std::process::ExitCode;

/// The verbs of the house.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Build and start Roadbook with a simulated platform, and play made-up customers through it.
    Demo(demo::Options),
    /// Everything that must hold, on a fresh machine too: sets up what it needs.
    Test(suite::Options),
    /// `test` as the CI machine runs it: what is skipped elsewhere fails here.
    Ci(suite::Options),
    /// Measure the machine and the server on it, and print the table.
    Bench(bench::Options),
    /// Count what the product asks of AWS, on an emulator, and put prices to it.
    Cost(cost::Options),
    /// Kill the server with `kill -9` under load, again and again, and audit what it acknowledged.
    Crash(instruments::Crash),
    /// Take the power from the server's disk: what was not synced is lost or torn.
    Disk(instruments::Disk),
    /// Load the server for long and see whether its memory grows.
    Soak(instruments::Soak),
    /// Play what threads share under many schedules, or hunt mistakes that were made on purpose.
    Schedules(schedules::Options),
    /// Write the JSON Schemas that are generated from code.
    Schemas(schemas::Options),
    /// Play the engine in virtual time, with faults, and audit it.
    Sim(sim::Options),
    /// Build what the functions of the AWS stack run, and lay it where `infra/template.yaml` looks for it.
    Package(package::Options),
}

fn main() -> ExitCode {
    match carry_out(Arguments::parse().verb) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(verb: Verb) -> Result<bool> {
    let place = Place::find()?;
    match verb {
        Verb::Demo(options) => demo::run(&place, &options),
        Verb::Test(options) => suite::run(place, &options),
        Verb::Ci(options) => suite::run(place.in_ci(), &options),
        Verb::Bench(options) => bench::run(&place, &options),
        Verb::Cost(options) => cost::run(place, &options),
        Verb::Crash(options) => instruments::crash(&place, &options),
        Verb::Disk(options) => instruments::disk(&place, &options),
        Verb::Soak(options) => instruments::soak(&place, &options),
        Verb::Schedules(options) => schedules::run(&place, &options),
        Verb::Schemas(options) => schemas::run(&place, &options),
        Verb::Sim(options) => sim::run(&place, &options),
        Verb::Package(options) => package::run(&place, &options),
    }
}
