//! One schedule of one situation.

use crate::folder;
use crate::scheduler::{Drawn, Trace};
use crate::situations::Situation;
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};

/// Steps after which a schedule counts as one that never ends.
const STEPS_MAX: usize = 100_000;
/// Of a task: the store and the actor system are the real ones, and deep.
const STACK_BYTES: usize = 512 * 1024;

thread_local! {
    /// The first thing that went wrong, with its place.
    static WRONG: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps what a panic says instead of printing it. Called once, before anything is played.
pub fn listen() {
    set_hook(Box::new(|panic| {
        let place = panic.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
        let words = panic.payload();
        let said = words.downcast_ref::<String>().map(String::as_str).or_else(|| words.downcast_ref().copied());
        let said = said.unwrap_or("a panic without words");
        WRONG.with_borrow_mut(|wrong| {
            wrong.get_or_insert_with(|| format!("{said} ({place})"));
        });
    }));
}

/// Plays the schedule of a seed.
///
/// # Errors
/// What was wrong, with the place that noticed.
pub fn play(situation: &Situation, seed: u64) -> Result<Trace, String> {
    WRONG.with_borrow_mut(Option::take);
    folder::lay();
    let scheduler = Drawn::new(seed);
    let trace = scheduler.trace();
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    config.failure_persistence = FailurePersistence::None;
    config.max_steps = MaxSteps::FailAfter(STEPS_MAX);
    config.silence_warnings = true;
    let run = situation.run;
    let played = catch_unwind(AssertUnwindSafe(|| Runner::new(scheduler, config).run(run)));
    let wrong = WRONG.with_borrow_mut(Option::take);
    match (played, wrong) {
        (Ok(_), None) => Ok(trace()),
        (_, wrong) => {
            folder::leave();
            Err(wrong.unwrap_or_else(|| "the schedule ended by a panic without words".into()))
        }
    }
}
