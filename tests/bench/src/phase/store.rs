//! The embedded store without HTTP and actors, against a raw log that writes the same bytes.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::{Place, Recorder};
use crate::{floors, server};

/// Keys of this phase.
pub const KEYS: &[&str] = &[
    "store_turns_per_s",
    "store_bytes_per_turn",
    "store_log_per_s",
    "store_log_json_per_s",
    "store_vs_log",
    "store_vs_log_json",
];

#[derive(Deserialize)]
struct Answer {
    turns_per_s: f64,
    bytes_per_turn: f64,
}

/// Runs `roadbook bench-store --json` and the raw log with the record size it reports.
///
/// # Errors
/// Fails when the verb does, or prints something else than its JSON line last.
pub fn measure(place: &Place, recorder: &mut Recorder) -> Result<()> {
    let mut command = Command::new(&place.server);
    // Its temporary folder must lie on the disk the log is measured on.
    command.args(["bench-store", "--json"]).env("TMPDIR", &place.folder).stdin(Stdio::null());
    let output = command.output().with_context(|| format!("start {command:?}"))?;
    if !output.status.success() {
        bail!("`bench-store` ended with {}: {}", output.status, server::tail(&output.stderr));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().context("`bench-store` printed nothing")?;
    let answer: Answer = serde_json::from_str(line).with_context(|| format!("`bench-store` printed {line}"))?;
    if !(answer.turns_per_s > 0.0 && answer.bytes_per_turn >= 1.0) {
        bail!("`bench-store` printed figures that cannot be: {line}");
    }
    let bytes = answer.bytes_per_turn as usize;
    let log_per_s = floors::log_per_s(&place.folder, bytes)?;
    let log_json_per_s = floors::log_json_per_s(&place.folder, bytes)?;
    recorder.value("store_turns_per_s", answer.turns_per_s);
    recorder.value("store_bytes_per_turn", answer.bytes_per_turn);
    recorder.value("store_log_per_s", log_per_s);
    recorder.value("store_log_json_per_s", log_json_per_s);
    recorder.value("store_vs_log_json", answer.turns_per_s / log_json_per_s);
    recorder.value("store_vs_log", answer.turns_per_s / log_per_s);
    Ok(())
}
