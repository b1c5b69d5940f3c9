//! Steps that run the scripts of `tests/clients`, and the demo as a user starts it.

use super::bench::{Bench, Verdict};
use crate::demo;
use crate::process::SIMULATED_ACCOUNTS;
use crate::run;
use anyhow::{Result, bail};
use std::fs;

/// Seconds the demo plays in each of its two runs: long enough for a wait to end and a message to go out.
const DEMO_S: u64 = 15;

/// PyPI `segment-analytics-python`.
pub fn python(bench: &Bench) -> Result<Verdict> {
    python_script(bench, "python_client.py", "python")
}

/// Bytes no client library would send.
pub fn bad_input(bench: &Bench) -> Result<Verdict> {
    python_script(bench, "bad_input.py", "bad-input")
}

fn python_script(bench: &Bench, script: &str, log: &str) -> Result<Verdict> {
    let (tools, stage) = (bench.tools()?, bench.stage()?);
    run::quietly(stage.client(bench, &tools.python).arg(script), &bench.log(log))?;
    Ok(Verdict::Passed)
}

/// npm `@segment/analytics-node`.
pub fn node(bench: &Bench) -> Result<Verdict> {
    node_script(bench, "node_client.mjs", "node")
}

/// PyPI `rudder-sdk-python`, npm `@rudderstack/rudder-sdk-node`.
pub fn rudder(bench: &Bench) -> Result<Verdict> {
    python_script(bench, "rudder_client.py", "rudder-python")?;
    node_script(bench, "rudder_client.mjs", "rudder-node")
}

/// PyPI and npm `standardwebhooks` verify what the server announces.
pub fn webhooks(bench: &Bench) -> Result<Verdict> {
    python_script(bench, "webhooks.py", "webhooks-python")?;
    node_script(bench, "webhooks.mjs", "webhooks-node")
}

/// npm `@segment/analytics-next`, the library of browsers, in jsdom.
pub fn library(bench: &Bench) -> Result<Verdict> {
    node_script(bench, "browser_client.mjs", "library")
}

fn node_script(bench: &Bench, script: &str, log: &str) -> Result<Verdict> {
    let (tools, stage) = (bench.tools()?, bench.stage()?);
    run::quietly(stage.client(bench, &tools.node).arg(script), &bench.log(log))?;
    Ok(Verdict::Passed)
}

/// `kill -9` on a host of its own.
pub fn kill(bench: &Bench) -> Result<Verdict> {
    let (tools, stage) = (bench.tools()?, bench.stage()?);
    let folder = bench.fresh_folder("kill")?;
    let settings = folder.join("roadbook.toml");
    fs::write(&settings, SIMULATED_ACCOUNTS)?;
    let simulator = stage.simulator_url()?;
    let mut script = stage.client(bench, &tools.python);
    script.arg("kill_during_wait.py").arg("--bin").arg(bench.place.roadbook());
    script.arg("--data").arg(folder.join("data")).arg("--config").arg(settings);
    script.env("ROADBOOK_WECOM_URL", simulator).env("ROADBOOK_MINIPROGRAM_URL", simulator);
    run::quietly(&mut script, &bench.log("kill"))?;
    Ok(Verdict::Passed)
}

/// What an operator does to a host, on one of its own.
pub fn operations(bench: &Bench) -> Result<Verdict> {
    let tools = bench.tools()?;
    bench.programs()?;
    let data = bench.fresh_folder("operations")?.join("data");
    let mut script = bench.place.command(&tools.python);
    script.current_dir(bench.place.root.join("tests/clients")).arg("operations.py");
    script.arg("--bin").arg(bench.place.roadbook()).arg("--data").arg(data);
    run::quietly(&mut script, &bench.log("operations"))?;
    Ok(Verdict::Passed)
}

/// The demo, twice on one folder: the second run goes on where the first stopped.
pub fn demo(bench: &Bench) -> Result<Verdict> {
    bench.programs()?;
    let folder = bench.fresh_folder("demo")?;
    let log = bench.log("demo");
    for _ in 0..2 {
        let report = demo::play_quietly(&bench.place, &folder, DEMO_S)?;
        fs::write(&log, &report.text)?;
        if !report.consistent {
            bail!("the demo's numbers do not add up\n{}", report.text);
        }
    }
    Ok(Verdict::Passed)
}
