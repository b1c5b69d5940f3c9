//! `roadbook-bench`: measures the machine, then a `roadbook` binary on it, and prints the table.
//!
//! Ends with 0 when everything asked for was measured or skipped with a reason, whatever the verdicts; with 1 when
//! something was tried and went wrong (an answer that was not 200, counters that disagree).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use roadbook_bench::{floor_server, floors, suite, table};

/// Measures the machine, then a roadbook server on it, and prints what came of it against the targets.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Arguments {
    /// The roadbook binary to measure; build it with --release.
    #[arg(long, required = true)]
    server: Option<PathBuf>,
    /// Measure these figures only (keys as in the table, separated by commas); the disk is always measured.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Write every figure under its key to this file, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Print the table as Markdown.
    #[arg(long)]
    markdown: bool,
    /// Measure everything so many times and show the medians.
    #[arg(long, default_value_t = 1)]
    runs: usize,
    /// The folder that holds data/cdnow_master.txt [default: ../shared beside the repository].
    #[arg(long, env = "ROADBOOK_SHARED")]
    shared: Option<PathBuf>,
    /// Stores and logs go below this folder; it must lie on the disk to be measured [default: target/bench].
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Bytes of one record of the raw log.
    #[arg(long, default_value_t = floors::RECORD_BYTES)]
    record_bytes: usize,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Parses and answers only; also stands in for a server when this program measures itself.
    #[command(hide = true, alias = "serve")]
    FloorServer {
        #[arg(long)]
        data: Option<PathBuf>,
        #[arg(long)]
        port: Option<u16>,
        #[arg(long)]
        json: bool,
    },
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    match arguments.verb {
        // The options are those of `roadbook serve`; nothing is stored, so they change nothing.
        Some(Verb::FloorServer { data: _, port: _, json: _ }) => {
            floor_server::serve()?;
            Ok(ExitCode::SUCCESS)
        }
        None => bench(arguments),
    }
}

fn bench(arguments: Arguments) -> Result<ExitCode> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let repository = repository.canonicalize().context("find the repository this program was built from")?;
    let plan = suite::Plan {
        server: arguments.server.context("--server is required")?,
        only: BTreeSet::from_iter(arguments.only),
        folder: arguments.dir.unwrap_or_else(|| repository.join("target/bench")),
        shared: arguments.shared.unwrap_or_else(|| repository.join("../shared")),
        repository,
        record_bytes: arguments.record_bytes,
        runs: arguments.runs,
    };
    let report = suite::run(plan, &|doing| eprintln!("{doing}"))?;
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(&table::json(&report)).context("render the JSON")?;
        std::fs::write(path, text + "\n").with_context(|| format!("write {}", path.display()))?;
    }
    print!("{}", if arguments.markdown { table::markdown(&report) } else { table::text(&report) });
    Ok(if report.summary.any_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
