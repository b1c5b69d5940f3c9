//! Playing many schedules, and looking for mistakes that were made on purpose.

use crate::options::Options;
use crate::play::{listen, play};
use crate::situations::{SITUATIONS, Situation};
use std::collections::HashSet;
use std::process::Command;
use std::time::Instant;

/// Schedules within which a mutant must be found.
const HUNT_MAX: u64 = 20_000;
/// Names the mutant that is on: `infra/embedded/src/mutants.rs`.
const MUTANT: &str = "ROADBOOK_MUTANT";

/// Does what was asked; `false` where a promise was broken or a mutant not found.
///
/// # Errors
/// A situation that does not exist, or figures that cannot be written.
pub fn run(options: &Options) -> Result<bool, String> {
    let wanted = |situation: &&Situation| options.only.as_ref().is_none_or(|only| situation.name == only);
    let situations: Vec<&Situation> = SITUATIONS.iter().filter(wanted).collect();
    if situations.is_empty() {
        let names: Vec<&str> = SITUATIONS.iter().map(|situation| situation.name).collect();
        return Err(format!("there is no such situation; there are {}", names.join(", ")));
    }
    let mut figures = Figures::default();
    if options.mutants {
        for situation in situations {
            for mutant in situation.mutants {
                hunt(situation, mutant, &mut figures)?;
            }
        }
        println!("{} of {} mutants found", figures.found, figures.mutants);
    } else {
        crate::situations::switch(std::env::var(MUTANT).ok().as_deref());
        listen();
        // The actor library wants a clock to put its timers on. Nobody winds it: what a timer would do, a schedule does.
        let clock = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let clock = clock.map_err(|error| error.to_string())?;
        let _on_it = clock.enter();
        situations.into_iter().for_each(|situation| explore(situation, options, &mut figures));
        println!("{} schedules, {} different, {} steps", figures.schedules, figures.different, figures.steps);
    }
    if let Some(file) = &options.json {
        std::fs::write(file, figures.json()).map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(figures.wrong == 0 && figures.found == figures.mutants)
}

#[derive(Default)]
struct Figures {
    schedules: u64,
    different: u64,
    steps: u64,
    wrong: u64,
    mutants: u64,
    found: u64,
}

impl Figures {
    fn json(&self) -> String {
        let Self { schedules, different, steps, wrong, mutants, found } = self;
        let played = format!("\"schedules\":{schedules},\"different\":{different},\"steps\":{steps},\"wrong\":{wrong}");
        format!("{{{played},\"mutants\":{mutants},\"mutants_killed\":{found}}}\n")
    }
}

/// Plays schedules until enough were, or one is wrong.
fn explore(situation: &Situation, options: &Options, figures: &mut Figures) {
    let began = Instant::now();
    let count = options.schedules.unwrap_or(situation.schedules);
    let (mut seen, mut steps) = (HashSet::new(), 0);
    for seed in options.from..options.from + count {
        match play(situation, seed) {
            Ok(trace) => {
                seen.insert(trace.hash);
                steps += trace.steps;
            }
            Err(wrong) => {
                figures.wrong += 1;
                println!("WRONG {}: {wrong}", situation.name);
                println!("      promised: {}", situation.promise);
                println!("      again: cargo xtask schedules --only {} --from {seed} --schedules 1", situation.name);
                return;
            }
        }
    }
    figures.schedules += count;
    figures.different += seen.len() as u64;
    figures.steps += steps;
    if !options.first {
        let seconds = began.elapsed().as_secs_f64();
        println!("ok    {:<10} {count:>6} schedules, {:>6} different, {seconds:>5.1} s", situation.name, seen.len());
    }
}

/// Plays a situation in a process of its own in which one mutant is on: a mutant may leave anything behind.
fn hunt(situation: &Situation, mutant: &str, figures: &mut Figures) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let (name, most) = (situation.name, HUNT_MAX.to_string());
    let mut command = Command::new(program);
    command.args(["--first", "--only", name, "--schedules", &most]).env(MUTANT, mutant);
    let output = command.output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout);
    let seed = said.split("--from ").nth(1).and_then(|rest| rest.split_whitespace().next());
    figures.mutants += 1;
    match seed.and_then(|seed| seed.parse::<u64>().ok()) {
        Some(seed) => {
            figures.found += 1;
            let first = said.lines().next().unwrap_or_default();
            println!(
                "found {mutant:<22} at schedule {:>5} of {name}: {}",
                seed + 1,
                first.trim_start_matches("WRONG ")
            );
        }
        None => println!("NOT FOUND {mutant} in {most} schedules of {name}"),
    }
    Ok(())
}
