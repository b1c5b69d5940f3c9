//! Fewer steps that break the same promise: what a person reads instead of a whole run.

use crate::plan::plan;
use crate::seed::play;
use std::collections::BTreeSet;

/// Runs one shrinking may cost.
const RUNS_MAX: usize = 400;

/// The word a broken promise begins with.
fn promise(broken: &str) -> &str {
    broken.split(':').next().unwrap_or(broken)
}

/// Leaves out steps, first many at once, then single ones, as long as the same promise is broken. Returns what can be
/// left out; nothing for a seed that is sound.
pub fn shrink(seed: u64) -> BTreeSet<usize> {
    let mut dropped = BTreeSet::new();
    let Some(broken) = play(seed, &dropped, false).broken else { return dropped };
    let steps = plan(seed).steps.len();
    let (mut runs, mut size) = (0, steps.div_ceil(2));
    while size > 0 && runs < RUNS_MAX {
        let mut fewer = false;
        for from in (0..steps).step_by(size) {
            let chunk: Vec<usize> = (from..(from + size).min(steps)).filter(|step| !dropped.contains(step)).collect();
            if chunk.is_empty() || runs >= RUNS_MAX {
                continue;
            }
            let mut more = dropped.clone();
            more.extend(chunk);
            runs += 1;
            if play(seed, &more, false).broken.is_some_and(|other| promise(&other) == promise(&broken)) {
                dropped = more;
                fewer = true;
            }
        }
        // What could not be left out before may be once others are gone.
        if !fewer || size > 1 {
            size /= 2;
        }
    }
    dropped
}
