//! Which phases a run has, and how one run after another is made.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::figures::{self, Measured, Summary};
use crate::machine::Machine;
use crate::phase::{Place, Recorder, batch, explain, floor, journeys, replay, rules, single, store, timers, waiting};

/// One phase: the keys it can measure, and how.
#[derive(Debug, Clone, Copy)]
pub struct Phase {
    /// Shown while it runs.
    pub name: &'static str,
    /// The figures it records.
    pub keys: &'static [&'static str],
    /// Measures them.
    pub measure: fn(&Place, &mut Recorder) -> Result<()>,
}

/// All phases in their order. The disk comes first, always: the targets of the others are stated relative to it.
pub const PHASES: [Phase; 11] = [
    Phase { name: "the disk", keys: floor::DISK_KEYS, measure: floor::disk },
    Phase { name: "HTTP floor", keys: floor::HTTP_KEYS, measure: floor::http },
    Phase { name: "single events", keys: single::KEYS, measure: single::measure },
    Phase { name: "batches", keys: batch::KEYS, measure: batch::measure },
    Phase { name: "the store alone", keys: store::KEYS, measure: store::measure },
    Phase { name: "events that end in a message", keys: journeys::KEYS, measure: journeys::measure },
    Phase { name: "many rules", keys: rules::KEYS, measure: rules::measure },
    Phase { name: "explanations", keys: explain::KEYS, measure: explain::measure },
    Phase { name: "timers under load", keys: timers::KEYS, measure: timers::measure },
    Phase { name: "a million who wait", keys: waiting::KEYS, measure: waiting::measure },
    Phase { name: "CDNOW replay", keys: replay::KEYS, measure: replay::measure },
];

/// What to measure, on what.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The `roadbook` binary.
    pub server: PathBuf,
    /// Keys asked for; empty means all.
    pub only: BTreeSet<String>,
    /// Stores and logs go into a temporary folder below this one.
    pub folder: PathBuf,
    /// The repository root.
    pub repository: PathBuf,
    /// The folder with `data/cdnow_master.txt`.
    pub shared: PathBuf,
    /// Bytes of one record of the raw log.
    pub record_bytes: usize,
    /// How often everything is measured; the table shows medians.
    pub runs: usize,
}

/// Everything the table is made of.
#[derive(Debug)]
pub struct Report {
    /// The machine it was measured on.
    pub machine: Machine,
    /// Medians.
    pub summary: Summary,
    /// Where the time went, in the last run.
    pub notes: Vec<String>,
    /// How many runs there were.
    pub runs: usize,
    /// Keys asked for; empty means all.
    pub only: BTreeSet<String>,
    /// Bytes of one record of the raw log.
    pub record_bytes: usize,
}

/// Measures what the plan asks for; `say` is told what is going on.
///
/// # Errors
/// Fails on an unknown key, a missing server binary or a folder that cannot be written. What goes wrong inside a
/// phase does not end the run: it becomes the verdict of the figures of that phase.
pub fn run(plan: Plan, say: &dyn Fn(&str)) -> Result<Report> {
    for key in &plan.only {
        if figures::spec(key).is_none() {
            let keys: Vec<&str> = figures::FIGURES.iter().map(|spec| spec.key).collect();
            bail!("unknown figure `{key}`; there are: {}", keys.join(", "));
        }
    }
    let server = plan.server.canonicalize().with_context(|| format!("find the server {}", plan.server.display()))?;
    fs::create_dir_all(&plan.folder).with_context(|| format!("create {}", plan.folder.display()))?;
    let machine = Machine::describe(&plan.folder);
    if machine.disk_is_memory() {
        bail!(
            "{} lies in memory ({}): nothing there is durable; give --dir on a disk",
            plan.folder.display(),
            machine.disk
        );
    }
    let mut runs = Vec::new();
    let mut notes = Vec::new();
    for number in 1..=plan.runs.max(1) {
        let folder = fresh_folder(&plan.folder)?;
        let place = Place {
            server: server.clone(),
            folder: folder.path().to_owned(),
            repository: plan.repository.clone(),
            shared: plan.shared.clone(),
            record_bytes: plan.record_bytes,
        };
        let mut recorder = Recorder::default();
        for phase in PHASES.iter().filter(|phase| wanted(phase, &plan.only)) {
            say(&format!("run {number} of {}: {}", plan.runs.max(1), phase.name));
            measure(phase, &place, &mut recorder);
        }
        runs.push(recorder.run);
        notes = recorder.notes;
    }
    Ok(Report {
        machine,
        summary: Summary::of(&runs),
        notes,
        runs: runs.len(),
        only: plan.only,
        record_bytes: plan.record_bytes,
    })
}

fn wanted(phase: &Phase, only: &BTreeSet<String>) -> bool {
    only.is_empty() || phase.keys == floor::DISK_KEYS || phase.keys.iter().any(|key| only.contains(*key))
}

/// Figures the phase has recorded before it failed stand; the others carry its error, also those an earlier phase
/// has begun.
fn measure(phase: &Phase, place: &Place, recorder: &mut Recorder) {
    let before = recorder.run.clone();
    if let Err(error) = (phase.measure)(place, recorder) {
        for key in phase.keys.iter().filter(|key| recorder.run.get(*key) == before.get(*key)).collect::<Vec<_>>() {
            recorder.run.insert(key, Measured::Failed(format!("{error:#}")));
        }
    }
}

fn fresh_folder(below: &Path) -> Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix("run-").tempdir_in(below);
    folder.with_context(|| format!("create a folder in {}", below.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_a_phase_and_every_key_a_figure() {
        let measured: BTreeSet<&str> = PHASES.iter().flat_map(|phase| phase.keys.iter().copied()).collect();
        let listed: BTreeSet<&str> = figures::FIGURES.iter().map(|spec| spec.key).collect();
        assert_eq!(measured, listed);
    }

    #[test]
    fn a_selection_keeps_the_disk_and_its_own_phase() {
        let only = BTreeSet::from(["cdnow_s".to_owned()]);
        let names: Vec<&str> = PHASES.iter().filter(|phase| wanted(phase, &only)).map(|phase| phase.name).collect();
        assert_eq!(names, ["the disk", "CDNOW replay"]);
    }
}
