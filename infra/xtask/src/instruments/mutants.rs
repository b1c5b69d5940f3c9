//! Servers with a mistake on purpose, each of which an instrument must notice, or the instrument is blind.

use super::{crash_command, disk_command, empty_folder, soak_command};
use crate::place::Place;
use crate::run;
use anyhow::{Context, Result};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Mistakes of `infra/embedded/src/mutants.rs`, by who must notice them.
const CRASH_MUTANTS: [&str; 2] = ["ack_before_write", "log_end_dropped"];
const DISK_MUTANTS: [&str; 3] = ["ack_before_fsync", "retry_failed_fsync", "folders_not_synced"];
const SOAK_MUTANTS: [&str; 1] = ["turns_remembered"];
/// Within so many seeds a mutant is noticed.
const SEEDS_MAX: u64 = 20;
/// A short play: two kills and two drains of processes that work for a second.
const SHORT: [&str; 6] = ["--kills", "2", "--drain-every", "2", "--life-ms-max", "1500"];

/// One mutant, played.
struct Fate {
    name: &'static str,
    /// Seeds until it was noticed, and by what; `None` where it never was.
    noticed: Option<(u64, String)>,
}

/// What became of all mutants of one instrument.
pub(super) struct Fates(Vec<Fate>);

impl Fates {
    /// The server with its mutants, killed.
    pub(super) fn of_crash(place: &Place) -> Result<Self> {
        let server = build(place)?;
        Self::of(&CRASH_MUTANTS, |mutant| {
            for seed in 1..=SEEDS_MAX {
                let mut played = crash_command(place, &server)?;
                played.command.args(SHORT).args(["--seed", &seed.to_string()]).env("ROADBOOK_MUTANT", mutant);
                let told = tell(place, &mut played.command)?;
                played.simulator.stop()?;
                if let Some(wrong) = told.wrong() {
                    return Ok(Some((seed, wrong)));
                }
            }
            Ok(None)
        })
    }

    /// The server with its mutants, on a disk that forgets.
    pub(super) fn of_disk(place: &Place) -> Result<Self> {
        let server = build(place)?;
        Self::of(&DISK_MUTANTS, |mutant| {
            let mut play = disk_command(place, &server)?;
            play.args(["--seeds", &SEEDS_MAX.to_string(), "--first", "--env", &format!("ROADBOOK_MUTANT={mutant}")]);
            let told = tell(place, &mut play)?;
            Ok(told.wrong().map(|wrong| (told.figures["seeds"].as_u64().unwrap_or(0), wrong)))
        })
    }

    /// The server with its mutants, for as long as the real one.
    pub(super) fn of_soak(place: &Place, turns: u64) -> Result<Self> {
        let server = build(place)?;
        Self::of(&SOAK_MUTANTS, |mutant| {
            let mut play = soak_command(place, &server, turns)?;
            let told = tell(place, play.env("ROADBOOK_MUTANT", mutant))?;
            let slope = || format!("{} MB per million turns", told.figures["slope_mb_per_million"]);
            Ok((!told.held).then(|| (1, slope())))
        })
    }

    fn of(mutants: &[&'static str], hunt: impl Fn(&'static str) -> Result<Option<(u64, String)>>) -> Result<Self> {
        let mut fates = Vec::new();
        for name in mutants {
            let noticed = hunt(name).with_context(|| format!("play the mutant `{name}`"))?;
            match &noticed {
                Some((seeds, wrong)) => println!("mutant {name}: noticed at seed {seeds}: {wrong}"),
                None => println!("mutant {name}: NOT NOTICED within {SEEDS_MAX} seeds"),
            }
            fates.push(Fate { name, noticed });
        }
        Ok(Self(fates))
    }

    fn killed(&self) -> usize {
        self.0.iter().filter(|fate| fate.noticed.is_some()).count()
    }

    /// Whether every one was noticed.
    pub(super) fn all_noticed(&self) -> bool {
        self.killed() == self.0.len()
    }

    /// Adds the figures to those of the real server: `mutants`, `mutants_killed`, `seeds_to_kill` by name.
    pub(super) fn add_to(&self, file: &Path) -> Result<()> {
        let mut all = read(file)?;
        let seeds =
            self.0.iter().map(|fate| (fate.name.to_owned(), fate.noticed.as_ref().map(|(seeds, _)| *seeds).into()));
        all["mutants"] = self.0.len().into();
        all["mutants_killed"] = self.killed().into();
        all["seeds_to_kill"] = Value::Object(seeds.collect());
        fs::write(file, serde_json::to_string_pretty(&all)? + "\n").with_context(|| format!("write {}", file.display()))
    }
}

/// The server with its mutants, beside the real one.
fn build(place: &Place) -> Result<PathBuf> {
    let (real, aside) = (place.roadbook(), place.target.join("xtask").join("roadbook-with-mutants"));
    run::openly(place.build_programs().args(["--quiet", "--features", "roadbook-embedded/mutants"]))?;
    fs::create_dir_all(place.target.join("xtask"))?;
    fs::copy(&real, &aside).with_context(|| format!("copy {}", real.display()))?;
    run::openly(place.build_programs().arg("--quiet"))?;
    Ok(aside)
}

/// What an instrument said.
struct Told {
    figures: Value,
    held: bool,
}

impl Told {
    /// The first of what is wrong, shortened: logs may hang on.
    fn wrong(&self) -> Option<String> {
        let first = self.figures["wrong"][0].as_str().unwrap_or("events are lost, or there twice");
        (!self.held).then(|| first.lines().next().unwrap_or_default().to_owned())
    }
}

/// Runs an instrument. One that ends without figures has noticed nothing: it is broken.
fn tell(place: &Place, play: &mut Command) -> Result<Told> {
    let file = empty_folder(place, "mutants")?.join("figures.json");
    let said = play.arg("--json").arg(&file).stdin(Stdio::null()).output().context("start the instrument")?;
    let figures = read(&file).with_context(|| String::from_utf8_lossy(&said.stderr).into_owned())?;
    Ok(Told { figures, held: said.status.success() })
}

fn read(file: &Path) -> Result<Value> {
    let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("read {}", file.display()))
}
