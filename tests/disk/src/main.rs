//! `roadbook-disk`: seeds of power cuts, failing syncs and full disks.
//!
//! Ends with 0 where everything holds, with 1 where it does not.

use anyhow::{Context, Result};
use clap::Parser;
use roadbook_disk::shim::{self, Told};
use roadbook_disk::story::{self, Setting, Story};
use serde::Serialize;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// Loses what a roadbook server did not sync, and looks for what it had acknowledged.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The roadbook binary.
    #[arg(long)]
    program: PathBuf,
    /// Data folders are made below this folder.
    #[arg(long)]
    dir: PathBuf,
    /// How many seeds.
    #[arg(long, default_value_t = 8)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Write the figures to this file, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// NAME=VALUE in the server's environment; may be repeated.
    #[arg(long)]
    env: Vec<String>,
    /// End at the first seed that does not hold.
    #[arg(long)]
    first: bool,
}

/// What all seeds came to.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    /// Seeds that were played.
    seeds: u64,
    /// Lives of servers.
    lives: u64,
    /// Power cuts that came while a server was starting.
    cut_at_start: u64,
    /// Failed syncs that ended the process.
    failed_syncs: u64,
    /// Full disks that ended the process.
    full: u64,
    /// Acknowledged events.
    acked: u64,
    /// Of them, those that are not there.
    lost: u64,
    /// Events that are there more than once.
    twice: u64,
    /// What the disk forgot.
    disk: Told,
    /// Everything that is wrong, by seed.
    wrong: Vec<String>,
}

impl Outcome {
    fn add(&mut self, seed: u64, story: Story) {
        self.seeds += 1;
        self.lives += story.lives;
        self.cut_at_start += story.cut_at_start;
        self.failed_syncs += story.failed_syncs;
        self.full += story.full;
        self.acked += story.acked;
        self.lost += story.lost;
        self.twice += story.twice;
        self.disk.add(&story.disk);
        self.wrong.extend(story.wrong.into_iter().map(|what| format!("seed {seed}: {what}")));
    }

    fn holds(&self) -> bool {
        self.lost == 0 && self.twice == 0 && self.wrong.is_empty()
    }
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    fs::create_dir_all(&arguments.dir).with_context(|| format!("make {}", arguments.dir.display()))?;
    let dir = arguments.dir.canonicalize()?;
    let library = shim::build(&dir)?;
    let environment: Vec<(String, String)> = arguments
        .env
        .iter()
        .map(|pair| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).context("NAME=VALUE"))
        .collect::<Result<_>>()?;
    let mut outcome = Outcome::default();
    for seed in arguments.from..arguments.from + arguments.seeds {
        let folder = tempfile::Builder::new().prefix("seed-").tempdir_in(&dir)?;
        let (program, library) = (arguments.program.as_path(), library.as_path());
        let setting = Setting { program, library, folder: folder.path(), environment: &environment };
        // What cannot be asked for in the end is a loss as well.
        let story = story::play(&setting, seed)
            .unwrap_or_else(|error| Story { wrong: vec![format!("{error:#}")], ..Story::default() });
        let holds = story.lost == 0 && story.twice == 0 && story.wrong.is_empty();
        eprintln!("seed {seed}: {} lives, {} events, {}", story.lives, story.acked, if holds { "ok" } else { "WRONG" });
        outcome.add(seed, story);
        if !holds {
            let kept = folder.keep();
            eprintln!("again: cargo xtask disk --seeds 1 --from {seed}; its folder: {}", kept.display());
            if arguments.first {
                break;
            }
        }
    }
    let text = serde_json::to_string_pretty(&outcome)? + "\n";
    print!("{text}");
    if let Some(file) = &arguments.json {
        fs::write(file, &text).with_context(|| format!("write {}", file.display()))?;
    }
    Ok(if outcome.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
