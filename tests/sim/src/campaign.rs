//! Many seeds on several threads, and what they came to together.

use crate::seed::{Played, play};
use crate::world::{Step, Trouble};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// Which seeds, and when to stop.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// The seeds.
    pub seeds: Range<u64>,
    /// Seeds played at once.
    pub threads: usize,
    /// Ends with the first failing seed.
    pub until_broken: bool,
    /// Begins no seed after so many seconds.
    pub seconds_max: Option<u64>,
}

/// What is heard of a campaign while it goes on.
pub enum News<'a> {
    /// A seed broke a promise.
    Broken(u64, &'a str),
    /// Another minute has passed, with this so far.
    Minute(&'a Outcome),
}

/// What the seeds came to.
#[derive(Default)]
pub struct Outcome {
    /// Seeds played.
    pub seeds: u64,
    /// Turns committed in them.
    pub turns: u64,
    /// Messages acknowledged in them.
    pub messages: u64,
    /// Hosts that died in them.
    pub deaths: u64,
    /// Messages lost in them.
    pub lost: u64,
    /// Messages applied more than once in them.
    pub twice: u64,
    /// Seeds with a broken promise, and which.
    pub broken: Vec<(u64, String)>,
    /// Pairs of a trouble and a step at which it struck.
    pub reached: BTreeSet<(Trouble, Step)>,
    /// Seconds it took.
    pub seconds: f64,
}

impl Outcome {
    fn add(&mut self, seed: u64, played: Played) {
        self.seeds += 1;
        self.turns += played.turns;
        self.messages += played.messages;
        self.deaths += played.deaths;
        self.lost += played.lost;
        self.twice += played.twice;
        self.reached.extend(played.reached);
        self.broken.extend(played.broken.map(|broken| (seed, broken)));
    }

    /// Seeds that did not come to rest.
    fn stuck(&self) -> usize {
        self.broken.iter().filter(|(_, broken)| broken.starts_with("stuck")).count()
    }

    /// The numbers as JSON: `lost` and `twice` count messages, `stuck` and `broken` seeds; `pairs` are the
    /// distinct pairs of a trouble and the step at which it struck.
    pub fn json(&self) -> Value {
        json!({
            "seeds": self.seeds,
            "turns": self.turns,
            "messages": self.messages,
            "deaths": self.deaths,
            "lost": self.lost,
            "twice": self.twice,
            "stuck": self.stuck(),
            "broken": self.broken.len(),
            "pairs": self.reached.len(),
            "seconds": (self.seconds * 10.0).round() / 10.0,
        })
    }
}

impl Campaign {
    /// Plays them. A seed is the same on every thread, so only how far an ended campaign came depends on the machine.
    pub fn run(&self, mut told: impl FnMut(News<'_>) + Send) -> Outcome {
        let begun = Instant::now();
        let (next, stop) = (AtomicU64::new(self.seeds.start), AtomicBool::new(false));
        let outcome = Mutex::new((Outcome::default(), 1, &mut told));
        std::thread::scope(|scope| {
            for _ in 0..self.threads {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        let late = self.seconds_max.is_some_and(|most| begun.elapsed().as_secs() >= most);
                        if seed >= self.seeds.end || late {
                            return;
                        }
                        let played = play(seed, &BTreeSet::new(), false);
                        let mut all = outcome.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                        let (outcome, minute, told) = &mut *all;
                        if let Some(broken) = &played.broken {
                            stop.fetch_or(self.until_broken, Ordering::Relaxed);
                            told(News::Broken(seed, broken));
                        }
                        outcome.add(seed, played);
                        if begun.elapsed().as_secs() >= *minute * 60 {
                            *minute = begun.elapsed().as_secs() / 60 + 1;
                            told(News::Minute(outcome));
                        }
                    }
                });
            }
        });
        let (mut outcome, ..) = outcome.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        outcome.broken.sort();
        outcome.seconds = begun.elapsed().as_secs_f64();
        outcome
    }
}
