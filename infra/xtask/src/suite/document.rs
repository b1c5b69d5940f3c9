//! Steps that take the OpenAPI document at its word.

use super::bench::{Bench, Verdict};
use crate::process::{self, Process};
use crate::run;
use anyhow::{Context, Result, bail};
use std::fs;

/// A validator, a generator of clients and a generated client: none of them ours.
pub fn clients(bench: &Bench) -> Result<Verdict> {
    let (tools, stage) = (bench.tools()?, bench.stage()?);
    run::quietly(stage.client(bench, &tools.python).arg("openapi_document.py"), &bench.log("openapi-document"))?;
    let log = bench.log("openapi-types");
    let mut generate = stage.client(bench, &tools.node);
    generate.arg("node_modules/openapi-typescript/bin/cli.js");
    generate.args(["../../schemas/openapi/roadbook.json", "--output", "generated/openapi.d.ts"]);
    run::quietly(&mut generate, &log)?;
    let said = fs::read_to_string(&log).with_context(|| format!("read {}", log.display()))?;
    if said.contains('⚠') || said.to_lowercase().contains("warn") {
        bail!("openapi-typescript has a warning about the document:\n{said}");
    }
    let mut check = stage.client(bench, &tools.node);
    check.args(["node_modules/typescript/bin/tsc", "--project", "tsconfig.json"]);
    run::quietly(&mut check, &bench.log("openapi-check"))?;
    run::quietly(stage.client(bench, &tools.node).arg("openapi_client.mjs"), &bench.log("openapi-client"))?;
    Ok(Verdict::Passed)
}

/// Everything the document allows, and much that it does not, against a host of its own.
pub fn fuzz(bench: &Bench) -> Result<Verdict> {
    let tools = bench.tools()?;
    bench.programs()?;
    let folder = bench.fresh_folder("fuzz")?;
    let simulator = process::simulator(&bench.place, &folder.join("simulator.log"))?;
    let mut command = process::server(&bench.place, &folder.join("data"), 0, simulator.told("base_url")?)?;
    let server = Process::start("roadbook serve", &mut command, &folder.join("server.log"))?;
    let mut script = bench.place.command(&tools.python);
    script.current_dir(bench.place.root.join("tests/clients")).arg("fuzz.py");
    script.env("ROADBOOK_URL", server.told("url")?).env("ROADBOOK_WRITE_KEY", server.told("write_key")?);
    script.env("ROADBOOK_SECRET_KEY", server.told("admin_key")?);
    run::quietly(&mut script, &bench.log("fuzz"))?;
    // A server that only ends with an error has a defect that no answer showed.
    server.stop()?;
    simulator.stop()?;
    Ok(Verdict::Passed)
}
