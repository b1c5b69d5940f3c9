//! The simulator as a program: many seeds, one seed as a story, or the mutants.

use anyhow::{Context, Result};
use clap::Parser;
use roadbook_sim::campaign::{Campaign, News};
use roadbook_sim::plan::plan;
use roadbook_sim::seed::play;
use roadbook_sim::shrink::shrink;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

/// Seeds are rows read and written, over and over, on several threads: with the system's allocator a fifth of the time
/// is its own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Lines of a failing seed's story that are shown.
const SHOWN_LINES: usize = 60;

/// Plays the engine on two hosts in virtual time, with faults, and audits it.
#[derive(Parser)]
#[command(name = "roadbook-sim")]
struct Arguments {
    /// Seeds to play.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Begin no seed after so many seconds.
    #[arg(long)]
    seconds: Option<u64>,
    /// Write the numbers here, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Break the engine on purpose, one thing at a time, and count the seeds until it is noticed.
    #[arg(long)]
    mutants: bool,
    /// Seeds to play against each mutant.
    #[arg(long, default_value_t = 200)]
    mutant_seeds: u64,
    /// Tell one seed as a story, all of it.
    #[arg(long)]
    story: Option<u64>,
    /// Steps of that seed to leave out, separated by commas.
    #[arg(long, value_delimiter = ',')]
    without: Vec<usize>,
    /// Do not look for fewer steps that fail alike.
    #[arg(long)]
    no_shrink: bool,
}

fn main() -> ExitCode {
    // A turn that panics is taken out and kept: what it printed would stand between the lines of the result.
    match carry_out(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(arguments: &Arguments) -> Result<bool> {
    if let Some(seed) = arguments.story {
        return Ok(tell(seed, &arguments.without.iter().copied().collect(), usize::MAX));
    }
    let campaign = Campaign {
        seeds: arguments.from..arguments.from.saturating_add(arguments.seeds),
        threads: arguments.threads.max(1),
        until_broken: false,
        seconds_max: arguments.seconds,
    };
    let outcome = campaign.run(|news| match news {
        News::Broken(seed, broken) => println!("seed {seed}: {broken}"),
        News::Minute(so_far) => eprintln!("{} of {} seeds, {} turns", so_far.seeds, arguments.seeds, so_far.turns),
    });
    let mut numbers = outcome.json();
    println!("{numbers}");
    let mut sound = outcome.broken.is_empty();
    if let Some((seed, _)) = outcome.broken.first() {
        let dropped = if arguments.no_shrink { BTreeSet::new() } else { shrink(*seed) };
        tell(*seed, &dropped, SHOWN_LINES);
    }
    if arguments.mutants {
        sound &= mutants(arguments, &mut numbers);
    }
    if let Some(path) = &arguments.json {
        std::fs::write(path, format!("{numbers:#}\n")).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(sound)
}

/// Prints a seed's story and the command that tells it again. False where a promise is broken.
fn tell(seed: u64, dropped: &BTreeSet<usize>, lines_max: usize) -> bool {
    let played = play(seed, dropped, true);
    for (index, step) in plan(seed).steps.iter().enumerate().filter(|(index, _)| !dropped.contains(index)) {
        println!("step {index}: {} {:?}", stamp(step.at), step.what);
    }
    let about: Vec<&str> =
        played.broken.iter().flat_map(|broken| broken.split([' ', ',']).filter(|word| word.contains("cus_"))).collect();
    let concerns = |line: &&roadbook_sim::world::Line| {
        lines_max == usize::MAX
            || about.is_empty()
            || about.iter().any(|actor| line.what.contains(actor))
            || line.host.is_none()
    };
    let lines: Vec<_> = played.lines.iter().filter(concerns).collect();
    for line in &lines[lines.len().saturating_sub(lines_max)..] {
        let host = line.host.map_or("    ".to_owned(), |host| format!("host{host}"));
        println!("{} {host} {}", stamp(line.at), line.what.chars().take(400).collect::<String>());
    }
    let without: Vec<String> = dropped.iter().map(usize::to_string).collect();
    let without = if without.is_empty() { String::new() } else { format!(" --without {}", without.join(",")) };
    match &played.broken {
        Some(broken) => println!("seed {seed}: {broken}\nagain: cargo xtask sim --story {seed}{without}"),
        None => println!("seed {seed} is sound: {} turns, {} messages", played.turns, played.messages),
    }
    played.broken.is_none()
}

/// Milliseconds since the run began, with days in front: years of virtual time stay readable.
fn stamp(at: roadbook_kernel::Moment) -> String {
    let ms = at.since_ms(roadbook_it::rig::T0);
    let day_ms = roadbook_kernel::DAY_MS;
    format!("{:>4}d{:>9}", ms.div_euclid(day_ms), ms.rem_euclid(day_ms))
}

#[cfg(feature = "mutants")]
fn mutants(arguments: &Arguments, numbers: &mut Value) -> bool {
    use roadbook_sim::breakage::{median, run};
    use serde_json::json;
    let fates = run(arguments.from, arguments.mutant_seeds, arguments.threads.max(1), |fate| {
        let seeds = fate.seeds.map_or("not noticed".to_owned(), |seeds| format!("seed {seeds}"));
        let said: String = fate.said.chars().take(90).collect();
        println!("{:<22} {:<12} {said}", format!("{:?}", fate.mutant), seeds);
    });
    let killed = fates.iter().filter(|fate| fate.seeds.is_some()).count();
    println!("{killed} of {} mutants noticed, median {:?} seeds", fates.len(), median(&fates));
    numbers["mutants"] = json!(fates.len());
    numbers["mutants_killed"] = json!(killed);
    numbers["mutant_seeds_median"] = json!(median(&fates));
    numbers["seeds_to_kill"] = fates.iter().map(|fate| (format!("{:?}", fate.mutant), json!(fate.seeds))).collect();
    killed == fates.len()
}

#[cfg(not(feature = "mutants"))]
fn mutants(_: &Arguments, _: &mut Value) -> bool {
    println!("built without the mutants: cargo xtask sim builds with them");
    false
}
