//! `cargo xtask test`: everything that must hold, one line per step.
//!
//! To add a step: a function in the file of its family, a row in [`STEPS`].

mod bench;
mod browser;
mod clients;
mod code;
mod document;
mod emulated;
mod instruments;
mod once;
mod privacy;
mod replay;
mod schedules;
mod sim;
mod stage;
mod tools;

use crate::place::Place;
use anyhow::{Result, bail};
pub use bench::Bench;
use bench::Verdict;
use clap::Args;
pub use emulated::{as_somebody, emulator};
use std::io::IsTerminal;
use std::time::Instant;

/// Which steps.
#[derive(Args)]
pub struct Options {
    /// Only this step; may be repeated. What it stands on is set up silently.
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Print the steps and end.
    #[arg(long)]
    list: bool,
}

struct Step {
    name: &'static str,
    proves: &'static str,
    run: fn(&Bench) -> Result<Verdict>,
}

/// In this order: what is cheap and often wrong first.
const STEPS: &[Step] = &[
    Step { name: "format", proves: "every file is formatted", run: code::format },
    Step { name: "lint", proves: "clippy has nothing to say, tests included", run: code::lint },
    Step { name: "tests", proves: "cargo test of the whole workspace", run: code::tests },
    Step {
        name: "sim",
        proves: "seeds of two hosts with every fault: nothing lost, twice or stuck; every mutant is noticed",
        run: sim::seeds,
    },
    Step {
        name: "schedules",
        proves: "what threads share, under thousands of schedules; every mistake on purpose is found",
        run: schedules::all,
    },
    Step {
        name: "dynamodb",
        proves: "the store on DynamoDB, against an emulator: conformance, lost answers, throttling",
        run: emulated::dynamodb,
    },
    Step {
        name: "stack",
        proves: "sam deploy of the packaged functions on an emulator; an SDK's events, timers, the relay stopped",
        run: emulated::stack,
    },
    Step { name: "programs", proves: "roadbook and the simulator build", run: code::programs },
    Step { name: "oracle", proves: "the CDNOW oracle agrees with its own tests", run: replay::oracle },
    Step { name: "replay", proves: "the CDNOW replay equals the oracle, twice, byte for byte", run: replay::cdnow },
    Step { name: "tools", proves: "Python and npm packages of the third-party clients install", run: tools::install },
    Step { name: "python", proves: "PyPI segment-analytics-python against the server", run: clients::python },
    Step { name: "node", proves: "npm @segment/analytics-node against the server", run: clients::node },
    Step { name: "rudder", proves: "RudderStack's Python and Node clients against the server", run: clients::rudder },
    Step { name: "library", proves: "npm @segment/analytics-next in jsdom: settings, CORS", run: clients::library },
    Step {
        name: "webhooks",
        proves: "PyPI and npm standardwebhooks verify what the server announces",
        run: clients::webhooks,
    },
    Step { name: "browser", proves: "a person with Chromium: sign in, find by phone, read why", run: browser::console },
    Step { name: "bad-input", proves: "hostile bytes: clear refusals, no effects", run: clients::bad_input },
    Step {
        name: "openapi",
        proves: "the OpenAPI document is valid, and a client generated from it works",
        run: document::clients,
    },
    Step { name: "fuzz", proves: "schemathesis: no 5xx, no answer that is not described", run: document::fuzz },
    Step { name: "kill", proves: "kill -9 during a wait: one message, neither none nor two", run: clients::kill },
    Step {
        name: "crash",
        proves: "kill -9 and SIGTERM under load: nothing acknowledged is lost or twice; mistakes on purpose are noticed",
        run: instruments::crash,
    },
    Step {
        name: "disk",
        proves: "power cuts lose what was not synced, syncs fail, the disk is full: the same, mistakes too",
        run: instruments::disk,
    },
    Step {
        name: "operations",
        proves: "what an operator does: second process, keys, full disk, lost key",
        run: clients::operations,
    },
    Step { name: "privacy", proves: "personal values reach no log line and no error", run: privacy::nothing_leaks },
    Step { name: "demo", proves: "the demo's numbers add up, also after a restart", run: clients::demo },
];

/// Runs the steps; `false` where one failed.
///
/// # Errors
/// A step that does not exist.
pub fn run(place: Place, options: &Options) -> Result<bool> {
    if options.list {
        STEPS.iter().for_each(|step| println!("{:<10} {}", step.name, step.proves));
        return Ok(true);
    }
    if let Some(unknown) = options.only.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        bail!("there is no step `{unknown}`; `cargo xtask test --list` prints them");
    }
    let wanted = |step: &&Step| options.only.is_empty() || options.only.iter().any(|name| name == step.name);
    let bench = Bench::new(place);
    let watched = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for step in STEPS.iter().filter(wanted) {
        let began = Instant::now();
        if watched {
            // Written over by the step's own line.
            eprint!("...   {}\r", step.name);
        }
        let result = (step.run)(&bench);
        let took = format!("{:<10} {:>6.1} s", step.name, began.elapsed().as_secs_f64());
        match result {
            Ok(Verdict::Passed) => {
                passed += 1;
                println!("ok    {took}");
            }
            // On a CI machine nobody reads a skip, so nothing may be one.
            Ok(Verdict::Skipped(reason)) if bench.place.ci => {
                failed += 1;
                println!("FAIL  {took}  skipped, which under CI=true is a failure: {reason}");
            }
            Ok(Verdict::Skipped(reason)) => {
                skipped += 1;
                println!("skip  {took}  {reason}");
            }
            Err(error) => {
                failed += 1;
                println!("FAIL  {took}  {error:#}\n      again: cargo xtask test --only {}", step.name);
            }
        }
    }
    // The server that several steps shared must also end well.
    if let Err(error) = bench.close() {
        failed += 1;
        println!("FAIL  stopping the server: {error:#}");
    }
    println!("\n{passed} passed, {failed} failed, {skipped} skipped");
    Ok(failed == 0)
}
