//! The replay of a real purchase file under the virtual clock, wall time from start to end of the process.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::{Place, Recorder};
use crate::server;

const MAPPING: &str = "tests/fixtures/cdnow/mapping.toml";
/// The journey the replay walks: without it only events would be counted.
const CATALOG: &str = "tests/fixtures/cdnow/catalog.json";
const UNTIL: &str = "1998-06-30T23:59:59Z";

/// Keys of this phase.
pub const KEYS: &[&str] = &["cdnow_s"];

/// Runs `roadbook replay` into an empty folder. Whether its result is right is the integration tests' business.
///
/// # Errors
/// Fails when the replay does. Without the file or its mapping the figure is skipped, which is no error.
pub fn measure(place: &Place, recorder: &mut Recorder) -> Result<()> {
    let file = place.shared.join("data/cdnow_master.txt");
    let mapping = place.repository.join(MAPPING);
    if !file.is_file() {
        recorder.skip(KEYS, "no data/cdnow_master.txt; name its folder with --shared or ROADBOOK_SHARED");
        return Ok(());
    }
    if !mapping.is_file() {
        recorder.skip(KEYS, &format!("{MAPPING} is not there"));
        return Ok(());
    }
    let mut command = Command::new(&place.server);
    command.arg("replay").arg("--data").arg(place.folder.join("cdnow")).arg("--mapping").arg(&mapping);
    command.arg("--catalog").arg(place.repository.join(CATALOG));
    command.arg("--file").arg(&file).args(["--until", UNTIL]).stdin(Stdio::null());
    let started = Instant::now();
    let output = command.output().with_context(|| format!("start {command:?}"))?;
    let elapsed = started.elapsed();
    if !output.status.success() {
        bail!("`replay` ended with {}: {}", output.status, server::tail(&output.stderr));
    }
    recorder.value("cdnow_s", elapsed.as_secs_f64());
    Ok(())
}
