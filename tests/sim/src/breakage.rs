//! The mutants: the engine broken on purpose, one thing at a time, and how many seeds it takes until the auditor says so.

use crate::campaign::Campaign;
use roadbook_runtime::mutants::{Mutant, switch};

/// Who must notice a mutant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Instrument {
    /// This simulator.
    Sim,
}

/// How one mutant fared.
#[derive(Clone, Debug)]
pub struct Fate {
    /// Which.
    pub mutant: Mutant,
    /// What it does.
    pub does: &'static str,
    /// Who must notice.
    pub by: Instrument,
    /// Seeds played until it was noticed; `None` where it never was.
    pub seeds: Option<u64>,
    /// What was said of it.
    pub said: String,
}

/// Plays seeds from `from` on against every mutant, at most `most` each.
pub fn run(from: u64, most: u64, threads: usize, mut told: impl FnMut(&Fate)) -> Vec<Fate> {
    let mut fates = Vec::new();
    for (mutant, does) in Mutant::ALL {
        switch(Some(*mutant));
        let campaign = Campaign { seeds: from..from + most, threads, until_broken: true, seconds_max: None };
        let outcome = campaign.run(|_| {});
        switch(None);
        let first = outcome.broken.into_iter().next();
        let seeds = first.as_ref().map(|(seed, _)| seed - from + 1);
        let said = first.map(|(_, said)| said).unwrap_or_default();
        let fate = Fate { mutant: *mutant, does: does.trim(), by: Instrument::Sim, seeds, said };
        told(&fate);
        fates.push(fate);
    }
    fates
}

/// The median of seeds-to-kill, over those that were noticed.
pub fn median(fates: &[Fate]) -> Option<u64> {
    let mut seeds: Vec<u64> = fates.iter().filter_map(|fate| fate.seeds).collect();
    seeds.sort_unstable();
    seeds.get(seeds.len() / 2).copied()
}
