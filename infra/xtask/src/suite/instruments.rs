//! Steps that try to make the real server lose something, in their short forms.

use super::bench::{Bench, Verdict};
use crate::instruments::{self, Crash, Disk};
use anyhow::{Result, bail};

/// Kills in the short form: a minute of load.
const KILLS: u64 = 20;
/// Seeds in the short form: a minute of power cuts.
const SEEDS: u64 = 8;

/// `kill -9` and SIGTERM under load; then servers with a mistake, which must be noticed.
pub fn crash(bench: &Bench) -> Result<Verdict> {
    let json = Some(bench.log("crash").with_extension("json"));
    let options = Crash { kills: KILLS, seed: 1, json, mutants: true };
    verdict(instruments::crash(&bench.place, &options)?, "crash")
}

/// Power cuts, failing syncs, full disks; then servers with a mistake, which must be noticed.
pub fn disk(bench: &Bench) -> Result<Verdict> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Ok(Verdict::Skipped("the shim knows the system calls of Linux on x86-64 only".into()));
    }
    let json = Some(bench.log("disk").with_extension("json"));
    let options = Disk { seeds: SEEDS, from: 1, json, mutants: true };
    verdict(instruments::disk(&bench.place, &options)?, "disk")
}

fn verdict(held: bool, verb: &str) -> Result<Verdict> {
    if !held {
        bail!(
            "something was lost, or done twice, or a mistake went unnoticed: see above; again: cargo xtask {verb} --mutants"
        );
    }
    Ok(Verdict::Passed)
}
