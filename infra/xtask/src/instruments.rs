//! `cargo xtask crash | disk | soak`: what tries to make the real server lose something. They build it and hand over to
//! `tests/crash` and `tests/disk`.

use crate::place::Place;
use crate::process::{self, SIMULATED_ACCOUNTS};
use crate::run;
use anyhow::{Context, Result};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Mistakes that `disk` must find, and those that `crash` must: see `infra/embedded/src/mutants.rs`.
const DISK_MUTANTS: [&str; 2] = ["ack_before_fsync", "retry_failed_fsync"];
const CRASH_MUTANTS: [&str; 1] = ["ack_before_write"];
/// Within so many seeds, or kills, a mutant is found or the instrument is blind.
const SEEDS_TO_KILL_MAX: &str = "20";

/// How often to kill.
#[derive(Args)]
pub struct Crash {
    /// `kill -9` so many times.
    #[arg(long, default_value_t = 20)]
    pub kills: u64,
    /// The seed of every draw.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Write the figures to this file, as JSON.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Build the server with its mutants and expect each of them to be found.
    #[arg(long)]
    pub mutants: bool,
}

/// How many seeds.
#[derive(Args)]
pub struct Disk {
    /// So many.
    #[arg(long, default_value_t = 8)]
    pub seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    pub from: u64,
    /// Write the figures to this file, as JSON.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Build the server with its mutants and expect each of them to be found.
    #[arg(long)]
    pub mutants: bool,
}

/// How long.
#[derive(Args)]
pub struct Soak {
    /// So many turns.
    #[arg(long, default_value_t = 1_000_000)]
    turns: u64,
    /// Write the figures to this file, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Kills the server under load. `false` where something is wrong.
///
/// # Errors
/// What does not build, or cannot be started.
pub fn crash(place: &Place, options: &Crash) -> Result<bool> {
    build(place)?;
    if !options.mutants {
        let command = crash_command(place, &place.roadbook(), options)?;
        return played(command.command, options.json.as_deref(), command.simulator);
    }
    let server = mutated(place)?;
    let mut found = true;
    for mutant in CRASH_MUTANTS {
        let command = crash_command(place, &server, options)?;
        let mut play = command.command;
        play.env("ROADBOOK_MUTANT", mutant);
        found &= is_found(mutant, !played(play, None, command.simulator)?);
    }
    Ok(found)
}

/// Takes the power from the server. `false` where something is wrong.
///
/// # Errors
/// What does not build, or cannot be started.
pub fn disk(place: &Place, options: &Disk) -> Result<bool> {
    build(place)?;
    if !options.mutants {
        let (seeds, from) = (options.seeds.to_string(), options.from.to_string());
        let mut play = disk_command(place, &place.roadbook())?;
        play.args(["--seeds", &seeds, "--from", &from]);
        return played(play, options.json.as_deref(), None);
    }
    let server = mutated(place)?;
    let mut found = true;
    for mutant in DISK_MUTANTS {
        let mut play = disk_command(place, &server)?;
        play.args(["--seeds", SEEDS_TO_KILL_MAX, "--first", "--env", &format!("ROADBOOK_MUTANT={mutant}")]);
        found &= is_found(mutant, !played(play, None, None)?);
    }
    Ok(found)
}

/// Loads the server for long. `false` where its memory grows.
///
/// # Errors
/// What does not build, or cannot be started.
pub fn soak(place: &Place, options: &Soak) -> Result<bool> {
    build(place)?;
    let mut play = place.command(place.program("fast", "roadbook-crash"));
    play.arg("soak").arg("--program").arg(place.roadbook());
    play.arg("--data").arg(fresh(place, "soak")?.join("data")).args(["--turns", &options.turns.to_string()]);
    played(play, options.json.as_deref(), None)
}

fn is_found(mutant: &str, found: bool) -> bool {
    println!("mutant {mutant}: {}", if found { "found" } else { "NOT FOUND" });
    found
}

/// The server and the instruments, each as the other verbs build them: another selection of packages would compile the
/// dependencies again.
fn build(place: &Place) -> Result<()> {
    run::openly(place.build_programs().arg("--quiet"))?;
    run::openly(&mut place.build_instruments())
}

/// The server with its mutants, beside the real one.
fn mutated(place: &Place) -> Result<PathBuf> {
    let (real, aside) = (place.roadbook(), place.target.join("xtask").join("roadbook-with-mutants"));
    run::openly(place.build_programs().args(["--quiet", "--features", "roadbook-embedded/mutants"]))?;
    fs::create_dir_all(place.target.join("xtask"))?;
    fs::copy(&real, &aside).with_context(|| format!("copy {}", real.display()))?;
    run::openly(place.build_programs().arg("--quiet"))?;
    Ok(aside)
}

/// An empty folder on the disk that is tested.
fn fresh(place: &Place, name: &str) -> Result<PathBuf> {
    let folder = place.target.join("xtask").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("empty {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    folder.canonicalize().context("find a folder that was just made")
}

struct CrashCommand {
    command: Command,
    simulator: Option<process::Process>,
}

fn crash_command(place: &Place, server: &Path, options: &Crash) -> Result<CrashCommand> {
    let folder = fresh(place, "crash")?;
    let simulator = process::simulator(place, &folder.join("simulator.log"))?;
    let config = folder.join("roadbook.toml");
    fs::write(&config, SIMULATED_ACCOUNTS)?;
    let mut command = place.command(place.program("fast", "roadbook-crash"));
    command.arg("kill").arg("--program").arg(server).arg("--data").arg(folder.join("data"));
    command.arg("--config").arg(config).args(["--simulator", simulator.told("base_url")?]);
    command.args(["--kills", &options.kills.to_string(), "--seed", &options.seed.to_string()]);
    Ok(CrashCommand { command, simulator: Some(simulator) })
}

fn disk_command(place: &Place, server: &Path) -> Result<Command> {
    let mut command = place.command(place.program("fast", "roadbook-disk"));
    command.arg("--program").arg(server).arg("--dir").arg(fresh(place, "disk")?);
    Ok(command)
}

/// Runs an instrument in front of the reader; whether it says that everything holds.
fn played(mut play: Command, json: Option<&Path>, simulator: Option<process::Process>) -> Result<bool> {
    if let Some(file) = json {
        // Relative to where the person stands, not to the repository.
        play.arg("--json").arg(std::path::absolute(file)?);
    }
    let held = play.status().context("start the instrument")?.success();
    simulator.map_or(Ok(()), process::Process::stop)?;
    Ok(held)
}
