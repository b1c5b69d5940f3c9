//! Who goes next: drawn from a seed, in one of three manners, because no single one finds every mistake soon.

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// What a schedule was, for counting.
#[derive(Clone, Copy, Default)]
pub struct Trace {
    /// Places where somebody had to be chosen.
    pub steps: u64,
    /// A hash of who was chosen.
    pub hash: u64,
}

/// The manner of a seed.
#[derive(Debug)]
enum Manner {
    /// Everybody alike, at every step.
    Even,
    /// Whoever runs goes on, seven times of eight: long stretches, few switches.
    Sticky,
    /// The most important goes on until importance is drawn anew: somebody is kept waiting for long.
    Ranked(HashMap<TaskId, u64>),
}

/// A scheduler for one schedule.
#[derive(Debug)]
pub struct Drawn {
    seed: u64,
    manner: Manner,
    state: u64,
    begun: bool,
    trace: Arc<Mutex<(u64, u64)>>,
}

impl Drawn {
    /// The schedule of a seed.
    pub fn new(seed: u64) -> Self {
        let manner = match seed % 3 {
            0 => Manner::Even,
            1 => Manner::Sticky,
            _ => Manner::Ranked(HashMap::new()),
        };
        Self { seed, manner, state: seed, begun: false, trace: Arc::default() }
    }

    /// What it will have been.
    pub fn trace(&self) -> impl Fn() -> Trace + use<> {
        let trace = self.trace.clone();
        move || {
            let (steps, hash) = *trace.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            Trace { steps, hash }
        }
    }

    /// SplitMix64.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn choose(&mut self, runnable: &[&Task], current: Option<TaskId>) -> TaskId {
        let anybody = runnable[(self.draw() % runnable.len() as u64) as usize].id();
        let (stays, again) = (!self.draw().is_multiple_of(8), self.draw().is_multiple_of(12));
        let fresh = self.draw();
        match &mut self.manner {
            Manner::Even => anybody,
            Manner::Sticky => match current.filter(|id| stays && runnable.iter().any(|task| task.id() == *id)) {
                Some(id) => id,
                None => anybody,
            },
            Manner::Ranked(ranks) => {
                if again {
                    ranks.insert(anybody, fresh);
                }
                let mut rank = |id: TaskId| {
                    let mixed = fresh.rotate_left((usize::from(id) % 64) as u32);
                    *ranks.entry(id).or_insert(mixed)
                };
                runnable.iter().map(|task| task.id()).max_by_key(|id| rank(*id)).unwrap_or(anybody)
            }
        }
    }
}

impl Scheduler for Drawn {
    fn new_execution(&mut self) -> Option<Schedule> {
        let first = !self.begun;
        self.begun = true;
        first.then(|| Schedule::new(self.seed))
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, _is_yielding: bool) -> Option<TaskId> {
        let chosen = self.choose(runnable, current);
        let mut trace = self.trace.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        trace.0 += 1;
        trace.1 = (trace.1.rotate_left(5) ^ usize::from(chosen) as u64).wrapping_mul(0x517c_c1b7_2722_0a95);
        Some(chosen)
    }

    fn next_u64(&mut self) -> u64 {
        self.draw()
    }
}
