//! The CDNOW replay against an oracle that shares no code with the product.

use super::bench::{Bench, Verdict};
use crate::run;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// The last instant of the replay: the data ends on this day.
const UNTIL: &str = "1998-06-30T23:59:59Z";

/// The oracle's own tests.
pub fn oracle(bench: &Bench) -> Result<Verdict> {
    let mut tests = bench.place.command("python3");
    tests.args(["-m", "unittest", "discover", "--start-directory", "tests/oracle"]);
    run::quietly(&mut tests, &bench.log("oracle"))?;
    Ok(Verdict::Passed)
}

/// Two replays of one file: equal to the oracle to the customer, and to each other to the byte.
pub fn cdnow(bench: &Bench) -> Result<Verdict> {
    let file = bench.place.data_set("cdnow_master.txt");
    if !file.exists() {
        return Ok(Verdict::Skipped(format!(
            "{} is not there; put the CDNOW master data set there, or name its folder's parent in ROADBOOK_SHARED",
            file.display()
        )));
    }
    bench.programs()?;
    let folder = bench.fresh_folder("replay")?;
    let first = replay(bench, &file, &folder, "first")?;
    let mut oracle = bench.place.command("python3");
    oracle.arg("tests/oracle/cdnow.py").arg("--file").arg(&file).arg("--compare").arg(&first).args(["--until", UNTIL]);
    run::quietly(&mut oracle, &bench.log("replay-compare"))?;
    let second = replay(bench, &file, &folder, "second")?;
    let read = |path: &Path| fs::read(path).with_context(|| format!("read {}", path.display()));
    if read(&first)? != read(&second)? {
        bail!("two replays of one file differ: compare {} with {}", first.display(), second.display());
    }
    Ok(Verdict::Passed)
}

fn replay(bench: &Bench, file: &Path, folder: &Path, name: &str) -> Result<PathBuf> {
    let fixtures = bench.place.root.join("tests/fixtures/cdnow");
    let export = folder.join(name).with_extension("jsonl");
    let mut command = bench.place.command(bench.place.roadbook());
    command.args(["replay", "--json", "--until", UNTIL]).arg("--data").arg(folder.join(name));
    command.arg("--file").arg(file).arg("--mapping").arg(fixtures.join("mapping.toml"));
    command.arg("--catalog").arg(fixtures.join("catalog.json")).arg("--export").arg(&export);
    run::quietly(&mut command, &bench.log(&format!("replay-{name}")))?;
    Ok(export)
}
