//! Every figure of the table: its key, what it means, its target; and the verdict over measured values.
//!
//! To add a figure: 1 a line in [`FIGURES`]; 2 its key in a [`crate::suite::PHASES`] entry; 3 the phase records it.

use std::collections::BTreeMap;

use crate::stats;

/// A machine whose raw log is slower than this is not quiet (or has a slow disk), and absolute rates are judged
/// relative to its log instead, records per second.
pub const QUIET_LOG_PER_S: f64 = 50_000.0;

/// On a machine whose fdatasync p99 is above this, milliseconds at the client say more about the disk than about
/// the server; microseconds.
pub const QUIET_FDATASYNC_P99_US: f64 = 1_000.0;

/// What a figure is measured against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// Shown, never judged.
    None,
    /// Met at this value or above.
    AtLeast(f64),
    /// Met at this value or below.
    AtMost(f64),
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Key in the JSON file and on the command line.
    pub key: &'static str,
    /// What was measured, in a few words.
    pub what: &'static str,
    /// Digits after the point when printed.
    pub decimals: usize,
    /// What it is measured against.
    pub target: Target,
}

const fn figure(key: &'static str, decimals: usize, target: Target, what: &'static str) -> Spec {
    Spec { key, what, decimals, target }
}

use Target::{AtLeast, AtMost, None as NoTarget};

/// All figures, in the order of the table: the machine first.
pub const FIGURES: [Spec; 32] = [
    figure("floor_log_per_s", 0, NoTarget, "raw append log, groups of 128 records, one fdatasync each"),
    figure("floor_log_json_per_s", 0, NoTarget, "the same log, a 2 KB state parsed and rendered as JSON per record"),
    figure("fdatasync_us_p50", 0, NoTarget, "one record appended and synced, median"),
    figure("fdatasync_us_p99", 0, NoTarget, "the same, 99th percentile"),
    figure("http_floor_per_s", 0, NoTarget, "endpoint that parses JSON and answers only, 128 clients"),
    figure("generator_cpu_us", 1, AtMost(10.0), "CPU of the load generator per request"),
    figure("single_per_s_128", 0, AtLeast(15_000.0), "one event per request, 2,000 customers of 2 KB, 128 clients"),
    figure("single_p50_ms_128", 2, NoTarget, "median latency at 128 clients"),
    figure("single_p99_ms_128", 2, NoTarget, "99th percentile at 128 clients"),
    figure("single_per_s_32", 0, NoTarget, "the same load, 32 clients"),
    figure("single_p50_ms_32", 2, NoTarget, "median latency at 32 clients"),
    figure("single_p99_ms_32", 2, AtMost(10.0), "99th percentile at 32 clients"),
    figure("single_cpu_us", 1, AtMost(70.0), "CPU of the server per event at 128 clients, put-off work included"),
    figure("single_vs_log", 3, AtLeast(0.22), "single_per_s_128 / floor_log_per_s"),
    figure(
        "batch_per_s",
        0,
        AtLeast(20_000.0),
        "events/s, batches of 100 over 50,000 customers, first claims included",
    ),
    figure("events_per_turn", 2, AtMost(1.2), "events folded into one turn during batch_per_s"),
    figure("batch_one_per_s", 0, AtLeast(150_000.0), "events/s, each batch 100 events of one of 50,000 customers"),
    figure("store_turns_per_s", 0, NoTarget, "embedded store alone, whole turns in groups of 128"),
    figure("store_bytes_per_turn", 0, NoTarget, "bytes such a turn hands to the store"),
    figure("store_log_per_s", 0, NoTarget, "raw append log with records of that size"),
    figure("store_log_json_per_s", 0, NoTarget, "the same log, a 2 KB state parsed and rendered as JSON per record"),
    figure("store_vs_log", 2, AtLeast(0.5), "store_turns_per_s / store_log_per_s"),
    figure(
        "store_vs_log_json",
        2,
        NoTarget,
        "store_turns_per_s / store_log_json_per_s: with the CPU of JSON on both sides",
    ),
    figure("rss_mb_under_load", 0, AtMost(150.0), "peak resident memory of the server in the loads above"),
    figure(
        "e2e_per_s",
        0,
        AtLeast(8_000.0),
        "events/s, each enters a segment that starts a journey that sends, until the relay has handed over every send",
    ),
    figure("rules_flat", 2, AtMost(1.2), "CPU per event with 1,000 segments, 5 of which name it, over 5 in all"),
    figure("explain_ms_p99", 1, AtMost(50.0), "an explanation of a segment, a journey or a send, 99th percentile"),
    figure("timer_late_ms_p99", 0, AtMost(1_000.0), "20,000 timers due within ten seconds, under load"),
    figure(
        "waiting_bytes",
        0,
        AtMost(1_200.0),
        "bytes of the whole folder per customer who waits: 1,000,000, 2 identifiers and a run each, after compaction",
    ),
    figure("waiting_rss_mb", 0, AtMost(200.0), "memory of a server started on them, after its first answers"),
    figure("ready_s", 2, AtMost(2.0), "from start to first answer on them, after kill -9 under load"),
    figure("cdnow_s", 1, AtMost(10.0), "replay of 69,659 real purchases, wall time"),
];

