//! The phases of a run: each starts what it measures, records its figures, and leaves nothing behind.

pub mod batch;
pub mod explain;
pub mod floor;
pub mod journeys;
pub mod replay;
pub mod rules;
pub mod single;
pub mod store;
pub mod timers;
pub mod waiting;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use crate::figures::{Measured, Run};
use crate::generator::Outcome;
use crate::procfs::{self, MachineCpu};
use crate::server::Server;

/// Seed of every draw: all runs on all machines send the same customers in the same order.
pub const SEED: u64 = 20_260_101;

/// Where and on what a phase works.
#[derive(Debug, Clone)]
pub struct Place {
    /// The `roadbook` binary.
    pub server: PathBuf,
    /// A folder for stores and logs, on the disk that is measured; emptied by the suite.
    pub folder: PathBuf,
    /// The repository root, for the replay's mapping file.
    pub repository: PathBuf,
    /// The folder with `data/cdnow_master.txt`.
    pub shared: PathBuf,
    /// Bytes of one record of the raw log.
    pub record_bytes: usize,
}

/// What one run has measured so far.
#[derive(Debug, Default)]
pub struct Recorder {
    /// Figures by key.
    pub run: Run,
    /// Lines that say where the time went.
    pub notes: Vec<String>,
}

impl Recorder {
    /// Records a value. Only the peak memory has one per server: the larger stands, and a failure before it stays,
    /// because the peak of half the loads would look better than it is.
    pub fn value(&mut self, key: &'static str, value: f64) {
        match self.run.get_mut(key) {
            Some(Measured::Value(before)) => *before = before.max(value),
            Some(Measured::Failed(_)) => {}
            Some(Measured::Skipped(_)) | None => {
                self.run.insert(key, Measured::Value(value));
            }
        }
    }

    /// A value recorded earlier in this run.
    pub fn recorded(&self, key: &str) -> Option<f64> {
        match self.run.get(key) {
            Some(Measured::Value(value)) => Some(*value),
            Some(Measured::Skipped(_) | Measured::Failed(_)) | None => None,
        }
    }

    /// Records that `keys` cannot be measured here, and why.
    pub fn skip(&mut self, keys: &[&'static str], why: &str) {
        for key in keys {
            self.run.insert(key, Measured::Skipped(why.to_owned()));
        }
    }
}

/// What the server and the machine had used when a load began.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    server: Duration,
    written: u64,
    machine: MachineCpu,
}

/// What a load cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// CPU of the server until the last answer.
    pub answering: Duration,
    /// CPU of the server for work it put off until after the last answer.
    pub put_off: Duration,
    /// Bytes the server wrote to disk, put-off work included.
    pub written: u64,
    idle: Duration,
    stolen: Duration,
}

impl Usage {
    /// Reads the meters.
    ///
    /// # Errors
    /// Fails when the server is gone.
    pub fn now(server: &Server) -> Result<Self> {
        let pid = server.pid();
        Ok(Self { server: procfs::cpu(pid)?, written: procfs::written_bytes(pid)?, machine: procfs::machine_cpu()? })
    }

    /// Reads the meters again right after the last answer, then waits until the server rests.
    ///
    /// # Errors
    /// Fails when the server is gone or does not come to rest.
    pub fn until_rest(self, server: &Server) -> Result<Cost> {
        let answered = Self::now(server)?;
        server.rest()?;
        let rested = Self::now(server)?;
        Ok(Cost {
            answering: answered.server.saturating_sub(self.server),
            put_off: rested.server.saturating_sub(answered.server),
            written: rested.written.saturating_sub(self.written),
            idle: answered.machine.idle.saturating_sub(self.machine.idle),
            stolen: answered.machine.stolen.saturating_sub(self.machine.stolen),
        })
    }
}

impl Cost {
    /// CPU of the server per event, put-off work included, microseconds.
    pub fn cpu_us(&self, outcome: &Outcome) -> f64 {
        (self.answering + self.put_off).as_secs_f64() * 1e6 / outcome.events as f64
    }

    /// One line: who used the cores while the load ran, and what one event wrote.
    pub fn note(&self, name: &str, outcome: &Outcome) -> String {
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let share = |time: Duration| time.as_secs_f64() / (outcome.elapsed.as_secs_f64() * cores) * 100.0;
        let server = share(self.answering);
        let generator = share(outcome.generator_cpu);
        let (idle, stolen) = (share(self.idle), share(self.stolen));
        let other = (100.0 - server - generator - idle - stolen).max(0.0);
        format!(
            "{name}: {:.1} s; of the cores' time the server used {server:.0}%, the generator {generator:.0}%, others \
             {other:.0}%, stolen {stolen:.0}%, idle or waiting for the disk {idle:.0}%; {:.1} us of server CPU and \
             {:.2} KB written per event, {:.1} us of them after the last answer",
            outcome.elapsed.as_secs_f64(),
            self.cpu_us(outcome),
            self.written as f64 / 1e3 / outcome.events as f64,
            self.put_off.as_secs_f64() * 1e6 / outcome.events as f64,
        )
    }
}
