//! `roadbook-crash`: kills a server under load and audits it, or loads it for long and watches its memory.
//!
//! Ends with 0 where everything holds, with 1 where it does not.

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use roadbook_crash::client::{Connection, Request};
use roadbook_crash::host::Program;
use roadbook_crash::{run, soak};
use serde::Serialize;
use serde_json::Value;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;

/// Tries to make a roadbook server lose something.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

/// What both verbs take.
#[derive(Debug, Args)]
struct Common {
    /// The roadbook binary.
    #[arg(long)]
    program: PathBuf,
    /// A data folder that does not exist yet.
    #[arg(long)]
    data: PathBuf,
    /// Write the figures to this file, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// The seed of every draw.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// `kill -9` under load, then an audit.
    Kill {
        #[command(flatten)]
        common: Common,
        /// Base URL of a running platform simulator.
        #[arg(long)]
        simulator: String,
        /// The server's settings file, with the simulator's accounts.
        #[arg(long)]
        config: PathBuf,
        /// How many times.
        #[arg(long, default_value_t = 20)]
        kills: u64,
        /// One stop in so many is a SIGTERM; with 1 every one is.
        #[arg(long, default_value_t = 8)]
        drain_every: u64,
        /// Events a second, while the server is up.
        #[arg(long, default_value_t = 4_000)]
        rate: u64,
        /// The longest life of a process, milliseconds.
        #[arg(long, default_value_t = 4_000)]
        life_ms_max: u64,
    },
    /// Many turns, and the memory they leave behind.
    Soak {
        #[command(flatten)]
        common: Common,
        /// How many turns.
        #[arg(long, default_value_t = 3_000_000)]
        turns: u64,
    },
}

fn main() -> Result<ExitCode> {
    let say = |doing: &str| eprintln!("{doing}");
    let held = match Arguments::parse().verb {
        Verb::Kill { common, simulator, config, kills, drain_every, rate, life_ms_max } => {
            let environment = ["ROADBOOK_WECOM_URL", "ROADBOOK_MINIPROGRAM_URL"]
                .map(|name| (name.to_owned(), simulator.clone()))
                .to_vec();
            let program = Program { path: common.program, data: common.data, config: Some(config), environment };
            let plan = run::Plan { program, kills, drain_every, seed: common.seed, rate, life_ms_max };
            let outcome = run::play(&plan, &|| deliveries(&simulator), &say)?;
            print(&outcome, common.json)?;
            outcome.holds()
        }
        Verb::Soak { common, turns } => {
            let program = Program { path: common.program, data: common.data, config: None, environment: Vec::new() };
            let outcome = soak::soak(program, turns, common.seed, &say)?;
            print(&outcome, common.json)?;
            outcome.is_flat()
        }
    };
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(outcome: &impl Serialize, file: Option<PathBuf>) -> Result<()> {
    let text = serde_json::to_string_pretty(outcome)? + "\n";
    print!("{text}");
    match file {
        Some(file) => std::fs::write(&file, text).with_context(|| format!("write {}", file.display())),
        None => Ok(()),
    }
}

/// What reached people, as the simulator has it.
fn deliveries(simulator: &str) -> Result<Value> {
    let place = simulator.trim_start_matches("http://").trim_end_matches('/');
    let server: SocketAddr = place.to_socket_addrs()?.next().context("the simulator has no address")?;
    let request = Request {
        method: "GET",
        path: "/_control/deliveries".into(),
        authorization: String::new(),
        headers: Vec::new(),
        body: String::new(),
    };
    let reply = Connection::new(server).ask(&request);
    Ok(reply.map_err(|lost| anyhow::anyhow!("the simulator did not answer: {lost:?}"))?.json())
}