/// The line of the table with this key.
pub fn spec(key: &str) -> Option<&'static Spec> {
    FIGURES.iter().find(|spec| spec.key == key)
}

/// What came of trying to measure a figure once.
#[derive(Debug, Clone, PartialEq)]
pub enum Measured {
    /// The value, in the unit its key names.
    Value(f64),
    /// Could not be tried here; the reason.
    Skipped(String),
    /// Was tried and went wrong, so there is no number; the reason.
    Failed(String),
}

/// One run's figures by key.
pub type Run = BTreeMap<&'static str, Measured>;

/// The figures of all runs together: medians, or why there is none.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    figures: BTreeMap<&'static str, (Measured, Vec<f64>)>,
}

impl Summary {
    /// Takes the median of every figure. One failed run fails its figure: a median over the runs that happened to
    /// work would hide the defect.
    pub fn of(runs: &[Run]) -> Self {
        let mut summary = Self::default();
        for spec in &FIGURES {
            let mut values = Vec::new();
            let mut trouble = None;
            for measured in runs.iter().filter_map(|run| run.get(spec.key)) {
                match measured {
                    Measured::Value(value) => values.push(*value),
                    Measured::Skipped(_) | Measured::Failed(_) => trouble = Some(measured.clone()),
                }
            }
            let figure = trouble.or_else(|| stats::median(&values).map(Measured::Value));
            if let Some(figure) = figure {
                summary.figures.insert(spec.key, (figure, values));
            }
        }
        summary
    }

    /// The figure, if its phase was run.
    pub fn get(&self, key: &str) -> Option<&Measured> {
        self.figures.get(key).map(|(measured, _)| measured)
    }

    /// The value of the figure, if there is one.
    pub fn value(&self, key: &str) -> Option<f64> {
        match self.get(key)? {
            Measured::Value(value) => Some(*value),
            Measured::Skipped(_) | Measured::Failed(_) => None,
        }
    }

    /// The values of the single runs.
    pub fn runs(&self, key: &str) -> &[f64] {
        self.figures.get(key).map_or(&[], |(_, values)| values)
    }

    /// True if something was tried and went wrong. A missed target is not that: it is a result.
    pub fn any_failed(&self) -> bool {
        self.figures.values().any(|(measured, _)| matches!(measured, Measured::Failed(_)))
    }

    /// `met`, `missed by x%`, `not measured: why`, or why the target does not apply; empty without a target.
    pub fn verdict(&self, spec: &Spec) -> String {
        let value = match self.get(spec.key) {
            Some(Measured::Value(value)) => *value,
            Some(Measured::Skipped(why) | Measured::Failed(why)) => return format!("not measured: {why}"),
            None => return "not measured: not asked for".to_owned(),
        };
        let missed = match spec.target {
            Target::None => return String::new(),
            Target::AtLeast(target) => (target - value) / target,
            Target::AtMost(target) => (value - target) / target,
        };
        // What the targets are conditioned on comes first, but a target met in spite of it is met.
        if missed <= 0.0 {
            return "met".to_owned();
        }
        self.not_applicable(spec.key).unwrap_or_else(|| format!("missed by {}", percent(missed)))
    }

