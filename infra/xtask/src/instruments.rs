//! `cargo xtask crash | disk | soak`: what tries to make the real server lose something. They build it and hand over to
//! `tests/crash` and `tests/disk`.

mod mutants;

use crate::place::Place;
use crate::process::{self, SIMULATED_ACCOUNTS};
use crate::run;
use anyhow::{Context, Result};
use clap::Args;
use mutants::Fates;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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
    /// Then play servers with a mistake on purpose, each of which must be noticed.
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
    /// Then play servers with a mistake on purpose, each of which must be noticed.
    #[arg(long)]
    pub mutants: bool,
}

/// How long.
#[derive(Args)]
pub struct Soak {
    /// So many turns.
    #[arg(long, default_value_t = 3_000_000)]
    turns: u64,
    /// Write the figures to this file, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Then load a server that keeps something of every turn, which must be noticed.
    #[arg(long)]
    mutants: bool,
}

/// Kills the server under load. `false` where something is wrong.
///
/// # Errors
/// What does not build, or cannot be started.
pub fn crash(place: &Place, options: &Crash) -> Result<bool> {
    build(place)?;
    let mut play = crash_command(place, &place.roadbook())?;
    play.command.args(["--kills", &options.kills.to_string(), "--seed", &options.seed.to_string()]);
    let json = options.json.as_deref();
    let held = played(play.command, json)?;
    play.simulator.stop()?;
    if !options.mutants {
        return Ok(held);
    }
    Ok(noticed(&Fates::of_crash(place)?, json)? && held)
}

/// Takes the power from the server. `false` where something is wrong.
///
/// # Errors
/// What does not build, or cannot be started.
pub fn disk(place: &Place, options: &Disk) -> Result<bool> {
    build(place)?;
    let mut play = disk_command(place, &place.roadbook())?;
    play.args(["--seeds", &options.seeds.to_string(), "--from", &options.from.to_string()]);
    let json = options.json.as_deref();
    let held = played(play, json)?;
    if !options.mutants {
        return Ok(held);
    }
    Ok(noticed(&Fates::of_disk(place)?, json)? && held)
}

/// Loads the server for long. `false` where its memory grows.
///
/// # Errors
/// What does not build, or cannot be started.
pub fn soak(place: &Place, options: &Soak) -> Result<bool> {
    build(place)?;
    let json = options.json.as_deref();
    let held = played(soak_command(place, &place.roadbook(), options.turns)?, json)?;
    if !options.mutants {
        return Ok(held);
    }
    Ok(noticed(&Fates::of_soak(place, options.turns)?, json)? && held)
}

fn noticed(fates: &Fates, json: Option<&Path>) -> Result<bool> {
    json.map_or(Ok(()), |file| fates.add_to(file))?;
    Ok(fates.all_noticed())
}

/// The server and the instruments, each as the other verbs build them: another selection of packages would compile the
/// dependencies again.
fn build(place: &Place) -> Result<()> {
    run::openly(place.build_programs().arg("--quiet"))?;
    run::openly(&mut place.build_instruments())
}

/// An empty folder on the disk that is tested.
fn empty_folder(place: &Place, name: &str) -> Result<PathBuf> {
    let folder = place.target.join("xtask").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("empty {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    folder.canonicalize().context("find a folder that was just made")
}

struct CrashCommand {
    command: Command,
    simulator: process::Process,
}

fn crash_command(place: &Place, server: &Path) -> Result<CrashCommand> {
    let folder = empty_folder(place, "crash")?;
    let simulator = process::simulator(place, &folder.join("simulator.log"))?;
    let config = folder.join("roadbook.toml");
    fs::write(&config, SIMULATED_ACCOUNTS)?;
    let mut command = place.command(place.program("fast", "roadbook-crash"));
    command.arg("kill").arg("--program").arg(server).arg("--data").arg(folder.join("data"));
    command.arg("--config").arg(config).args(["--simulator", simulator.told("base_url")?]);
    Ok(CrashCommand { command, simulator })
}

fn disk_command(place: &Place, server: &Path) -> Result<Command> {
    let mut command = place.command(place.program("fast", "roadbook-disk"));
    command.arg("--program").arg(server).arg("--dir").arg(empty_folder(place, "disk")?);
    Ok(command)
}

fn soak_command(place: &Place, server: &Path, turns: u64) -> Result<Command> {
    let mut command = place.command(place.program("fast", "roadbook-crash"));
    command.arg("soak").arg("--program").arg(server);
    command.arg("--data").arg(empty_folder(place, "soak")?.join("data")).args(["--turns", &turns.to_string()]);
    Ok(command)
}

/// Runs an instrument in front of the reader; whether it says that everything holds.
fn played(mut play: Command, json: Option<&Path>) -> Result<bool> {
    if let Some(file) = json {
        // Relative to where the person stands, not to the repository.
        play.arg("--json").arg(std::path::absolute(file)?);
    }
    Ok(play.status().context("start the instrument")?.success())
}
