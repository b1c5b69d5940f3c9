//! What threads share, under many schedules, and the mistakes that must be found in them.

use super::bench::{Bench, Verdict};
use crate::run;
use crate::schedules::{self, Options};
use anyhow::Result;

/// Every situation in its short form, then every mutant. Together under a minute, once it is built.
pub fn all(bench: &Bench) -> Result<Verdict> {
    schedules::build(&bench.place, &bench.log("schedules-build"))?;
    for (mutants, log) in [(false, "schedules"), (true, "schedules-mutants")] {
        let options = Options { schedules: None, from: 0, only: None, mutants, json: None };
        run::quietly(&mut schedules::command(&bench.place, &options)?, &bench.log(log))?;
    }
    Ok(Verdict::Passed)
}
