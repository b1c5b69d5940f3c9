//! Many short lives of the engine, with everything that can go wrong.

use super::bench::{Bench, Verdict};
use crate::{run, sim};
use anyhow::Result;

/// Seeds, always the same ones, together more than a million turns; a long run asks for more.
const SEEDS: &str = "2000";
/// Seconds in which seeds are begun, on a machine that is slower than usual.
const SECONDS: &str = "300";
/// Seeds against each mutant: several times as many as the slowest needs.
const MUTANT_SEEDS: &str = "100";

/// The named situations, as many of the seeds as five minutes allow, then every mutant.
pub fn seeds(bench: &Bench) -> Result<Verdict> {
    run::quietly(&mut sim::build(&bench.place), &bench.log("sim-build"))?;
    run::quietly(&mut sim::named(&bench.place), &bench.log("sim-named"))?;
    let mut command = bench.place.command(sim::program(&bench.place));
    command.args(["--seeds", SEEDS, "--seconds", SECONDS, "--mutants", "--mutant-seeds", MUTANT_SEEDS]);
    run::quietly(&mut command, &bench.log("sim"))?;
    Ok(Verdict::Passed)
}
