//! Steps that need AWS, which an emulator plays on this machine.

use super::bench::{Bench, Verdict};
use super::tools;
use crate::package;
use crate::process::{self, Process};
use crate::run;
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;

/// Keys that the emulator takes: an account of its own, and no account of anybody.
const KEYS: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", "test"),
    ("AWS_SECRET_ACCESS_KEY", "test"),
    ("AWS_DEFAULT_REGION", "us-east-1"),
    ("AWS_REGION", "us-east-1"),
];

/// The store on DynamoDB: conformance, the stream, and a network that throttles and loses answers.
pub fn dynamodb(bench: &Bench) -> Result<Verdict> {
    let (emulator, _) = emulator(bench, "aws", &[])?;
    // Of the whole workspace: another selection of packages would compile the SDK again with other features.
    let mut tests = bench.place.cargo(&["test", "--workspace", "--locked", "--test", "dynamodb"]);
    tests.env("ROADBOOK_DYNAMODB", emulator.told("url")?);
    let held = run::quietly(&mut tests, &bench.log("dynamodb"));
    emulator.stop()?;
    held.map(|()| Verdict::Passed)
}

/// The stack: packaged, deployed as somebody would deploy it, driven over HTTP, and compared with one machine.
pub fn stack(bench: &Bench) -> Result<Verdict> {
    bench.programs()?;
    run::quietly(&mut package::build(&bench.place), &bench.log("package"))?;
    // As the tests of the workspace were built: for those the SDK is compiled already.
    let operator = ["build", "--locked", "--workspace", "--bin", "roadbook-ops"];
    run::quietly(&mut bench.place.cargo(&operator), &bench.log("package-ops"))?;
    package::lay_out(&bench.place)?;
    let (emulator, python) = emulator(bench, "stack", &["--rights"])?;
    let simulator = process::simulator(&bench.place, &bench.log("stack-simulator"))?;
    let mut script = bench.place.command(python);
    script.arg("tests/aws/stack.py").env("SAM_CLI_TELEMETRY", "0");
    as_somebody(&mut script, emulator.told("url")?);
    script.env("SIMULATOR_URL", simulator.told("base_url")?);
    script
        .env("ROADBOOK_BIN", bench.place.roadbook())
        .env("ROADBOOK_OPS_BIN", bench.place.program("debug", "roadbook-ops"));
    let held = run::quietly(&mut script, &bench.log("stack"));
    simulator.stop()?;
    emulator.stop()?;
    held.map(|()| Verdict::Passed)
}

/// Tells a program where the emulator is, and whom to be there.
pub fn as_somebody(command: &mut Command, url: &str) {
    command.env("AWS_ENDPOINT_URL", url).envs(KEYS).env_remove("AWS_PROFILE").env_remove("AWS_SESSION_TOKEN");
}

/// Starts the emulator; it ends with what is returned. And the Python that has its packages.
///
/// # Errors
/// A Python or packages that cannot be had, or an emulator that does not start.
pub fn emulator(bench: &Bench, name: &str, options: &[&str]) -> Result<(Process, PathBuf)> {
    let folder = bench.place.root.join("tests/aws");
    let venv = bench.place.target.join("aws").join("venv");
    let python = tools::python_with(bench, &folder.join("requirements.txt"), &venv, "aws")?;
    let mut start = bench.place.command(&python);
    start.arg(folder.join("emulator.py")).args(options);
    let log = bench.fresh_folder(name)?.join("emulator.log");
    Ok((Process::start("the AWS emulator", &mut start, &log)?, python))
}