    /// Why a missed target does not count on this machine.
    fn not_applicable(&self, key: &str) -> Option<String> {
        let log = self.value("floor_log_per_s");
        let sync = self.value("fdatasync_us_p99");
        match key {
            "single_per_s_128" => log
                .filter(|log| *log < QUIET_LOG_PER_S)
                .map(|log| format!("judged by single_vs_log: the machine's own log makes only {log:.0}/s")),
            "single_vs_log" => log
                .filter(|log| *log >= QUIET_LOG_PER_S)
                .map(|_| "not judged: the log is fast enough for single_per_s_128 to decide".to_owned()),
            "single_p99_ms_32" => sync
                .filter(|sync| *sync > QUIET_FDATASYNC_P99_US)
                .map(|sync| format!("not judged: one fdatasync has a p99 of {:.1} ms here", sync / 1e3)),
            _ => None,
        }
    }
}

/// Whole per cent, but never a miss of `0%`.
fn percent(fraction: f64) -> String {
    if fraction < 0.01 { format!("{:.1}%", (fraction * 100.0).max(0.1)) } else { format!("{:.0}%", fraction * 100.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(figures: &[(&'static str, f64)]) -> Summary {
        Summary::of(&[figures.iter().map(|(key, value)| (*key, Measured::Value(*value))).collect()])
    }

    fn verdict(summary: &Summary, key: &str) -> String {
        summary.verdict(spec(key).unwrap())
    }

    #[test]
    fn a_miss_is_told_in_per_cent_of_the_target() {
        let figures = summary(&[("batch_per_s", 15_000.0), ("cdnow_s", 12.0), ("rss_mb_under_load", 150.0)]);
        assert_eq!(verdict(&figures, "batch_per_s"), "missed by 25%");
        assert_eq!(verdict(&figures, "cdnow_s"), "missed by 20%");
        assert_eq!(verdict(&figures, "rss_mb_under_load"), "met");
        assert_eq!(verdict(&figures, "store_vs_log"), "not measured: not asked for");
        assert_eq!(verdict(&summary(&[("cdnow_s", 10.001)]), "cdnow_s"), "missed by 0.1%");
    }

    #[test]
    fn a_slow_log_moves_the_target_to_the_ratio() {
        let slow =
            summary(&[("floor_log_per_s", 40_000.0), ("single_per_s_128", 9_000.0), ("single_vs_log", 9.0 / 40.0)]);
        assert!(verdict(&slow, "single_per_s_128").starts_with("judged by single_vs_log"));
        assert_eq!(verdict(&slow, "single_vs_log"), "met");
        let quiet =
            summary(&[("floor_log_per_s", 80_000.0), ("single_per_s_128", 12_000.0), ("single_vs_log", 12.0 / 80.0)]);
        assert_eq!(verdict(&quiet, "single_per_s_128"), "missed by 20%");
        assert!(verdict(&quiet, "single_vs_log").starts_with("not judged"));
    }

    #[test]
    fn a_slow_disk_excuses_latency() {
        let disk = |p99| summary(&[("fdatasync_us_p99", p99), ("single_p99_ms_32", 20.0)]);
        assert!(verdict(&disk(5_000.0), "single_p99_ms_32").contains("p99 of 5.0 ms"));
        assert_eq!(verdict(&disk(300.0), "single_p99_ms_32"), "missed by 100%");
    }

    #[test]
    fn runs_are_summed_up_by_their_median_and_one_failure_fails() {
        let run = |value| Run::from([("cdnow_s", Measured::Value(value))]);
        let summary = Summary::of(&[run(9.0), run(1.0), run(2.0)]);
        assert_eq!(summary.value("cdnow_s"), Some(2.0));
        assert_eq!(summary.runs("cdnow_s"), [9.0, 1.0, 2.0]);
        assert!(!summary.any_failed());
        let failed = Run::from([("cdnow_s", Measured::Failed("3 of 9 answers were not 200".into()))]);
        let summary = Summary::of(&[run(9.0), failed]);
        assert_eq!(verdict(&summary, "cdnow_s"), "not measured: 3 of 9 answers were not 200");
        assert!(summary.any_failed());
    }
}
